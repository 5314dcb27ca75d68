"""A sitting incident in real browsers: two people, a phone, a dropped connection, axe in light and dark."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from desk.running import RunningDesk, sample_desk
from desk.test_browser import CHROMIUM, sign_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("POISE_REQUIRE_BROWSER") != "1", reason="no Chromium binary"
    ),
]

#: An incident and a drill with something of everything on their pages.
PLAY = """
from datetime import timedelta
from poise.desk.actions import Actor, incidents
from poise.desk.models import User
anna, bert = (User.objects.get(username=name) for name in ("anna", "bert"))
by = Actor.of(bert)
start = by.now.isoformat()
soon = {"due": (by.now + timedelta(minutes=30)).isoformat()}
base = {"incident": "shop", "known_from": start, "next_update": soon}
incidents.act(by, "opened", {"incident": "shop", "title": "The shop answers with foreign pages",
    "lead": "bert", "detected": start, "timezone": "Europe/Paris"})
incidents.act(by, "stated", {**base, "kind": "fact", "text": "Two web hosts serve a page that is not ours",
    "source": "Web team", "reliability": "B", "credibility": "2", "topic": "services", "tlp": "GREEN"})
first = incidents.act(by, "stated", {**base, "kind": "judgement", "text": "Customer addresses left",
    "low": 0.2, "high": 0.45, "confidence": "low", "confidence_because": "one log source",
    "topic": "exposure"})
incidents.act(by, "stated", {**base, "kind": "judgement", "text": "Customer addresses left", "low": 0.55,
    "high": 0.8, "confidence": "moderate", "confidence_because": "two log sources", "topic": "exposure",
    "corrects": first.hash, "fault": "the proxy log was found"})
incidents.act(by, "stated", {**base, "kind": "unknown", "text": "whether the backups are clean",
    "owner": "Backup team", "by": soon["due"], "matters": "restoring depends on it", "topic": "restore"})
incidents.act(by, "decision.asked", {"incident": "shop", "question": "Take the shop off the net?",
    "options": [{"id": "option-1", "text": "Take it off", "consequence": "No orders meanwhile."},
                {"id": "option-2", "text": "Leave it on"}],
    "recommendation": "option-1", "because": "it still serves foreign pages", "is_reversible": True,
    "cost_low_per_hour": 4000, "cost_high_per_hour": 9000, "basis": "Shop at this hour.",
    "needed_by": (by.now + timedelta(hours=1)).isoformat(), "default": "option-1"})
incidents.assess(by, "shop", "eu-gdpr-33", "customer data is on it", applies=True)
incidents.act(by, "clock.anchored", {"incident": "shop", "regime": "eu-gdpr-33", "anchor": "aware",
    "at": start, "reason": "the analyst is sure"})
incidents.act(Actor.of(anna), "asked", {"incident": "shop", "what": "Is the warehouse touched?",
    "wanted_by": soon["due"]})
incidents.act(by, "followed", {"incident": "shop", "text": "Web hosts get fixes within a week",
    "becomes": "limit", "owner": "Operations", "due": "2027-01-31"})
incidents.open_drill(by, "leaked-credentials", {"incident": "drill-1", "lead": "bert", "detected": start})
incidents.act(by, "stated", {**base, "incident": "drill-1", "kind": "fact", "text": "A password leaked",
    "source": "Monitor"})
print("record", first.hash)
"""
PAGES = (
    "/incidents", "/incidents/shop", "/incidents/shop/clocks", "/incidents/shop/briefs/operations",
    "/incidents/shop/briefs/board", "/incidents/shop/ask", "/incidents/shop/after", "/incidents/drill-1",
    "/incidents/drill-1/after",
)  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """Serve the sample company with an incident and a drill."""
    desk = sample_desk(tmp_path_factory.mktemp("incidents"))
    desk.python(PLAY)
    desk.serve()
    yield desk
    desk.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def pair(browser: Any, running: RunningDesk) -> Iterator[tuple[Any, Any]]:
    """Operations at a desk and security on a phone, both signed in and on the incident."""
    contexts = [
        browser.new_context(viewport={"width": width, "height": 850}, reduced_motion="reduce")
        for width in (1300, 400)
    ]
    pages = [context.new_page() for context in contexts]
    for number, page in enumerate(pages):
        sign_in(page, running, number)
        page.goto(f"{running.address}/incidents/shop")
    yield pages[0], pages[1]
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 400)])
def test_axe_finds_nothing(browser: Any, running: RunningDesk, scheme: str, width: int) -> None:
    """Whoever reads by ear, by keyboard or with weak eyes is told as early as the others."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    sign_in(page, running, 1)
    results = []
    for path in PAGES:
        page.goto(f"{running.address}{path}")
        if shots := os.environ.get("POISE_SHOTS"):
            page.screenshot(path=f"{shots}/{scheme}-{width}{path.replace('/', '_')}.png", full_page=True)
        results.append((path, Axe().run(page, options=options)))
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        narrow = "td => td.clientWidth < innerWidth / 2"
        cells = f"[...document.querySelectorAll('.stack td[data-label]')].filter({narrow}).length"
        assert width > 400 or page.evaluate(cells) == 0, path
    context.close()
    broken = [f"{path}\n{found.generate_report()}" for path, found in results if found.violations_count]
    assert not broken, "\n".join(broken)


