"""Signing in: second factors, limits, cookies, the content policy, and no secret in a log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from desk.running import RunningDesk
from desk.test_api import issued
from desk.test_permissions import addresses, sample_of
from poise.desk.actions import Actor, keys, people, tokens
from poise.desk.middleware import POLICY
from poise.desk.models import SigningKeyFile, User
from poise.errors import DeskError, LedgerError

LOGIN, SECOND = "/account/login/", "/account/2fa/authenticate/"


def totp(secret: str) -> str:
    """Return the code of now, as RFC 6238 defines it."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place : place + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def signed_in(user: User) -> Client:
    """Return a client that gave name and password."""
    client = Client()
    answer = client.post(LOGIN, {"login": user.username, "password": f"{user.username} has a long one"})
    assert answer.status_code == 302, answer.content
    return client


def give_code(client: Client, address: str, secret: str) -> str:
    """Give the code of now, once more where the half minute ended in between; return it."""
    for _ in range(2):
        code = totp(secret)
        if client.post(address, {"code": code}).status_code == 302:
            return code
    raise AssertionError("the right code was refused")


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


@pytest.fixture
def second_factor(ciso: User) -> dict[str, Any]:
    """Give somebody a second factor as the pages do; return its secret and the recovery codes."""
    client = signed_in(ciso)
    assert client.get("/account/2fa/totp/activate/").status_code == 302, "the password is asked for again"
    client.post("/account/reauthenticate/", {"password": "ciso has a long one"})
    page = client.get("/account/2fa/totp/activate/")
    assert page.status_code == 200
    secret = page.context["form"].secret
    wrong = client.post("/account/2fa/totp/activate/", {"code": "000000"})
    assert wrong.status_code == 200, "a wrong code proves nothing"
    give_code(client, "/account/2fa/totp/activate/", secret)
    shown = client.get("/account/2fa/recovery-codes/")
    return {"secret": secret, "codes": shown.context["unused_codes"]}


def test_a_second_factor_is_asked_for_from_then_on(ciso: User, second_factor: dict[str, Any]) -> None:
    """A stolen password alone opens nothing."""
    client = signed_in(ciso)
    assert not is_in(client), "the password alone was enough"
    assert client.get(SECOND).status_code == 200
    assert client.post(SECOND, {"code": "123456"}).status_code == 200
    assert not is_in(client)
    give_code(client, SECOND, second_factor["secret"])
    assert is_in(client)


def test_a_code_counts_once(ciso: User, second_factor: dict[str, Any]) -> None:
    """Whoever looks over a shoulder cannot use the same code again."""
    code = give_code(signed_in(ciso), SECOND, second_factor["secret"])
    client = signed_in(ciso)
    assert client.post(SECOND, {"code": code}).status_code == 200
    assert not is_in(client)


def test_a_recovery_code_opens_once(ciso: User, second_factor: dict[str, Any]) -> None:
    """A lost phone does not lock anybody out, and a used code is no key."""
    code, others = second_factor["codes"][0], second_factor["codes"][1:]
    assert len(others) >= 5
    client = signed_in(ciso)
    assert client.post(SECOND, {"code": code}).status_code == 302
    assert is_in(client)
    again = signed_in(ciso)
    assert again.post(SECOND, {"code": code}).status_code == 200
    assert not is_in(again)


def test_second_factors_are_changed_only_by_whoever_gave_the_password_again(
    ciso: User, sign_in: Callable[[Any], Client]
) -> None:
    """A browser left open must not be enough to take an account over."""
    client = sign_in(ciso)
    answer = client.get("/account/2fa/totp/activate/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/reauthenticate/")


def test_wrong_passwords_are_counted(ciso: User) -> None:
    """After five wrong passwords the right one does not count either, for a while."""
    client = Client()
    for number in range(5):
        assert client.post(LOGIN, {"login": "ciso", "password": f"guess {number}"}).status_code == 200
    late = client.post(LOGIN, {"login": "ciso", "password": "ciso has a long one"})
    assert late.status_code == 200
    assert "Too many failed login attempts" in late.content.decode()
    assert not is_in(client)


