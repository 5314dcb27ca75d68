"""How far the page's figures can be trusted: ranges of what nobody knows, dots of what may happen."""

from __future__ import annotations

from poise.patching.document import Simulated, SimulatedPlan
from poise.patching.lookup import Lookup
from poise.report.dot_chart import DotRow, dot_chart
from poise.report.figures import Money, count, percent
from poise.report.markup import Child, Markup, element
from poise.report.tables import Column, table


def trust(lookup: Lookup) -> Markup | None:
    """Return the section, None for a document that was not simulated."""
    found = lookup.document.simulated
    named = {plan.key for plan in lookup.document.plans}
    if found is None or not {plan.key for plan in found.plans} <= named:
        return None
    money = Money(lookup.document.currency)
    columns = (
        Column("Plan", holds="name"),
        Column("Expected loss", is_number=True),
        Column("its 5-95 % range", is_number=True),
        Column("Serious incident", is_number=True),
        Column("Unplanned hours", is_number=True),
        Column("Better than if nobody signs", is_number=True),
        Column("Near the best", is_number=True),
    )
    rows = [_row(lookup, plan, money) for plan in found.plans]
    return element(
        "div",
        element("p", _words(lookup, found)),
        table("Named plans under what nobody knows exactly.", columns, rows),
        element("h3", "What may happen"),
        element("p", _chances(lookup, found)),
        _dots(lookup, found),
    )


def _row(lookup: Lookup, plan: SimulatedPlan, money: Money) -> list[Child]:
    return [
        lookup.document.plan(plan.key).label,
        money(plan.expected_loss),
        f"{money(plan.expected_loss_low)} to {money(plan.expected_loss_high)}",
        f"{plan.incident_probability:.1%}",
        f"{plan.unplanned_hours_low:,.1f} to {plan.unplanned_hours_high:,.1f} h",
        "" if plan.key == "default" else percent(plan.better_than_default),
        percent(plan.near_best),
    ]


def _words(lookup: Lookup, found: Simulated) -> str:
    names = lookup.document
    text = (
        "Nobody knows the base rate, the reach of an attack, a loss or a failure rate exactly. Each "
        "is a range; "
        f"{count(found.knowledge_draws)} draws from all of them give the ranges below, the same "
        f"draws for every plan. "
        "Better: in so much of what is held possible both sides' total cost is below that of the "
        "default. Near the "
        "best: within 5 % of the least. "
        f"The sum that the solver minimises is at most {found.linear_error:.1%} off at the same inputs"
    )
    if not found.rank_changes:
        return f"{text}, and no two plans change places."
    pairs = "; ".join(
        f"{names.plan(b).label} before {names.plan(a).label}" for a, b in found.rank_changes[:6]
    )
    return f"{text}. Simulated, these change places: {pairs}."


def _chances(lookup: Lookup, found: Simulated) -> str:
    return (
        f"Chance is another matter: {count(found.draws)} possible times from now to the horizon "
        f"were played. Each dot "
        "is one of a hundred equally likely ones. Most hold no incident at all; that is what a "
        "small chance of a "
        "large loss looks like, and no plan makes it certain."
    )


def _dots(lookup: Lookup, found: Simulated) -> list[Markup]:
    keys = dict.fromkeys((lookup.document.shown, "default"))
    plans = [plan for key in keys for plan in found.plans if plan.key == key]
    labels = [lookup.document.plan(plan.key).label for plan in plans]
    money = Money(lookup.document.currency)
    losses = [DotRow(name, plan.loss_dots) for name, plan in zip(labels, plans, strict=True)]
    hours = [DotRow(name, plan.unplanned_hours_dots) for name, plan in zip(labels, plans, strict=True)]
    return [
        element("h4", "Loss through incidents"),
        element("div", dot_chart(losses, money, _summary(losses, "loss")), class_="figure"),
        element("h4", "Unplanned hours of failed changes"),
        element(
            "div",
            dot_chart(hours, lambda value: f"{value:g} h", _summary(hours, "unplanned hours")),
            class_="figure",
        ),
    ]


def _summary(rows: list[DotRow], what: str) -> str:
    """Return the dots in words, for whoever does not see them."""
    told = [
        f"{row.label}: {sum(value <= 0 for value in row.values)} of {len(row.values)} with no "
        f"{what}, the middle one "
        f"{row.values[len(row.values) // 2]:,.4g}, the largest {max(row.values, default=0.0):,.4g}"
        for row in rows
    ]
    return f"Equally likely outcomes of {what}. {'; '.join(told)}."
