"""``poise policy``: compose, read as sentences, compare, sign and verify the gate's policy."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from poise.errors import Fault, InputError

if TYPE_CHECKING:
    from poise.gate.policy import Policy


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise policy`` to the command line."""
    policy = subparsers.add_parser("policy", help="the gate's policy: read, compare, sign, verify")
    verbs = policy.add_subparsers(dest="verb", metavar="VERB", required=True)
    show = verbs.add_parser("show", help="check a policy and read it as sentences")
    show.add_argument("file", metavar="FILE", type=Path, help="YAML or signed")
    show.set_defaults(run=run_show)
    diff = verbs.add_parser(
        "diff", help="what changed between two policies, as sentences; exit 1 when anything"
    )
    diff.add_argument("old", metavar="OLD", type=Path, help="YAML or signed")
    diff.add_argument("new", metavar="NEW", type=Path, help="YAML or signed")
    diff.set_defaults(run=run_diff)
    sign = verbs.add_parser("sign", help="sign a policy, or add a signature to a signed one")
    sign.add_argument("file", metavar="FILE", type=Path, help="YAML, or what the other side has signed")
    sign.add_argument("--key", required=True, metavar="FILE", type=Path, help="the signer's key")
    sign.add_argument("--out", required=True, metavar="FILE", type=Path, help="the signed policy to write")
    sign.set_defaults(run=run_sign)
    verify = verbs.add_parser("verify", help="check both signatures and the dates")
    verify.add_argument("file", metavar="FILE", type=Path, help="the signed policy")
    verify.add_argument("--trust", required=True, metavar="FILE", type=Path, help="keys of both sides (JSON)")
    verify.add_argument("--now", metavar="TIME", help="as of this time (ISO, with offset)")
    verify.set_defaults(run=run_verify)
    for verb in (show, diff, sign, verify):
        verb.add_argument("--json", action="store_true", help="print JSON")


def any_policy(path: Path) -> Policy:
    """Return the policy of a YAML file or inside an envelope, whoever signed it."""
    from poise.gate.documents import POLICY_TYPE, policy_of, read_envelope
    from poise.gate.policyfile import parse_policy, read_text

    text = read_text(path)
    if text.lstrip().startswith("{"):
        return policy_of(read_envelope(path, POLICY_TYPE), str(path))
    return parse_policy(text, str(path))


def run_show(arguments: argparse.Namespace) -> int:
    """Run ``poise policy show``."""
    from poise.gate.sentences import sentences

    lines = sentences(any_policy(arguments.file))
    print(json.dumps({"sentences": list(lines)}, indent=1) if arguments.json else "\n".join(lines))
    return 0


def run_diff(arguments: argparse.Namespace) -> int:
    """Run ``poise policy diff``."""
    from poise.gate.sentences import sentence_diff

    lines = sentence_diff(any_policy(arguments.old), any_policy(arguments.new))
    if arguments.json:
        print(json.dumps({"changes": list(lines)}, indent=1))
    else:
        print("\n".join(lines) or "Both say the same.")
    return 1 if lines else 0


def run_sign(arguments: argparse.Namespace) -> int:
    """Run ``poise policy sign``: shows the sentences that are signed."""
    from poise.cli.gate import signing_key
    from poise.gate.documents import POLICY_TYPE, policy_of, policy_payload, read_envelope
    from poise.gate.policyfile import parse_policy, read_text
    from poise.gate.sentences import sentences
    from poise.ledger.canonical import digest
    from poise.ledger.envelope import Envelope

    text = read_text(arguments.file)
    if text.lstrip().startswith("{"):
        envelope = read_envelope(arguments.file, POLICY_TYPE)
        policy = policy_of(envelope, str(arguments.file))
    else:
        policy = parse_policy(text, str(arguments.file))
        envelope = Envelope(POLICY_TYPE, policy_payload(text, policy))
    key = signing_key(arguments.key)
    if key is None:  # --key is required, so that only a bug gets here
        raise InputError(Fault("E802", "--key", "There is no key to sign with."))
    signed = envelope.signed(key)
    arguments.out.write_bytes(signed.to_bytes() + b"\n")
    told = {
        "file": str(arguments.out),
        "digest": digest(signed.payload),
        "signatures": [one.key_id for one in signed.signatures],
    }
    if arguments.json:
        print(json.dumps(told, indent=1))
    else:
        print("\n".join(sentences(policy)))
        print(f"\nwrote {arguments.out} with {len(signed.signatures)} signature(s); sha256 {told['digest']}")
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Run ``poise policy verify``."""
    from poise.cli.gate import moment_of
    from poise.gate.documents import read_trust, verify_policy

    signed = verify_policy(arguments.file, read_trust(arguments.trust), moment_of(arguments.now))
    told = {"policy": signed.policy.id, "version": signed.policy.version, "digest": signed.digest}
    if arguments.json:
        print(json.dumps({**told, "signers": list(signed.signers)}, indent=1))
    else:
        print(f"{told['policy']} version {told['version']} is signed by both sides and holds.")
        print(f"sha256 {signed.digest}")
    return 0
