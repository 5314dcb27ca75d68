"""CISA's Binding Operational Directive 26-04: how soon a vulnerability must be mended.

"Prioritizing Security Updates Based on Risk", 10 June 2026, replaced BOD 19-02 and BOD 22-01.
Four yes-or-no facts lead to one of five timelines. The table is that of the directive as
encoded by CERT/CC in SSVC 2026.6 (repository CERTCC/SSVC,
``data/csv/cisa/cisa_bod_26_04_1_0_0.csv``). It binds US federal agencies; for anyone else it
is a published yardstick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

from poise.threats.evidence import Evidence

#: The four facts, in the order of the table's columns.
FACTS = ("in KEV", "publicly exposed", "automatable", "total technical impact")

#: (in KEV, publicly exposed, automatable, total impact) -> days to mend, forensic triage.
#: None days: with the next regular system upgrade.
_TIMELINES: dict[tuple[bool, bool, bool, bool], tuple[int | None, bool]] = {
    (False, False, False, False): (None, False),
    (True, False, False, False): (14, False),
    (False, True, False, False): (60, False),
    (False, False, True, False): (60, False),
    (False, False, False, True): (None, False),
    (True, True, False, False): (14, False),
    (True, False, True, False): (14, False),
    (False, True, True, False): (14, False),
    (True, False, False, True): (14, False),
    (False, True, False, True): (14, False),
    (False, False, True, True): (60, False),
    (True, True, True, False): (3, False),
    (True, True, False, True): (3, True),
    (True, False, True, True): (3, True),
    (False, True, True, True): (3, False),
    (True, True, True, True): (3, True),
}

ON_UPGRADE = "on system upgrade"


@dataclass(frozen=True, slots=True)
class BodDecision:
    """What the directive asks for.

    Parameters
    ----------
    label
        ``"3 days, forensic triage"``, ``"3 days"``, ``"14 days"``, ``"60 days"`` or
        ``"on system upgrade"``.
    days
        Days to mend it; None: with the next regular system upgrade.
    forensic
        Whether the system must be searched for traces of an earlier break-in.
    assumed
        The facts that are not known and were taken at their worst, as in ``"automatable"``.
    mildest
        The label if every unknown fact turned out well. Equal to `label`: nothing hangs on them.
    """

    label: str
    days: int | None
    forensic: bool
    assumed: tuple[str, ...] = ()
    mildest: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The day by which a vulnerability must be mended, and whose rule says so.

    Parameters
    ----------
    due
        The last day; None when no rule in use sets one.
    rule
        ``"KEV"``, ``"BOD 26-04"``, or empty.
    reason
        One sentence with the figures behind the day.
    kev_due
        The due date that the KEV catalogue states, whatever rule won.
    bod
        The decision under BOD 26-04, with what was assumed for it.
    """

    due: date | None
    rule: str
    reason: str
    kev_due: date | None
    bod: BodDecision


def bod_26_04(evidence: Evidence, publicly_exposed: bool | None) -> BodDecision:
    """Return the timeline of BOD 26-04 for one vulnerability on one system.

    What is not known is taken at its worst and named in ``assumed``: of all the ways the unknown
    facts can turn out, the one with the shortest time counts, and with forensic triage before
    without.

    Parameters
    ----------
    evidence
        KEV listing, SSVC automatable and technical impact are used; an SSVC exploitation value
        is not, the directive asks for the listing.
    publicly_exposed
        Whether someone untrusted can reach the system from a public network; None: not known.
    """
    total = None if evidence.technical_impact is None else evidence.technical_impact == "total"
    in_kev = evidence.kev is not None if evidence.kev_known or evidence.kev else None
    facts = (in_kev, publicly_exposed, evidence.automatable, total)
    timelines = sorted((_TIMELINES[case] for case in _cases(facts)), key=_severity)
    days, forensic = timelines[-1]
    assumed = tuple(name for name, fact in zip(FACTS, facts, strict=True) if fact is None)
    return BodDecision(_label(days, forensic), days, forensic, assumed, _label(*timelines[0]))


def deadline(
    evidence: Evidence,
    first_seen: date,
    publicly_exposed: bool | None,
    *,
    use_kev: bool = True,
    use_bod: bool = True,
) -> Deadline:
    """Return by when a vulnerability must be mended on a system: the earlier of the rules in use.

    The KEV due date is a day of the calendar. BOD 26-04 counts days; the count starts when its
    facts first held here: on the day the vulnerability was first seen, or on the day it was
    listed in KEV, whichever is later.

    Parameters
    ----------
    evidence
        What is known on the day of planning.
    first_seen
        The day a scanner first reported it on the system.
    publicly_exposed
        As in :func:`bod_26_04`.
    use_kev, use_bod
        Which rules bind; both inform in any case.
    """
    decision = bod_26_04(evidence, publicly_exposed)
    candidates: list[tuple[date, str, str]] = []
    listed = evidence.kev
    if use_kev and listed and listed.due:
        said = f"The KEV catalogue, which lists it since {listed.added}, sets {listed.due}."
        candidates.append((listed.due, "KEV", said))
    if use_bod and decision.days is not None:
        start = max(first_seen, listed.added) if listed else first_seen
        due = start + timedelta(days=decision.days)
        assumed = f", assuming {', '.join(decision.assumed)}" if decision.assumed else ""
        said = f"BOD 26-04 allows {decision.days} days from {start}{assumed}."
        candidates.append((due, "BOD 26-04", said))
    kev_due = listed.due if listed else None
    if not candidates:
        return Deadline(None, "", "No rule in use sets a day.", kev_due, decision)
    due, rule, reason = min(candidates)
    return Deadline(due, rule, reason, kev_due, decision)


def _cases(facts: tuple[bool | None, ...]) -> Iterator[tuple[bool, bool, bool, bool]]:
    for case in product(*((False, True) if fact is None else (fact,) for fact in facts)):
        in_kev, exposed, automatable, total = case
        yield in_kev, exposed, automatable, total


def _severity(timeline: tuple[int | None, bool]) -> tuple[int, bool]:
    days, forensic = timeline
    return (-(10**6) if days is None else -days, forensic)


def _label(days: int | None, forensic: bool) -> str:
    if days is None:
        return ON_UPGRADE
    return f"{days} days, forensic triage" if forensic else f"{days} days"
