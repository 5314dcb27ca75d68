"""The later pages of the report: what the plan cannot help, and what everything rests on."""

from __future__ import annotations

from poise.patching.document import ChangeEntry, NoFix, PlanDocument
from poise.patching.lookup import Lookup
from poise.report.bar_chart import Step, steps_chart
from poise.report.figures import UNKNOWN, Money, count, day, moment, percent, plural
from poise.report.markup import Child, Markup, element
from poise.report.tables import Column, disclosure, long_table, table, tag, under

#: Vulnerability ids told in a table's cell.
_MOST_IDS = 6


def no_fix(lookup: Lookup) -> Markup:
    """Return the findings without a fix: to mitigate, or to accept with a name and an end."""
    entries = sorted(lookup.document.no_fix, key=lambda entry: -entry.exposure_per_day)
    if not entries:
        return element("p", "Every finding has a fix.")
    money = Money(lookup.document.currency)
    columns = (
        Column("Component"),
        Column("Patch group", holds="name"),
        Column("Vulnerabilities"),
        Column("Assets", is_number=True),
        Column("Expected loss per day", is_number=True),
        Column("Why there is no fix"),
    )
    rows = [_no_fix_row(entry, money) for entry in entries]
    per_day = sum(entry.exposure_per_day for entry in entries)
    words = (
        f"{plural(len(entries), 'component')} with findings that no patch removes carry {money(per_day)} "
        "of expected loss per day. No plan changes that: each needs a mitigation, or an exception that "
        "somebody signs for a time."
    )
    return element(
        "div", element("p", words), long_table("Findings without a fix.", columns, rows, "plan.json")
    )


def _no_fix_row(entry: NoFix, money: Money) -> list[Child]:
    return [
        [entry.component or "component not known", [" ", tag("known exploited")] if entry.is_kev else None],
        entry.group,
        _ids(entry.vulnerabilities),
        count(entry.num_assets),
        money(entry.exposure_per_day),
        entry.reason,
    ]


def unmapped(lookup: Lookup) -> Markup:
    """Return the assets that no patch group claims, with the exposure they carry."""
    assets = sorted(lookup.document.unmapped, key=lambda entry: -entry.exposure_per_day)
    if not assets:
        return element("p", "Every asset in the reports belongs to a patch group.")
    money = Money(lookup.document.currency)
    per_day = sum(entry.exposure_per_day for entry in assets)
    columns = (
        Column("Asset"),
        Column("Findings", is_number=True),
        Column("Known exploited", is_number=True),
        Column("Expected loss per day", is_number=True),
        Column("Why"),
    )
    rows: list[list[Child]] = [
        [
            entry.asset,
            count(entry.num_findings),
            count(entry.num_kev),
            [money(entry.exposure_per_day), " ", tag("assumed")],
            entry.why,
        ]
        for entry in assets
    ]
    words = (
        f"{plural(len(assets), 'asset')} of {count(lookup.document.num_assets)} "
        f"{'carries' if len(assets) == 1 else 'carry'} {money(per_day)} of expected loss per day outside "
        "every plan on this page. Nobody said what runs there, so the loss range of the estate's median "
        "service stands in (assumed)."
    )
    return element(
        "div", element("p", words), long_table("Assets without a patch group.", columns, rows, "plan.json")
    )


def folding(document: PlanDocument) -> Markup:
    """Return how raw records became changes."""
    if not document.folding:
        return element("p", "How records became changes was not recorded.")
    first, last = document.folding[0].before, document.folding[-1].after
    summary = f"From {count(first)} records to {count(last)} changes in {len(document.folding)} steps."
    steps = [Step(step.name, step.before, step.after) for step in document.folding]
    columns = (
        Column("Step"),
        Column("Before", is_number=True),
        Column("After", is_number=True),
        Column("What happened"),
    )
    rows: list[list[Child]] = [
        [step.name, count(step.before), count(step.after), step.note] for step in document.folding
    ]
    return element(
        "div",
        element(
            "p",
            f"{summary} A change is one remedy on one patch group. "
            "The table says where each difference went.",
        ),
        element(
            "figure",
            steps_chart(steps, summary),
            steps_chart(steps, summary, width=360.0),
            disclosure("The numbers of the picture", table("Steps from records to changes.", columns, rows)),
        ),
    )


