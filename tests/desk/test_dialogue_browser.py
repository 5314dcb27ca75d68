"""The year's quarrel played by two people in two real browsers, and every page of the dialogue under axe."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from desk.running import RunningDesk
from desk.test_browser import CHROMIUM, browser, sign_in
from poise.desk import workspace
from poise.dialogue.year import END, WARNED

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("POISE_REQUIRE_BROWSER") != "1", reason="no Chromium binary"
    ),
]

PAGES = (
    "/dialogue",
    "/dialogue/disagreements",
    "/dialogue/disagreements/winter-freeze",
    "/dialogue/disagreements/winter-freeze/page",
    "/dialogue/meetings/m-2025-11-03",
    "/dialogue/goals",
    "/dialogue/profiles",
    "/dialogue/survey",
    "/dialogue/survey?quarter=2025Q4",
    "/dialogue/signals",
    "/dialogue/digest",
    "/dialogue/board",
)
#: Where pictures for the documents go, when somebody asks for them.
PICTURES = os.environ.get("POISE_PICTURES")


def year_desk(folder: Path, moment: datetime) -> RunningDesk:
    """Serve the sample company's desk as it stood at a moment of its year."""
    desk = RunningDesk(folder / "desk")
    workspace.set_clock_ahead(desk.workspace, moment + timedelta(minutes=1))
    desk.python(
        "from datetime import datetime\n"
        "from poise.desk.prepare import prepare\n"
        "from poise.desk.sample_year import fill_year\n"
        "from poise.ledger import keyfile\n"
        "keyfile.KDF_ROUNDS = 2\n"
        f"prepare(); fill_year(datetime.fromisoformat({moment.isoformat()!r}))"
    )
    desk.serve()
    return desk


@pytest.fixture(scope="module")
def warned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """Serve the desk on the morning on which five patterns warn."""
    desk = year_desk(tmp_path_factory.mktemp("warned"), WARNED)
    yield desk
    desk.stop()


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """Serve the desk half a year after the trade."""
    desk = year_desk(tmp_path_factory.mktemp("settled"), END)
    yield desk
    desk.stop()


