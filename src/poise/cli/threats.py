"""The ``poise threats`` commands: bring the feeds up to date, and say how they stand."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli.workspace import threats_directory

if TYPE_CHECKING:
    from poise.threats.store import FeedStatus, ThreatStore
    from poise.threats.update import Outcome, Rules

FEED_CHOICES = ("kev", "epss", "ssvc")
#: How many faulty rows are printed; ``--json`` prints all.
FAULTS_SHOWN = 20


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise threats`` to the command line."""
    parser = subparsers.add_parser(
        "threats", help="threat evidence: KEV, EPSS, SSVC", description="Threat evidence: KEV, EPSS, SSVC."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_update(verbs)
    status = verbs.add_parser("status", help="date, age and rows of each feed in the store")
    _add_common(status)
    status.set_defaults(run=run_status)


def _add_update(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    update = verbs.add_parser(
        "update",
        help="fetch the feeds, check them and store them",
        description="Fetch the feeds over https, check them and store them. A feed that is refused leaves "
        "the last good one in use.",
        epilog="Addresses come from the options, else from POISE_KEV_URL, POISE_EPSS_URL and POISE_SSVC_URL, "
        "else they are the publishers' own. https_proxy and no_proxy are honoured. Vulnrichment is large "
        "(some 250 MB); use --feed to choose.",
    )
    _add_common(update)
    update.add_argument("--feed", choices=FEED_CHOICES, help="update this feed only")
    update.add_argument(
        "--from", dest="file", type=Path, metavar="FILE", help="read a file or folder instead"
    )
    for feed in FEED_CHOICES:
        update.add_argument(f"--{feed}-url", metavar="URL", help=f"address of the {feed} feed")
    update.add_argument(
        "--max-shrink", type=_percent, default=5.0, metavar="PERCENT",
        help="refuse a feed that lost more of its rows than this (default %(default)s)",
    )  # fmt: skip
    update.add_argument("--accept-shrink", action="store_true", help="take a feed whatever rows it lost")
    update.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="SECONDS",
        help="longest wait for a connection or for the next bytes (default %(default)s)",
    )  # fmt: skip
    update.set_defaults(run=run_update)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workspace", metavar="DIR", help="the feeds are in DIR/threats (default: POISE_HOME, else .poise)"
    )
    parser.add_argument("--now", type=_moment, metavar="TIME", help="the time to count from (default: now)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_update(arguments: argparse.Namespace) -> int:
    """Update the feeds; return 0, or 2 when a feed was refused (the others are still updated)."""
    from poise.errors import Fault, ThreatFeedError
    from poise.threats.download import Limits
    from poise.threats.store import ThreatStore
    from poise.threats.update import Rules, locked

    if arguments.file is not None and arguments.feed is None:
        print("--from needs --feed: a file does not say reliably which feed it is.", file=sys.stderr)
        return 2
    store = ThreatStore(threats_directory(arguments.workspace))
    rules = Rules(arguments.max_shrink, arguments.accept_shrink, Limits(idle_seconds=arguments.timeout))
    now = arguments.now or datetime.now(UTC)
    outcomes: list[Outcome] = []
    refused: dict[str, tuple[Fault, ...]] = {}
    with locked(store):
        for feed in [arguments.feed] if arguments.feed else FEED_CHOICES:
            try:
                outcomes.append(_update(store, feed, arguments, now, rules))
            except ThreatFeedError as error:
                if arguments.debug:
                    raise
                refused[feed] = error.faults
    if arguments.json:
        print(json.dumps(_update_json(outcomes, refused), indent=1))
    else:
        _print_update(outcomes, refused)
    return 2 if refused else 0


def _update(
    store: ThreatStore, feed: Any, arguments: argparse.Namespace, now: datetime, rules: Rules
) -> Outcome:
    from poise.cli.progress import progress_bar
    from poise.threats.update import PUBLIC_URLS, URL_VARIABLES, update_from_file, update_from_url

    if arguments.file is not None:
        return update_from_file(store, feed, arguments.file, now, rules)
    url = getattr(arguments, f"{feed}_url") or os.environ.get(URL_VARIABLES[feed]) or PUBLIC_URLS[feed]
    with progress_bar() as progress:
        return update_from_url(store, feed, url, now, rules, progress)


def _print_update(outcomes: list[Outcome], refused: dict[str, Any]) -> None:
    for outcome in outcomes:
        rows = f"{outcome.snapshot.rows} rows"
        what = f"stored, {rows}" if outcome.changed else f"unchanged, {rows}"
        left_out = f"; {len(outcome.faults)} faulty rows left out" if outcome.faults else ""
        print(f"{outcome.snapshot.label}: {what}{left_out}")
        _print_faults(outcome.faults)
    for faults in refused.values():
        _print_faults(faults)


def _print_faults(faults: tuple[Any, ...]) -> None:
    for fault in faults[:FAULTS_SHOWN]:
        print(fault, file=sys.stderr)
    if len(faults) > FAULTS_SHOWN:
        print(f"... and {len(faults) - FAULTS_SHOWN} more; --json lists all.", file=sys.stderr)


def _update_json(outcomes: list[Outcome], refused: dict[str, Any]) -> dict[str, Any]:
    return {
        "updated": [
            {
                "feed": outcome.feed,
                "changed": outcome.changed,
                "date": outcome.snapshot.date.isoformat(),
                "version": outcome.snapshot.version,
                "rows": outcome.snapshot.rows,
                "sha256": outcome.snapshot.sha256,
                "source": outcome.snapshot.source,
                "resumed_at_byte": outcome.resumed_at,
                "faults": [fault.as_dict() for fault in outcome.faults],
            }
            for outcome in outcomes
        ],
        "refused": {feed: [fault.as_dict() for fault in faults] for feed, faults in refused.items()},
    }


def run_status(arguments: argparse.Namespace) -> int:
    """Print how each feed stands; return 0, or 3 when one is missing or stale."""
    from poise.threats.store import ThreatStore

    now = arguments.now or datetime.now(UTC)
    status = ThreatStore(threats_directory(arguments.workspace)).status(now.date())
    if arguments.json:
        print(
            json.dumps(
                {"as_of": now.date().isoformat(), "feeds": [_status_json(s) for s in status]}, indent=1
            )
        )
    else:
        print(f"{'feed':5} {'state':8} {'date':11} {'age, days':>9} {'rows':>8}  version")
        for line in status:
            print(_status_line(line))
    return 0 if all(line.state == "fresh" for line in status) else 3


def _status_line(status: FeedStatus) -> str:
    snapshot = status.snapshot
    if snapshot is None:
        return f"{status.feed:5} {status.state:8}"
    return (
        f"{status.feed:5} {status.state:8} {snapshot.date!s:11} {status.age_days:>9} {snapshot.rows:>8}  "
        f"{snapshot.version}".rstrip()
    )


def _status_json(status: FeedStatus) -> dict[str, Any]:
    snapshot = status.snapshot
    return {
        "feed": status.feed,
        "state": status.state,
        "date": snapshot.date.isoformat() if snapshot else None,
        "age_days": status.age_days,
        "rows": snapshot.rows if snapshot else None,
        "version": snapshot.version if snapshot else None,
        "source": snapshot.source if snapshot else None,
        "sha256": snapshot.sha256 if snapshot else None,
    }


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date or time; expected 2026-01-05T09:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _percent(text: str) -> float:
    return _between(text, 0.0, 100.0)


def _seconds(text: str) -> float:
    return _between(text, 0.1, 3600.0)


def _between(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {low:g} to {high:g}")
    return value
