"""``poise gate explain``: why a verdict is what it is, and why a finding got its answer."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from poise.errors import EvidenceError, Fault, InputError

if TYPE_CHECKING:
    from poise.gate.baseline import Baseline
    from poise.gate.explain import Explanation
    from poise.gate.policy import Policy
    from poise.gate.verdict import Verdict

_WIDTH = 100


def add_verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add it."""
    explain = verbs.add_parser(
        "explain",
        help="why a finding got its verdict: which rule, what made it old or new, who can lift it",
        description="Tells it from a verdict and the policy that it rests on. Without an id, what blocks.",
    )
    add = explain.add_argument
    add("finding", nargs="*", metavar="ID", help="ids on the page or in verdict.json (default: what blocks)")
    add(
        "--verdict", metavar="FILE", type=Path, default=Path("verdict.json"), help="from poise gate run --out"
    )
    add("--policy", required=True, metavar="FILE", type=Path, help="its policy, signed or YAML")
    add("--baseline", metavar="FILE", type=Path, help="its baseline, to tell more of what did not match")
    add("--json", action="store_true", help="print JSON")
    explain.set_defaults(run=run_explain)


def run_explain(arguments: argparse.Namespace) -> int:
    """Run ``poise gate explain``."""
    import msgspec

    from poise.cli.gate_more import read_verdict
    from poise.gate.explain import explain
    from poise.gate.plain import inert_json

    verdict = read_verdict(arguments.verdict)
    policy, baseline = _policy(arguments.policy, verdict), _baseline(arguments.baseline, verdict)
    by_id = {one.id: one for one in verdict.findings}
    unknown = [name for name in arguments.finding if name not in by_id]
    if unknown:
        hint = "Take ids from the page or from verdict.json; what is only noted is counted there, not listed."
        where = str(arguments.verdict)
        raise InputError(
            [Fault("E808", where, f"There is no finding {name[:40]!r}.", hint) for name in unknown]
        )
    wanted = arguments.finding or [one.id for one in verdict.findings if one.outcome == "block"]
    found = [explain(by_id[name], verdict, policy, baseline) for name in dict.fromkeys(wanted)]
    reasons = (*verdict.incomplete, *verdict.notices)
    if arguments.json:
        value = {"decision": verdict.decision, "reasons": reasons, "findings": found}
        print(inert_json(msgspec.json.format(msgspec.json.encode(value), indent=1).decode()))
        return 0
    print(_decision(verdict))
    for reason in reasons:
        _wrapped("- ", reason)
    for one in found:
        _print(one)
    return 0


def _policy(path: Path, verdict: Verdict) -> Policy:
    """Return the policy, which must be the one that the verdict rests on."""
    from poise.gate.documents import POLICY_TYPE, policy_of, policy_payload, read_envelope
    from poise.gate.policyfile import parse_policy, read_text
    from poise.ledger.canonical import digest

    text = read_text(path)
    if text.lstrip().startswith("{"):
        envelope = read_envelope(path, POLICY_TYPE)
        policy, seen = policy_of(envelope, str(path)), digest(envelope.payload)
    else:
        policy = parse_policy(text, str(path))
        seen = digest(policy_payload(text, policy))
    if seen != verdict.policy_digest:
        raise EvidenceError(_another(path, "policy", seen, verdict.policy_digest))
    return policy


def _baseline(path: Path | None, verdict: Verdict) -> Baseline | None:
    from poise.gate.baseline import read_baseline

    if path is None:
        return None
    baseline, seen = read_baseline(path)
    expected = next((one.sha256 for one in verdict.inputs if one.kind == "baseline"), "no baseline")
    if seen != expected:
        raise EvidenceError(_another(path, "baseline", seen, expected))
    return baseline


def _another(path: Path, what: str, seen: str, expected: str) -> Fault:
    message = f"The verdict rests on another {what}: {expected[:16]}, and this is {seen[:16]}."
    return Fault("E610", str(path), message, f"Pass the {what} that the pipeline had.")


def _decision(verdict: Verdict) -> str:
    told = {
        "pass": "passes",
        "block": "is blocked",
        "incomplete": "cannot be judged: evidence is missing",
        "lifted": "passes by broken glass",
    }[verdict.decision]
    text = f"{verdict.service} at {verdict.commit[:12]} {told} (exit {verdict.exit_code})."
    if verdict.broken_glass:
        text += f" {verdict.broken_glass}"
    return text


def _print(one: Explanation) -> None:
    from poise.gate.plain import plain

    print(f"\n{one.id}  {plain(one.finding, 110)}")
    print(f"  {plain(one.place, 110)}")
    _wrapped("  It ", f"{one.told}; {one.time}.")
    if one.rules:
        print("\n  Rules, from the top:")
        for rule in one.rules:
            _wrapped(f"  {'>' if rule.decides else ' '} {rule.rule}: ", rule.why)
            if rule.decides:
                _wrapped("      ", rule.sentence)
    print("\n  New or known, by the first that matches:")
    for matcher in one.newness:
        _wrapped(f"    {matcher.matcher}: ", matcher.answer)
    if one.lifts:
        print("\n  What lifts it:")
        for lift in one.lifts:
            _wrapped(f"    {plain(lift.who, 90)}: ", f"{lift.how} ({lift.limit})")


def _wrapped(lead: str, text: str) -> None:
    from poise.gate.plain import plain

    indent = " " * (len(lead) - len(lead.lstrip()) + 2)
    kept = plain(f"{lead.strip()} {text}", 600)
    lead = lead[: len(lead) - len(lead.lstrip())]
    print(textwrap.fill(kept, _WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=False))
