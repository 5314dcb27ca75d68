"""A whole negotiation in two real browsers at once: from a dropped report to KEV, which opens it again."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from desk import test_dialogue_browser as dialogue
from desk import test_incidents_browser as incidents
from desk.running import RunningDesk
from desk.test_browser import CHROMIUM, browser, sign_in
from desk.walking import AXE, is_cut_off, name_of, page_names, walk
from estate.samples import ESTATE, WEEKLY
from poise.desk import workspace
from poise.sample import NOW

__all__ = ["browser"]

pytestmark = [
    pytest.mark.xdist_group("whole_browser"),  # one desk for all of them, and their order
    pytest.mark.browser,
    pytest.mark.story,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("POISE_REQUIRE_BROWSER") != "1", reason="no Chromium binary"
    ),
]

#: Vulnerabilities of the sample's EPSS file that its KEV file does not list; the first comes to be listed.
REPORT = """\
cve,host,severity,component,installed_version,fixed_version
CVE-2024-38063,web-a1,critical,windows tcpip,10.0,10.1
CVE-2024-50379,web-b1,high,tomcat,9.0.90,9.0.98
CVE-2025-29927,stage-1,critical,next,15.1,15.2
CVE-2024-2961,web-a1,high,glibc,2.38,2.39
CVE-2024-21683,intranet,high,confluence,8.5,8.9
"""
PASSPHRASES = ("four odd words of anna", "four odd words of bert")
#: Kinds of messages that a page must not leave in the browser's console.
LOUD = ("error", "warning")
WIDE = {"width": 1440, "height": 900}
#: Room for text on an A4 sheet with the margins of the style sheet [px].
PAPER_WIDTH = 680
#: What home says once KEV lists what the agreement left open.
LISTED = re.compile("Facts have changed since the agreement: .* now known to be exploited")
#: Pages that only a year of dialogue fills: test_dialogue_browser.py plays one.
YEAR_PAGES = {"dialogue-decision", "dialogue-exception"}
#: Where whoever signs in begins, by number in the sample's cast.
STARTS = (("/table/importance", "/table/limits/quiet-nights"), ("/",), ("/people",))
#: Looked at on the way, while there is something in them.
ON_THE_WAY = {"agreement-compose", "agreement-draft", "outcomes-visit"}
#: Walked by test_gate_browser.py, which fills in what they show; a draft is the page of gate-compose.
GATE_PAGES = {"gate-service", "gate-policy", "gate-draft", "gate-verdict", "gate-exception"}
#: How long anything that a worker computes may take here [ms].
SOLVED_MS = 240_000

PEOPLE = """
from poise.desk.actions import Actor, people
from poise.desk.prepare import prepare
from poise.desk.sample import CAST
from poise.sample.feeds import fill_store
from django.conf import settings
prepare()
fill_store(settings.POISE_HOME / "threats")
for one in CAST:
    people.admit(Actor.desk(), one.username, one.password, one.role.key, one.name)