def test_many_tries_from_one_place_are_refused(ciso: User) -> None:
    """Guessing one password for many names is guessing too."""
    client = Client()
    answers = [
        client.post(LOGIN, {"login": f"name{number}", "password": "a guess of some length"}).status_code
        for number in range(31)
    ]
    assert (
        429 in answers
        or "Too many"
        in client.post(LOGIN, {"login": "ciso", "password": "ciso has a long one"}).content.decode()
    )


def test_nobody_makes_an_account_by_themselves() -> None:
    """An administrator lets people in."""
    values = {"username": "eve", "password1": "a word of some length", "password2": "a word of some length"}
    answer = Client().post("/account/signup/", values)
    assert "An administrator lets you in" in answer.content.decode()
    assert not User.objects.exists()


INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


def test_nothing_inline_and_nothing_foreign(cast: dict[str, User], sign_in: Callable[[Any], Client]) -> None:
    """The content policy forbids what is inline, and no page has any; none asks another host."""
    assert "unsafe" not in POLICY
    client = sign_in(cast["security-lead"])
    pages = [sample_of(one) for one in addresses() if "GET" in one.callback.methods]  # type: ignore[attr-defined]
    for path in [*pages, LOGIN, "/account/2fa/", "/nowhere"]:
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in answer["Cache-Control"], path
        if answer["Content-Type"].startswith("text/html"):
            text = answer.content.decode()
            assert not INLINE.search(text), f"{path}: {INLINE.search(text)}"
            assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", text), path


COOKIES = """
import json
from django.core.management import call_command
from django.test import Client
from poise.desk.models import SigningKeyFile, User
from poise.desk.prepare import prepare
prepare()
User.objects.create_user("kim", password="kim has a long one", role="chair")
plain = Client().get("/account/login/")
client = Client(headers={"X-Forwarded-Proto": "https"})
answer = client.post("/account/login/", {"login": "kim", "password": "kim has a long one"})
page = client.get("/")
call_command("check", deploy=True, fail_level="WARNING")
print(json.dumps({
    "plain": [plain.status_code, plain["Location"]],
    "cookies": {name: [bool(one["secure"]), bool(one["httponly"]), one["samesite"]]
                for name, one in client.cookies.items()},
    "page": page.status_code, "hsts": page["Strict-Transport-Security"],
}))
"""


def test_behind_https_cookies_are_secure(tmp_path: Path) -> None:
    """POISE_HTTPS: cookies go over https only, plain http is led there, Django's own audit finds nothing."""
    desk = RunningDesk(tmp_path / "desk", more={"POISE_HTTPS": "1", "POISE_HOSTS": "testserver"})
    said = json.loads(desk.python(COOKIES).splitlines()[-1])
    assert said["plain"] == [301, "https://testserver/account/login/"]
    assert said["page"] == 200
    assert said["hsts"].startswith("max-age=31536000")
    assert said["cookies"]["poise_session"] == [True, True, "Lax"]
    assert said["cookies"]["csrftoken"][0] is True


