"""How the numbers of the report are to be read."""

from __future__ import annotations

from poise.patching.document import PlanDocument
from poise.report.figures import NBSP
from poise.report.markup import Markup, element


def reading(document: PlanDocument) -> Markup:
    """Return the terms of the report with their meaning and unit."""
    days = f"{document.horizon_days:.0f} days"
    entries = (*_amounts(days, document.currency), *_counts(days))
    return element("dl", [[element("dt", term), element("dd", meaning)] for term, meaning in entries])


def _amounts(days: str, currency: str) -> tuple[tuple[str, str], ...]:
    return (
        (
            "Expected loss",
            f"The exposure: what attacks through the open vulnerabilities cost on average over the "
            f"{days}, in {currency}. Most such periods cost nothing and a few cost very much more; it is "
            "an average, not a forecast.",
        ),
        (
            f"90{NBSP}% range",
            "Where the expected loss lies if the owners' ranges for the loss in one incident are right. "
            "Plans share the same uncertainty: two overlapping ranges do not mean that the plans are "
            "equally good.",
        ),
        (
            "Disruption",
            f"What patching costs the business over the same {days}, in {currency}: planned downtime and "
            "labour, changes that fail, and emergency work for what was put off.",
        ),
        (
            "Planned downtime",
            "Hours in which a service is down on purpose. One half of a cluster down is less capacity and is "
            "shown in brackets.",
        ),
        (
            "Share of the best",
            "How much of the way from the default plan to its own best plan a side gets. It needs no "
            "exchange rate between the two sides.",
        ),
    )


def _counts(days: str) -> tuple[tuple[str, str], ...]:
    return (
        (
            "No plan can be here",
            "The hatched area and the percentages marked proven come from a bound, not from having tried "
            "many plans: nobody can find a plan there under the same windows, people and limits.",
        ),
        (
            "Late deadline",
            "A change done after the day that law or policy wants, or not within the horizon. What was "
            "overdue before the plan began has a second clock from the plan's own day, and is late when "
            "it is left open beyond that.",
        ),
        (
            "Weekend worked",
            "A team that starts a visit on a Saturday or Sunday. Two teams on one weekend count twice.",
        ),
        (
            "Serious incident",
            f"The chance of at least one within the {days} through what the reports found: 12 in 1,000 means "
            "that of 1,000 companies like this one, about 12 would have one.",
        ),
        (
            "Assumed",
            "A figure that nobody gave and a stated value stands in for. The list of assumptions has its "
            "source.",
        ),
        (
            "Rounding",
            "Money has three significant digits, the ends of ranges two. The exact figures are in plan.json.",
        ),
    )
