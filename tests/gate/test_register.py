"""What is on the ledger is what was signed, and nothing else makes a policy or an exception."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gate.build import DEPUTY, NOW, OPERATIONS, POLICY, SECURITY, envelope
from poise.errors import PolicyError
from poise.gate.documents import EXCEPTION_TYPE, Exemption, payload_of
from poise.gate.register import AGREED, ENDED, EXCEPTION, PROPOSED, WITHDRAWN, body_of, register
from poise.ledger.envelope import Envelope
from poise.ledger.record import Record
from poise.ledger.store import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Return an empty ledger; its records need no signatures here, the documents in them do."""
    return Ledger.open(tmp_path / "ledger.sqlite", create=True)


def policy(text: str, *keys: object) -> Envelope:
    """Return a signed policy."""
    return Envelope.from_bytes(envelope(text, *keys), "policy")  # type: ignore[arg-type]


def put(ledger: Ledger, kind: str, body: dict[str, object], *refers: Record, days: float = 0) -> Record:
    """Append a record."""
    now = NOW + timedelta(days=days)
    return ledger.append(kind, "ada", body, now=now, refers=tuple(one.hash for one in refers))


def exception(days: float, name: str = "x") -> Envelope:
    """Return a signed exception that ends after some days."""
    document = Exemption(
        name, "shop", "new-errors", ("c:1",), "title", "Lee", "behind a wall", NOW, NOW + timedelta(days=days)
    )
    return Envelope(EXCEPTION_TYPE, payload_of(document)).signed(DEPUTY)


def test_a_policy_holds_from_the_second_signature_to_its_end(ledger: Ledger) -> None:
    """One side alone agrees nothing; the last agreed version counts; what was ended counts no more."""
    first = put(ledger, PROPOSED, body_of(policy(POLICY, OPERATIONS)))
    assert register(ledger.records()).in_force("shop", NOW) is None
    put(ledger, AGREED, body_of(policy(POLICY)), first)
    newer = POLICY.replace("version: 1", "version: 2")
    second = put(ledger, PROPOSED, body_of(policy(newer, SECURITY)), days=1)
    found = register(ledger.records())
    held = found.in_force("shop", NOW + timedelta(days=1))
    assert held is not None
    assert held.policy.version == 1
    assert held.source == POLICY
    put(ledger, AGREED, body_of(policy(newer)), second, days=2)
    held = register(ledger.records()).in_force("shop", NOW + timedelta(days=2))
    assert held is not None
    assert held.policy.version == 2
    assert held.envelope.signers(held.envelope.payload_type, [OPERATIONS.id, SECURITY.id])
    put(ledger, ENDED, {"reason": "a mistake"}, second, days=3)
    found = register(ledger.records())
    assert found.policies[second.hash].reason == "a mistake"
    held = found.in_force("shop", NOW + timedelta(days=3))
    assert held is not None
    assert held.policy.version == 1
    assert found.in_force("shop", NOW + timedelta(days=400)) is None
    assert found.in_force("other", NOW) is None
    assert found.services() == ("shop",)


def test_the_second_signature_is_for_the_same_bytes(ledger: Ledger) -> None:
    """Whoever agrees to another text has agreed to nothing that was proposed."""
    first = put(ledger, PROPOSED, body_of(policy(POLICY, OPERATIONS)))
    put(ledger, AGREED, body_of(policy(POLICY.replace("risk_days: 40", "risk_days: 4000"))), first)
    assert register(ledger.records()).in_force("shop", NOW) is None


def test_an_exception_is_open_renewed_withdrawn_or_over(ledger: Ledger) -> None:
    """Its end is mandatory, a renewal takes its place, and a withdrawal names a reason."""
    first = put(ledger, EXCEPTION, body_of(exception(10)))
    other = put(ledger, EXCEPTION, body_of(exception(5, "y")))
    second = put(ledger, EXCEPTION, body_of(exception(30)), first, days=1)
    found = register(ledger.records()).exceptions
    assert [one.state(NOW + timedelta(days=2)) for one in found.values()] == ["renewed", "open", "open"]
    assert found[other.hash].state(NOW + timedelta(days=6)) == "ended"
    assert found[second.hash].state(NOW - timedelta(days=1)) == "coming"
    put(ledger, WITHDRAWN, {"reason": "mended"}, second, days=2)
    found = register(ledger.records()).exceptions
    assert (found[second.hash].state(NOW), found[second.hash].reason) == ("withdrawn", "mended")


def test_a_record_of_another_content_is_told(ledger: Ledger) -> None:
    """A record that says it holds an exception and does not is a fault, not an exception."""
    put(ledger, EXCEPTION, {**body_of(exception(10)), "sha256": "0" * 64})
    with pytest.raises(PolicyError, match="E611"):
        register(ledger.records())
