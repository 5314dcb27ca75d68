"""The year's quarrel played by two people in two real browsers, and every page of the dialogue under axe."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from desk.running import RunningDesk
from desk.test_browser import CHROMIUM, browser, sign_in
from desk.walking import AXE
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
    "/dialogue/decisions/d-shop-sept",
    "/dialogue/exceptions/archive",
    "/dialogue/goals",
    "/dialogue/profiles",
    "/dialogue/survey",
    "/dialogue/survey?quarter=2025Q4",
    "/dialogue/signals",
    "/dialogue/digest",
    "/dialogue/board",
)
#: What waits at the end of the year: a question to operations, an accepted risk, letters in every state.
LATER_PAGES = ("/dialogue/decisions/d-keys", "/dialogue/exceptions/wiki", "/dialogue/digest")
LETTERS = """
from datetime import timedelta
from poise.desk import clock
from poise.desk.models import Letter
now = clock.now()
for number, state in enumerate(Letter.State.values):
    Letter.objects.create(
        party="operations", key=f"digest {number}", channel="mail-cio", subject="Week to 29 June", text="...",
        state=state, written=now - timedelta(hours=number), attempts=number,
        sent=now if state == "sent" else None, next_attempt=now if state == "waiting" else None,
        fault="" if state in ("sent", "sending") else "the server refused it: 450 busy.",
    )
"""
#: Where pictures for the documents go, when somebody asks for them.
PICTURES = os.environ.get("POISE_PICTURES")


#: What the two say in their browsers instead of the year's list: (kind, what it is about, side or "").
IN_BROWSERS = (
    ("goal.endorsed", "grow-online", "security"),
    ("disagreement.position", "winter-freeze", "2025"),
    ("decision.made", "d-shop-sept", ""),
    ("<escalate>", "winter-freeze", "security"),
    ("meeting.opened", "m-2025-12-15", ""),
    ("meeting.item", "m-2025-12-15", ""),
    ("meeting.closed", "m-2025-12-15", ""),
    ("disagreement.retyped", "winter-freeze", ""),
    ("settlement.proposed", "winter-freeze", ""),
    ("settlement.accepted", "winter-freeze", ""),
)
PLAY = """
from datetime import datetime
from poise.desk.prepare import prepare
from poise.desk.sample_year import fill_year, go_on
from poise.ledger import keyfile
keyfile.KDF_ROUNDS = 2
said = {said!r}
def without(row):
    fields = row[3]
    about = [fields.get(name) for name in ("id", "goal", "disagreement", "decision", "meeting")]
    return any(row[1] == kind and id in about and (who in ("", row[2]) or str(row[0]).startswith(who))
               for kind, id, who in said)
until, since = datetime.fromisoformat({until!r}), {since!r}
if since:
    go_on(until, datetime.fromisoformat(since), without=without, has_table={has_table!r})
else:
    prepare()
    fill_year(until, without=without, has_table={has_table!r})