"""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """Serve a desk with people and threat evidence, and nothing else."""
    desk = RunningDesk(tmp_path_factory.mktemp("whole") / "desk")
    workspace.set_clock_ahead(desk.workspace, NOW)
    desk.python(PEOPLE)
    desk.serve()
    desk.start("worker")
    yield desk
    desk.stop()


@pytest.fixture(scope="module")
def two(browser: Any, empty: RunningDesk) -> Iterator[tuple[Any, Any]]:
    """Sign both sides in, each in a browser of their own; no page may complain."""
    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(2)]
    anna, bert = (context.new_page() for context in contexts)
    complaints: list[str] = []
    for number, page in enumerate((anna, bert)):
        page.on("console", lambda one: complaints.append(one.text) if one.type in LOUD else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        sign_in(page, empty, number)
    yield anna, bert
    for context in contexts:
        context.close()
    # A refused passphrase answers 400, which browsers note.
    assert [one for one in complaints if "400" not in one] == []


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def test_a_report_dropped_on_the_page_becomes_findings(
    two: tuple[Any, Any], empty: RunningDesk, tmp_path: Path
) -> None:
    """The estate is uploaded by one side, a report dropped by the other, and what is unmapped is told."""
    anna, bert = two
    for name, text in (("estate.yaml", ESTATE), ("weekly.ics", WEEKLY)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    anna.goto(f"{empty.address}/estate")
    anna.get_by_label(re.compile("estate.yaml")).set_input_files(sorted(tmp_path.iterdir()))
    press(anna, "Upload")
    anna.get_by_text("The estate of Northwind Bank is in force").wait_for()
    bert.goto(f"{empty.address}/findings")
    drop(bert, "scan.csv", REPORT)
    bert.wait_for_url(f"{empty.address}/findings/reports")
    bert.get_by_role("cell", name="read", exact=True).wait_for(timeout=SOLVED_MS)
    anna.goto(f"{empty.address}/estate/unmapped")
    anna.get_by_role("rowheader", name="intranet").wait_for(timeout=10_000)
    anna.goto(f"{empty.address}/findings?q=CVE-2024-2961")
    assert anna.get_by_role("rowheader", name="CVE-2024-2961").count() == 1
    drop(bert, "cut.nessus", "<?xml version='1.0'?><NessusClientData_v2><Report>")
    bert.get_by_role("row", name=re.compile("cut.nessus.*refused")).wait_for(timeout=SOLVED_MS)
    bert.get_by_role("link", name="cut.nessus").click()
    bert.get_by_text("nothing of it counts").wait_for()
    assert bert.locator(".fault").count() >= 1


def drop(page: Any, name: str, content: str) -> None:
    """Drop a file anywhere on the page, as people do."""
    page.evaluate(
        """([name, content]) => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([atob(content)], name));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: dropped, bubbles: true}));
        }""",
        [name, base64.b64encode(content.encode()).decode()],
    )


def test_both_open_the_table_and_their_sealed_positions(two: tuple[Any, Any], empty: RunningDesk) -> None:
    """Whoever waits gets the table by itself; a position is nobody else's before both have sealed."""
    anna, bert = two
    for page, phrase in zip(two, PASSPHRASES, strict=True):
        page.goto(f"{empty.address}/me")
        page.get_by_label("New passphrase").fill(phrase)
        page.get_by_label("Once more").fill(phrase)
        press(page, "Make my key")
    anna.reload()
    anna.get_by_label("Your passphrase").fill(PASSPHRASES[0])
    press(anna, "Vouch for this key")
    anna.goto(f"{empty.address}/table")
    bert.goto(f"{empty.address}/table")
    press(bert, "Open a table on today's data")
    for page in two:
        page.get_by_role("heading", name="Table of Northwind Bank").wait_for(timeout=SOLVED_MS)
    anna.get_by_text("Here now: Anna, Bert").wait_for(timeout=15_000)
    post_by_keyboard(anna)
    bert.goto(f"{empty.address}/table/importance")
    bert.get_by_label("shop").fill("8")
    press(bert, "Keep these")
    press(bert, "Seal our position")
    anna.get_by_text("Sealed; it opens when both are.").wait_for(timeout=10_000)
    assert not bert.get_by_text("quiet-nights").count()
    press(anna, "Seal our position")
    bert.get_by_role("link", name="quiet-nights").wait_for(timeout=10_000)


def post_by_keyboard(page: Any) -> None:
    """Post a limit without a mouse: from the table to the form and back."""
    page.get_by_role("link", name="Post a limit").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Short name").wait_for()
    for _ in range(60):
        if page.evaluate("document.activeElement.id") == "id":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("quiet-nights")
    page.keyboard.press("Tab")
    page.keyboard.type("At most so many hours")
    page.keyboard.press("Tab")
    page.keyboard.type("20")
    for _ in range(60):
        if page.evaluate("document.activeElement.id") == "reason":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("nights are short")
    page.keyboard.press("Enter")
    page.get_by_text("Limit quiet-nights is posted.").wait_for()


def test_a_trade_is_anybodys_only_once_both_said_yes(two: tuple[Any, Any], empty: RunningDesk) -> None:
    """Every computation comes by itself; of a yes to a trade the other side's page tells nothing."""
    anna, bert = two
    press(anna, "Price the limits")
    bert.get_by_text("Prices do not add up").wait_for(timeout=SOLVED_MS)
    choose_plan(anna, "default")
    press(anna, "Propose it")
    press(anna, "Look for trades")
    for page in two:
        page.locator("#trade-accept-1").wait_for(timeout=SOLVED_MS)
    before = trades_on(bert)
    anna.locator("#trade-accept-1").click()
    assert "Your side answered: Accept" in trades_on(anna)
    bert.reload()
    assert trades_on(bert) == before
    assert not bert.get_by_text("accepted by both").count()
    bert.locator("#trade-accept-1").click()
    for page in two:
        page.get_by_role("heading", name=re.compile("^2\\. Trade of")).wait_for(timeout=10_000)
        assert page.locator(".newest").get_by_text("accepted by both").count()


