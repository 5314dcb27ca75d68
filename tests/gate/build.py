"""A small policy, reports and signed documents for the gate's tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from poise.gate.baseline import SCHEMA, Baseline
from poise.gate.delivery import Request, databases_of, judge_delivery
from poise.gate.documents import POLICY_TYPE, SignedPolicy, Trust, payload_of, policy_payload
from poise.gate.policyfile import parse_policy
from poise.gate.setting import Judged
from poise.gate.verdict import Verdict
from poise.ledger.canonical import digest
from poise.ledger.envelope import Envelope
from poise.ledger.keys import SigningKey

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
COMMIT = "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c"
#: A decoded JSON object.
Json = dict[str, Any]
OPERATIONS, SECURITY, DEPUTY, STRANGER = (SigningKey.from_seed(bytes([n]) * 32) for n in range(1, 5))
KEY = b"a key for tests, of no use elsewhere"

POLICY = f"""\
policy: shop-delivery
version: 1
title: What the shop team may ship
valid_from: 2026-01-01
valid_until: 2026-12-31
services: [shop]
reports:
  code:
    max_age: 7d
    skipped_by: deputy
rules:
  - id: no-secrets
    when: {{new: yes, kind: secret}}
    then: block
    lifted_by: deputy
    because: a secret in the source is a secret lost
  - id: exploited
    when: {{known_exploited: yes, reachable: [yes, unknown]}}
    then: block
    lifted_by: deputy
    because: others use it already
  - id: new-errors
    when: {{new: yes, severity: [critical, high]}}
    then: block
    lifted_by: deputy
    because: new weaknesses are cheapest to mend now
  - id: overdue
    when: {{overdue: yes}}
    then: warn
    because: its fix time is over
roles:
  deputy: {{person: the deputy, key: "{DEPUTY.id}"}}
budget: {{risk_days: 40}}
break_glass: {{by: deputy, max_time: 24h}}
"""


def result(
    rule: str = "shell", path: str = "src/run.py", line: int = 3, snippet: str = "", **more: Any
) -> dict[str, Any]:
    """Return a SARIF result."""
    region: dict[str, Any] = {"startLine": line}
    if snippet:
        region["snippet"] = {"text": snippet}
    place = {"physicalLocation": {"artifactLocation": {"uri": path}, "region": region}}
    return {
        "ruleId": rule,
        "level": "error",
        "message": {"text": f"found by {rule}"},
        "locations": [place],
        **more,
    }


def sarif(
    results: Sequence[dict[str, Any]], *, tool: str = "Analyzer", commit: str = COMMIT, **run: Any
) -> dict[str, Any]:
    """Return a SARIF report of one run."""
    whole: dict[str, Any] = {
        "tool": {"driver": {"name": tool, "version": "1"}},
        "versionControlProvenance": [{"repositoryUri": "https://git.example/shop", "revisionId": commit}],
        "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-03-02T11:00:00Z"}],
        "results": list(results),
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{**whole, **run}],
    }


def signed(text: str = POLICY) -> SignedPolicy:
    """Return a policy as if both sides had signed it."""
    policy = parse_policy(text, "policy.yaml")
    return SignedPolicy(policy, digest(policy_payload(text, policy)), (OPERATIONS.id, SECURITY.id))


def envelope(text: str = POLICY, *keys: SigningKey) -> bytes:
    """Return a policy in an envelope, signed by some keys (both sides' by default)."""
    made = Envelope(POLICY_TYPE, policy_payload(text, parse_policy(text, "policy.yaml")))
    for key in keys or (OPERATIONS, SECURITY):
        made = made.signed(key)
    return made.to_bytes()


TRUST = Trust((OPERATIONS.id,), (SECURITY.id,))


@dataclass
class Desk:
    """A folder in which deliveries are judged."""

    folder: Path

    def write(self, name: str, value: Any) -> Path:
        """Write a file: bytes and text as they are, anything else as JSON."""
        path = self.folder / name
        if isinstance(value, str):
            value = value.encode()
        path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
        return path

    def document(self, name: str, kind: str, document: msgspec.Struct, key: SigningKey = DEPUTY) -> Path:
        """Write a signed document."""
        return self.write(name, Envelope(kind, payload_of(document)).signed(key).to_bytes())

    def judge(self, report: Any, *, text: str = POLICY, **more: Any) -> Verdict:
        """Return the verdict on a report."""
        return self.judge_whole(report, text=text, **more)[0]

    def judge_whole(self, report: Any, *, text: str = POLICY, **more: Any) -> tuple[Verdict, Judged]:
        """Return the verdict on a report, and what was judged."""
        path = report if isinstance(report, Path) else self.write("report.json", report)
        given: dict[str, Any] = {
            "first_run": "baseline" not in more,
            "secret_key": KEY,
            "now": NOW,
            "commit": COMMIT,
        }
        request = Request(service="shop", reports=[("code", path)], **{**given, **more})
        return judge_delivery(request, signed(text))

    def baseline(self, report: Any, *, now: datetime = NOW, name: str = "base.json", **more: Any) -> Path:
        """Write the baseline of a report."""
        verdict, judged = self.judge_whole(
            report, keep_entries=True, **{"now": now, "commit": COMMIT, **more}
        )
        entries = tuple(judged.entries)
        made = Baseline(
            SCHEMA, "shop", more.get("commit", COMMIT), now, entries, databases_of(verdict.reports)
        )
        return self.write(name, msgspec.json.encode(made))
