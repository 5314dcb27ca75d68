"""How the incident desk holds up: a page of a long incident, and a statement on fifty screens.

Run: ``.venv/bin/python bench/incidents.py [--statements 10000] [--watchers 50] [--json FILE]``. It starts
a real desk with two server processes on SQLite, in a folder of its own, and measures over HTTP as browsers
ask. Fifty watchers are fifty connections of two people that ask once a second.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

FILL = """
import sys
from datetime import timedelta
from django.db import transaction
from poise.desk.actions import Actor, incidents, people
from poise.desk.ledger import DeskLedger
from poise.desk.models import User
from poise.desk.prepare import prepare
prepare()
people.admit(Actor.desk(), "ciso", "a long word for the lead", "security-lead", "C")
people.admit(Actor.desk(), "cio", "a long word for the other", "operations-lead", "O")
by = Actor.of(User.objects.get(username="ciso"))
incidents.act(by, "opened", {"incident": "long", "title": "A long incident", "lead": "ciso",
    "detected": by.now.isoformat()})
base = {"incident": "long", "party": "security", "known_from": by.now.isoformat()}
kinds = ({"kind": "fact", "source": "log"}, {"kind": "judgement", "low": 0.55, "high": 0.8,
    "confidence": "low", "confidence_because": "one source"})
incidents.act(by, "stated", {**base, **kinds[0], "text": "It began",
    "next_update": {"due": (by.now + timedelta(days=9)).isoformat()}})
marks = ("GREEN", "AMBER", "AMBER+STRICT", "RED")
ledger = DeskLedger()
with transaction.atomic():
    for place in range(int(sys.argv[1])):
        body = {**base, **kinds[place % 2], "text": f"Host {place} was touched", "tlp": marks[place % 4]}
        ledger.append("incident.stated", "ciso", body, now=by.now)