"""


@dataclass
class YearDesk:
    """The sample company's desk, served from July on; the year goes on around what the two say there.

    ``has_table`` says whether January's table is solved and signed too, which takes about a minute.
    """

    desk: RunningDesk
    moment: datetime | None = None
    has_table: bool = False

    @property
    def address(self) -> str:
        """Where it is served."""
        return self.desk.address

    def reach(self, until: datetime, *, by_people: bool = False) -> None:
        """Let the year go on to a moment, unless it is there already.

        What the two say in the test of their year is left to them only when that test asks.
        """
        if self.moment is not None and self.moment >= until:
            return
        said = IN_BROWSERS if by_people else ()
        since = self.moment.isoformat() if self.moment else None
        if since is None:
            workspace.set_clock_ahead(self.desk.workspace, until + timedelta(minutes=1))
        self.desk.python(
            PLAY.format(said=said, until=until.isoformat(), since=since, has_table=self.has_table)
        )
        if since is None:
            self.desk.serve()
        else:
            workspace.move_clock(self.desk.workspace, until + timedelta(minutes=1))
        self.moment = until


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YearDesk]:
    """One desk for the whole year; tests come in the order of its months."""
    found = YearDesk(RunningDesk(tmp_path_factory.mktemp("year") / "desk"))
    yield found
    found.desk.stop()


def picture(page: Any, name: str) -> None:
    """Keep a picture for the documents, when asked for."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def test_the_quarrel_grows_from_july_to_december(browser: Any, year: YearDesk) -> None:
    """A goal of both, two positions, a decision against a recommendation, a page alone: in their browsers."""
    year.reach(datetime(2025, 7, 7, 7, 20, tzinfo=UTC), by_people=True)
    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
    anna, bert = (context.new_page() for context in contexts)
    for number, page in enumerate((anna, bert)):
        sign_in(page, year.desk, number)
    bert.goto(f"{year.address}/dialogue/goals")
    bert.get_by_role("button", name="Endorse it").first.click()
    picture(bert, "dialogue-goals")
    year.reach(datetime(2025, 9, 2, 8, tzinfo=UTC), by_people=True)
    words = {
        bert: ("Nothing that is exploited stays open for three weeks", "A breach costs more", "9"),
        anna: ("Nobody touches the shop during the sale", "A third of the margin is made then", "8"),
    }
    for page, (position, interest, importance) in words.items():
        page.goto(f"{year.address}/dialogue/disagreements/winter-freeze")
        page.get_by_label("Position", exact=True).fill(position)
        page.get_by_label("The interest behind it").fill(interest)
        page.get_by_label("Importance to you, 0 to 10").fill(importance)
        page.get_by_role("button", name="Put it down").click()
    anna.get_by_text("Nothing that is exploited stays open").first.wait_for(timeout=15000)
    picture(anna, "dialogue-positions")
    year.reach(datetime(2025, 9, 26, 15, tzinfo=UTC), by_people=True)
    anna.goto(f"{year.address}/dialogue/decisions/d-shop-sept")
    anna.get_by_label("After the sale").check()
    anna.get_by_role("button", name="Decide", exact=True).click()
    anna.get_by_text("decided", exact=True).first.wait_for(timeout=15000)
    year.reach(datetime(2025, 10, 20, 7, tzinfo=UTC), by_people=True)
    bert.goto(f"{year.address}/dialogue/disagreements/winter-freeze")
    bert.get_by_text("Take it up", exact=True).click()
    bert.get_by_label("The decision wanted").fill("Allow patches of exploited flaws during the sale")
    bert.get_by_role("button", name="Go alone, visibly").click()
    bert.get_by_text("One-sided page of security, without notice").wait_for(timeout=15000)
    picture(bert, "dialogue-alone")
    year.reach(WARNED, by_people=True)
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 400), ("dark", 400)]
)
def test_axe_finds_nothing(browser: Any, year: YearDesk, scheme: str, width: int) -> None:
    """Every page by ear, by keyboard and on a phone, in both schemes, with every form unfolded."""
    year.reach(WARNED)
    is_for_everybody(browser, year, scheme, width, PAGES)


def is_for_everybody(browser: Any, year: YearDesk, scheme: str, width: int, paths: tuple[str, ...]) -> None:
    """Check pages by axe, and that none is wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    sign_in(page, year.desk)
    broken = []
    for path in paths:
        assert page.goto(f"{year.address}{path}").ok, path
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = Axe().run(page, options=AXE)
        if found.violations_count:
            broken.append(f"{path}\n{found.generate_report()}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    assert not broken, "\n".join(broken)


def test_two_people_settle_the_years_quarrel(browser: Any, year: YearDesk) -> None:
    """It is warned of; they meet, retype it, trade; each sees the other's moves."""
    year.reach(WARNED)
    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
    anna, bert = (context.new_page() for context in contexts)
    complaints: list[str] = []
    for number, page in enumerate((anna, bert)):
        page.on("console", lambda message: complaints.append(message.text))
        sign_in(page, year.desk, number)
    _both_are_warned(anna, bert, year)
    _they_meet(anna, bert, year)
    year.reach(datetime(2026, 1, 8, 8, 30, tzinfo=UTC), by_people=True)
    _they_trade(anna, bert, year)
    anna.goto(f"{year.address}/dialogue")
    assert not anna.get_by_role("heading", name="No patches on the shop").count()
    for context in contexts:
        context.close()
    assert complaints == []


def _both_are_warned(anna: Any, bert: Any, desk: YearDesk) -> None:
    for page in (anna, bert):
        page.goto(f"{desk.address}/dialogue/signals")
    said = [page.locator("#signals").inner_html() for page in (anna, bert)]
    assert said[0] == said[1]
    assert anna.locator(".warned").count() == 5
    anna.get_by_text("Two escalations within 60 days came without a notice here.").wait_for()
    picture(anna, "dialogue-warned")


def _they_meet(anna: Any, bert: Any, desk: YearDesk) -> None:
    anna.goto(f"{desk.address}/dialogue")
    picture(anna, "dialogue-agenda")
    bert.goto(f"{desk.address}/dialogue")
    anna.get_by_role("button", name="Begin the meeting").click()
    bert.get_by_role("link", name="Go there").click(timeout=15000)
    bert.get_by_role("heading", level=2, name="No patches on the shop").wait_for()
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
    anna.get_by_text("To the table in January").wait_for()


