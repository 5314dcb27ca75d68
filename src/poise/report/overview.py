"""The first pages of the report: where the two sides stand and where they could meet."""

from __future__ import annotations

from poise.patching.document import NamedPlan, PlanDocument
from poise.patching.lookup import Lookup
from poise.report.bar_chart import range_bar, share_bar
from poise.report.figures import NBSP, Money, count, day, hours, percent, plural
from poise.report.frontier import frontier_figure, gap_of, ordered
from poise.report.markup import Child, Markup, element
from poise.report.tables import Column, table, tag, under

_LANDMARK_COLUMNS = (
    Column("Plan"),
    Column("Expected loss", is_number=True, under="with 90 % range"),
    Column("Serious incident", is_number=True, under="chance"),
    Column("Planned downtime", is_number=True),
    Column("Weekends worked", is_number=True),
    Column("Late deadlines", is_number=True),
    Column("Known exploited", is_number=True, under="open up to"),
    Column("Security gets", is_number=True, under="of its best"),
    Column("Operations gets", is_number=True, under="of its best"),
)
#: A rule within this share of the frontier is told to be as good.
_AS_GOOD = 0.01


def headline(lookup: Lookup) -> Markup:
    """Return the two sentences that a reader in a hurry needs: the shown plan, and no plan at all."""
    document, shown = lookup.document, lookup.shown
    money = Money(document.currency)
    total = shown.num_done + shown.num_not_done
    first = element(
        "p",
        f"The calendar on this page, “{shown.label}”, makes {count(shown.num_done)} of "
        f"{plural(total, 'change')} by {day(lookup.local(document.horizon_end))} with ",
        element("strong", hours(shown.downtime_hours)),
        f" of planned downtime, {plural(shown.weekends_worked, 'team weekend')} of work and "
        f"{plural(shown.num_late, 'late deadline')}. Until then it leaves an expected loss of ",
        element("strong", money(shown.expected_loss)),
        f" (90{NBSP}% range {money.range(shown.expected_loss_low, shown.expected_loss_high)}).",
        class_="headline",
    )
    default = lookup.default
    if default is None:
        words = "What happens if nobody signs is not known: the document names no default plan."
        return element("div", first, element("p", words, class_="headline"))
    second = element(
        "p",
        "If nobody signs, the default plan stands: ",
        element("strong", hours(default.downtime_hours)),
        f" of planned downtime, {plural(default.num_late, 'late deadline')} and an expected loss of ",
        element("strong", money(default.expected_loss)),
        f" (90{NBSP}% range {money.range(default.expected_loss_low, default.expected_loss_high)}). ",
        _difference(shown, default, money)
        if shown.key != default.key
        else "That is the calendar shown here.",
        class_="headline",
    )
    return element("div", first, second, element("p", default.sentence, class_="quiet"))


def _difference(shown: NamedPlan, default: NamedPlan, money: Money) -> str:
    loss = _more_or_less(shown.expected_loss - default.expected_loss, default.expected_loss, money)
    disruption = _more_or_less(shown.disruption - default.disruption, default.disruption, money)
    return f"Against it, “{shown.label}” has {loss} expected loss and {disruption} disruption."


def _more_or_less(difference: float, base: float, money: Money) -> str:
    if abs(difference) < 0.005 * abs(base) or difference == 0:
        return "the same"
    share = f" ({percent(abs(difference) / base)})" if base > 0 else ""
    return f"{money(abs(difference))}{share} {'less' if difference < 0 else 'more'}"


def notices(document: PlanDocument) -> Markup | None:
    """Return what a reader must not miss; None when there is nothing."""
    words = list(document.notices)
    if document.stopped_by != "work":
        words.append(
            f"The solver was stopped by {document.stopped_by} and not by its planned amount of work: with "
            "more time it might find better plans, and a new run need not give the same ones."
        )
    if not words:
        return None
    return element(
        "aside",
        element("h2", "Before you read on"),
        element("ul", [element("li", notice) for notice in words]),
        class_="notices",
        aria_label="Before you read on",
    )


def landmarks(lookup: Lookup) -> Markup:
    """Return the small table of the default, the ideals, the landmarks and the least total cost."""
    document = lookup.document
    money = Money(document.currency)
    plans = [plan for plan in ordered(document) if plan.kind != "rule"]
    most = max((plan.expected_loss_high for plan in plans), default=0.0)
    out_of = _denominator(plans)
    rows: list[list[Child]] = [
        [
            _named(plan, document),
            [
                money(plan.expected_loss),
                element(
                    "span", money.range(plan.expected_loss_low, plan.expected_loss_high), class_="under tight"
                ),
                range_bar(plan.expected_loss_low, plan.expected_loss, plan.expected_loss_high, most),
            ],
            _incident(plan, out_of),
            hours(plan.downtime_hours),
            count(plan.weekends_worked),
            count(plan.num_late),
            _longest_kev(plan),
            _share(plan.share_security),
            _share(plan.share_operations),
        ]
        for plan in plans
    ]
    return element(
        "div",
        element(
            "p",
            "Every plan below can be carried out in your windows with your people. None is recommended: "
            "each landmark is a different idea of what is fair, and which one counts is for the two of "
            "you to decide.",
        ),
        table(
            f"Over the whole horizon of {document.horizon_days:.0f} days.",
            _LANDMARK_COLUMNS,
            rows,
            "landmarks",
        ),
        element(
            "p",
            "A share of 0 is what a side has if nobody signs; 100 % is the best it can get without "
            "leaving the other side worse off than that. Beyond these two, somebody is worse off than "
            "without a plan.",
            class_="quiet small",
        ),
    )


