"""The report as a page: what it says, that it is inert, and that it does not grow without end."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from datetime import date
from html.parser import HTMLParser

import msgspec
import pytest

from poise.patching.document import PlanDocument, Schedule
from poise.report import render_html
from report.build import build_document

HOSTILE = "<script>alert(1)</script>]]>\"'><img src=x onerror=alert(1)>\u202e\x00"


class _Tags(HTMLParser):
    """Collects tags, ids, links and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def _read(page: str) -> _Tags:
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    return parser


def _words(document: PlanDocument) -> str:
    return " ".join("".join(_read(render_html(document)).words).replace("\xa0", " ").split())


@pytest.fixture(scope="module")
def document() -> PlanDocument:
    return build_document()


@pytest.fixture(scope="module")
def page(document: PlanDocument) -> str:
    return render_html(document)


def test_same_document_same_page(document: PlanDocument, page: str) -> None:
    """Two people who open the report of one plan must see one report."""
    assert render_html(build_document()) == page


def test_headline_tells_the_shown_plan_and_no_plan(document: PlanDocument) -> None:
    """The first sentence is read by everybody, and must hold both sides of the choice."""
    words = _words(document)
    assert "If nobody signs, the default plan stands: 62 h of planned downtime" in words
    assert "EUR 291,000 (90 % range EUR 100,000 to 670,000)" in words
    assert "Against it, “Nash” has EUR 270,000 (48 %) less expected loss" in words


def test_chances_share_one_denominator(document: PlanDocument) -> None:
    """Two chances out of different numbers cannot be compared at a glance."""
    table = re.search(r'<table class="stack landmarks">.*?</table>', render_html(document), flags=re.DOTALL)
    assert table is not None
    assert len(re.findall(r"\d\xa0in\xa01,000<", table[0])) == 6
    likely = tuple(msgspec.structs.replace(plan, incident_probability=0.124) for plan in document.plans)
    assert "6 in 50" in _words(msgspec.structs.replace(document, plans=likely))
    unknown = tuple(msgspec.structs.replace(plan, incident_probability=None) for plan in document.plans)
    assert "not known" in _words(msgspec.structs.replace(document, plans=unknown))


def test_overdue_changes_stand_apart_from_missed_ones(document: PlanDocument) -> None:
    """A deadline that passed last year is no fault of this plan."""
    schedule = document.schedule("nash")
    first, *rest = schedule.late
    overdue = msgspec.structs.replace(first, deadline=date(2025, 3, 1))
    other = msgspec.structs.replace(schedule, late=(overdue, *rest))
    words = _words(msgspec.structs.replace(document, schedules=(other,)))
    assert f"{len(rest)} deadlines to come are missed. 1 change more was overdue already" in words
    assert "Overdue before the plan began, oldest first." in words


def test_sections_come_in_the_order_of_decisions(page: str) -> None:
    """First what to decide, then when, then what it rests on."""
    ids = re.findall(r'<section id="([a-z-]+)"', page)
    wanted = [
        "landmarks", "frontier", "rules", "trust", "calendar", "late", "tonight", "no-fix", "unmapped",
        "folding", "changes", "assumed", "inputs", "reading",
    ]  # fmt: skip
    assert ids == wanted


def test_no_landmark_is_recommended(page: str) -> None:
    """A desk that recommends has taken a side."""
    assert re.findall(r"recommended", page) == ["recommended"]
    assert "None is recommended" in page


def test_a_rule_as_good_as_the_frontier_is_told_so(document: PlanDocument) -> None:
    """The answer is told whatever it is, also when no solver is needed."""
    assert "Hazard per labour minute is as good as the frontier here" in _words(document)


def test_ids_are_unique_and_links_lead_somewhere(page: str) -> None:
    """A link into nothing is worse than none."""
    parsed = _read(page)
    ids = [value for name, value in parsed.attributes if name == "id"]
    links = [value for name, value in parsed.attributes if name == "href" and value]
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_every_table_has_a_caption_and_headings(page: str) -> None:
    """Without them a table read aloud is a row of numbers."""
    tables = re.findall(r"<table.*?</table>", page, flags=re.DOTALL)
    assert len(tables) > 12
    for table in tables:
        assert "<caption>" in table
        assert 'scope="col"' in table
        assert 'scope="row"' in table or "<tbody></tbody>" in table


