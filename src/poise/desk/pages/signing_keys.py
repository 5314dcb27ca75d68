"""Signing keys, on the account's page: made, vouched for, exchanged, and ended where one is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from poise.desk import telling
from poise.desk.actions import Actor, key_ends, keys
from poise.desk.gate import resting_on
from poise.desk.ledger import DeskLedger
from poise.desk.models import KeyEnding, SigningKeyFile, User
from poise.desk.pages.given import moment
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.errors import DeskError, Fault


@dataclass(frozen=True, slots=True)
class Ending:
    """A key that is asked to end, as the reader sees it.

    Parameters
    ----------
    asked
        What is asked, and by whom.
    signers
        Who has signed it, as pages call them.
    may_sign, may_take_back
        What the reader can do about it.
    """

    asked: KeyEnding
    signers: tuple[str, ...]
    may_sign: bool
    may_take_back: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands with their key and with those of others.

    Parameters
    ----------
    key
        Their own; None without one.
    is_enrolled
        Whether they can sign with it.
    can_be_replaced
        Whether others can help should its passphrase be lost.
    policies
        Delivery policies in force that rest on it.
    waiting
        Whose keys wait to be vouched for.
    endings
        Keys that are asked to end.
    others
        Whose key they could ask to end.
    """

    key: SigningKeyFile | None
    is_enrolled: bool
    can_be_replaced: bool
    policies: list[str]
    waiting: list[User]
    endings: list[Ending]
    others: list[User]

    @property
    def own_ending(self) -> KeyEnding | None:
        """What is asked of the own key."""
        return next((one.asked for one in self.endings if one.asked.kept == self.key), None)


def standing(by: Actor) -> Standing | None:
    """Return where somebody stands; None for a role that signs nothing."""
    if by.user is None or not may(by.role, "key.enrol"):
        return None
    roster = DeskLedger().roster()
    is_enrolled = roster.key_of(by.person, by.now) is not None
    asked = key_ends.asked_for()
    ending = {one.kept.user for one in asked}
    holders = User.objects.filter(signing_key__isnull=False, signing_key__draft__isnull=True)
    return Standing(
        SigningKeyFile.objects.filter(user=by.user).first(),
        is_enrolled,
        key_ends.can_be_replaced(by.person, roster, by.now),
        [one.name for one in resting_on(by.person, by.now)],
        [one for one in keys.waiting() if one != by.user],
        [_ending(by, one, key_ends.signers_of(one, roster), is_enrolled) for one in asked],
        [one for one in holders if one != by.user and one not in ending],
    )


def _ending(by: Actor, asked: KeyEnding, signers: tuple[str, ...], is_enrolled: bool) -> Ending:
    is_own = asked.kept.user == by.user
    return Ending(
        asked,
        tuple(map(telling.person, signers)),
        may_sign=is_enrolled and not is_own and by.person not in signers,
        may_take_back=key_ends.may_take_back(by, asked),
    )


def enrol(request: DeskRequest) -> HttpResponse:
    """Make the reader's signing key."""
    record = keys.enrol(request.actor, _new_passphrase(request))
    waiting = "Your key is made. Somebody whose key is on the ledger vouches for it next."
    messages.success(request, "Your key is on the ledger." if record else waiting)
    return redirect("account")


def vouch(request: DeskRequest) -> HttpResponse:
    """Vouch for somebody's key."""
    person = request.POST.get("person", "")
    given = request.POST.get("passphrase", "")
    record = keys.vouch(request.actor, person, given, request.POST.get("key", ""))
    shown = telling.person(person)
    text = f"The key of {shown} is on the ledger." if record else f"Vouched; one more has to for {shown}."
    messages.success(request, text)
    return redirect("account")


def exchange(request: DeskRequest) -> HttpResponse:
    """Exchange the reader's key for a new one with another passphrase."""
    keys.exchange(request.actor, request.POST.get("passphrase", ""), _new_passphrase(request, "new"))
    messages.success(request, "You sign with a new key and its passphrase from now on.")
    for one in resting_on(request.actor.person, request.actor.now):
        text = f"The delivery policy {one.name} rests on your old key: write its next version."
        messages.warning(request, text)
    return redirect("account")


def ask(request: DeskRequest) -> HttpResponse:
    """Ask that a key ends: the reader's own, or somebody else's."""
    person = request.POST.get("person", "")
    since = request.POST.get("since", "")
    reason = request.POST.get("reason", "")
    key_ends.ask(request.actor, person, reason, moment(since, "since") if since else None)
    text = "Asked. Two others than its holder sign it with their keys; home tells them."
    messages.success(request, text)
    return redirect("account")


def sign(request: DeskRequest, ending: int) -> HttpResponse:
    """Sign that a key ends."""
    record = key_ends.sign(request.actor, ending, request.POST.get("passphrase", ""))
    messages.success(request, "The key counts no more." if record else "Signed; one more has to sign.")
    return redirect("account")


def take_back(request: DeskRequest, ending: int) -> HttpResponse:
    """Take back that a key is asked to end."""
    key_ends.take_back(request.actor, ending, request.POST.get("passphrase", ""))
    messages.success(request, "Taken back: the key goes on.")
    return redirect("account")


def _new_passphrase(request: DeskRequest, field: str = "passphrase") -> str:
    """Return a new passphrase; it is typed twice, since nobody can recover it."""
    given = request.POST.get(field, "")
    if request.POST.get("again", "") != given:
        raise DeskError(Fault("E878", "passphrase", "The two are not the same.", "Type it twice."))
    return given


def needs(by: Actor) -> Iterator[Need]:
    """Yield what is missing before this person can sign, whose key waits, and whose is to end."""
    if not may(by.role, "key.enrol") or by.user is None:
        return
    address = reverse("account")
    if not SigningKeyFile.objects.filter(user=by.user).exists():
        yield Need("Make your signing key: agreements are signed with it.", address)
        return
    found = standing(by)
    if found is None:
        return
    if found.is_enrolled:
        for user in found.waiting:
            yield Need(f"{user.shown} has a new signing key; vouch for it.", address)
    for one in found.endings:
        author = telling.person(one.asked.asked_by)
        if one.may_sign:
            yield Need(
                f"{author} asks that the signing key of {one.asked.kept.user.shown} ends; sign it, or not.",
                address,
            )
        elif one.asked.kept.user == by.user and one.asked.asked_by != by.person:
            yield Need(f"{author} asks that your signing key ends: {one.asked.reason}", address)


URLS = [
    page("me/key", enrol, "account-key", "key.enrol", ("POST",)),
    page("me/vouch", vouch, "account-vouch", "key.enrol", ("POST",)),
    page("me/key/exchange", exchange, "account-key-exchange", "key.enrol", ("POST",)),
    page("me/key/end", ask, "account-key-end", "key.enrol", ("POST",)),
    page("me/key/end/<int:ending>/sign", sign, "account-key-end-sign", "key.enrol", ("POST",)),
    page("me/key/end/<int:ending>/take-back", take_back, "account-key-end-take-back", "key.enrol", ("POST",)),
]
