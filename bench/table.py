"""What the table takes on the whole sample company: fair points, prices of ten limits, repairs, trades.

    python bench/table.py [landmarks] [prices] [broken] [repairs] [trades] [settlement] [--threads 2]

All by default. Ten limits of all kinds: three freezes of the estate and seven of the two sides; ``broken``
prices ten of which the plan under talk breaks eight, with deadlines and a freeze that bind. Repairs are of
limits that cannot all hold; trades start in the middle of the frontier.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from poise.estate import load_estate
from poise.patching.planner import Settings
from poise.planning.warm import main as warm
from poise.sample import NOW, write_sample
from poise.sample.feeds import fill_store
from poise.scans import read_scan
from poise.table.ground import Ground, as_plan
from poise.table.landmarks import landmarks_after, landmarks_before
from poise.table.limits import Limit
from poise.table.opening import open_ground
from poise.table.pricing import PriceSheet, price_sheet, sentence
from poise.table.repairing import repair_sheet
from poise.table.solving import Effort, costs_of
from poise.table.trading import Importance, find_trades, post_settlement

T = TypeVar("T")
LIMITS: tuple[dict[str, Any], ...] = (
    {"id": "weekends", "party": "operations", "rule": "weekends", "amount": 8},
    {"id": "hours", "party": "operations", "rule": "hours", "amount": 60},
    {"id": "erp-hours", "party": "operations", "rule": "hours", "amount": 3, "scope": ["erp"]},
    {"id": "shops", "party": "operations", "rule": "services", "amount": 1, "scope": ["shop", "pos"]},
    {"id": "edge-risk", "party": "security", "rule": "exposure", "amount": 60_000, "scope": ["edge"]},
    {
        "id": "kev",
        "party": "security",
        "rule": "deadline",
        "affected": "kev",
        "amount": 120,
        "scope": ["edge"],
    },
    {
        "id": "critical",
        "party": "security",
        "rule": "deadline",
        "affected": "critical",
        "amount": 150,
        "scope": ["api", "checkout"],
    },
)
#: Ten limits, eight of which the tenth plan of the frontier breaks; start and end in days from now.
BROKEN: tuple[dict[str, Any], ...] = (
    {"id": "kev-shop", "rule": "deadline", "affected": "kev", "amount": 75, "scope": ["shop", "pos"]},
    {
        "id": "critical",
        "rule": "deadline",
        "affected": "critical",
        "amount": 90,
        "scope": ["api", "checkout", "login"],
    },
    {"id": "high-erp", "rule": "deadline", "affected": "high", "amount": 90, "scope": ["erp"]},
    {"id": "edge-freeze", "rule": "freeze", "start": 3, "end": 24, "scope": ["edge", "vpn", "wan"]},
    {"id": "shop-freeze", "rule": "freeze", "start": 14, "end": 42, "scope": ["api", "checkout", "orders"]},
    {"id": "hours", "rule": "hours", "amount": 16.2},
    {"id": "weekends", "rule": "weekends", "amount": 16},
    {"id": "shops", "rule": "services", "amount": 1, "scope": ["shop", "pos", "checkout"]},
    {"id": "erp-risk", "rule": "exposure", "amount": 1_216.6, "scope": ["erp"]},
    {"id": "edge-risk", "rule": "exposure", "amount": 2_231.5, "scope": ["edge"]},
)
_TENTH = 9
#: Instead of the last three but one: what cannot hold beside the freezes.
TOO_MUCH: tuple[dict[str, Any], ...] = (
    {"id": "kev", "party": "security", "rule": "deadline", "affected": "kev", "amount": 45},
    {"id": "edge-risk", "party": "security", "rule": "exposure", "amount": 9_000, "scope": ["edge"]},
)
IMPORTANCE = Importance({"edge": 5, "wan": 3, "cms": 0.2}, {"edge": 5, "api": 3, "wan": 0.3})


def opened(folder: Path) -> Ground:
    """Return the ground of a table on all reports of the sample company."""
    sample = write_sample(folder)
    store = fill_store(folder / "threats")
    reports = [one for path in sample.reports for one in read_scan(path)]
    ground, _ = open_ground(load_estate(sample.estate), reports, store, Settings(now=NOW, points=15))
    return ground


def broken(ground: Ground) -> tuple[Limit, ...]:
    """Return the limits of :data:`BROKEN`."""
    made = []
    for one in BROKEN:
        party = "security" if one["rule"] in ("deadline", "exposure") else "operations"
        dates: dict[str, Any] = {
            name: (ground.now + timedelta(days=one[name])).isoformat()
            for name in ("start", "end")
            if name in one
        }
        made.append(msgspec.convert({"party": party, **one, **dates}, Limit))
    return tuple(made)


def show_prices(sheet: PriceSheet) -> None:
    """Print every price at the plan under talk, by the plans found and as proven, and the mean width."""
    widths = []
    for one in sheet.limits:
        alone, calm = one.exposure.alone, one.disruption
        widths += [price.high - price.low for price in (alone, one.exposure.last) if not price.is_impossible]
        told = [sentence(alone, "EUR", "exposure"), sentence(calm, "EUR", "disruption")]
        print(f"    {one.limit.id}: {'; '.join(told)}")
    print(f"    all together: {sentence(sheet.together_exposure, 'EUR', 'exposure')}")
    print(f"    mean width of prices in expected loss {np.mean(widths):,.0f}")


def told(what: str, work: Callable[[], T]) -> T:
    """Do some work, and print the seconds of the clock and of the processor that it took."""
    clock, processor = time.perf_counter(), time.process_time()
    found = work()
    print(
        f"| {what} | {time.perf_counter() - clock:.1f} s | {time.process_time() - processor:.1f} s |",
        flush=True,
    )
    return found


def main() -> None:
    """Print what each computation took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = ("landmarks", "prices", "broken", "repairs", "trades", "settlement")
    parser.add_argument("what", nargs="*", choices=[*every, []], help="which (all)")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    wanted, effort = arguments.what or every, Effort(threads=arguments.threads)
    warm()
    with tempfile.TemporaryDirectory() as folder:
        ground = opened(Path(folder))
    made = tuple(msgspec.convert(one, Limit) for one in LIMITS)
    limits = (*ground.estate_limits, *made)
    print(f"{len(ground.changes)} changes on {len(ground.groups)} groups, {len(limits)} limits")
    print("| | wall | processor |\n| --- | ---: | ---: |")
    middle = as_plan(ground.plans[len(ground.plans) // 2].windows)
    before = landmarks_before(ground, ground.default_plan)
    if "landmarks" in wanted or "prices" in wanted:
        after = told(
            "fair points after limits",
            lambda: landmarks_after(ground, limits, before, ground.default_plan, effort),
        )
        fair = after.point("kalai-smorodinsky")
    if "prices" in wanted:
        sheet = told(
            f"prices of {len(limits)} limits",
            lambda: price_sheet(ground, limits, fair.plan, fair.costs, effort=effort),
        )
        show_prices(sheet)
    if "broken" in wanted:
        draft = as_plan(ground.plans[_TENTH].windows)
        costs = costs_of(ground.problem, draft)
        for what, hard in (
            ("ten limits, eight of them broken", broken(ground)),
            ("ten far from kept", limits),
        ):
            show_prices(
                told(
                    f"prices of {what}",
                    lambda hard=hard: price_sheet(ground, hard, draft, costs, effort=effort),  # type: ignore[misc]
                )
            )
    if "repairs" in wanted:
        much = {one["id"]: msgspec.convert(one, Limit) for one in TOO_MUCH}
        tight = tuple(much.get(one.id, one) for one in limits)
        found = told("repairs", lambda: repair_sheet(ground, tight, middle, effort=effort))
        for repair in found.repairs:
            print("   ", [(give.limit.id, round(give.share, 2)) for give in repair.gives], repair.costs)
    if "trades" in wanted:
        for trade in told("trades", lambda: find_trades(ground, (), middle, IMPORTANCE, effort=effort)):
            gains = f"{trade.gain_security:.2%} / {trade.gain_operations:.2%}"
            print(f"    {len(trade.moved)} moves, at least {trade.least_moves}: {gains} {trade.warnings}")
    if "settlement" in wanted:
        better = told(
            "search after a signature",
            lambda: post_settlement(ground, (), middle, IMPORTANCE, Effort(rounds=6, threads=effort.threads)),
        )
        print("   ", None if better is None else (better.gain_security, better.gain_operations))


if __name__ == "__main__":
    main()
