"""The shown plan as a calendar and as change requests, read back by other tools."""

from __future__ import annotations

import csv
import io
from datetime import UTC, timedelta

import icalendar
import msgspec
import pytest
import recurring_ical_events

from poise.patching.document import PlanDocument
from poise.patching.export import (
    CHANGE_COLUMNS,
    MAX_IDS_IN_TEXT,
    PLAN_COLUMNS,
    changes_csv,
    plan_csv,
    plan_ics,
)
from poise.patching.lookup import Lookup
from report.build import build_document


@pytest.fixture(scope="module")
def document() -> PlanDocument:
    return build_document()


def _events(data: bytes) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(data).walk("VEVENT"))


def _rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def test_one_event_per_visit_at_the_window_with_its_zone(document: PlanDocument) -> None:
    """An event an hour off in summer patches a service in its busy hour."""
    events = _events(plan_ics(document))
    placed = Lookup(document).placed
    assert len(events) == len(placed) > 100
    for event, visit in zip(events, placed, strict=True):
        assert event.start == visit.window.start
        assert event.end == visit.window.end
        assert event["DTSTART"].params["TZID"] == "Europe/Paris"
        assert event["DTSTAMP"].dt == document.now.astimezone(UTC)


def test_calendar_tools_find_every_event(document: PlanDocument) -> None:
    """What a calendar shows is what counts, not what we wrote."""
    calendar = icalendar.Calendar.from_ical(plan_ics(document))
    found = recurring_ical_events.of(calendar).between(document.now, document.horizon_end + timedelta(days=1))
    assert len(found) == len(document.schedule("nash").visits)
    assert calendar.errors == []
    assert any(zone["TZID"] == "Europe/Paris" for zone in calendar.walk("VTIMEZONE"))


def test_event_says_what_who_and_how_back(document: PlanDocument) -> None:
    """The person on duty at night has this text and nothing else."""
    events = _events(plan_ics(document))
    placed = Lookup(document).placed
    for event, visit in zip(events, placed, strict=True):
        words = str(event["DESCRIPTION"])
        assert str(event["SUMMARY"]).endswith(
            f"Patch {visit.group.id}: {len(visit.changes)} change{'s' if len(visit.changes) != 1 else ''}"
        )
        assert f"Planned downtime: {visit.visit.downtime_minutes:,.0f} min." in words
        assert "Rollback: " in words
        assert all(change.id in words and change.remedy in words for change in visit.changes)
        assert visit.changes[0].vulnerabilities[0] in words
    assert any(
        f"and {64 - MAX_IDS_IN_TEXT} more (plan.json)" in str(event["DESCRIPTION"]) for event in events
    )


def test_emergency_visits_are_marked(document: PlanDocument) -> None:
    """Nobody should take an emergency window for a regular one."""
    urgent = [event for event in _events(plan_ics(document)) if "Emergency" in event.categories]
    expected = [placed for placed in Lookup(document).placed if placed.window.is_emergency]
    assert len(urgent) == len(expected) > 0
    assert all(str(event["SUMMARY"]).startswith("Emergency: ") for event in urgent)


def test_ids_are_unique_and_survive_a_new_plan(document: PlanDocument) -> None:
    """Importing next week's plan must update the visits that stay, not double them."""
    uids = [str(event["UID"]) for event in _events(plan_ics(document))]
    assert len(set(uids)) == len(uids)
    later = msgspec.structs.replace(document, now=document.now + timedelta(days=1), seed=99, shown="default")
    both = msgspec.structs.replace(
        later, schedules=tuple(msgspec.structs.replace(one, plan="default") for one in document.schedules[:1])
    )
    assert [str(event["UID"]) for event in _events(plan_ics(both))] == uids


def test_line_breaks_in_names_stay_inside_their_property(document: PlanDocument) -> None:
    """A remedy with a line break must not add a property to the event."""
    hostile = msgspec.structs.replace(
        document,
        changes=tuple(
            msgspec.structs.replace(
                change, remedy="kernel\r\nATTACH:file:///etc/passwd\n\nEND:VEVENT\x00;,\\"
            )
            for change in document.changes
        ),
    )
    events = _events(plan_ics(hostile))
    assert len(events) == len(document.schedule("nash").visits)
    assert all("ATTACH" not in event for event in events)
    assert "END:VEVENT ;,\\" in str(events[0]["DESCRIPTION"])


def test_one_request_per_visit_with_real_times(document: PlanDocument) -> None:
    """A change manager imports the file as it is."""
    rows = _rows(plan_csv(document))
    placed = Lookup(document).placed
    assert list(rows[0]) == list(PLAN_COLUMNS)
    assert len(rows) == len(placed)
    for row, visit in zip(rows, placed, strict=True):
        assert row["planned_start"] == visit.window.start.isoformat()
        assert row["cmdb_ci"] == visit.group.id
        assert row["changes"].split("; ") == list(visit.visit.changes)
        assert set(row["vulnerabilities"].split("; ")) == {
            name for change in visit.changes for name in change.vulnerabilities
        }
        assert row["risk"].endswith("changes fails")
        assert row["backout"]


def test_request_and_event_carry_one_id(document: PlanDocument) -> None:
    """Ticket and calendar entry of one visit must be found from each other."""
    assert [row["poise_visit"] for row in _rows(plan_csv(document))] == [
        str(event["UID"]) for event in _events(plan_ics(document))
    ]


def test_every_change_is_in_the_list_planned_or_not(document: PlanDocument) -> None:
    """What is not planned must be seen, or it is forgotten."""
    rows = _rows(changes_csv(document))
    assert list(rows[0]) == list(CHANGE_COLUMNS)
    assert [row["change"] for row in rows] == [change.id for change in document.changes]
    left = {row["change"] for row in rows if row["planned"] == "not in the horizon"}
    assert left == set(document.schedule("nash").not_done)
    assert {row["change"] for row in rows if row["late"] == "yes"} == {
        entry.change for entry in document.schedule("nash").late
    }
    unknown = [row for row, change in zip(rows, document.changes, strict=True) if change.cvss_max is None]
    assert unknown
    assert all(row["cvss_max"] == "" for row in unknown)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "  =", "\r\n=", "＝"])
def test_cells_are_never_formulas(document: PlanDocument, start: str) -> None:
    """A spreadsheet that opens our file must not run what a scanner wrote."""
    hostile = msgspec.structs.replace(
        document,
        changes=tuple(
            msgspec.structs.replace(change, remedy=f"{start}HYPERLINK(0)") for change in document.changes
        ),
        teams=tuple(
            msgspec.structs.replace(team, name=f"{start}cmd|' /C calc'!A0") for team in document.teams
        ),
    )
    for data in (plan_csv(hostile), changes_csv(hostile)):
        rows = _rows(data)
        for row in rows:
            for cell in row.values():
                assert not cell.strip().startswith(("=", "+", "-", "@", "＝"))
        assert any(cell.startswith(f"'{start}") for row in rows for cell in row.values())
