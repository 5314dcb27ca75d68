"""The timelines of BOD 26-04, and deadlines."""

from __future__ import annotations

from datetime import date
from itertools import product

import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.threats.bod import ON_UPGRADE, bod_26_04, deadline, facts_of_vector
from poise.threats.evidence import Evidence, KevEntry

DAY = date(2026, 1, 5)
LISTED = KevEntry(date(2025, 12, 9), date(2025, 12, 30), ransomware=False)
#: (in KEV, exposed, automatable, total): label. CERT/CC, cisa_bod_26_04_1_0_0.csv, row by row.
PUBLISHED = {
    "0000": ON_UPGRADE,
    "1000": "14 days",
    "0100": "60 days",
    "0010": "60 days",
    "0001": ON_UPGRADE,
    "1100": "14 days",
    "1010": "14 days",
    "0110": "14 days",
    "1001": "14 days",
    "0101": "14 days",
    "0011": "60 days",
    "1110": "3 days",
    "1101": "3 days, forensic triage",
    "1011": "3 days, forensic triage",
    "0111": "3 days",
    "1111": "3 days, forensic triage",
}


def evidence(kev: bool | None, automatable: bool | None, total: bool | None, vector: str = "") -> Evidence:
    """Return evidence with these facts; None: not known."""
    return Evidence(
        "CVE-2025-1001",
        DAY,
        kev=LISTED if kev else None,
        kev_known=kev is not None,
        automatable=automatable,
        technical_impact=None if total is None else "total" if total else "partial",
        cvss_vector=vector,
    )


@pytest.mark.parametrize(("facts", "label"), PUBLISHED.items())
def test_the_published_table(facts, label):
    """The sixteen rows are a directive's; not one may differ."""
    kev, exposed, automatable, total = (fact == "1" for fact in facts)
    decision = bod_26_04(evidence(kev, automatable, total), exposed)
    assert (decision.label, decision.assumed, decision.inferred) == (label, (), ())
    assert decision.mildest == label


@given(st.tuples(*[st.sampled_from([True, False, None])] * 4))
def test_unknown_facts_count_at_their_worst_and_are_named(facts):
    """No way in which the unknown turns out may ask for more than was said."""
    kev, exposed, automatable, total = facts
    decision = bod_26_04(evidence(kev, automatable, total), exposed)
    names = ("in KEV", "publicly exposed", "automatable", "total technical impact")
    assert decision.assumed == tuple(name for name, fact in zip(names, facts, strict=True) if fact is None)
    for case in product(*((True, False) if fact is None else (fact,) for fact in facts)):
        possible = bod_26_04(evidence(case[0], case[2], case[3]), case[1])
        assert (decision.days or 999) <= (possible.days or 999)
        assert decision.forensic or not possible.forensic


def test_a_fact_more_never_gives_more_time():
    """A table in which a worse fact buys time would be misread."""
    order = {ON_UPGRADE: 0, "60 days": 1, "14 days": 2, "3 days": 3, "3 days, forensic triage": 4}
    for facts, label in PUBLISHED.items():
        for place in range(4):
            worse = facts[:place] + "1" + facts[place + 1 :]
            assert order[PUBLISHED[worse]] >= order[label], (facts, worse)


def test_a_vector_stands_in_for_a_missing_judgement():
    """CISA judges a part of all CVEs; the vector says much of the rest, and that it did is said."""
    vector = "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N"
    decision = bod_26_04(evidence(kev=False, automatable=None, total=None, vector=vector), True)
    assert decision.label == "14 days"
    assert (decision.inferred, decision.assumed) == (("automatable", "total technical impact"), ())
    assert bod_26_04(evidence(False, None, None, vector), True, infer_from_cvss=False).label == "3 days"
    judged = bod_26_04(evidence(False, True, None, vector), True)
    assert (judged.label, judged.inferred) == ("3 days", ("total technical impact",))


@pytest.mark.parametrize(
    ("vector", "facts"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", (True, True)),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", (False, False)),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:N/SC:N/SI:N/SA:N", (True, True)),
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:N/VA:H/SC:N/SI:N/SA:N", (False, False)),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", (None, None)),
        ("CVSS:3.1/AV:N", (None, None)),
        ("", (None, None)),
    ],
)
def test_facts_of_a_vector(vector, facts):
    """What is too coarse or broken says nothing."""
    assert facts_of_vector(vector) == facts


def test_the_vector_agrees_with_cisa_as_often_as_documented(intel):
    """The share of agreement is printed in the documentation; it must be measured, not felt."""
    names = [
        "cna_v31_vector",
        "cna_v30_vector",
        "adp_v31_vector",
        "ssvc_automatable",
        "ssvc_technical_impact",
    ]
    table = parquet.read_table(intel / "vulnrichment_cve_asof_2024-10-24.parquet", columns=names)
    automatable, total = [], []
    for *vectors, says_automatable, says_impact in zip(*(table[n].to_pylist() for n in names), strict=True):
        vector = next(filter(None, vectors), "")
        if not vector or not says_automatable or len(automatable) >= 8000:
            continue
        seems_automatable, seems_total = facts_of_vector(vector)
        if seems_automatable is not None:
            automatable.append(seems_automatable == (says_automatable.lower() == "yes"))
            total.append(seems_total == (says_impact.lower() == "total"))
    assert sum(automatable) / len(automatable) > 0.95
    assert sum(total) / len(total) > 0.92


def test_the_earlier_of_the_rules_in_use_sets_the_day():
    """Two rules may bind; who asks is told which one did, and what the other says."""
    listed = evidence(kev=True, automatable=False, total=False)
    found = deadline(listed, date(2025, 12, 20), publicly_exposed=False)
    assert (found.due, found.rule) == (date(2025, 12, 30), "KEV")
    found = deadline(listed, date(2025, 12, 1), publicly_exposed=False)
    assert (found.due, found.rule) == (date(2025, 12, 23), "BOD 26-04"), "counted from the listing"
    found = deadline(listed, date(2025, 12, 20), publicly_exposed=False, use_kev=False)
    assert (found.due, found.rule, found.kev_due) == (date(2026, 1, 3), "BOD 26-04", date(2025, 12, 30))
    assert "14 days from 2025-12-20" in found.reason


def test_no_rule_no_day():
    """What may wait for the next upgrade has no deadline, not a far one."""
    calm = evidence(kev=False, automatable=False, total=False)
    found = deadline(calm, DAY, publicly_exposed=False)
    assert (found.due, found.rule) == (None, "")
    urgent = evidence(kev=True, automatable=True, total=True)
    assert deadline(urgent, DAY, True, use_kev=False, use_bod=False).due is None


def test_what_was_assumed_is_in_the_reason():
    """A day that rests on a guess must not look like one that does not."""
    found = deadline(evidence(kev=None, automatable=None, total=None), DAY, None)
    assert found.due == date(2026, 1, 8)
    assert "assuming in KEV, publicly exposed, automatable, total technical impact" in found.reason
