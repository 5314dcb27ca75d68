"""Exceptions of the gate and of agreements count like those noted in the dialogue."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gate.build import DEPUTY, NOW
from poise.dialogue.agenda import make_agenda
from poise.dialogue.conversation import Conversation
from poise.dialogue.rules import warnings
from poise.dialogue.signals import read_signals
from poise.gate.documents import EXCEPTION_TYPE, Exemption, payload_of
from poise.gate.register import EXCEPTION, WITHDRAWN, body_of
from poise.ledger.envelope import Envelope
from poise.ledger.record import Record
from poise.ledger.store import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Return an empty ledger."""
    return Ledger.open(tmp_path / "ledger.sqlite", create=True)


def accept(ledger: Ledger, name: str, start: float, end: float, *refers: Record) -> Record:
    """Put a signed exception of the gate on the ledger, from one day to another."""
    ends = NOW + timedelta(days=end)
    document = Exemption(name, "shop", "rule", ("c:1",), f"CVE of {name}", "Head of Shop", "why", NOW, ends)
    body = body_of(Envelope(EXCEPTION_TYPE, payload_of(document)).signed(DEPUTY))
    refs = tuple(one.hash for one in refers)
    return ledger.append(EXCEPTION, "ada", body, now=NOW + timedelta(days=start), refers=refs)


def figures(ledger: Ledger, day: float) -> list[tuple[int | None, int | None]]:
    """Return what the signal of exceptions says: (past their end, of), (renewed twice, of)."""
    now = NOW + timedelta(days=day)
    found = read_signals(Conversation(ledger, now).state, now).signals
    signal = next(one for one in found if one.id == "exceptions")
    return [(figure.count, figure.of) for figure in signal.now.figures]


def test_a_renewal_at_the_gate_is_a_review_of_one_exception(ledger: Ledger) -> None:
    """Three documents, one after the other, are one exception renewed twice."""
    first = accept(ledger, "a", 0, 10)
    second = accept(ledger, "b", 9, 20, first)
    third = accept(ledger, "c", 19, 40, second)
    assert figures(ledger, 1) == [(0, 1), (0, 1)]
    assert figures(ledger, 10) == [(0, 1), (0, 1)]
    assert figures(ledger, 21) == [(0, 1), (1, 1)]
    state = Conversation(ledger, NOW + timedelta(days=21)).state
    (one,) = state.exceptions.values()
    assert (one.gate, one.until) == (third.hash, (NOW + timedelta(days=40)).date())
    assert [found.rule for found in warnings(state, NOW + timedelta(days=21))] == ["renewals"]


def test_one_that_ran_out_at_the_gate_is_warned_of_and_on_the_agenda(ledger: Ledger) -> None:
    """Past its end it counts until somebody renews it or takes it back, for a year at most."""
    gone = accept(ledger, "a", 0, 10)
    noted = {"party": "security", "id": "own", "what": "Own", "owner": "Head", "until": "2030-01-01"}
    ledger.append("exception.noted", "security", noted, now=NOW + timedelta(days=1))
    assert figures(ledger, 12) == [(1, 2), (0, 2)]
    now = NOW + timedelta(days=26)
    state = Conversation(ledger, now).state
    assert [one.rule for one in warnings(state, now)] == ["expired"]
    assert [item.key for item in make_agenda(state, now).items] == [f"exception:gate-{gone.hash[:12]}"]
    assert not warnings(state, now + timedelta(days=366))
    ledger.append(WITHDRAWN, "ada", {"reason": "fixed"}, now=now, refers=(gone.hash,))
    assert figures(ledger, 27) == [(0, 1), (0, 1)]
