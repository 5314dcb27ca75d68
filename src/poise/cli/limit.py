"""``poise limit``: post limits, price them, and find ways out when they cannot all hold."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from poise.cli import at_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poise.bargain.prices import LimitPrice
    from poise.table.limits import Limit
    from poise.table.pricing import CurvePoint, PriceSheet
    from poise.table.repairing import Give, RepairSheet
    from poise.table.session import Session

    _Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

_RULES = ("freeze", "hours", "weekends", "services", "deadline", "exposure")
_CLASSES = ("law", "policy", "preference")
_AFFECTED = ("all", "kev", "ransomware", "critical", "high")


def add_parser(subparsers: _Verbs) -> None:
    """Add ``poise limit`` to the command line."""
    parser = subparsers.add_parser(
        "limit",
        help="limits: post, list, price, repair",
        description="What a side wants every plan to keep. docs/negotiation.md explains every rule.",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_posting(verbs)
    for name, run, text in (
        ("price", run_price, "what each limit costs at the plan under talk; an interval where not proven"),
        (
            "repair",
            run_repair,
            "which limits could give way when they cannot all hold; exit 1 when they cannot",
        ),
    ):
        verb = verbs.add_parser(name, help=text)
        if name == "price":
            verb.add_argument(
                "--shares", action="store_true", help="Shapley shares too, which takes several times as long"
            )
            verb.add_argument(
                "--curve", metavar="ID", help="what this limit costs along the frontier instead"
            )
        else:
            verb.add_argument("--most", type=_count, default=5, metavar="N", help="repairs to work out (5)")
        at_table.add_effort(verb)
        at_table.add_common(verb)
        verb.set_defaults(run=run)


def _add_posting(verbs: _Verbs) -> None:
    from poise.cli.plan import iso_time

    add = verbs.add_parser("add", help="post a limit")
    add.add_argument("id", metavar="ID", help="a short name: lower-case letters, digits and -")
    at_table.add_party(add)
    add.add_argument("--rule", required=True, choices=_RULES, help="what it is about")
    add.add_argument("--class", dest="class_", choices=_CLASSES, default="preference", help="(preference)")
    add.add_argument("--owner", default="", help="who answers for it")
    add.add_argument("--reason", default="", help="why it is there")
    add.add_argument("--until", type=_day, metavar="DAY", help="last day on which it stands")
    add.add_argument(
        "--scope", nargs="+", default=(), metavar="ID", help="services, patch groups, teams (all)"
    )
    add.add_argument("--amount", type=float, metavar="X", help="hours, weekends, services, days or money")
    add.add_argument(
        "--start",
        type=iso_time,
        metavar="TIME",
        help="of a freeze, or of what hours, weekends and services count; without a zone in company time",
    )
    add.add_argument("--end", type=iso_time, metavar="TIME", help="the end of that")
    add.add_argument("--affected", choices=_AFFECTED, default="all", help="which changes a deadline is about")
    at_table.add_key(add)
    at_table.add_common(add)
    add.set_defaults(run=run_add)
    drop = verbs.add_parser("drop", help="take a limit off the table")
    drop.add_argument("id", metavar="ID", help="the limit")
    drop.add_argument("--reason", default="", help="why")
    at_table.add_key(drop)
    at_table.add_common(drop)
    drop.set_defaults(run=run_drop)
    listing = verbs.add_parser("list", help="the limits in force, with what the plan under talk uses of them")
    at_table.add_effort(listing)
    at_table.add_common(listing)
    listing.set_defaults(run=run_list)


def _count(text: str) -> int:
    from poise.cli.plan import count

    return count(text)


def _day(text: str) -> Any:
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; expected such as 2026-03-31") from None


def run_add(arguments: argparse.Namespace) -> int:
    """Run ``poise limit add``."""
    from poise.table.limits import Limit

    with at_table.session(arguments) as at:
        limit = Limit(
            id=arguments.id,
            party=arguments.party,
            rule=arguments.rule,
            class_=arguments.class_,
            owner=arguments.owner,
            reason=arguments.reason,
            until=arguments.until,
            scope=tuple(arguments.scope),
            amount=arguments.amount,
            start=at_table.in_company_time(at, arguments.start),
            end=at_table.in_company_time(at, arguments.end),
            affected=arguments.affected,
        )
        keys, holder = at_table.signer(arguments, at)
        record = at.add_limit(limit, keys, holder)
        text = f"{limit.id}: {at_table.limit_words(at, limit)}\nRecord {record.sequence}: {record.hash}\n"
        return at_table.show(arguments, {"record": record.hash, "limit": limit}, text)


def run_drop(arguments: argparse.Namespace) -> int:
    """Run ``poise limit drop``."""
    with at_table.session(arguments) as at:
        keys, holder = at_table.signer(arguments, at)
        record = at.drop_limit(arguments.id, arguments.reason, keys, holder)
        text = f"{arguments.id} is off the table.\nRecord {record.sequence}: {record.hash}\n"
        return at_table.show(arguments, {"record": record.hash, "dropped": arguments.id}, text)


def run_list(arguments: argparse.Namespace) -> int:
    """Run ``poise limit list``."""
    from poise.cli.progress import progress_bar
    from poise.table.binding import amount_of

    with at_table.session(arguments) as at, progress_bar() as progress:
        draft = at.draft(at_table.effort_of(arguments), progress)
        entries = []
        lines = []
        for limit in at.limits:
            used = amount_of(at.ground, limit, draft.plan)
            says = at_table.limit_words(at, limit)
            entries.append({"limit": limit, "sentence": says, "used": used})
            unit = "d inside" if limit.rule == "freeze" else limit.unit(at.ground.currency)
            uses = "leaves changes undone" if used is None else f"uses {used:,.4g} {unit}"
            until = f", until {limit.until}" if limit.until else ""
            lines.append(f"{limit.id} ({limit.party}, {limit.class_}{until}): {says} {draft.label} {uses}.")
        text = "\n".join(lines or ["No limits."]) + "\n"
        return at_table.show(arguments, {"draft": draft.label, "limits": entries}, text)


def run_price(arguments: argparse.Namespace) -> int:
    """Run ``poise limit price``."""
    from poise.cli.progress import progress_bar
    from poise.errors import Fault, TableError
    from poise.table.pricing import price_curve, price_sheet

    effort = at_table.effort_of(arguments)
    with at_table.session(arguments) as at, progress_bar() as progress:
        negotiable = {limit.id for limit in at.limits if limit.may_give_way}
        if arguments.curve is not None and arguments.curve not in negotiable:
            text = f"There is no negotiable limit {arguments.curve!r}."
            raise TableError(Fault("E554", "limit", text, "poise limit list shows them."))
        draft = at.draft(effort, progress)
        if arguments.curve is not None:
            if progress:
                progress(0, 1, f"what {arguments.curve} costs along the frontier")
            points = price_curve(at.ground, at.limits, arguments.curve, draft.plan, draft.costs, effort)
            value = {"limit": arguments.curve, "draft": draft.label, "at": draft.costs, "curve": points}
            return at_table.show(arguments, value, _curve_text(at, arguments.curve, points))
        sheet = price_sheet(
            at.ground,
            at.limits,
            draft.plan,
            draft.costs,
            shares=arguments.shares,
            effort=effort,
            progress=progress,
        )
        return at_table.show(
            arguments, {"draft": draft.label, "sheet": sheet}, _sheet_text(at, sheet, draft.label)
        )


def _sheet_text(at: Session, sheet: PriceSheet, label: str) -> str:
    from poise.table.pricing import sentence

    currency = at.ground.currency
    lines = [
        f"Prices at {label}: loss {at_table.money(sheet.at.security, currency)}, disruption "
        f"{at_table.money(sheet.at.operations, currency)}",
        "",
    ]
    for priced in sheet.limits:
        limit = priced.limit
        lines.append(f"{limit.id} ({limit.party}, {limit.class_})")
        lines.append(f"  alone:        {sentence(priced.exposure.alone, currency, 'exposure')}")
        lines.append(f"                {sentence(priced.disruption, currency, 'disruption')}")
        lines.append(f"  the only one: {sentence(priced.exposure.last, currency, 'exposure')}")
        if priced.trimmed is not None:
            lines.append(f"  one step less saves: {sentence(priced.trimmed, currency, 'exposure')}")
        if sheet.has_shares:
            lines.append(f"  share of all: {_share(priced.exposure, sheet, currency)}")
    lines += [
        "",
        f"All together: {sentence(sheet.together_exposure, currency, 'exposure')}",
        f"              {sentence(sheet.together_disruption, currency, 'disruption')}",
        "Loss at no more disruption, disruption at no more loss. Prices do not add up.",
    ]
    return "\n".join(lines) + "\n"


def _share(price: LimitPrice, sheet: PriceSheet, currency: str) -> str:
    from poise.table.pricing import sentence

    how = "" if sheet.is_exact_share else f" (sampled over {sheet.num_orders} orders)"
    return sentence(price.share, currency, "exposure") + how


def _curve_text(at: Session, name: str, points: Sequence[CurvePoint]) -> str:
    from poise.table.pricing import sentence

    currency = at.ground.currency
    lines = [f"What {name} costs along the frontier"]
    lines += [
        f"  at disruption {at_table.money(point.disruption, currency):>12}: "
        f"{sentence(point.price, currency, 'exposure')}"
        for point in points
    ]
    return "\n".join(lines) + "\n"


def run_repair(arguments: argparse.Namespace) -> int:
    """Run ``poise limit repair``; exit 1 when the limits cannot all hold."""
    from poise.cli.progress import progress_bar
    from poise.table.repairing import repair_sheet

    effort = at_table.effort_of(arguments)
    with at_table.session(arguments) as at, progress_bar() as progress:
        start = at.before.point("kalai-smorodinsky").plan
        sheet = repair_sheet(
            at.ground, at.limits, start, most=arguments.most, effort=effort, progress=progress
        )
        value = {
            "is_needed": sheet.is_needed,
            "is_complete": sheet.is_complete,
            "blocked_by": sheet.blocked_by,
            "emergency": sheet.emergency,
            "conflicts": sheet.conflicts,
            "repairs": [
                {"gives": one.gives, "parties": one.parties, "share": one.share, "costs": one.costs}
                for one in sheet.repairs
            ],
        }
        at_table.show(arguments, value, _repair_text(at, sheet))
        return 1 if sheet.is_needed else 0


def _repair_text(at: Session, sheet: RepairSheet) -> str:
    from poise.table.emergency import NO_WAY, way_words

    currency = at.ground.currency
    if not sheet.is_needed:
        return "All limits can hold together.\n"
    if sheet.blocked_by:
        lines = ["Even the law and the calendar leave no plan:", *(f"  {one}" for one in sheet.blocked_by)]
        ways = [f"{way_words(way)}, for {at_table.money(way.price, currency)}" for way in sheet.emergency]
        lines += [f"  way out: {way}" for way in ways or [NO_WAY]]
        return "\n".join(lines) + "\n"
    lines = ["No plan meets all limits. Ways out, smallest give first:"]
    for number, one in enumerate(sheet.repairs, 1):
        lines.append(f"{number}. {' and '.join(one.parties)} give{'s' if len(one.parties) == 1 else ''}:")
        lines += [f"   {_give(give, currency)}" for give in one.gives]
        lines.append(
            f"   then: loss {at_table.money(one.costs.security, currency)}, disruption "
            f"{at_table.money(one.costs.operations, currency)}"
        )
    for conflict in sheet.conflicts:
        names = " and ".join(sorted(conflict))
        lines.append(f"Conflict: {names} cannot hold" + ("." if len(conflict) == 1 else " together."))
    if not sheet.is_complete:
        lines.append("There may be other ways out.")
    return "\n".join(lines) + "\n"


def _give(give: Give, currency: str) -> str:
    limit, after = give.limit, give.after
    perhaps = "" if give.is_least else "; less may do, which is not proven"
    if after is None:
        return f"{limit.id} goes{perhaps}"
    if limit.rule == "freeze":
        return f"{limit.id} shrinks to {after.start:%Y-%m-%d} to {after.end:%Y-%m-%d}{perhaps}"
    unit = limit.unit(currency)
    return f"{limit.id} {_amount(limit)} -> {_amount(after)} {unit} (+{give.share:.0%}){perhaps}"


def _amount(limit: Limit) -> str:
    return f"{limit.amount or 0.0:,.6g}"