def choose_plan(page: Any, key: str) -> None:
    """Choose a plan by its key; the form also says which plan that was."""
    plans = page.get_by_label("Plan", exact=True)
    plans.select_option(plans.locator(f'option[value^="{key}@"]').get_attribute("value"))


def trades_on(page: Any) -> str:
    """Return what a page tells of trades."""
    text: str = page.locator("section", has=page.locator("#trades")).inner_text()
    return text


def test_a_proposal_that_both_accept(two: tuple[Any, Any], empty: RunningDesk) -> None:
    """An answer is nobody else's until both say yes."""
    anna, bert = two
    choose_plan(bert, "kalai-smorodinsky")
    press(bert, "Propose it")
    anna.get_by_role("heading", name=re.compile("^3\\. ")).wait_for(timeout=10_000)
    press(anna, "Accept")
    anna.locator(".newest").get_by_text("Your side answered: Accept").wait_for()
    bert.reload()
    assert not bert.locator(".newest").get_by_text(re.compile("accepted by both|Your side answered")).count()
    press(bert, "Accept")
    anna.locator(".newest").get_by_role("link", name="To the agreement").wait_for(timeout=10_000)


def test_two_people_sign_and_the_page_prints(two: tuple[Any, Any], empty: RunningDesk) -> None:
    """Two keys, two passphrases; then one plain sentence first, and nothing cut off on paper."""
    anna, bert = two
    anna.locator(".newest").get_by_role("link", name="To the agreement").click()
    is_for_everybody(anna)
    press(anna, "Compose it for both to read and sign")
    is_for_everybody(anna)
    anna.get_by_label("Passphrase of your signing key").fill("not the one at all")
    press(anna, "Sign for operations")
    anna.get_by_text("E706", exact=True).wait_for()  # else a hash that holds these digits will do
    anna.goto(f"{empty.address}/")
    anna.get_by_role("link", name="An agreement waits for your signature.").click()
    anna.get_by_label("Passphrase of your signing key").fill(PASSPHRASES[0])
    press(anna, "Sign for operations")
    bert.goto(f"{empty.address}/")
    bert.get_by_role("link", name="An agreement waits for your signature.").click()
    bert.get_by_label("Passphrase of your signing key").fill(PASSPHRASES[1])
    press(bert, "Sign for security")
    bert.get_by_text("Both sides have signed: the agreement is in force.").wait_for()
    assert bert.locator("main p.lead").first.inner_text().startswith("We make ")
    with bert.expect_download() as download:
        bert.get_by_role("link", name="Export as JSON").click()
    exported = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert exported["body"]["company"] == "Northwind Bank"
    anna.goto(f"{empty.address}/")
    assert anna.get_by_text("put an agreement on the ledger").count()


def test_what_became_of_a_window_is_entered(two: tuple[Any, Any], empty: RunningDesk) -> None:
    """Two days later home asks what became of the first night, and the desk has been started anew."""
    _, bert = two
    for page in two:
        page.goto("about:blank")
    empty.stop()
    clock = empty.workspace / "clock.json"
    ahead = json.loads(clock.read_text(encoding="ascii"))["ahead_seconds"]
    clock.write_text(json.dumps({"ahead_seconds": ahead + 2 * 86_400}), encoding="ascii")
    empty.serve()
    empty.start("worker")
    bert.goto(f"{empty.address}/")
    bert.get_by_role("link", name=re.compile("Say what became of")).click()
    if bert.url.endswith("/record"):
        bert.get_by_role("link", name=re.compile("^enter")).first.click()
    is_for_everybody(bert)
    bert.get_by_label("Downtime [min]").fill("25")
    press(bert, "Put it on the ledger")
    bert.get_by_text("is on the ledger").wait_for()
    assert bert.get_by_role("link", name=re.compile("^correct")).count()


def is_for_everybody(page: Any) -> None:
    """Check an open page by axe, which the page's own content policy keeps out."""
    from axe_playwright_python.sync_playwright import Axe

    state = page.context.storage_state()
    context = page.context.browser.new_context(storage_state=state, bypass_csp=True)
    beside = context.new_page()
    beside.goto(page.url)
    found = Axe().run(beside, options=AXE)
    context.close()
    assert not found.violations_count, found.generate_report()


