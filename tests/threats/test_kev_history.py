"""KEV of a past day: undoing changes gives what living through them gave."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.errors import PoiseError, ThreatFeedError
from poise.threats.evidence import KevEntry
from poise.threats.kev_history import COLUMNS, KevHistory, read_kev_history

START = date(2025, 1, 1)
IDS = [f"CVE-2025-000{number}" for number in range(4)]


def write(
    folder: Path, state: dict[str, KevEntry], events: list[tuple[str, ...]], released: date
) -> tuple[Path, Path]:
    """Write a catalogue and a table of changes."""
    entries = [
        {
            "cveID": cve,
            "dateAdded": entry.added.isoformat(),
            "dueDate": entry.due.isoformat() if entry.due else "",
            "knownRansomwareCampaignUse": "Known" if entry.ransomware else "Unknown",
        }
        for cve, entry in state.items()
    ]
    told = {"dateReleased": released.isoformat(), "count": len(entries), "vulnerabilities": entries}
    (folder / "kev.json").write_text(json.dumps(told))
    with (folder / "history.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *events])
    return folder / "kev.json", folder / "history.csv"


def listed_on(history: KevHistory, day: date) -> dict[str, KevEntry]:
    """Return every entry that the catalogue of a day had."""
    entries = {cve: history.entry(cve, day) for cve in IDS}
    return {cve: entry for cve, entry in entries.items() if entry is not None}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(IDS), st.sampled_from(["add", "due", "crews"])),
        max_size=25,
    )
)
def test_undoing_is_living_backwards(tmp_path: Path, steps: list[tuple[int, str, str]]) -> None:
    """Any sequence of additions and corrections: the state of every day is the one that was seen that day."""
    state: dict[str, KevEntry] = {}
    events: list[tuple[str, ...]] = []
    seen: dict[date, dict[str, KevEntry]] = {}
    day = START
    for wait, cve, act in steps:
        for _ in range(wait):
            seen[day] = dict(state)
            day += timedelta(days=1)
        now, entry = day.isoformat(), state.get(cve)
        if act == "add" and entry is None:
            state[cve] = KevEntry(day, day + timedelta(days=21), False)
            events.append((now, "added", cve, "", "", now))
        elif act == "due" and entry is not None and entry.due is not None:
            new = entry.due + timedelta(days=1)
            state[cve] = KevEntry(entry.added, new, entry.ransomware)
            events.append((now, "changed", cve, "dueDate", entry.due.isoformat(), new.isoformat()))
        elif act == "crews" and entry is not None:
            words = ("Unknown", "Known")
            state[cve] = KevEntry(entry.added, entry.due, not entry.ransomware)
            events.append(
                (
                    now,
                    "changed",
                    cve,
                    "knownRansomwareCampaignUse",
                    words[entry.ransomware],
                    words[not entry.ransomware],
                )
            )
    seen[day] = dict(state)
    if not state:
        return
    history = read_kev_history(*write(tmp_path, state, events, day))
    for past, then in seen.items():
        assert listed_on(history, past) == then, past
        assert listed_on(history.up_to(past), day + timedelta(days=99)) == then


def test_removals_and_what_comes_after_the_catalogue(tmp_path: Path) -> None:
    """An entry that was taken off is on the list before that day; newer changes go on from the catalogue."""
    state = {IDS[0]: KevEntry(START, START + timedelta(days=21), False)}
    events = [
        ("2025-01-03", "added", IDS[1], "", "", "2025-01-03"),
        ("2025-01-05", "removed", IDS[1], "", "", ""),
        ("2025-01-06", "removed", IDS[2], "", "", ""),
        ("2025-02-01", "added", IDS[3], "", "", "2025-02-01"),
        ("2025-02-03", "changed", IDS[0], "knownRansomwareCampaignUse", "Unknown", "Known"),
        ("2025-02-04", "removed", IDS[0], "", "", ""),
    ]
    history = read_kev_history(*write(tmp_path, state, events, date(2025, 1, 20)))
    listed = {
        n: [d for d in range(1, 40) if history.entry(IDS[n], START + timedelta(days=d))] for n in range(4)
    }
    assert listed[1] == [2, 3]
    assert listed[2] == [2, 3, 4]
    assert listed[3] == list(range(31, 40))
    assert listed[0][-1] == 33
    found = history.entry(IDS[3], date(2025, 2, 2))
    assert found is not None
    assert found.due is None
    crews = history.entry(IDS[0], date(2025, 2, 3))
    assert crews is not None
    assert crews.ransomware
    assert history.released == date(2025, 2, 4)


def test_who_was_taken_off_may_be_listed_again(tmp_path: Path) -> None:
    """Each period counts by itself; one whose beginning no row tells begins with the entry's own day."""
    due = START + timedelta(days=40)
    state = {IDS[0]: KevEntry(date(2025, 1, 20), due, False), IDS[1]: KevEntry(date(2025, 1, 25), due, True)}
    events = [
        ("2025-01-03", "added", IDS[0], "", "", "2025-01-03"),
        ("2025-01-05", "removed", IDS[0], "", "", ""),
        ("2025-01-06", "removed", IDS[1], "", "", ""),
        ("2025-01-20", "added", IDS[0], "", "", "2025-01-20"),
    ]
    history = read_kev_history(*write(tmp_path, state, events, date(2025, 2, 1)))
    assert history.periods(IDS[0]) == (
        (date(2025, 1, 3), date(2025, 1, 5)),
        (date(2025, 1, 20), None),
    )
    assert history.period_on(IDS[0], date(2025, 1, 10)) == (date(2025, 1, 3), date(2025, 1, 5))
    assert history.period_on(IDS[0], date(2025, 1, 2)) is None
    assert history.periods(IDS[1])[1:] == ((date(2025, 1, 25), None),)
    found = history.entry(IDS[1], date(2025, 2, 1))
    assert found is not None
    assert (found.due, found.ransomware) == (due, True)