def picture(page: Any, name: str) -> None:
    """Keep a picture for the documents, when asked for."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 400), ("dark", 400)]
)
def test_axe_finds_nothing(browser: Any, warned: RunningDesk, scheme: str, width: int) -> None:
    """Every page by ear, by keyboard and on a phone, in both schemes, with every form unfolded."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    sign_in(page, warned)
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    broken = []
    for path in PAGES:
        assert page.goto(f"{warned.address}{path}").ok, path
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = Axe().run(page, options=options)
        if found.violations_count:
            broken.append(f"{path}\n{found.generate_report()}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    assert not broken, "\n".join(broken)


def test_two_people_settle_the_years_quarrel(browser: Any, warned: RunningDesk) -> None:
    """It is warned of; they meet, retype it, trade; each sees the other's moves."""
    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
    anna, bert = (context.new_page() for context in contexts)
    complaints: list[str] = []
    for number, page in enumerate((anna, bert)):
        page.on("console", lambda message: complaints.append(message.text))
        sign_in(page, warned, number)
    _both_are_warned(anna, bert, warned)
    _they_meet(anna, bert, warned)
    _they_trade(anna, bert, warned)
    anna.goto(f"{warned.address}/dialogue")
    assert not anna.get_by_role("heading", name="No patches on the shop").count()
    for context in contexts:
        context.close()
    assert complaints == []


def _both_are_warned(anna: Any, bert: Any, desk: RunningDesk) -> None:
    for page in (anna, bert):
        page.goto(f"{desk.address}/dialogue/signals")
    said = [page.locator("#signals").inner_html() for page in (anna, bert)]
    assert said[0] == said[1]
    assert anna.locator(".warned").count() == 5
    assert anna.get_by_text("Two escalations within 60 days came without a notice here.").is_visible()
    picture(anna, "dialogue-warned")


def _they_meet(anna: Any, bert: Any, desk: RunningDesk) -> None:
    anna.goto(f"{desk.address}/dialogue")
    picture(anna, "dialogue-agenda")
    bert.goto(f"{desk.address}/dialogue")
    anna.get_by_role("button", name="Begin the meeting").click()
    bert.get_by_role("link", name="Go there").click(timeout=15000)
    assert bert.get_by_role("heading", level=2, name="No patches on the shop").is_visible()
    before = bert.locator("#timer").inner_text()
    bert.wait_for_timeout(1200)
    assert bert.locator("#timer").inner_text() != before
    bert.goto(f"{desk.address}/dialogue/disagreements/winter-freeze")
    bert.get_by_text("It is of another type").click()
    bert.get_by_label("Type", exact=True).select_option("interests")
    bert.get_by_label("Why", exact=True).fill("No figure will settle this")
    bert.get_by_role("button", name="Change the type").click()
    assert bert.locator("#one .tag").first.inner_text() == "interests"
    anna.get_by_label("What did you agree").fill("To the table in January")
    picture(anna, "dialogue-meeting")
    anna.get_by_role("button", name="Promised", exact=True).click()
    assert anna.get_by_text("To the table in January").is_visible()


def _they_trade(anna: Any, bert: Any, desk: RunningDesk) -> None:
    bert.goto(f"{desk.address}/dialogue/disagreements/winter-freeze")
    anna.goto(f"{desk.address}/dialogue/disagreements/winter-freeze")
    anna.get_by_text("Offer a way to settle it").click()
    anna.get_by_label("Outcome", exact=True).fill("The freeze shrinks to its first days")
    anna.get_by_label("Operations gives").fill("All but the first days of the freeze")
    anna.get_by_label("Security gives").fill("The limit on the edge's expected loss")
    anna.get_by_role("button", name="Offer", exact=True).click()
    bert.get_by_role("heading", name="Offer of operations").wait_for(timeout=15000)
    bert.reload()
    picture(bert, "dialogue-trade")
    bert.get_by_label("How much of your position is in it?").first.select_option("0.75")
    bert.get_by_role("button", name="Accept").click()
    anna.get_by_text("settled by trade").wait_for(timeout=15000)
    assert "ended" in anna.locator("#one .over").inner_text()


def test_half_a_year_later_it_is_still_settled(browser: Any, settled: RunningDesk) -> None:
    """No rule warns, promises are kept again, the freeze stays settled, the next page up was joint."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    sign_in(page, settled, 1)
    page.goto(f"{settled.address}/dialogue/signals")
    assert page.get_by_text("No rule warns.").is_visible()
    assert "kept in time: 4 of 4" in page.locator("#promises").inner_text()
    assert "1 of 5" in page.locator("#promises").inner_text()
    picture(page, "dialogue-settled")
    page.goto(f"{settled.address}/dialogue/disagreements/winter-freeze")
    assert "ended 8 Jan 2026" in page.locator("#one .over").inner_text()
    page.goto(f"{settled.address}/dialogue/disagreements/logs/page")
    assert page.get_by_text("Joint page, signed by both").is_visible()
    picture(page, "dialogue-joint")
    page.close()


def test_reading_and_answering_need_no_script(browser: Any, settled: RunningDesk) -> None:
    """The survey is answered and sealed without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, settled)
    page.goto(f"{settled.address}/dialogue/profiles")
    page.get_by_label("Security's priority 1").fill("Close what is exploited today")
    page.get_by_role("button", name="Seal my guess").click()
    assert page.get_by_text("is sealed. It opens once security has guessed too.").is_visible()
    context.close()


def test_the_board_page_prints_on_one_sheet(browser: Any, settled: RunningDesk) -> None:
    """One page a quarter, without navigation, and no signal on it."""
    page = browser.new_page()
    sign_in(page, settled)
    page.goto(f"{settled.address}/dialogue/board")
    content: bytes = page.pdf(format="A4", prefer_css_page_size=True)
    assert re.findall(rb"/Count (\d+)", content) == [b"1"]
    page.emulate_media(media="print")
    assert not page.locator(".tabs").is_visible()
    text = page.locator("main").inner_text()
    assert "Goals of both" in text
    assert not any(word in text for word in ("kept in time", "Overrides", "Calibration"))
    picture(page, "dialogue-board")
    page.close()