def test_a_statement_reaches_the_other_within_two_seconds(pair: tuple[Any, Any]) -> None:
    """From a phone to the other's screen, which nobody touches; then read by one press."""
    anna, bert = pair
    bert.get_by_label("What is so").fill("The load balancer is clean")
    bert.get_by_label("Source", exact=True).fill("Network team")
    bert.get_by_role("button", name="Say it").click()
    bert.locator(".statements").get_by_text("The load balancer is clean").wait_for(timeout=8000)
    anna.locator(".statements").get_by_text("The load balancer is clean").wait_for(timeout=2500)
    anna.get_by_role("button", name="I have read all this").click()
    anna.get_by_text("Since you last looked: nothing new").wait_for()
    bert.get_by_text(re.compile("operations read it")).first.wait_for(timeout=4000)


def test_words_survive_a_dropped_connection_and_arrive_once(pair: tuple[Any, Any]) -> None:
    """The line drops while somebody submits; the words stay, are sent again, and stand once."""
    anna, bert = pair
    text = "The proxy log was copied"
    bert.get_by_label("What is so").fill(text)
    bert.get_by_label("Source", exact=True).fill("Proxy")
    bert.context.set_offline(True)
    bert.get_by_role("button", name="Say it").click()
    bert.get_by_text("No connection. Your words are kept here").wait_for()
    bert.locator("#offline").wait_for(state="visible")
    bert.context.set_offline(False)
    bert.locator(".statements").get_by_text(text).wait_for(timeout=15000)
    anna.locator(".statements").get_by_text(text).first.wait_for(timeout=4000)
    time.sleep(3)
    assert anna.locator(".statements").get_by_text(text).count() == 1
    assert bert.get_by_label("What is so").input_value() == ""


def test_an_answer_that_got_lost_is_not_said_twice(pair: tuple[Any, Any]) -> None:
    """The desk took the words, and the line dropped before it could say so."""
    _, bert = pair
    text = "The mail gateway is clean"
    lost = [True]

    def arrive_without_answer(route: Any) -> None:
        if lost and route.request.method == "POST":
            lost.clear()
            route.fetch(max_redirects=0)
            route.abort()
        else:
            route.continue_()

    bert.route("**/state", arrive_without_answer)
    bert.get_by_label("What is so").fill(text)
    bert.get_by_label("Source", exact=True).fill("Mail team")
    bert.get_by_role("button", name="Say it").click()
    bert.get_by_text("No connection. Your words are kept here").wait_for()
    bert.locator(".statements").get_by_text(text).first.wait_for(timeout=15000)
    bert.wait_for_timeout(3500)
    bert.reload()
    assert bert.locator(".statements").get_by_text(text).count() == 1
    assert bert.get_by_label("What is so").input_value() == ""


def test_a_draft_survives_a_reload(pair: tuple[Any, Any]) -> None:
    """Half a sentence on a phone that went to sleep is not lost, and not sent."""
    _, bert = pair
    bert.get_by_label("an assumption").check()
    bert.get_by_label("We assume that").fill("The attacker has no domain rights")
    bert.reload()
    assert bert.get_by_label("We assume that").input_value() == "The attacker has no domain rights"
    bert.get_by_text("This is your draft; it was not sent yet.").wait_for()
    assert bert.locator(".statements").get_by_text("domain rights").count() == 0
    bert.evaluate("localStorage.clear()")


def test_words_outlive_a_session(pair: tuple[Any, Any], running: RunningDesk) -> None:
    """Whoever was signed out while writing finds the words after signing in again, and says them then."""
    _, bert = pair
    text = "The backup server is clean"
    bert.get_by_label("What is so").fill(text)
    bert.get_by_label("Source", exact=True).fill("Backup team")
    bert.context.clear_cookies(name="poise_session")
    bert.get_by_role("button", name="Say it").click()
    bert.get_by_label("Password").wait_for()
    sign_in(bert, running, 1)
    bert.goto(f"{running.address}/incidents/shop")
    bert.get_by_text("This is your draft; it was not sent yet.").wait_for()
    assert bert.get_by_label("What is so").input_value() == text
    bert.get_by_role("button", name="Say it").click()
    bert.locator(".statements").get_by_text(text).wait_for()
    bert.reload()
    assert bert.get_by_label("What is so").input_value() == ""


def test_paper_keeps_what_can_be_read_and_no_form(pair: tuple[Any, Any], running: RunningDesk) -> None:
    """Options of a question stay as words; headings and folds that hold forms alone are gone."""
    anna, _ = pair
    anna.emulate_media(media="print")
    assert anna.get_by_role("button", name="Take it off", exact=True).is_visible()
    for path, gone in (("/incidents", "#begin"), ("/incidents/shop", "#write"), ("/dialogue", "#say")):
        anna.goto(f"{running.address}{path}")
        assert not anna.locator(gone).is_visible(), path
    anna.goto(f"{running.address}/incidents/shop/clocks")
    assert not anna.get_by_text("Set an anchor").first.is_visible()
    assert anna.get_by_text("Doubts about this rule").first.is_visible()


def test_one_press_decides(pair: tuple[Any, Any]) -> None:
    """The decision is one press at operations' screen, and stands on security's."""
    anna, bert = pair
    anna.get_by_role("button", name="Take it off", exact=True).click()
    anna.get_by_text("decided by anna").wait_for()
    bert.get_by_text("decided by anna").wait_for(timeout=2500)