def test_without_changes_entries_count_from_their_day(tmp_path: Path) -> None:
    """The catalogue alone still tells when each vulnerability was added."""
    path, _ = write(tmp_path, {IDS[0]: KevEntry(START, None, True)}, [], date(2025, 3, 1))
    history = read_kev_history(path, None)
    assert history.entry(IDS[0], START - timedelta(days=1)) is None
    assert history.listed_on(IDS[0]) == START
    assert history.listed_on(IDS[1]) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b'catalog_date,event,cve,field,old,new_or_dateAdded\n"', b"PAR1"],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A table of changes that is none says so."""
    path, changes = write(tmp_path, {IDS[0]: KevEntry(START, None, True)}, [], START)
    changes.write_bytes(content)
    with pytest.raises(ThreatFeedError, match="E583"):
        read_kev_history(path, changes)


def test_few_faulty_rows_are_told_and_many_refuse_the_file(tmp_path: Path) -> None:
    """One bad line must not hide a thousand good ones, nor a damaged file pass."""
    good = [("2025-01-03", "changed", IDS[0], "product", "a", "b")] * 50
    bad = [
        ("soon", "added", IDS[0], "", "", ""),
        ("2025-01-03", "added", "CVE-1", "", "", ""),
        ("2025-01-03", "gone", IDS[0], "", "", ""),
    ]
    state = {IDS[0]: KevEntry(START, None, True)}
    history = read_kev_history(*write(tmp_path, state, good + bad, START + timedelta(days=9)))
    assert len(history.faults) == 3
    with pytest.raises(ThreatFeedError, match="E583"):
        read_kev_history(*write(tmp_path, state, bad * 5, START))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_told(tmp_path: Path, noise: bytes) -> None:
    """Any bytes after a good header give rows or a fault, never a traceback."""
    path, changes = write(tmp_path, {IDS[0]: KevEntry(START, None, True)}, [], START)
    changes.write_bytes(changes.read_bytes() + noise)
    try:
        read_kev_history(path, changes)
    except PoiseError as error:
        assert {fault.id for fault in error.faults} == {"E583"}  # noqa: PT017
