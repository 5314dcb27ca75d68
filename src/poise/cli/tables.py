"""The plan document as tables for a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from poise.patching.document import NamedPlan, PlanDocument

#: Order of the plans in the table: the default first, as everything is counted from it.
_KINDS = ("default", "landmark", "total", "ideal")


def landmark_table(document: PlanDocument) -> Table:
    """Return the short table that a manager reads; it fits a terminal of 80 columns."""
    until = document.horizon_end.date().isoformat()
    table = Table(
        title=f"{document.company}: patch plans until {until}, in {document.currency}",
        title_justify="left",
        caption="Expected loss with its 90 % range. Shares of each side's best, security / operations: "
        "0 % is what happens if nobody signs. The calendar written out is the bold one.",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("plan")
    for heading in ("expected loss", "disruption", "down", "weekends", "late", "shares"):
        table.add_column(heading, justify="right")
    for kind in _KINDS:
        for plan in document.plans:
            if plan.kind == kind:
                table.add_row(*_row(plan), style="bold" if plan.key == document.shown else None)
    return table


def _row(plan: NamedPlan) -> tuple[str, ...]:
    return (
        plan.label,
        f"{money(plan.expected_loss)} ({span(plan.expected_loss_low, plan.expected_loss_high)})",
        money(plan.disruption),
        f"{plan.downtime_hours:,.0f} h",
        str(plan.weekends_worked),
        str(plan.num_late),
        f"{percent(plan.share_security)} / {percent(plan.share_operations)}",
    )


def rule_table(document: PlanDocument) -> Table:
    """Return what today's rules cost more than the frontier."""
    table = Table(
        title="Rules people use today, on the same windows and teams",
        title_justify="left",
        caption="More than the frontier: loss (with late deadlines) at equal disruption, disruption at "
        "equal loss.",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("rule")
    for heading in ("expected loss", "disruption", "late", "more loss", "more disruption"):
        table.add_column(heading, justify="right")
    for plan in document.plans:
        if plan.kind == "rule":
            table.add_row(
                plan.label,
                money(plan.expected_loss),
                money(plan.disruption),
                str(plan.num_late),
                _more(plan.excess_exposure),
                _more(plan.excess_disruption),
            )
    return table


def money(value: float, digits: int = 3) -> str:
    """Return money to a few significant digits, in thousands or millions."""
    value = float(f"{value:.{digits}g}")
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:,.10g}{unit}"
    return f"{value:.10g}"


def span(low: float, high: float) -> str:
    """Return a range of money to two digits, in one unit where both ends have the same."""
    left, right = money(low, 2), money(high, 2)
    unit = right.partition(" ")[2]
    if unit and left.endswith(f" {unit}"):
        left = left.removesuffix(f" {unit}")
    return f"{left}-{right}"


def percent(share: float | None) -> str:
    """Return a share in percent, or a dash where there is none; far below zero only that it is so."""
    if share is None:
        return "-"
    return f"{share:.0%}" if share > -9.99 else "< -999%"


def _more(excess: float | None) -> str:
    if excess is None:
        return "-"
    return "as good" if abs(excess) < 0.005 else f"{excess:+.0%}"
