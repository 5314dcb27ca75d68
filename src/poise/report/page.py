"""``report.html``: one page that asks no other host for anything."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from poise.patching.document import PlanDocument
from poise.patching.lookup import Lookup
from poise.report import evidence, overview, schedule
from poise.report.figures import day, moment
from poise.report.markup import Markup, element
from poise.report.reading import reading
from poise.report.trust import trust


def render_html(document: PlanDocument) -> str:
    """Return the report of a plan document: a whole HTML page, the same for the same document.

    It holds no script, and its content security policy allows nothing but its own style sheet.
    """
    lookup = Lookup(document)
    sections = _sections(lookup)
    title = f"Patch plan of {document.company}"
    body = element(
        "body",
        element("a", "To the content", href="#main", class_="skip"),
        _header(lookup, sections),
        element(
            "main",
            [
                element(
                    "section",
                    element("h2", heading, id=f"{key}-heading"),
                    body,
                    id=key,
                    aria_labelledby=f"{key}-heading",
                )
                for key, heading, body in sections
            ],
            id="main",
        ),
        _footer(lookup),
    )
    return f"<!doctype html>\n{element('html', _head(title), body, lang='en')}\n"


@cache
def style_sheet(name: str) -> str:
    """Return one of the style sheets of this room."""
    return files("poise.report").joinpath(name).read_text(encoding="utf-8")


@cache
def style() -> Markup:
    """Return the page's whole style sheet."""
    return Markup("\n" + style_sheet("report.css") + style_sheet("charts.css"))


def _head(title: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name_="color-scheme", content="light dark"),
        element("meta", name_="referrer", content="no-referrer"),
        element("title", title),
        element("style", style()),
    )


def _sections(lookup: Lookup) -> list[tuple[str, str, Markup]]:
    """Return key, heading and content of each section that has something to say."""
    document = lookup.document
    content: list[tuple[str, str, Markup | None]] = [
        ("landmarks", "Where the two sides could meet", overview.landmarks(lookup)),
        ("frontier", "What less exposure costs", overview.frontier(lookup)),
        ("rules", "What the rules of today cost", overview.rules(lookup)),
        ("trust", "How far these figures can be trusted", trust(lookup)),
        ("calendar", f"Calendar: {lookup.shown.label}", schedule.calendar(lookup)),
        ("late", "What is late, and why", schedule.late(lookup)),
        ("tonight", "Patch tonight?", schedule.tonight(lookup)),
        ("no-fix", "What no patch removes", evidence.no_fix(lookup)),
        ("unmapped", "Assets that nobody claimed", evidence.unmapped(lookup)),
        ("folding", "From records to changes", evidence.folding(document)),
        ("changes", "Every change and its date", evidence.changes(lookup)),
        ("assumed", "What is assumed", evidence.assumptions(document)),
        ("inputs", "What this rests on", evidence.inputs(document)),
        ("reading", "How to read the numbers", reading(document)),
    ]
    return [(key, heading, body) for key, heading, body in content if body is not None]


def _header(lookup: Lookup, sections: list[tuple[str, str, Markup]]) -> Markup:
    document = lookup.document
    first, last = day(lookup.local(document.now)), day(lookup.local(document.horizon_end))
    links = [element("li", element("a", heading, href=f"#{key}")) for key, heading, _ in sections]
    return element(
        "header",
        element("p", document.company, class_="over"),
        element("h1", f"Patch plan, {first} to {last}"),
        overview.headline(lookup),
        overview.notices(document),
        element("nav", element("ol", links), aria_label="On this page"),
    )


def _footer(lookup: Lookup) -> Markup:
    document = lookup.document
    return element(
        "footer",
        element(
            "p",
            f"As of {moment(document.now, lookup.zone)} ({lookup.zone.key}). All times are on that clock, "
            f"all money is in {document.currency}. Poise {document.poise_version} advises and exports; "
            "it patches no host.",
        ),
    )
