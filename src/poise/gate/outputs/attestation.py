"""The verdict as an in-toto statement with a SLSA verification summary, which can also say FAILED.

https://slsa.dev/spec/v1.0/verification_summary and https://in-toto.io/Statement/v1.
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
PREDICATE_TYPE: Final = "https://slsa.dev/verification_summary/v1"
_WHOLE_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def statement(verdict: Verdict) -> dict[str, Any]:
    """Return the statement: the commit as subject, the verdict as summary."""
    commit = verdict.commit.lower()
    name = "gitCommit" if _WHOLE_COMMIT.fullmatch(commit) else "gitCommitAbbreviated"
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": verdict.service, "digest": {name: commit}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": {"id": "urn:poise:gate", "version": {"poise": verdict.schema}},
            "timeVerified": verdict.now.isoformat().replace("+00:00", "Z"),
            "resourceUri": f"urn:poise:service:{verdict.service}",
            "policy": {
                "uri": f"urn:poise:policy:{verdict.policy}:{verdict.policy_version}",
                "digest": {"sha256": verdict.policy_digest},
            },
            "inputAttestations": [
                {"uri": f"{one.kind}:{one.name}", "digest": {"sha256": one.sha256}} for one in verdict.inputs
            ],
            "verificationResult": "PASSED" if verdict.exit_code == 0 else "FAILED",
            "verifiedLevels": [f"POISE_{verdict.decision.upper()}"],
        },
    }


def attestation(verdict: Verdict, key: SigningKey | None) -> bytes:
    """Return the statement in a DSSE envelope, signed where there is a key."""
    envelope = Envelope(PAYLOAD_TYPE, canonical(statement(verdict)))
    return (envelope.signed(key) if key else envelope).to_bytes() + b"\n"
