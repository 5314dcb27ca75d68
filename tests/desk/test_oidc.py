"""Signing in at a real OpenID Connect provider: npm's oidc-provider, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desk.running import RunningDesk, free_port
from desk.test_browser import CHROMIUM, browser

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium binary"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm for the provider"),
]
VERSION = "oidc-provider@8.8.1"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run the provider and a desk that trusts it."""
    folder = tmp_path_factory.mktemp("oidc")
    command = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        VERSION,
    ]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if installed.returncode != 0:
        pytest.skip(f"npm cannot install the provider: {installed.stderr[-200:]}")
    shutil.copy(Path(__file__).with_name("provider.mjs"), folder)
    secret = folder / "secret"
    secret.write_text("a secret of the provider's tests, long enough")
    secret.chmod(0o600)
    desk = RunningDesk(folder / "desk")
    port = free_port()
    callback = f"{desk.address}/account/oidc/company/login/callback/"
    arguments = ["node", "provider.mjs", str(port), "poise", secret.read_text(), callback]
    process = subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://localhost:{port}"
    desk.more = {
        "POISE_OIDC_ISSUER": issuer,
        "POISE_OIDC_CLIENT_ID": "poise",
        "POISE_OIDC_SECRET_FILE": str(secret),
        "POISE_OIDC_NAME": "Company sign-in",
    }
    _until_up(f"{issuer}/.well-known/openid-configuration")
    desk.serve()
    yield {"desk": desk.address, "log": str(folder / "serve.log"), "secret": secret.read_text()}
    desk.stop()
    process.terminate()
    process.wait(timeout=20)


def _until_up(address: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


def test_whoever_the_company_knows_signs_in_and_sees_nothing_yet(
    provider: dict[str, str], browser: Any
) -> None:
    """The whole dance with PKCE in a real browser; the desk's content policy lets the form lead there."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{provider['desk']}/account/login/")
    page.get_by_role("button", name="Company sign-in").click()
    page.get_by_placeholder("Enter any login").fill("kim")
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{provider['desk']}/**")
    assert page.get_by_text("Whoever has no role may not").count() == 1
    assert page.locator("nav").count() == 0
    context.close()
    # No secret in a log.
    assert provider["secret"] not in Path(provider["log"]).read_text()
    assert os.path.getsize(provider["log"]) < 1_000_000