"""


class Watcher:
    """Somebody who is signed in and asks as the page's script does."""

    def __init__(self, port: int, cookie: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookie = cookie
        self.seen = ""

    def get(self, path: str, *, fragment: bool = False) -> tuple[int, str]:
        """Return status and body."""
        headers = {"Cookie": self.cookie, **({"HX-Request": "true"} if fragment else {})}
        try:
            self.connection.request("GET", path, headers=headers)
            answer = self.connection.getresponse()
        except http.client.RemoteDisconnected:  # it was idle for longer than the server keeps it
            self.connection.close()
            self.connection.request("GET", path, headers=headers)
            answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def follow(self, key: str) -> str:
        """Ask once whether something changed; return what came, or nothing."""
        status, body = self.get(f"/incidents/{key}?seen={self.seen}", fragment=True)
        if status == 204:
            return ""
        found = re.search(r"seen=([0-9a-f]+)", body)
        assert status == 200, status
        assert found is not None
        self.seen = found[1]
        return body


def session(port: int, name: str, password: str) -> str:
    """Sign somebody in and return the cookies."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/account/login/")
    answer = connection.getresponse()
    page = answer.read().decode()
    cookies = dict(re.findall(r"(\w+)=([^;]+)", answer.headers["Set-Cookie"])[:1])
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], "login": name, "password": password})
    headers = {
        "Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items()),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/account/login/", body, headers)
    answer = connection.getresponse()
    answer.read()
    for line in answer.headers.get_all("Set-Cookie") or []:
        name, _, value = line.partition(";")[0].partition("=")
        cookies[name] = value
    return "; ".join(f"{key}={value}" for key, value in cookies.items())


def say(port: int, cookie: str, key: str, text: str) -> float:
    """State a fact through the form; return when it was acknowledged."""
    watcher = Watcher(port, cookie)
    _, page = watcher.get(f"/incidents/{key}")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    fields = {
        "csrfmiddlewaretoken": token[1], "kind": "fact", "text": text, "source": "bench", "tlp": "AMBER",
        "topic": "scope", "known_from": time.strftime("%Y-%m-%dT%H:%M", time.gmtime()), "token": text,
    }  # fmt: skip
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    watcher.connection.request("POST", f"/incidents/{key}/state", urllib.parse.urlencode(fields), headers)
    answer = watcher.connection.getresponse()
    answer.read()
    assert answer.status == 302, answer.status
    return time.monotonic()


def pages(port: int, cookie: str, key: str, times: int) -> dict[str, float]:
    """Return how long pages and changed fragments take [ms]; each fragment comes after a new statement."""
    watcher = Watcher(port, cookie)
    began = time.monotonic()
    for _ in range(12):
        Watcher(port, cookie).get(f"/incidents/{key}")  # both processes fold the incident once
    folded = time.monotonic() - began
    whole, changed, same, agenda = [], [], [], []
    for number in range(times):
        say(port, cookie, key, f"New {number}")
        began = time.monotonic()
        watcher.follow(key)
        changed.append((time.monotonic() - began) * 1000)
        began = time.monotonic()
        watcher.follow(key)
        same.append((time.monotonic() - began) * 1000)
        began = time.monotonic()
        watcher.get(f"/incidents/{key}")
        whole.append((time.monotonic() - began) * 1000)
        began = time.monotonic()
        watcher.get("/dialogue")
        agenda.append((time.monotonic() - began) * 1000)
    return {"first_pages_s": round(folded, 1)} | {
        f"{name}_{what}_ms": round(value, 1)
        for name, found in (("page", whole), ("changed", changed), ("unchanged", same), ("agenda", agenda))
        for what, value in (
            ("p50", statistics.median(found)),
            ("p95", statistics.quantiles(found, n=20)[-1]),
        )
    }


def watched(port: int, cookies: list[str], key: str, number: int, times: int) -> dict[str, float]:
    """Return after what time a statement is on all screens [s], each asking once a second."""
    over, arrived, lock = threading.Event(), {}, threading.Lock()

    def watch(place: int) -> None:
        watcher = Watcher(port, cookies[place % len(cookies)])
        time.sleep(place / number)
        while not over.is_set():
            began = time.monotonic()
            body = watcher.follow(key)
            for text in set(re.findall(r"Watched \d+", body)):
                with lock:
                    arrived.setdefault(text, {}).setdefault(place, time.monotonic())
            over.wait(max(0.0, 1 - (time.monotonic() - began)))

    threads = [threading.Thread(target=watch, args=[place], daemon=True) for place in range(number)]
    for thread in threads:
        thread.start()
    time.sleep(4)
    delays = []
    for one in range(times):
        acknowledged = say(port, cookies[0], key, f"Watched {one}")
        time.sleep(5)
        found = arrived.get(f"Watched {one}", {})
        assert len(found) == number, f"{len(found)} of {number} screens"
        delays += [moment - acknowledged for moment in found.values()]
    over.set()
    return {
        "screen_p50_s": round(statistics.median(delays), 2),
        "screen_worst_s": round(max(delays), 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="poise-bench-") as folder:
        environment = {**os.environ, "POISE_HOME": folder, "DJANGO_SETTINGS_MODULE": "poise.desk.settings"}
        code = f"import django; django.setup()\n{FILL}"
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", code, str(asked.statements)], env=environment, check=True)
        result: dict[str, float] = {
            "statements": asked.statements,
            "fill_s": round(time.monotonic() - began, 1),
        }
        port = 8000 + os.getpid() % 1000
        command = [sys.executable, "-m", "poise.cli", "serve", "--port", str(port), "--processes", "2"]
        server = subprocess.Popen(command, env=environment)
        try:
            wait_for(port)
            cookies = [
                session(port, "ciso", "a long word for the lead"),
                session(port, "cio", "a long word for the other"),
            ]
            result |= pages(port, cookies[0], "long", asked.times)
            result["watchers"] = asked.watchers
            result |= watched(port, cookies, "long", asked.watchers, 5)
        finally:
            server.terminate()
            server.wait(timeout=30)
    text = json.dumps(result, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


def wait_for(port: int) -> None:
    """Return once the desk answers."""
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            connection.getresponse()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the desk did not answer")


if __name__ == "__main__":
    main()