def test_a_listed_vulnerability_opens_it_again(
    two: tuple[Any, Any], empty: RunningDesk, tmp_path: Path
) -> None:
    """KEV lists what both had left for later: both are told, one re-opens, and old stands beside new."""
    anna, bert = two
    list_as_exploited(empty, "CVE-2024-38063", tmp_path)
    bert.goto(f"{empty.address}/table")
    press(bert, "Open a new table on today's data")
    for page in two:
        page.goto(f"{empty.address}/")
        page.get_by_role("link", name=LISTED).wait_for(timeout=SOLVED_MS)
    anna.get_by_role("link", name=LISTED).click()
    anna.get_by_text("is now known to be exploited").first.wait_for()
    press(anna, "Re-open the agreement")
    anna.get_by_text("Fewest moves come first").wait_for(timeout=SOLVED_MS)
    is_for_everybody(anna)
    ways = anna.locator("section", has=anna.locator("#ways")).get_by_role("row")
    assert ways.last.get_by_role("link").inner_text().startswith("Whole re-plan")
    assert anna.get_by_role("heading", name="Proposals").count() == 0, "taken silently"
    ways.nth(1).get_by_role("button", name=re.compile("^Propose")).click()
    anna.get_by_role("heading", name=re.compile("^1\\. ")).wait_for()
    bert.goto(f"{empty.address}/agreements")
    bert.get_by_text("re-opened").first.wait_for()
    bert.locator("article a").first.click()
    bert.get_by_role("link", name="See the agreed plan on today's data").click()
    bert.get_by_text("The agreement that was re-opened").first.wait_for()
    anna.goto(f"{empty.address}/ledger")
    press(anna, "Verify the whole chain")
    anna.get_by_role("heading", name="The chain holds").wait_for()


def list_as_exploited(desk: RunningDesk, cve: str, folder: Path) -> None:
    """Put a vulnerability on the desk's KEV list, as a later edition of the feed does."""
    feed = files("poise.sample").joinpath("threats/known_exploited_vulnerabilities.json")
    catalog = json.loads(feed.read_text(encoding="utf-8"))
    entry = {
        **catalog["vulnerabilities"][0],
        "cveID": cve,
        "dateAdded": "2026-01-04",
        "dueDate": "2026-01-25",
    }
    catalog["vulnerabilities"].append(entry)
    catalog |= {"count": len(catalog["vulnerabilities"]), "catalogVersion": "2026.01.04"}
    catalog["dateReleased"] = "2026-01-04T18:00:00.000Z"
    path = folder / "kev.json"
    path.write_text(json.dumps(catalog), encoding="utf-8")
    desk.python(
        "from pathlib import Path\n"
        "from django.conf import settings\n"
        "from poise.sample import NOW\n"
        "from poise.threats.store import ThreatStore\n"
        "from poise.threats.update import update_from_file\n"
        f"update_from_file(ThreatStore(settings.POISE_HOME / 'threats'), 'kev', Path({str(path)!r}), NOW)"
    )


@pytest.fixture(scope="module")
def played(empty: RunningDesk, two: tuple[Any, Any]) -> RunningDesk:
    """Have an incident, a drill, and a limit of operations on the desk too."""
    empty.python(incidents.PLAY)
    anna, _ = two
    anna.goto(f"{empty.address}/table")
    post_by_keyboard(anna)
    return empty


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_for_everybody(browser: Any, played: RunningDesk, scheme: str) -> None:
    """Axe on every page there is, on a wide screen; on a phone and on paper nothing is cut off.

    Pages are found by their links, so that nobody can forget a new one; what no link leads to here has
    to be in a test of its own feature.
    """
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=scheme, bypass_csp=True, viewport=WIDE)
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    broken, seen = [], set[str]()
    for number in (1, 0, 2):
        sign_in(page, played, number)
        starts = STARTS[number]
        for name, path in walk(page, played.address, *starts):
            if name in seen:
                continue
            seen.add(name)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found = Axe().run(page, options=AXE)
            if found.violations_count:
                broken.append(f"{path}\n{found.generate_report()}")
            broken += [f"{path} on a phone: {one}" for one in cut_off_on_phone(page)]
            if scheme == "light":
                broken += [f"{path} on paper: {one}" for one in cut_off_on_paper(page)]
        page.goto(f"{played.address}/")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(re.compile("/account/"))
    context.close()
    assert not broken, "\n".join(broken)
    assert all(url.startswith(f"{played.address}/") for url in requests)
    elsewhere = {name_of(path) for path in dialogue.PAGES} | GATE_PAGES | ON_THE_WAY | YEAR_PAGES
    assert page_names() - seen - elsewhere == set()