def _named(plan: NamedPlan, document: PlanDocument) -> Child:
    proof = None
    if plan.kind in ("landmark", "total"):
        proof = under(
            "Room left for both at once: not proven."
            if plan.left_on_table is None
            else f"Room left for both at once: at most {percent(plan.left_on_table)} (proven)."
        )
    shown = [" ", tag("calendar below")] if plan.key == document.shown else None
    return [plan.label, shown, under(plan.sentence), proof]


def _incident(plan: NamedPlan, out_of: int) -> str:
    if plan.incident_probability is None:
        return "not known"
    cases = round(plan.incident_probability * out_of)
    if cases == 0:
        return f"under 1 in{NBSP}{count(out_of)}"
    return f"{count(min(cases, out_of))}{NBSP}in{NBSP}{count(out_of)}"


def _denominator(plans: list[NamedPlan]) -> int:
    """Return one denominator for the chances of all plans, so that they compare at a glance."""
    chances = [plan.incident_probability for plan in plans if plan.incident_probability is not None]
    return 50 if min(chances, default=1.0) >= 0.1 else 1_000


def _longest_kev(plan: NamedPlan) -> str:
    return "none" if plan.longest_kev_days is None else f"{plan.longest_kev_days:,.0f}{NBSP}d"


def _share(share: float | None) -> Child:
    if share is None:
        return "nothing to gain"
    return [percent(share), " ", share_bar(share)]


def frontier(lookup: Lookup) -> Markup:
    """Return the frontier with the sentence on what is proven."""
    document = lookup.document
    gap = gap_of(document, lookup.shown)
    if gap == 0:
        words = f"No plan of equal disruption can be better than “{lookup.shown.label}”: that is proven."
    elif gap is None:
        words = "How far the shown plan is from the best possible at its disruption is not proven."
    else:
        words = (
            f"At the disruption of “{lookup.shown.label}”, no plan can be better than it by more than "
            f"{percent(gap)}: that is proven, not estimated."
        )
    if not document.frontier and not document.plans:
        return element("p", "No plan was computed, so there is nothing to draw.")
    return element(
        "div",
        element(
            "p",
            "Less exposure costs disruption. The frontier is the set of plans that cannot be improved for "
            f"one side without a price for the other. {words}",
        ),
        frontier_figure(document),
    )


def rules(lookup: Lookup) -> Markup | None:
    """Return what the rules that people use today cost more than the frontier; None without rules."""
    document = lookup.document
    money = Money(document.currency)
    plans = [plan for plan in document.plans if plan.kind == "rule"]
    if not plans:
        return None
    columns = (
        Column("Rule"),
        Column("Expected loss", is_number=True),
        Column("Disruption", is_number=True),
        Column("Late deadlines", is_number=True),
        Column("More expected loss", is_number=True, under="at equal disruption"),
        Column("More disruption", is_number=True, under="at equal expected loss"),
    )
    rows: list[list[Child]] = [
        [
            [plan.label, under(plan.sentence)],
            money(plan.expected_loss),
            [money(plan.disruption), under(f"{hours(plan.downtime_hours)} down")],
            count(plan.num_late),
            _excess(plan.excess_exposure),
            _excess(plan.excess_disruption),
        ]
        for plan in plans
    ]
    return element(
        "div",
        element("p", _verdict_on(plans)),
        table("Each rule run in the same windows with the same people.", columns, rows),
    )


def _verdict_on(plans: list[NamedPlan]) -> str:
    known = [plan for plan in plans if plan.excess_exposure is not None]
    if not known:
        return "The frontier has no plan of equal disruption to compare the rules with."
    good = [plan.label for plan in known if (plan.excess_exposure or 0.0) <= _AS_GOOD]
    excesses = sorted(plan.excess_exposure or 0.0 for plan in known if plan.label not in good)
    parts = []
    if good:
        verb = "is" if len(good) == 1 else "are"
        parts.append(
            f"{' and '.join(good)} {verb} as good as the frontier here (within {percent(_AS_GOOD)}): a rule "
            "that simple needs no solver."
        )
    if len(excesses) == 1:
        parts.append(f"The other costs {percent(excesses[0])} more expected loss at the same disruption.")
    elif excesses:
        who = "The others cost" if good else "The rules cost"
        parts.append(
            f"{who} between {percent(excesses[0])} and {percent(excesses[-1])} more expected loss at the "
            "same disruption."
        )
    return " ".join(parts)


def _excess(excess: float | None) -> str:
    if excess is None:
        return "no such plan on the frontier"
    if excess < -_AS_GOOD:
        return f"{percent(-excess)} less: the frontier is not complete here"
    return "as good" if excess <= _AS_GOOD else percent(excess)
