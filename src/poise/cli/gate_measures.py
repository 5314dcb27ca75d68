"""The verbs of ``poise gate`` that measure: risk budgets, plans of tests, delivery's four keys."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

from poise.errors import Fault, InputError


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them."""
    budget = verbs.add_parser("budget", help="a service's risk budget with its history")
    budget.add_argument("--history", required=True, metavar="FILE", type=Path, help="the history")
    budget.add_argument("--policy", required=True, metavar="FILE", type=Path, help="policy, signed or YAML")
    budget.add_argument("--service", required=True, metavar="NAME", help="the service")
    budget.add_argument("--now", metavar="TIME", help="as of this time (ISO)")
    budget.add_argument("--json", action="store_true", help="print JSON")
    budget.set_defaults(run=run_budget)
    plan = verbs.add_parser("plan-tests", help="which tests run inline within the minutes, and which later")
    plan.add_argument(
        "history", metavar="HISTORY_JSON", type=Path, help="what tests found and how long they took"
    )
    plan.add_argument("--minutes", type=float, required=True, metavar="N", help="what delivery grants")
    plan.add_argument("--json", action="store_true", help="print JSON")
    plan.set_defaults(run=run_plan)
    keys = verbs.add_parser("keys", help="delivery's four keys beside security's own")
    source = keys.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--log", metavar="FILE", type=Path, help="deployments: time, commit, committed, outcome"
    )
    source.add_argument("--git", metavar="DIR", type=Path, help="a repository whose tags are deployments")
    keys.add_argument("--tags", default="v*", metavar="PATTERN", help="tags that count (v*)")
    keys.add_argument("--write-log", metavar="FILE", type=Path, help="write the deployments as a log (CSV)")
    keys.add_argument("--verdicts", nargs="*", default=[], metavar="FILE", type=Path, help="for times to fix")
    keys.add_argument("--days", type=float, default=90.0, metavar="N", help="span (90)")
    keys.add_argument("--service", default="all", metavar="NAME", help="label of the metrics (all)")
    keys.add_argument("--history", metavar="FILE", type=Path, help="the service's history, for budget burn")
    keys.add_argument("--policy", metavar="FILE", type=Path, help="its policy, for the budget it agrees")
    keys.add_argument("--now", metavar="TIME", help="as of this time (ISO)")
    keys.add_argument("--openmetrics", action="store_true", help="print OpenMetrics")
    keys.add_argument("--json", action="store_true", help="print JSON")
    keys.set_defaults(run=run_keys)


def run_budget(arguments: argparse.Namespace) -> int:
    """Run ``poise gate budget``; exit 1 when it is spent."""
    import msgspec

    from poise.cli.gate import moment_of
    from poise.cli.policy import any_policy
    from poise.gate.budget import daily, read_history, state_of

    budget = any_policy(arguments.policy).budget
    if budget is None:
        raise InputError(Fault("E802", str(arguments.policy), "The policy has no budget."))
    now = moment_of(arguments.now)
    points = [point for point in read_history(arguments.history, arguments.service) if point.time <= now]
    last = points[-1] if points else None
    state = state_of(budget, points, now, last.by_us if last else 0.0, last.without_fix if last else 0.0)
    days = daily(points, now, budget.window_days)
    if arguments.json:
        rows = [{"day": end.date().isoformat(), "by_us": us, "without_fix": none} for end, us, none in days]
        print(json.dumps({"budget": msgspec.to_builtins(state), "days": rows}, indent=1))
        return 1 if state.spent else 0
    print(
        f"{arguments.service}: {state.burned_by_us:,.1f} of {state.allowed:,.1f} risk-days burned by our own"
    )
    print(f"delay in {state.window_days:g} days, and {state.without_fix:,.1f} more without any fix.")
    print(f"Now it burns {state.rate_by_us:g} a day.")
    most = max((us + none for _, us, none in days), default=0.0) or 1.0
    for end, us, none in days:
        bar = "#" * round(us / most * 40) + "." * round(none / most * 40)
        print(f"  {end.date()}  {us:8.2f} {none:8.2f}  {bar}")
    print("  (# by our delay, . without any fix)")
    return 1 if state.spent else 0


