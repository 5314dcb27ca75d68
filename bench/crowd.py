"""People who use a desk, as threads: for bench/desk.py."""

from __future__ import annotations

import http.client
import random
import threading
import time
import urllib.parse
from typing import Any

READS = (
    ("home", "/"),
    ("table", "/table"),
    ("plan", "/plan/default"),
    ("findings", "/findings"),
    ("search id", "/findings?q=CVE-20{year}-{number}"),
    ("search asset", "/findings?q=host0{digit}"),
    ("critical", "/findings?severity=5"),
    ("estate", "/estate"),
    ("service", "/estate/services/shop"),
    ("unmapped", "/estate/unmapped"),
    ("reports", "/findings/reports"),
    ("ledger", "/ledger"),
)
CSRF = "c" * 32
#: Between two requests of one person [s].
PACE_SECONDS = 2.0
#: Between two duels [s].
DUEL_SECONDS = 4.0


class Browser:
    """One person's connection."""

    def __init__(self, port: int, session: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies = f"poise_session={session}; csrftoken={CSRF}"

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for a page."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, values: dict[str, Any]) -> tuple[int, bytes]:
        """Send a form."""
        more = {"X-CSRFToken": CSRF, "Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urllib.parse.urlencode(values, doseq=True), more)

    def _ask(self, method: str, path: str, body: str | None, more: dict[str, str]) -> tuple[int, bytes]:
        try:
            self.connection.request(method, path, body, {"Cookie": self.cookies, **more})
            response = self.connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            return 0, repr(error).encode()


def limit(name: str, reason: str) -> dict[str, Any]:
    """Return the form of a limit."""
    return {
        "id": name,
        "rule": "hours",
        "amount": "400",
        "scope": ["shop"],
        "class": "preference",
        "owner": "Head of Operations",
        "reason": reason,
    }


class Person(threading.Thread):
    """Somebody who asks for a page every two seconds, and every tenth time writes."""

    def __init__(
        self, port: int, number: int, session: str, party: str, role: str, mark: str, end: float
    ) -> None:
        super().__init__()
        self.browser, self.number, self.end = Browser(port, session), number, end
        self.name_of = f"{mark}-{number}"
        self.party, self.role = party, role
        self.random = random.Random(number)
        self.took: list[tuple[str, float]] = []
        self.errors: list[str] = []
        self.wrote: list[tuple[str, str, str]] = []
        self._has_limit = False

    def run(self) -> None:
        """Go on until the end."""
        time.sleep(self.random.random() * PACE_SECONDS)
        count = self.number % 10  # not everybody writes at once
        while time.monotonic() < self.end:
            begun = time.monotonic()
            count += 1
            kind, (status, answer) = self.write(count) if count % 10 == 0 else self.read()
            self.took.append((kind, time.monotonic() - begun))
            if status not in (200, 204, 302):
                self.errors.append(f"{kind}: {status} {_words(answer)}")
            time.sleep(max(0.0, PACE_SECONDS - (time.monotonic() - begun)))
        if self._has_limit:
            self.browser.post(f"/table/limits/{self.name_of}/drop", {"reason": "the end"})

    def read(self) -> tuple[str, tuple[int, bytes]]:
        """Ask for a page."""
        kind, path = self.random.choice(READS)
        year, number, digit = (
            self.random.randint(15, 25),
            self.random.randint(1000, 9999),
            self.random.randint(0, 9),
        )
        return kind, self.browser.get(path.format(year=year, number=number, digit=digit))

    def write(self, count: int) -> tuple[str, tuple[int, bytes]]:
        """Post or drop a limit, comment on a change, or make a token: each a record of the ledger."""
        name = f"{self.name_of}-{count}"
        if self.number % 3 == 0 and self.party and self.number < 24:
            return self._limit(name)
        if self.number % 3 == 1 and self.role != "auditor":
            answer = self.browser.post("/plan/default/comment", {"item": "", "words": name})
            return "write comment", self._noted(answer, 302, ("plan.comment", name, ""))
        form = {"name": name, "scopes": "estate.read", "days": "1"}
        answer = self.browser.post("/me/tokens/new", form)
        return "write token", self._noted(answer, 200, ("token.issued", name, ""))

    def _limit(self, reason: str) -> tuple[str, tuple[int, bytes]]:
        if self._has_limit:
            answer = self.browser.post(f"/table/limits/{self.name_of}/drop", {"reason": reason})
            key = ("limit.dropped", self.name_of, reason)
        else:
            answer = self.browser.post("/table/limits", limit(self.name_of, reason))
            key = ("limit", self.name_of, reason)
        if answer[0] == 302:
            self._has_limit = not self._has_limit
        return "write limit", self._noted(answer, 302, key)

    def _noted(
        self, answer: tuple[int, bytes], expected: int, key: tuple[str, str, str]
    ) -> tuple[int, bytes]:
        if answer[0] == expected:
            self.wrote.append(key)
        return answer


class Duel(threading.Thread):
    """Two people of one side who change the same limit at the same moment, again and again."""

    def __init__(self, port: int, sessions: tuple[str, str], mark: str, end: float) -> None:
        super().__init__()
        self.browsers = [Browser(port, session) for session in sessions]
        self.mark, self.end = mark, end
        self.errors: list[str] = []
        self.wrote: list[tuple[str, str, str]] = []
        self.fought = self.told = 0

    def run(self) -> None:
        """Go on until the end."""
        while time.monotonic() < self.end:
            begun = time.monotonic()
            self._fight(f"duel-{self.mark}-{self.fought}")
            time.sleep(max(0.0, DUEL_SECONDS - (time.monotonic() - begun)))

    def _fight(self, name: str) -> None:
        status, answer = self.browsers[0].post("/table/limits", limit(name, "to be changed"))
        if status != 302:
            self.errors.append(f"duel: {status} {_words(answer)}")
            return
        self.fought += 1
        answers: dict[int, tuple[int, bytes]] = {}
        start = threading.Barrier(2)

        def change(number: int) -> None:
            start.wait()
            reason = f"by {number}"
            answers[number] = self.browsers[number].post(f"/table/limits/{name}/drop", {"reason": reason})

        both = [threading.Thread(target=change, args=[number]) for number in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        won = [number for number, (status, _) in answers.items() if status == 302]
        told = [number for number, (status, page) in answers.items() if status == 409 and b"E871" in page]
        self.told += len(won) == len(told) == 1
        self.wrote += [("limit.dropped", name, f"by {number}") for number in won]


def _words(page: bytes) -> str:
    """Return the fault that a page tells."""
    text = page.decode("utf-8", "replace")
    start = text.find("<main")
    return " ".join(text[start : start + 400].split())