def changes(lookup: Lookup) -> Markup:
    """Return every change with its date, the ones with most exposure first."""
    entries = sorted(lookup.document.changes, key=lambda change: (-change.exposure_per_day, change.id))
    if not entries:
        return element("p", "The reports hold nothing that a patch would fix.")
    money = Money(lookup.document.currency)
    columns = (
        Column("Change"),
        Column("Patch group", holds="name"),
        Column("Planned", holds="date"),
        Column("Expected loss per day", is_number=True, under="with 90 % range"),
        Column("Evidence"),
        Column("Deadline", holds="date"),
    )
    rows = [_change_row(lookup, change, money) for change in entries]
    return long_table("Changes by expected loss per day.", columns, rows, "changes.csv")


def _change_row(lookup: Lookup, change: ChangeEntry, money: Money) -> list[Child]:
    placed = lookup.placed_of_change.get(change.id)
    cvss = UNKNOWN if change.cvss_max is None else f"{change.cvss_max:.1f}"
    evidence = f"CVSS {cvss}, EPSS {percent(change.epss_max)}, {change.severity}"
    assumed = (
        element("span", "assumed", class_="tag", title="; ".join(change.assumed)) if change.assumed else None
    )
    return [
        [change.remedy, under(_ids(change.vulnerabilities))],
        [change.group, under(plural(change.num_assets, "asset"))],
        moment(placed.window.start, lookup.zone) if placed else "not in the horizon",
        [
            money(change.exposure_per_day),
            [" ", assumed] if assumed else None,
            under(money.range(change.exposure_low_per_day, change.exposure_high_per_day)),
        ],
        [
            evidence,
            [" ", tag("known exploited")] if change.is_kev else None,
            [" ", tag("ransomware")] if change.is_ransomware else None,
            under(change.bod_label) if change.bod_label else None,
        ],
        [day(change.deadline), under(change.deadline_source)] if change.deadline else "none",
    ]


def assumptions(document: PlanDocument) -> Markup:
    """Return what nobody told us, and the value that stands in for it."""
    if not document.assumptions:
        return element("p", "Nothing had to be assumed: every figure was given.")
    columns = (
        Column("Nobody told us"),
        Column("Taken instead"),
        Column("Source"),
        Column("Uses", is_number=True),
    )
    rows: list[list[Child]] = [
        [entry.what, entry.value, entry.source, count(entry.num_uses)]
        for entry in sorted(document.assumptions, key=lambda entry: -entry.num_uses)
    ]
    services = [service for service in document.services if service.assumed]
    words = "Every figure that rests on one of these is as good as the value in the second column."
    return element(
        "div",
        element("p", words),
        long_table("Assumptions, by how much rests on them.", columns, rows, "plan.json"),
        disclosure(
            f"{plural(len(services), 'service')} with assumed figures",
            element(
                "ul",
                [element("li", f"{service.name}: {', '.join(service.assumed)}") for service in services],
            ),
        )
        if services
        else None,
    )


def inputs(document: PlanDocument) -> Markup:
    """Return the files and feeds that everything rests on."""
    columns = (Column("Input"), Column("What it is"), Column("As of", holds="date"), Column("SHA-256"))
    rows: list[list[Child]] = [
        [
            [entry.name, under(entry.kind)],
            entry.detail,
            day(entry.as_of) if entry.as_of else "no date given",
            element("span", entry.sha256, class_="hash"),
        ]
        for entry in document.inputs
    ]
    stopped = "as planned" if document.stopped_by == "work" else f"stopped by {document.stopped_by}"
    again = (
        f"Poise {document.poise_version}, seed {document.seed}, {count(document.work)} units of work, "
        f"{stopped}. The same inputs, seed and work give the same plan to the byte."
    )
    return element(
        "div",
        long_table("What was read.", columns, rows, "plan.json", "inputs"),
        element("p", again, class_="quiet small"),
    )


def _ids(names: tuple[str, ...]) -> Child:
    """Return the first ids of a list; an id is not broken at its hyphens, so that it can be searched for."""
    told: list[Child] = []
    for name in names[:_MOST_IDS]:
        told += [", " if told else None, element("span", name, class_="id") if len(name) < 24 else name]
    more = len(names) - _MOST_IDS
    return [told, f" and {count(more)} more" if more > 0 else None]
