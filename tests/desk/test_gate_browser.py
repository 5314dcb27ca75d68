"""Deliveries in real browsers: two people sign one policy, a pipeline reports, one accepts a finding."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from desk.running import LEADS, POISE, RunningDesk
from desk.test_browser import browser as browser
from desk.test_browser import pytestmark as pytestmark
from gate.build import COMMIT, result, sarif
from poise.desk.sample import CAST

PASSWORDS = {one.username: one.password for one in CAST}
TOKEN = """
from poise.desk.actions import tokens
print(tokens.issue(anna, "pipeline", ["gate.report"], 30))
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningDesk, str]]:
    """Serve a desk with two leads who have keys; give a pipeline's token with it."""
    made = RunningDesk(tmp_path_factory.mktemp("gate") / "desk")
    made.workspace.mkdir()
    token = made.python(LEADS + TOKEN).split()[-1]
    made.serve()
    yield made, token
    made.stop()


def sign_in(page: Any, desk: RunningDesk, name: str) -> None:
    """Sign somebody in."""
    page.goto(f"{desk.address}/account/login/")
    page.get_by_label("Login").fill(name)
    page.get_by_label("Password").fill(PASSWORDS[name])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{desk.address}/")


def save(page: Any, name: str, path: Path) -> Path:
    """Download what a link leads to."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name).first.click()
    download.value.save_as(path)
    return path


def run_gate(folder: Path, desk: RunningDesk, token: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Judge a report as a pipeline does, with the files from the desk, and report to it."""
    ended = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    report = sarif(
        [result("shell", snippet="run(cmd)")],
        invocations=[{"executionSuccessful": True, "endTimeUtc": ended}],
    )
    (folder / "code.sarif").write_text(json.dumps(report))
    words = ["gate", "run", "code=code.sarif", "--policy", "policy.json", "--trust", "trust.json"]
    words += ["--first-run", "--commit", COMMIT, "--report-to", desk.address, *more]
    environment = {**os.environ, "POISE_DESK_TOKEN": token}
    return subprocess.run(
        [*POISE, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_from_a_draft_to_an_exception(desk: tuple[RunningDesk, str], browser: Any, tmp_path: Path) -> None:
    """Both sign, the pipeline blocks and reports, the CISO accepts, the pipeline passes."""
    served, token = desk
    contexts = [browser.new_context(), browser.new_context()]
    anna, bert = (context.new_page() for context in contexts)
    sign_in(anna, served, "anna")
    sign_in(bert, served, "bert")
    anna.goto(f"{served.address}/deliveries")
    anna.get_by_role("link", name="Write a policy").click()
    anna.get_by_role("button", name="Keep and read as sentences").click()
    anna.get_by_text("Any new secret in the source stops the delivery").wait_for()
    anna.get_by_label("Your passphrase").fill(PASSWORDS["anna"])
    anna.get_by_role("button", name="Sign and propose").click()
    anna.get_by_text("waits for the other side").wait_for()
    bert.goto(f"{served.address}/")
    bert.get_by_role("link", name="Read and sign, or decline").click()
    bert.get_by_label("Your passphrase").fill(PASSWORDS["bert"])
    bert.get_by_role("button", name="Sign", exact=True).click()
    bert.get_by_text("version 1: in force").wait_for()
    save(bert, "policy.json", tmp_path / "policy.json")
    save(bert, "trust.json", tmp_path / "trust.json")
    done = run_gate(tmp_path, served, token)
    assert (done.returncode, done.stderr) == (1, ""), done.stdout + done.stderr
    bert.goto(f"{served.address}/deliveries")
    bert.get_by_role("link", name="is blocked").click()
    bert.get_by_text("Accept it for a time").click()
    for label, text in (
        ("Who answers for the risk", "Lee"),
        ("Why it is accepted", "Behind a wall"),
        ("Last day", (datetime.now(UTC) + timedelta(days=20)).date().isoformat()),
        ("Your passphrase", PASSWORDS["bert"]),
    ):
        bert.get_by_label(label).fill(text)
    bert.get_by_role("button", name="Sign the exception").click()
    bert.get_by_text("Lee answers for the risk").wait_for()
    save(bert, "Signed file for pipelines", tmp_path / "x.json")
    done = run_gate(tmp_path, served, token, "--exceptions", "x.json")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    anna.goto(f"{served.address}/deliveries/services/shop")
    assert anna.get_by_text("passes", exact=True).count() == 1
    assert anna.get_by_text("The last delivery passes.").count() == 1
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("dark", 400)])
def test_axe_finds_nothing(
    desk: tuple[RunningDesk, str], browser: Any, tmp_path: Path, scheme: str, width: int
) -> None:
    """Every page of deliveries, by ear and by keyboard, in both colours and on a phone."""
    from axe_playwright_python.sync_playwright import Axe

    served, _ = desk
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    sign_in(page, served, "bert")
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    paths = ["/deliveries", "/deliveries/services/shop", "/deliveries/exceptions", "/deliveries/policies/new"]
    for start, part in (
        ("/deliveries", "/deliveries/policies/"),
        ("/deliveries", "/deliveries/verdicts/"),
        ("/deliveries/exceptions", "/deliveries/exceptions/"),
    ):
        page.goto(served.address + start)
        found = [link.get_attribute("href") for link in page.get_by_role("link").all()]
        paths += [one for one in found if one.startswith(part) and not one.endswith("new")][:1]
    assert len(paths) == 7
    broken = []
    for path in paths:
        page.goto(served.address + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = Axe().run(page, options=options)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if found.violations_count:
            broken.append(f"{path}\n{found.generate_report()}")
    context.close()
    assert not broken, "\n".join(broken)
