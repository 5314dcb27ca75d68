"""Every page and every export of the desk, for every role: no signal, score or statistic about a person.

The list of addresses is the desk's own, so that a new page is walked, or fails here until it says why not.
Signatures, owners and authors are no statistics; one's own words are for oneself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from desk.filling import Filled, fill
from gate.build import DEPUTY
from poise.desk import clock
from poise.desk.ledger import DeskLedger
from poise.desk.models import User
from poise.desk.navigation import features
from poise.desk.permissions import ROLES, may
from poise.desk.sample_year import fill_year
from poise.dialogue.base import PARTIES
from poise.dialogue.year import END
from poise.gate.documents import EXCEPTION_TYPE, Exemption, payload_of
from poise.gate.register import EXCEPTION, body_of
from poise.ledger import keyfile
from poise.ledger.envelope import Envelope

#: Words of figures about somebody.
STATISTIC = re.compile(r"\d+ of \d+|\d+ ?%|median|kept in time|score|rank\b|rating", re.IGNORECASE)
#: How likely somebody holds something to be is about the world, not about whoever says it.
LIKELIHOOD = re.compile(r"\(\d+-\d+ %\)")
#: The two get names that occur nowhere else.
NAMES = re.compile(r"Qq(anna|bert)zz|\b(anna|bert)\b")
#: Where no name of a person may stand at all.
NAMELESS = ("dialogue-signals", "dialogue-board", "dialogue-digest", "dialogue-ics", "evidence-calibration")
#: The signals' own words; they stand for the two alone.
SIGNALS = re.compile(r"kept in time|Concession balance|Two escalations within 60 days|came true")
SIGNAL_PAGES = ("dialogue-signals", "dialogue-signals-json", "dialogue-digest", "evidence-calibration")
#: What stands for the varying parts of an address of the year, by its name; the rest comes from filling it.
FILLED: dict[str, tuple[str, ...]] = {
    "dialogue-meeting": ("m-2025-11-03", "m-2026-04-13"),
    "dialogue-disagreement": ("winter-freeze", "logs", "cloud-backup"),
    "dialogue-joint": ("winter-freeze", "logs"),
    "dialogue-decision": ("d-shop-sept", "d-keys"),
    "dialogue-exception": ("archive", "wiki"),
    "estate-service": ("shop",),
    "ledger-record": ("3", "40", "120"),
}


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, chair: User, auditor: User, administrator: User) -> None:
    """Play the year."""
    monkeypatch.setattr("poise.desk.jobs.HEARTBEAT_SECONDS", 600.0)  # it would wait for this transaction
    monkeypatch.setattr(keyfile, "KDF_ROUNDS", 2)
    monkeypatch.setattr(clock, "now", lambda: END)
    User.objects.filter(username="administrator").update(role="operations-staff")  # the year brings its own
    fill_year(END)
    for name in ("anna", "bert"):
        User.objects.filter(username=name).update(first_name=f"Qq{name}zz")


@pytest.fixture
def year(played: None, sign_in: Callable[[Any], Client], tmp_path: Path) -> Filled:
    """Fill what the year leaves empty; return what stands for the varying parts of addresses."""
    document = Exemption("x", "shop", "rule", ("c:1",), "CVE", "Lee", "why", END, END + timedelta(days=9))
    body = body_of(Envelope(EXCEPTION_TYPE, payload_of(document)).signed(DEPUTY))
    gate = DeskLedger().append(EXCEPTION, "bert", body, now=END).hash
    filled = fill(sign_in, tmp_path)
    filled.keys.update(FILLED, **dict.fromkeys(("gate-exception", "gate-exception-file"), (gate,)))
    return filled


def addresses(filled: Filled) -> Iterator[tuple[str, str, str]]:
    """Yield (name, permission, path) of everything that can be read."""
    for module in features():
        for pattern in module.URLS:
            view: Any = pattern.callback
            if "GET" not in view.methods:
                continue
            route, name = str(pattern.pattern), str(pattern.name)
            for key in filled.keys[name] if "<" in route else ("",):
                parts = iter(key.split("/"))
                path = "/" + re.sub(r"<[^>]+>", lambda _, parts=parts: next(parts), route)
                yield name, view.permission, f"{path}?{filled.asked.get(name, '')}"


def test_no_page_and_no_export_has_a_figure_about_a_person(
    year: Filled, sign_in: Callable[[Any], Client]
) -> None:
    """No name beside a statistic anywhere; no signal but for the two; every address is read by somebody."""
    read = set()
    for role in ROLES:
        user = User.objects.filter(role=role.key).first()
        if user is None:
            continue
        client = sign_in(user)
        client.raise_request_exception = False
        for name, permission, path in addresses(year):
            if not may(role.key, permission) or name == "dialogue-mine":
                continue
            response = client.get(path)
            assert response.status_code < 500, path
            text = _said(response)
            is_given = response.status_code == 200
            if is_given:
                read.add(path)
            if name.startswith(NAMELESS):
                assert not NAMES.search(text), path
            if name not in SIGNAL_PAGES:
                assert not SIGNALS.search(text), f"{role.key}: {path}"
            for line in _lines(name if is_given else "", text):
                is_figure = STATISTIC.search(LIKELIHOOD.sub("", line))
                assert not (NAMES.search(line) and is_figure), f"{role.key} {path}: {line}"
    assert not {path for name, _, path in addresses(year) if name != "dialogue-mine"} - read
    assert len(read) > 60


def _lines(name: str, text: str) -> Iterator[str]:
    """Yield what is looked at together: a line, a row, what one object of a file says itself.

    Of a record that is what its body says, for its author is no statistic.
    """
    if name == "ledger-export":
        for line in text.splitlines():
            yield json.dumps(json.loads(line).get("body"))
    elif text[:1] in "{[":
        yield from _objects(json.loads(text))
    else:
        yield from text.splitlines()


def _objects(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield " ".join(f"{key}: {one}" for key, one in value.items() if not isinstance(one, dict | list))
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from _objects(one)


def _said(response: Any) -> str:
    """Return what a page says in its main part, a row on a line: its frame tells the reader's own name."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    text = content.decode("utf-8", "replace")
    found = re.search(r"<main.*?</main>", text, re.DOTALL)
    if not found:
        return text
    rows = re.sub(r"</(tr|li|p|dd|h\d)>", "\n", found.group(0))
    return re.sub(r"<[^>]+>", " ", rows)


def test_a_figure_by_side_stands_only_where_a_direction_is_the_matter(
    played: None, sign_in: Callable[[Any], Client]
) -> None:
    """In a pair a side is a person."""
    client = sign_in(User.objects.get(username="anna"))
    directed = {"overrides", "concessions"}
    for signal in json.loads(client.get("/dialogue/signals.json").content)["signals"]:
        for reading in signal["readings"]:
            for figure in reading["figures"]:
                assert signal["id"] in directed or not any(party in figure["label"] for party in PARTIES)


def test_the_api_has_no_word_for_one() -> None:
    """No field of any answer that a program gets is a signal, a score or a rating."""
    schema = Client().get("/api/openapi.json").json()
    names = set(re.findall(r'"([a-z_]+)": \{', json.dumps(schema["components"]["schemas"])))
    assert len(names) > 20
    assert not [name for name in names if re.search(r"signal|rating|score_of|rank_of|survey|warning", name)]
