"""The report in a real browser: light, dark, narrow, print, and nobody asked for anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poise.report import render_html
from report.build import build_document

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium binary on this machine"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_html(build_document(num_changes=36, num_groups=8)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 1400), ("dark", 360)])
def test_axe_finds_nothing(browser: Any, address: str, scheme: str, width: int) -> None:
    """Whoever reads by ear, by keyboard or with weak eyes gets the whole report."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    results = Axe().run(page, options=options)
    context.close()
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("width", [360, 390, 768, 1400])
def test_page_never_scrolls_sideways(browser: Any, address: str, width: int) -> None:
    """On a phone only the week grids scroll, inside their own region."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_page_asks_no_other_host_and_its_policy_holds(browser: Any, address: str) -> None:
    """One request, the page itself; the policy must let its own style in and complain of nothing."""
    page = browser.new_page()
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert requests == [address]
    assert messages == []
    assert page.evaluate("getComputedStyle(document.body).margin") == "0px"
    page.close()


def test_print_from_a_dark_screen_is_white_and_open(browser: Any, address: str) -> None:
    """Paper has no dark mode, and nobody can click on it."""
    page = browser.new_page(color_scheme="dark")
    page.goto(address)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    hidden = page.evaluate(
        "[...document.querySelectorAll('details:not(.bulk)')].map(one => one.lastElementChild)"
        ".filter(one => !one.checkVisibility({contentVisibilityAuto: true}) || !one.offsetHeight).length"
    )
    assert hidden == 0
    assert not page.evaluate("document.querySelector('.chart.narrow').checkVisibility()")
    page.close()


def test_first_key_leads_to_the_content(browser: Any, address: str) -> None:
    """A keyboard reader must not walk through the list of sections first."""
    page = browser.new_page()
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.close()