def test_page_is_inert_and_asks_nobody(page: str) -> None:
    """No script, no style attribute, no address: it opens from a mail on a closed network."""
    parsed = _read(page)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(parsed.tags)
    assert not any(name.startswith("on") or name in {"style", "src"} for name, _ in parsed.attributes)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_policy_names_the_style_sheet_it_has(page: str) -> None:
    """A wrong digest would leave the page bare in every browser."""
    sheet = re.search(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    assert sheet is not None
    digest = base64.b64encode(hashlib.sha256(sheet[1].encode()).digest()).decode()
    assert f"style-src &#x27;sha256-{digest}&#x27;" in page
    assert "</" not in sheet[1]


def test_hostile_names_are_inert(document: PlanDocument) -> None:
    """Whoever names a host must not write our report."""
    replace = msgspec.structs.replace
    hostile = replace(
        document,
        company=HOSTILE,
        notices=(HOSTILE,),
        services=tuple(replace(service, name=HOSTILE, owner=HOSTILE) for service in document.services),
        changes=tuple(replace(change, remedy=HOSTILE, severity=HOSTILE) for change in document.changes),
        unmapped=tuple(replace(entry, asset=HOSTILE, why=HOSTILE) for entry in document.unmapped),
        plans=tuple(replace(plan, label=HOSTILE, sentence=HOSTILE) for plan in document.plans),
        assumptions=tuple(replace(entry, what=HOSTILE) for entry in document.assumptions),
    )
    page = render_html(hostile)
    parsed = _read(page)
    assert not {"script", "img"} & set(parsed.tags)
    assert not any(name.startswith("on") for name, _ in parsed.attributes)
    assert "alert(1)" in "".join(parsed.words)
    assert "\x00" not in page
    assert "\u202e" not in page


def test_an_empty_document_still_reads(document: PlanDocument) -> None:
    """A company without findings gets a page that says so, not an error."""
    nothing = dict.fromkeys(("expected_loss", "expected_loss_low", "expected_loss_high", "disruption"), 0.0)
    plan = msgspec.structs.replace(
        document.plan("nash"),
        **nothing,
        num_done=0,
        num_not_done=0,
        share_security=None,
        share_operations=None,
    )
    lists = (
        "inputs folding services teams groups windows changes frontier hull emergency no_fix unmapped "
        "assumptions notices freezes"
    )
    schedules = (Schedule(plan="nash", visits=(), late=(), not_done=()),)
    empty = msgspec.structs.replace(
        document, **dict.fromkeys(lists.split(), ()), plans=(plan,), schedules=schedules
    )
    words = _words(empty)
    for sentence in (
        "What happens if nobody signs is not known",
        "The shown plan opens no window",
        "No change misses a deadline",
        "Every finding has a fix.",
        "Every asset in the reports belongs to a patch group.",
        "Nothing had to be assumed",
    ):
        assert sentence in words
    assert "nan" not in words.split()


def test_a_stopped_solver_is_told_first(document: PlanDocument) -> None:
    """A plan of a solver that ran out of time must not look like any other."""
    stopped = msgspec.structs.replace(document, stopped_by="time")
    assert "The solver was stopped by time" in _words(stopped)


def test_long_lists_fold_and_the_page_stays_small() -> None:
    """Two thousand changes must open at once, also from a mail."""
    document = build_document(num_changes=2_000, num_groups=250)
    started = time.perf_counter()
    page = render_html(document)
    assert time.perf_counter() - started < 10
    assert len(page.encode()) < 3_000_000
    assert "The first 30 of 2,000." in page.replace("\xa0", " ")
    more = render_html(build_document(num_changes=6_000, num_groups=250))
    assert "4,000 more are in changes.csv." in more
    assert len(more.encode()) < 3_000_000
