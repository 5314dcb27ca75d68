"""The ``poise estate`` commands."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from poise.errors import EstateError, Fault

if TYPE_CHECKING:
    from poise.estate.assets import Reconciliation
    from poise.estate.draft import Draft
    from poise.estate.model import Estate
    from poise.estate.overview import DateLine, Overview
    from poise.scans.finding import AssetIdentity


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise estate`` to the command line."""
    parser = subparsers.add_parser("estate", help="services, patch groups, teams and calendars")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    check = verbs.add_parser("check", help="all faults of an estate, and the next windows it gives")
    check.add_argument("file", metavar="FILE", help="estate.yaml, or a folder with it or with CSV tables")
    check.add_argument("--now", type=_moment, metavar="D", help="look ahead from this date or time")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(run=run_check)

    windows = verbs.add_parser("windows", help="the occurrences of an iCalendar file")
    windows.add_argument("file", metavar="FILE.ics", help="iCalendar file")
    windows.add_argument("--from", dest="start", type=_moment, required=True, metavar="D", help="first day")
    windows.add_argument(
        "--to", dest="end", type=_moment, required=True, metavar="D", help="day after the last"
    )
    windows.add_argument("--timezone", metavar="TZ", help="of times without zone, and of what is printed")
    windows.add_argument("--json", action="store_true", help="print one JSON object")
    windows.set_defaults(run=run_windows)

    init = verbs.add_parser("init", help="draft an estate from what scanner reports name")
    init.add_argument("--from-scans", nargs="+", required=True, metavar="REPORT", help="scanner reports")
    init.add_argument("--out", default="estate.yaml", metavar="FILE", help="where to write (estate.yaml)")
    init.add_argument("--company", default="Our company", metavar="NAME", help="its name in the draft")
    init.add_argument("--currency", default="EUR", metavar="CODE", help="of every sum (EUR)")
    init.add_argument(
        "--timezone", default="UTC", metavar="TZ", help="of the calendar and of local hours (UTC)"
    )
    init.add_argument("--now", type=_moment, metavar="D", help="the drafted calendar starts in this month")
    init.add_argument("--force", action="store_true", help="overwrite what is there")
    init.add_argument("--json", action="store_true", help="print one JSON object")
    init.set_defaults(run=run_init)


def _moment(text: str) -> date | datetime:
    """Parse a date or time of the command line."""
    from poise.estate.values import Problem, read_moment

    value = read_moment(text)
    if isinstance(value, Problem):
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2026-12-15 or 2026-12-15T18:00+01:00")
    if not 1900 <= value.year <= 2200:
        raise argparse.ArgumentTypeError(f"{text!r} is not between the years 1900 and 2200")
    return value


def _aware(value: date | datetime, local: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value if value.tzinfo else value.replace(tzinfo=local)


def _zone(name: str) -> ZoneInfo:
    from poise.estate.calendars import zone, zone_hint

    found = zone(name)
    if found is None:
        raise EstateError(Fault("E142", "--timezone", f"time zone {name!r} is not known.", zone_hint(name)))
    return found


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, indent=1, ensure_ascii=False))


def run_windows(arguments: argparse.Namespace) -> int:
    """Run ``poise estate windows``."""
    content: dict[str, Any] = {
        "file": arguments.file,
        "from": arguments.start.isoformat(),
        "to": arguments.end.isoformat(),
        "count": 0,
        "cancelled": 0,
        "windows": [],
        "faults": [],
    }
    try:
        _list_windows(arguments, content)
    except EstateError as error:
        if not arguments.json:
            raise
        content["faults"] = [fault.as_dict() for fault in error.faults]
        _print_json(content)
        return error.exit_code
    if arguments.json:
        _print_json(content)
        return 0
    for window in content["windows"]:
        start, end = (datetime.fromisoformat(window[key]) for key in ("start", "end"))
        print(f"{start:%a %Y-%m-%d %H:%M %z}  to  {end:%a %Y-%m-%d %H:%M %z}  {window['summary']}".rstrip())
    cancelled = f", {content['cancelled']} more are cancelled" if content["cancelled"] else ""
    print(f"{content['count']} occurrences{cancelled}")
    return 0


def _list_windows(arguments: argparse.Namespace, content: dict[str, Any]) -> None:
    from poise.estate.calendars import read_calendar

    asked = _zone(arguments.timezone) if arguments.timezone else None
    calendar = read_calendar(Path(arguments.file))
    local = asked or _zone(calendar.display_timezone or "UTC")
    start, end = _aware(arguments.start, local), _aware(arguments.end, local)
    content["from"], content["to"] = start.isoformat(), end.isoformat()
    if end <= start:
        message = f"{content['to']} is not after --from {content['from']}."
        raise EstateError(Fault("E142", "--to", message))
    for one in calendar.occurrences(start, end, local):
        if one.is_cancelled:
            content["cancelled"] += 1
            continue
        begin, finish = one.start, one.end
        if asked:
            begin, finish = begin.astimezone(asked), finish.astimezone(asked)
        content["windows"].append(
            {"start": begin.isoformat(), "end": finish.isoformat(), "summary": one.summary, "uid": one.uid}
        )
    content["count"] = len(content["windows"])