def test_no_secret_reaches_a_log(ciso: User, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords, passphrases and tokens stay out of the most talkative log."""
    caplog.set_level(logging.DEBUG)
    client = Client(raise_request_exception=False)
    secrets = ["a wrong password, never told", "a passphrase of some length", "another passphrase, wrong"]
    client.post(LOGIN, {"login": "ciso", "password": secrets[0]})
    by = Actor.of(ciso)
    keys.enrol(by, secrets[1])
    with pytest.raises(LedgerError, match="E706"):
        keys.unlock(by, secrets[2])
    token = tokens.issue(by, "test", ["estate.read"], 1)
    for header in (token, token + "x"):
        client.get("/api/findings", headers={"Authorization": f"Bearer {header}"})
    client.get("/nowhere", headers={"Authorization": f"Bearer {token}"})
    logging.getLogger("poise.desk").info("the log is heard")
    assert "the log is heard" in caplog.text
    for secret in (*secrets, token, f"{ciso.username} has a long one"):
        assert secret not in caplog.text


def test_a_lost_password_is_replaced_by_an_administrator(
    ciso: User, administrator: User, sign_in: Callable[[Any], Client]
) -> None:
    """No page promises a mail that the desk does not send; a new password ends what the old one opened."""
    assert "Forgot your" not in Client().get(LOGIN).content.decode()
    for path in ("/account/password/reset/", "/account/email/"):
        assert Client().post(path, {"email": "a@company.test"}).status_code == 404
    before, admin = signed_in(ciso), sign_in(administrator)
    assert "Forgot your" not in before.get("/account/password/change/").content.decode()
    for password, status in (("short", 400), ("another one, and longer", 302)):
        given = {"username": ciso.username, "password": password}
        assert admin.post("/people/password", given).status_code == status
    assert not is_in(before)
    answer = Client().post(LOGIN, {"login": ciso.username, "password": "another one, and longer"})
    assert answer.status_code == 302


def test_a_mistyped_passphrase_makes_no_key_that_nobody_can_open(
    cio: User, ciso: User, sign_in: Callable[[Any], Client]
) -> None:
    """It is typed twice, and a key that nobody has vouched for yet gives way; not under who is vouching."""
    client, phrases = sign_in(ciso), ("a passphrase of some length", "another passphrase, typed well")
    keys.enrol(Actor.of(cio), phrases[0])
    typed = {"passphrase": phrases[0], "again": phrases[0][:-1]}
    assert client.post("/me/key", typed).status_code == 400
    assert not SigningKeyFile.objects.filter(user=ciso).exists()
    client.post("/me/key", {"passphrase": phrases[0], "again": phrases[0]})
    seen = SigningKeyFile.objects.get(user=ciso).key_id
    assert "a new key takes its place" in client.get("/me").content.decode()
    client.post("/me/key", {"passphrase": phrases[1], "again": phrases[1]})
    other = sign_in(cio)
    given = {"person": ciso.username, "passphrase": phrases[0], "key": seen}
    assert other.post("/me/vouch", given).status_code == 409, "not the key whose digits were compared"
    now = SigningKeyFile.objects.get(user=ciso).key_id
    assert other.post("/me/vouch", {**given, "key": now}).status_code == 302
    assert keys.is_enrolled(Actor.of(ciso))
    client.post("/me/key", {"passphrase": phrases[0], "again": phrases[0]})
    assert SigningKeyFile.objects.get(user=ciso).key_id == now, "one on the ledger stays"


def test_a_new_password_and_no_role_end_the_tokens(administrator: User, ciso: User) -> None:
    """Whoever had got hold of the password may have made one; a role that comes back brings none back."""
    by = Actor.of(administrator)
    for end in (
        lambda: people.new_password(by, "ciso", "another quite long one 5"),
        lambda: people.give_role(by, ciso, ""),
    ):
        headers = issued(User.objects.get(pk=ciso.pk), "estate.read")
        assert Client().get("/api/reports", **headers).status_code == 200
        end()
        people.give_role(by, ciso, "security-lead")
        assert Client().get("/api/reports", **headers).status_code == 401


@pytest.mark.parametrize("name", ["desk", "operations", "security", "cio\n", "Anna", "a b", ""])
def test_nobody_gets_a_name_that_is_the_ledger_s_for_something_else(administrator: User, name: str) -> None:
    """Records of the desk itself, and of a side without a name, must stay told apart."""
    with pytest.raises(DeskError, match="E876"):
        people.admit(Actor.of(administrator), name, "a quite long password 77", "auditor")


def test_who_signs_in_elsewhere_gets_no_password_here(administrator: User, ciso: User) -> None:
    """It would open a second way in, past the company's provider."""
    ciso.set_unusable_password()
    ciso.save()
    with pytest.raises(DeskError, match="E876"):
        people.new_password(Actor.of(administrator), "ciso", "another quite long one 5")


def test_behind_a_proxy_tries_are_counted_by_who_makes_them(
    ciso: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one stranger shuts everybody out, since all come from the proxy's address."""
    monkeypatch.setattr(settings, "ALLAUTH_TRUSTED_PROXY_COUNT", 1)
    for number in range(12):
        given = {"login": f"x{number}", "password": "wrong"}
        Client().post("/account/login/", given, headers={"X-Forwarded-For": "6.6.6.6"})
    given = {"login": "ciso", "password": "ciso has a long one"}
    assert Client().post("/account/login/", given, headers={"X-Forwarded-For": "10.0.0.5"}).status_code == 302
