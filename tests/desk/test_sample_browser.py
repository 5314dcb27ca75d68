"""The sample company from sealed positions to an agreement after a re-opening; pictures of docs/desk.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desk.running import RunningDesk, sample_desk
from desk.test_browser import browser, pytestmark, sign_in
from desk.test_dialogue_browser import PICTURES
from desk.test_whole_browser import LISTED, is_for_everybody, list_as_exploited, press
from poise.desk.sample import CAST

__all__ = ["browser"]

pytestmark = [*pytestmark, pytest.mark.long, pytest.mark.timeout(1800)]

#: How long anything that a worker computes may take here [ms].
SOLVED_MS = 600_000
LEFT_OPEN = """
from poise.desk import clock, convert
at = convert.session(clock.now())
left = {one["change"] for one in at.negotiation.in_force[1]["residual"]}
print(next(one.vulnerabilities[0] for one in at.ground.changes
           if one.id in left and not one.is_kev and one.vulnerabilities))
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """Serve the sample company; its worker begins."""
    desk = sample_desk(tmp_path_factory.mktemp("sample"), points=15)
    desk.serve()
    desk.start("worker")
    yield desk
    desk.stop()


def picture(page: Any, name: str, height: int) -> None:
    """Keep the upper part of a page for the documents, when asked for."""
    if PICTURES:
        page.set_viewport_size({"width": 1280, "height": height})
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))
        page.set_viewport_size({"width": 1280, "height": 900})


def test_the_sample_company_agrees_and_agrees_anew(browser: Any, sample: RunningDesk, tmp_path: Path) -> None:
    """Two positions, a plan that both accept, KEV, the way of fewest moves, and old beside new; under axe."""
    pages = [browser.new_context(viewport={"width": 1280, "height": 900}).new_page() for _ in range(2)]
    anna, bert = pages
    for number, page in enumerate(pages):
        page.set_default_timeout(60_000)
        sign_in(page, sample, number)
        page.goto(f"{sample.address}/table")
        page.get_by_role("heading", name="Table of Meridian Retail").wait_for(timeout=SOLVED_MS)
    for page, limit in ((anna, ("quiet-nights", "hours", "420")), (bert, ("fix-fast", "deadline", "80"))):
        post(page, sample, *limit)
        page.goto(f"{sample.address}/table")
        press(page, "Seal our position")
    propose(bert, sample, "kalai-smorodinsky")
    anna.goto(f"{sample.address}/table")
    picture(anna, "desk-table", 1640)
    is_for_everybody(anna)
    agree(pages, sample)
    picture(bert, "desk-agreement", 760)
    bert.get_by_role("link", name="The agreed plan").click()
    picture(bert, "desk-plan", 1100)
    cve = sample.python(LEFT_OPEN).strip()
    list_as_exploited(sample, cve, tmp_path)
    bert.goto(f"{sample.address}/table")
    press(bert, "Open a new table on today's data")
    anna.goto(f"{sample.address}/")
    anna.get_by_role("link", name=LISTED).click(timeout=SOLVED_MS)
    press(anna, "Re-open the agreement")
    anna.get_by_text("Fewest moves come first").wait_for(timeout=SOLVED_MS)
    picture(anna, "desk-ways", 900)
    is_for_everybody(anna)
    ways = anna.locator("section", has=anna.locator("#ways")).get_by_role("row")
    assert ways.count() > 2
    ways.nth(2).get_by_role("button", name=re.compile("^Propose")).click()
    agree(pages, sample)
    is_for_everybody(bert)
    bert.get_by_role("heading", name="Beside the agreement before it").wait_for()
    for page in pages:
        page.context.close()


def post(page: Any, desk: RunningDesk, name: str, rule: str, amount: str) -> None:
    """Post a limit."""
    page.goto(f"{desk.address}/table/new-limit")
    page.get_by_label("Short name").fill(name)
    page.get_by_label("Rule").select_option(rule)
    page.get_by_label("Amount").fill(amount)
    if rule == "deadline":
        page.get_by_label("Which changes a deadline is about").select_option("ransomware")
    press(page, "Post it")


def propose(page: Any, desk: RunningDesk, plan: str) -> None:
    """Propose a plan from its own page, once the worker has computed it."""
    page.get_by_role("heading", name="After limits").wait_for(timeout=SOLVED_MS)
    page.goto(f"{desk.address}/plan/{plan}")
    press(page, "Propose it")


def agree(pages: list[Any], desk: RunningDesk) -> None:
    """Accept the newest proposal on both sides, compose the agreement and sign it; bert reads it then."""
    for page in pages:
        page.goto(f"{desk.address}/table")
        press(page, "Accept")
    anna, bert = pages
    anna.goto(f"{desk.address}/table")
    anna.locator(".newest").get_by_role("link", name="To the agreement").click()
    press(anna, "Compose it for both to read and sign")
    draft = anna.url
    for page, one, side in ((anna, CAST[0], "operations"), (bert, CAST[1], "security")):
        page.goto(draft)
        page.get_by_label("Passphrase of your signing key").fill(one.password)
        press(page, f"Sign for {side}")
    bert.get_by_text("Both sides have signed: the agreement is in force.").wait_for()
    bert.reload()
