"""The verdict as in-toto statements (https://in-toto.io/Statement/v1), two for two readers.

A SLSA verification summary (https://slsa.dev/spec/v1.0/verification_summary) can say FAILED, so it is the
record. A simple verification result (https://in-toto.io/attestation/svr/v0.2) lists what holds and nothing
else, so an admission controller asks it for one word.
"""

from __future__ import annotations

import re
from typing import Any, Final

from poise.gate.verdict import Verdict
from poise.ledger.canonical import canonical
from poise.ledger.envelope import Envelope
from poise.ledger.keys import SigningKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
SUMMARY_TYPE: Final = "https://slsa.dev/verification_summary/v1"
RESULT_TYPE: Final = "https://in-toto.io/attestation/svr/v0.2"
_VERIFIER: Final = "urn:poise:gate"
_NO_WORD = re.compile(r"[^A-Z0-9]+")
_WHOLE_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def summary_statement(verdict: Verdict) -> dict[str, Any]:
    """Return the SLSA verification summary of a verdict, with every input by digest."""
    predicate = {
        "verifier": {"id": _VERIFIER, "version": {"poise": verdict.schema}},
        "timeVerified": _time(verdict),
        "resourceUri": f"urn:poise:service:{verdict.service}",
        "policy": _policy(verdict),
        "inputAttestations": [
            {"uri": f"{one.kind}:{one.name}", "digest": {"sha256": one.sha256}} for one in verdict.inputs
        ],
        "verificationResult": "PASSED" if verdict.exit_code == 0 else "FAILED",
        "verifiedLevels": [f"POISE_{verdict.decision.upper()}"],
    }
    return _statement(verdict, SUMMARY_TYPE, predicate)


def result_statement(verdict: Verdict) -> dict[str, Any]:
    """Return the simple verification result of a verdict: the properties that hold, none that does not."""
    predicate = {
        "verifier": {"id": f"{_VERIFIER}/v1", "policies": [_policy(verdict)]},
        "timeCreated": _time(verdict),
        "properties": list(properties(verdict)),
    }
    return _statement(verdict, RESULT_TYPE, predicate)


def properties(verdict: Verdict) -> tuple[str, ...]:
    """Return what holds, as words: ``POISE_GATE_PASSED`` is of a pass by the rules, not by broken glass."""
    proven = [one.name for one in verdict.reports if not one.problems and not one.skipped]
    return (
        *(("POISE_GATE_PASSED",) if verdict.decision == "pass" else ()),
        *(("POISE_POLICY_SIGNED_BY_BOTH",) if len(verdict.signers) > 1 else ()),
        *(("POISE_EVIDENCE_COMPLETE",) if not verdict.incomplete else ()),
        *dict.fromkeys(f"POISE_TESTED_{_NO_WORD.sub('_', name.upper()).strip('_')}" for name in proven),
    )


def _statement(verdict: Verdict, kind: str, predicate: dict[str, Any]) -> dict[str, Any]:
    commit = verdict.commit.lower()
    name = "gitCommit" if _WHOLE_COMMIT.fullmatch(commit) else "gitCommitAbbreviated"
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": verdict.service, "digest": {name: commit}}],
        "predicateType": kind,
        "predicate": predicate,
    }


def _time(verdict: Verdict) -> str:
    return verdict.now.isoformat().replace("+00:00", "Z")


def _policy(verdict: Verdict) -> dict[str, Any]:
    return {
        "uri": f"urn:poise:policy:{verdict.policy}:{verdict.policy_version}",
        "digest": {"sha256": verdict.policy_digest},
    }


def attestation(statement: dict[str, Any], key: SigningKey | None) -> bytes:
    """Return a statement in a DSSE envelope, signed where there is a key."""
    envelope = Envelope(PAYLOAD_TYPE, canonical(statement))
    return (envelope.signed(key) if key else envelope).to_bytes() + b"\n"
