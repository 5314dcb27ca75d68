"""How long findings lived: time to fix by severity, from two or more verdicts or baselines of one service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median

import msgspec

from poise.gate.verdict import Verdict


class _Seen(msgspec.Struct, frozen=True, gc=False):
    """What the life of a finding needs of it."""

    id: str
    severity: str
    first_seen: datetime
    set_aside: str = ""


class Glance(msgspec.Struct, frozen=True):
    """The few fields of a verdict that times to fix rest on: decoding them takes a tenth of the whole."""

    now: datetime
    decision: str
    findings: tuple[_Seen, ...]
    not_shown: int = 0


def glance(content: bytes) -> Glance:
    """Return the fields of a verdict.json that was checked when it came in."""
    return msgspec.json.decode(content, type=Glance)


def fix_days_by_severity(verdicts: Sequence[Verdict | Glance]) -> dict[str, tuple[int, float]]:
    """Return, by severity, how many findings went away and their median age then [d].

    Parameters
    ----------
    verdicts
        Of one service, oldest first. A finding is gone when a later verdict does not hold it any more; only
        findings that verdicts show (those that block or warn) are followed.
    """
    ages: dict[str, list[float]] = {}
    for before, after in pairwise(verdicts):
        left = {one.id for one in after.findings}
        if after.not_shown or after.decision == "incomplete":
            continue  # what a verdict does not show has not gone
        for one in before.findings:
            if one.id not in left and not one.set_aside:
                age = (after.now - one.first_seen).total_seconds() / 86_400
                ages.setdefault(one.severity, []).append(age)
    return {word: (len(found), round(median(found), 2)) for word, found in sorted(ages.items())}