def cut_off_on_phone(page: Any) -> list[str]:
    """Return what makes a page scroll sideways at 400 px."""
    page.set_viewport_size({"width": 400, "height": 900})
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(WIDE)
    return [f"{wide} px wide"] if wide > 400 else []


def cut_off_on_paper(page: Any) -> list[str]:
    """Return what an A4 sheet of a page would cut off."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER_WIDTH, "height": 990})
    found = is_cut_off(page, PAPER_WIDTH)
    page.emulate_media(media="screen")
    page.set_viewport_size(WIDE)
    return found


def test_agreement_and_plan_print(empty: RunningDesk, two: tuple[Any, Any]) -> None:
    """Who prints gets all of it on few sheets: what was folded is open, a screen's own parts are gone."""
    _, bert = two
    bert.goto(f"{empty.address}/agreements")
    agreement = bert.locator("article a").first.get_attribute("href")
    for path, shown, most in ((agreement, "#all-windows table", 6), ("/plan/default", "#services", 8)):
        bert.goto(f"{empty.address}{path}")
        sheets = re.findall(rb"/Count (\d+)", bert.pdf(format="A4", prefer_css_page_size=True))
        assert 1 <= int(sheets[0]) <= most
        bert.emulate_media(media="print")
        assert bert.locator(shown).first.bounding_box()["height"] > 10
        for gone in ("header.bar", "footer", ".acts"):
            assert not any(one.is_visible() for one in bert.locator(gone).all()), gone
        bert.emulate_media(media="screen")


def test_every_plan_is_reached_by_keyboard(empty: RunningDesk, two: tuple[Any, Any]) -> None:
    """Tab walks the frontier plan by plan, the default too, and enter opens the one in focus."""
    anna, _ = two
    anna.goto(f"{empty.address}/table")
    plans = {f"/plan/{one}" for one in ("default", *frontier_of(empty))}
    assert len(plans) > 3
    anna.locator("#frontier").evaluate("one => { one.tabIndex = -1; one.focus(); }")
    reached = set()
    for _ in range(len(plans) + 12):
        anna.keyboard.press("Tab")
        reached.add(anna.evaluate("document.activeElement.getAttribute('href')"))
    assert plans <= reached
    anna.locator("svg.wide a[href='/plan/default']").first.focus()
    anna.keyboard.press("Enter")
    anna.get_by_role("heading", level=1, name="If nobody signs").wait_for()


def frontier_of(desk: RunningDesk) -> list[str]:
    program = (
        "from poise.desk import clock, convert\n"
        "print(*(one.key for one in convert.session(clock.now()).ground.plans))"
    )
    return desk.python(program).split()


def test_reading_and_acting_need_no_script(browser: Any, empty: RunningDesk, two: tuple[Any, Any]) -> None:
    """Without JavaScript every page reads, a report is uploaded, a limit posted, changed and dropped."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, empty, 1)
    for _, path in walk(page, empty.address, "/"):
        assert page.locator("h1").first.inner_text(), path
        assert len(page.locator("main").inner_text()) > 60, path
    page.goto(f"{empty.address}/findings")
    report = {
        "name": "more.csv",
        "mimeType": "text/csv",
        "buffer": REPORT.replace("web-a1", "web-a2").encode(),
    }
    page.get_by_label(re.compile("Reports of any scanner")).set_input_files([report])
    press(page, "Upload")
    page.get_by_role("link", name="more.csv").wait_for()
    page.goto(f"{empty.address}/table/new-limit")
    page.get_by_label("Short name").fill("fix-fast")
    page.get_by_label("Rule").select_option("deadline")
    page.get_by_label("Amount").fill("60")
    press(page, "Post it")
    page.goto(f"{empty.address}/table/limits/fix-fast/change")
    page.get_by_label("Amount").fill("70")
    press(page, "Keep these terms")
    page.get_by_text("within 70 days").first.wait_for()
    page.get_by_label("Why").fill("it has done its work")
    press(page, "Drop fix-fast")
    page.get_by_text("Limit fix-fast is off the table.").wait_for()
    context.close()