def run_plan(arguments: argparse.Namespace) -> int:
    """Run ``poise gate plan-tests``."""
    import msgspec

    from poise.gate.testplan import plan_tests, read_history

    if not 0 < arguments.minutes < 10**5:
        raise InputError(Fault("E803", "--minutes", f"{arguments.minutes:g} is not between 0 and 100,000."))
    plan = plan_tests(read_history(arguments.history), arguments.minutes)
    if arguments.json:
        sys.stdout.write((msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n").decode())
        return 0
    share = plan.yield_inline / plan.yield_of_all if plan.yield_of_all else 0.0
    spent = f"{plan.used_minutes:.2f} of {plan.minutes:g} minutes"
    print(f"Inline: {spent} find {share:.0%} of what all tests found.")
    for choice in plan.choices:
        place = "inline" if choice.inline else "later "
        rate = f"{choice.minutes:8.2f} min  {choice.per_minute:9.1f}/min"
        print(f"  {place}  {choice.test:<16} {rate}  {choice.why}")
    return 0


def run_keys(arguments: argparse.Namespace) -> int:
    """Run ``poise gate keys``."""
    import msgspec

    from poise.cli.gate import moment_of
    from poise.cli.gate_more import read_verdict
    from poise.gate.fixtimes import fix_days_by_severity
    from poise.gate.fourkeys import DEFINITIONS, four_keys, log_text, open_metrics, read_log, read_tags

    end = moment_of(arguments.now)
    if not 0 < arguments.days < 10**5:
        raise InputError(Fault("E803", "--days", f"{arguments.days:g} is not between 0 and 100,000."))
    start = end - timedelta(days=arguments.days)
    known = arguments.log is not None
    found = read_log(arguments.log) if known else read_tags(arguments.git, arguments.tags)
    source = str(arguments.log) if known else f"git tags {arguments.tags} of {arguments.git}"
    if arguments.write_log:
        arguments.write_log.write_text(log_text(found), encoding="utf-8")
    keys = four_keys(found, source, start, end)
    verdicts = sorted((read_verdict(path) for path in arguments.verdicts), key=lambda one: one.now)
    fixes, burn = fix_days_by_severity(verdicts), _burn(arguments, start, end)
    if arguments.openmetrics:
        extra = {f"fix_days_{word}": days for word, (_, days) in fixes.items()}
        extra |= {name: value for name, value in burn.items() if value is not None}
        sys.stdout.write(open_metrics(keys, arguments.service, extra))
    elif arguments.json:
        rows = {word: {"fixed": count, "median_days": days} for word, (count, days) in fixes.items()}
        value = {
            "keys": msgspec.to_builtins(keys),
            "fix_days": rows,
            "burn": burn,
            "definitions": DEFINITIONS,
        }
        print(json.dumps(value, indent=1))
    else:
        print(f"{keys.deployments} deployments from {start.date()} to {end.date()} ({source})")
        for name in ("deployments_per_week", "lead_time_hours", "change_failure_rate", "restore_hours"):
            value = getattr(keys, name)
            print(f"  {name:<22} {'unknown' if value is None else f'{value:g}':>10}  {DEFINITIONS[name]}")
        for word, (count, days) in fixes.items():
            print(f"  fix_days {word:<13} {days:>10g}  of {count} that went away; {DEFINITIONS['fix_days']}")
        for name, risk_days in burn.items():
            if risk_days is not None:
                print(f"  {name:<22} {risk_days:>10g}  {DEFINITIONS[name]}")
    return 0


def _burn(arguments: argparse.Namespace, start: datetime, end: datetime) -> dict[str, float | None]:
    """Return how much of the risk budget burned in the span, and what is agreed; empty without a history."""
    from poise.cli.policy import any_policy
    from poise.gate.budget import burned, read_history

    if arguments.history is None:
        return {}
    if arguments.service == "all":
        raise InputError(Fault("E802", "--service", "A history holds several services.", "Name one."))
    points = [one for one in read_history(arguments.history, arguments.service) if one.time <= end]
    by_us, without_fix = burned(points, end, (end - start) / timedelta(days=1))
    budget = any_policy(arguments.policy).budget if arguments.policy else None
    agreed = budget.risk_days * ((end - start) / timedelta(days=budget.window_days)) if budget else None
    return {
        "risk_days": round(by_us, 4),
        "risk_days_without_fix": round(without_fix, 4),
        "risk_days_agreed": None if agreed is None else round(agreed, 4),
    }