def _they_trade(anna: Any, bert: Any, desk: YearDesk) -> None:
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


def test_half_a_year_later_it_is_still_settled(browser: Any, year: YearDesk) -> None:
    """No rule warns, promises are kept again, the freeze stays settled, the next page up was joint."""
    year.reach(END, by_people=True)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    sign_in(page, year.desk, 1)
    page.goto(f"{year.address}/dialogue/signals")
    page.get_by_text("No rule warns.").wait_for()
    assert "kept in time: 4 of 4" in page.locator("#promises").inner_text()
    assert "1 of 5" in page.locator("#promises").inner_text()
    picture(page, "dialogue-settled")
    page.goto(f"{year.address}/dialogue/disagreements/winter-freeze")
    assert "ended 8 Jan 2026" in page.locator("#one .over").inner_text()
    page.goto(f"{year.address}/dialogue/disagreements/logs/page")
    page.get_by_text("Joint page, signed by both").wait_for()
    picture(page, "dialogue-joint")
    page.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 400)])
def test_axe_finds_nothing_on_what_waits(browser: Any, year: YearDesk, scheme: str, width: int) -> None:
    """Open questions and risks with their forms, and letters that did not go."""
    year.reach(END)
    if year.desk.python("from poise.desk.models import Letter; print(Letter.objects.exists())") == "False\n":
        year.desk.python(LETTERS)
    is_for_everybody(browser, year, scheme, width, LATER_PAGES)


def test_reading_and_answering_need_no_script(browser: Any, year: YearDesk) -> None:
    """The survey is answered and sealed without JavaScript."""
    year.reach(END)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, year.desk)
    page.goto(f"{year.address}/dialogue/profiles")
    page.get_by_label("Security's priority 1").fill("Close what is exploited today")
    page.get_by_role("button", name="Seal my guess").click()
    page.get_by_text("is sealed. It opens once security has guessed too.").wait_for(timeout=15000)
    context.close()


def test_the_board_page_prints_on_one_sheet(browser: Any, year: YearDesk) -> None:
    """One page a quarter, without navigation, and no signal on it; the long run has a signed table."""
    year.reach(END)
    text = board_on_paper(browser, year)
    assert "No table is open" in text


def board_on_paper(browser: Any, year: YearDesk) -> str:
    """Print the board's page and return what it says."""
    page = browser.new_page(viewport={"width": 820, "height": 1100})
    sign_in(page, year.desk)
    page.goto(f"{year.address}/dialogue/board")
    content: bytes = page.pdf(format="A4", prefer_css_page_size=True)
    assert re.findall(rb"/Count (\d+)", content) == [b"1"]
    page.emulate_media(media="print")
    assert not page.locator(".tabs").is_visible()
    text: str = page.locator("main").inner_text()
    assert "Goals of both" in text
    assert not any(word in text for word in ("kept in time", "Overrides", "Calibration"))
    picture(page, "dialogue-board")
    page.close()
    return text


@pytest.mark.long
def test_the_year_with_its_real_table(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same year in the same browsers, with January's table solved on the reports and signed by both.

    The quarrel grows, is warned of, is settled by a trade whose limits stand at the table, and stays settled;
    pages show what the signed plan holds. The pictures of docs/dialogue.md are of this run.
    """
    year = YearDesk(RunningDesk(tmp_path_factory.mktemp("table") / "desk"), has_table=True)
    try:
        test_the_quarrel_grows_from_july_to_december(browser, year)
        test_two_people_settle_the_years_quarrel(browser, year)
        _the_trade_stands_at_the_table(browser, year)
        test_half_a_year_later_it_is_still_settled(browser, year)
        text = board_on_paper(browser, year)
    finally:
        year.desk.stop()
    for words in ("Plan signed 8 Jan 2026", "Kept so far", "expected loss", "CVSS first", "Head of Data"):
        assert words in text


def _the_trade_stands_at_the_table(browser: Any, year: YearDesk) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    sign_in(page, year.desk)
    page.goto(f"{year.address}/table")
    limits = page.locator("main").inner_text()
    assert "short-sale" in limits
    assert "kev-30" in limits
    assert "winter-sale" not in limits
    page.goto(f"{year.address}/agreements")
    page.locator("article a").first.click()
    assert page.locator("main p.lead").first.inner_text().startswith("We make ")
    picture(page, "dialogue-agreement")
    page.close()
