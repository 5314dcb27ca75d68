"""Pages in a real browser: axe in light and dark, narrow, without JavaScript, and nobody else asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from desk.running import RunningDesk, sample_desk
from poise.desk.sample import CAST

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("POISE_REQUIRE_BROWSER") != "1", reason="no Chromium binary"
    ),
]

#: Pages that show most on a whole company; test_whole_browser.py walks every page there is, on a small one.
PAGES = (
    "/",
    "/me",
    "/work",
    "/estate",
    "/estate/unmapped",
    "/findings",
    "/findings?q=CVE-2024",
    "/findings/reports",
    "/findings/reports/1",
    "/estate/services/shop",
    "/trust",
    "/record",
    "/table",
    "/table/new-limit",
    "/table/importance",
    "/plan/kalai-smorodinsky-before",
    "/agreements",
    "/ledger",
    "/ledger/0",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """Serve the sample company, solved."""
    desk = sample_desk(tmp_path_factory.mktemp("browser"))
    desk.serve()
    done = desk.run("worker", "--until-empty")
    assert done.returncode == 0, done.stderr
    yield desk
    desk.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def sign_in(page: Any, desk: RunningDesk, number: int = 0) -> None:
    """Sign somebody of the sample company in, as people do."""
    page.goto(f"{desk.address}/account/login/")
    page.get_by_label("Login").fill(CAST[number].username)
    page.get_by_label("Password").fill(CAST[number].password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{desk.address}/")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 400)])
def test_axe_finds_nothing(browser: Any, running: RunningDesk, scheme: str, width: int) -> None:
    """Whoever reads by ear, by keyboard or with weak eyes gets every page; nothing scrolls sideways."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    page.goto(f"{running.address}/account/login/")
    results = [("sign-in", Axe().run(page, options=options))]
    sign_in(page, running, 0)
    for path in PAGES:
        page.goto(f"{running.address}{path}")
        results.append((path, Axe().run(page, options=options)))
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    broken = [f"{path}\n{found.generate_report()}" for path, found in results if found.violations_count]
    assert not broken, "\n".join(broken)


def test_no_request_leaves_the_host_and_no_page_complains(browser: Any, running: RunningDesk) -> None:
    """The content policy lets in what pages need, and pages need nothing from elsewhere."""
    requests: list[str] = []
    complaints: list[tuple[str, str]] = []
    for number, paths in ((0, (*PAGES, "/account/password/change/")), (2, ("/people",))):
        context = browser.new_context()
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message, page=page: complaints.append((page.url, message.text)))
        sign_in(page, running, number)
        for path in paths:
            page.goto(f"{running.address}{path}")
            page.wait_for_timeout(1200)
        context.close()
    assert all(url.startswith(running.address) for url in requests)
    assert complaints == []


def test_pages_read_without_javascript(browser: Any, running: RunningDesk) -> None:
    """Signing in and reading need no script."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, running)
    assert page.get_by_role("heading", level=1).inner_text()
    assert page.get_by_text("opened a table").count()
    context.close()


def test_first_key_leads_to_the_content(browser: Any, running: RunningDesk) -> None:
    """A keyboard reader must not walk through the navigation first."""
    page = browser.new_page()
    sign_in(page, running)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.close()


def test_the_other_sees_a_move_within_two_seconds(browser: Any, running: RunningDesk) -> None:
    """Two people at one table: what one does shows at the other's without a click."""
    contexts = [browser.new_context(), browser.new_context()]
    anna, bert = (context.new_page() for context in contexts)
    sign_in(anna, running, 0)
    sign_in(bert, running, 1)
    running.python("from poise.desk.actions import Actor\nActor.desk().record('note.seen-by-both', {})")
    anna.get_by_text("note seen by both").wait_for(timeout=2500)
    bert.get_by_text("note seen by both").wait_for(timeout=2500)
    for context in contexts:
        context.close()