def run_check(arguments: argparse.Namespace) -> int:
    """Run ``poise estate check``."""
    from poise.estate import load_estate
    from poise.estate.overview import overview

    try:
        estate = load_estate(arguments.file)
        local = _zone(estate.timezone)
        now = _aware(arguments.now, local) if arguments.now else datetime.now(UTC).astimezone(local)
        found = overview(estate, now)
    except EstateError as error:
        if arguments.json:
            _print_json({"file": arguments.file, "faults": [fault.as_dict() for fault in error.faults]})
        else:
            print(error, file=sys.stderr)
            print(f"\n{_plural(len(error.faults), 'fault')} in {arguments.file}.", file=sys.stderr)
        return error.exit_code
    if arguments.json:
        _print_json({"file": arguments.file, "now": now.isoformat(), **found.as_dict(), "faults": []})
    else:
        _print_overview(arguments.file, estate, found)
    return 0


def _print_overview(file: str, estate: Estate, found: Overview) -> None:
    counts = (
        ("service", estate.services),
        ("patch group", estate.groups),
        ("team", estate.teams),
        ("calendar", estate.calendars),
        ("freeze", estate.freezes),
    )
    print(f"{file}: no faults. {estate.name}: {', '.join(_plural(len(all), one) for one, all in counts)}.")
    for id, lines in found.dates.items():
        print(f"\nCalendar {id} ({estate.calendars[id].timezone})")
        for line in lines:
            _print_date(line)
        if not lines:
            print("  no window in the next ten years")
    print("\nCapacity per month (windows that at least one group of the team can use)")
    for team, months in found.capacity_hours.items():
        told = ", ".join(f"{month}: {hours:g} h in {count}" for month, (count, hours) in months.items())
        print(f"  {team}: {told or 'none'}")
    for title, rows in (
        ("Patch groups without a window", [f"{id}: {why}" for id, why in found.without_window.items()]),
        ("Defined, but used by nothing", list(found.unused)),
        ("Assumed, because nobody gave it", [f"{what}: {num}" for what, num in found.assumed.items()]),
    ):
        if rows:
            print(f"\n{title}")
            print("\n".join(f"  {row}" for row in rows))


def _print_date(line: DateLine) -> None:
    window = line.window
    struck = "; ".join(
        f"frozen by {freeze}" + ("" if num == line.num_groups else f" for {num} of {line.num_groups} groups")
        for freeze, num in line.struck.items()
    )
    day = "%H:%M" if window.end.date() == window.start.date() else "%a %H:%M"
    print(f"  {window.start:%a %Y-%m-%d %H:%M} to {window.end:{day}}  {struck or window.summary}".rstrip())


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def run_init(arguments: argparse.Namespace) -> int:
    """Run ``poise estate init``."""
    from poise.estate.draft import draft_estate

    out = Path(arguments.out)
    local = _zone(arguments.timezone)
    now = _aware(arguments.now, local) if arguments.now else datetime.now(UTC).astimezone(local)
    reconciliation, faults = _read_assets(arguments.from_scans)
    for fault in faults:
        print(fault, file=sys.stderr)
    draft = draft_estate(
        reconciliation,
        file=out.name,
        company=arguments.company,
        currency=arguments.currency,
        timezone=arguments.timezone,
        today=now.date(),
    )
    _write(out, draft, force=arguments.force)
    content = {
        "file": str(out),
        "calendar": str(out.parent / draft.calendar_name),
        "assets": len(reconciliation.assets),
        "merged": reconciliation.num_merged,
        "not_merged": [str(one) for one in reconciliation.refused],
        "groups": [{"id": one.id, "assets": len(one.assets), "why": one.why} for one in draft.groups],
        "faults": [fault.as_dict() for fault in faults],
    }
    if arguments.json:
        _print_json(content)
        return 0
    print(
        f"Wrote {out} and {content['calendar']}: {_plural(len(reconciliation.assets), 'asset')} in "
        f"{_plural(len(draft.groups), 'patch group')}."
    )
    print(
        f"{_plural(reconciliation.num_merged, 'record')} folded into another's asset; "
        f"{_plural(len(reconciliation.refused), 'shared name')} did not merge anybody."
    )
    print(f"Correct what stands under 'assumed:', then run: poise estate check {out}")
    return 0


def _read_assets(files: list[str]) -> tuple[Reconciliation, list[Fault]]:
    """Return the reconciled assets of reports, and the faults of records that were skipped."""
    from poise.errors import ScanFormatError
    from poise.estate.assets import reconcile
    from poise.scans import read_scan

    identities: set[AssetIdentity] = set()
    faults: list[Fault] = []
    refused: list[Fault] = []
    for file in files:
        try:
            for report in read_scan(file):
                identities.update(finding.asset for finding in report)
                faults.extend(report.faults)
        except ScanFormatError as error:
            refused.extend(error.faults)
    if refused:
        raise ScanFormatError(refused)
    return reconcile(identities), faults


def _write(out: Path, draft: Draft, *, force: bool) -> None:
    calendar = out.parent / draft.calendar_name
    there = [path for path in (out, calendar) if path.exists()]
    if there and not force:
        raise EstateError(
            Fault(
                "E141",
                str(path),
                "the file exists and would be overwritten.",
                "use --force or another --out.",
            )
            for path in there
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(draft.text, encoding="utf-8")
        calendar.write_text(draft.calendar_text, encoding="utf-8", newline="")
    except OSError as error:
        raise EstateError(
            Fault("E100", str(out), f"the file cannot be written: {error.strerror}.")
        ) from error
