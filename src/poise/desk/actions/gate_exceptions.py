"""Exceptions: a finding that somebody answers for, until an end that every one has."""

from __future__ import annotations

from datetime import datetime

from poise.desk.actions import keys
from poise.desk.actions.base import Actor, action
from poise.desk.gate import gate_register
from poise.errors import Fault, NotAllowedError, PolicyError
from poise.gate.accepting import accept, checked_text, renewed
from poise.gate.documents import EXCEPTION_TYPE, Exemption, payload_of
from poise.gate.policy import Policy
from poise.gate.register import EXCEPTION, WITHDRAWN, ExceptionEntry, body_of
from poise.gate.verdict import Verdict
from poise.ledger.envelope import Envelope
from poise.ledger.keys import SigningKey
from poise.ledger.record import Record


@action("gate.except")
def accept_finding(
    by: Actor,
    verdict: Verdict,
    finding: str,
    *,
    owner: str,
    reason: str,
    ends: datetime,
    meanwhile: str,
    passphrase: str,
) -> Record:
    """Sign an exception for a finding of a verdict; parameters and errors as in :func:`accept`.

    Raises
    ------
    NotAllowedError
        E870 when the policy in force does not name the actor's key among those who may lift the rule.
    PolicyError
        E615 when no policy is in force for the service.
    """
    document = accept(
        verdict, finding, owner=owner, reason=reason, ends=ends, now=by.now, meanwhile=meanwhile
    )
    key = keys.unlock(by, passphrase)
    _may_lift(key, document, by.now)
    return _sign(by, document, key)


@action("gate.except")
def renew(by: Actor, record: str, *, reason: str, ends: datetime, passphrase: str) -> Record:
    """Sign an exception that takes an earlier one's place; errors as in :func:`accept_finding`."""
    entry = _known(record, by.now)
    document = renewed(entry.document, reason=reason, ends=ends, now=by.now)
    key = keys.unlock(by, passphrase)
    _may_lift(key, document, by.now)
    return _sign(by, document, key, refers=(record,))


@action("gate.except")
def withdraw(by: Actor, record: str, *, reason: str, passphrase: str) -> Record:
    """Take an exception back before its end; errors as in :func:`accept_finding`."""
    entry = _known(record, by.now)
    key = keys.unlock(by, passphrase)
    _may_lift(key, entry.document, by.now)
    return by.record(WITHDRAWN, {"reason": checked_text("reason", reason)}, refers=(record,), keys=[key])


def lifters(policy: Policy, rule: str) -> tuple[str, ...]:
    """Return the key ids that may lift a rule of a policy."""
    found = next((one for one in policy.rules if one.id == rule), None)
    return policy.keys_of(found.lifted_by) if found else ()


def _sign(by: Actor, document: Exemption, key: SigningKey, refers: tuple[str, ...] = ()) -> Record:
    envelope = Envelope(EXCEPTION_TYPE, payload_of(document)).signed(key)
    return by.record(EXCEPTION, body_of(envelope), refers=refers, keys=[key])


def _known(record: str, now: datetime) -> ExceptionEntry:
    entry = gate_register().exceptions.get(record)
    if entry is None or entry.state(now) in ("withdrawn", "renewed"):
        text = "There is no such exception." if entry is None else f"It is {entry.state(now)} already."
        raise PolicyError(Fault("E615", "exception", text, "See the list of exceptions."))
    return entry


def _may_lift(key: SigningKey, document: Exemption, now: datetime) -> None:
    entry = gate_register().in_force(document.service, now)
    if entry is None:
        message = f"No policy that both sides signed holds for {document.service}."
        raise PolicyError(Fault("E615", "policy", message, "Agree on one first."))
    if key.id not in lifters(entry.policy, document.rule):
        rule = next((one for one in entry.policy.rules if one.id == document.rule), None)
        who = [role.person for role in entry.policy.roles if rule and role.name in rule.lifted_by]
        message = f"Your key is none of those that may lift the rule {document.rule}."
        hint = f"The policy names: {', '.join(who) or 'nobody'}."
        raise NotAllowedError(Fault("E870", "gate.except", message, hint))
