"""Letting people in, giving roles, and what they keep of their own."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from poise.desk.actions.base import DESK, Actor, action
from poise.desk.models import ApiToken, User
from poise.desk.permissions import ROLE_BY_KEY
from poise.errors import DeskError, Fault
from poise.ledger.keyrecords import PARTIES, PERSON

#: What the ledger calls the desk itself, and whoever speaks for a side without a name.
RESERVED: Final = frozenset({DESK, *PARTIES})


@action("people.manage")
def admit(by: Actor, username: str, password: str, role: str, name: str = "", email: str = "") -> User:
    """Let somebody in with a local account.

    Raises
    ------
    DeskError
        E876 for a name, role or password that will not do.
    """
    if username in RESERVED or not PERSON.fullmatch(username):
        text = "stands for the desk or a side." if username in RESERVED else "is no name for the ledger."
        raise DeskError(
            Fault("E876", username[:64] or "person", text, "Use a-z, 0-9, . _ - @, such as j.meyer.")
        )
    first, _, last = name.partition(" ")
    user = User(username=username, email=email, first_name=first, last_name=last, role=_known(role))
    _set_password(user, password)
    by.record("person.admitted", {"person": username, "role": role})
    return user


@action("people.manage")
def new_password(by: Actor, username: str, password: str) -> User:
    """Give somebody who lost theirs a new first password; all their sessions and tokens end.

    It opens no signing key: those have passphrases that the desk never keeps.

    Raises
    ------
    DeskError
        E876 for nobody of this name, somebody who signs in elsewhere, or a password that will not do.
    """
    user = User.objects.select_for_update().filter(username=username).first()
    if user is None:
        raise DeskError(Fault("E876", username or "person", "Nobody has this name here."))
    if not user.has_usable_password():
        text = "signs in at the company's provider, and has no password here."
        raise DeskError(Fault("E876", username, text, "Have it reset there."))
    _set_password(user, password)
    _end_tokens(by, user)
    by.record("person.password", {"person": username})
    return user


def _set_password(user: User, password: str) -> None:
    """Keep somebody with a password, if both will do; E876 when not."""
    user.set_password(password)
    try:
        user.full_clean()
        validate_password(password, user)
    except ValidationError as error:
        name = user.username or "person"
        raise DeskError([Fault("E876", name, text) for text in error.messages]) from error
    user.save()


@action("people.manage")
def give_role(by: Actor, user: User, role: str) -> None:
    """Give somebody another role, or none; from then on that is what they may do.

    Raises
    ------
    DeskError
        E876 for a role that is none, or for taking the last administrator's away.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)
    before, locked.role = locked.role, _known(role)
    locked.save(update_fields=["role"])
    if not User.objects.filter(role="administrator", is_active=True).exists():
        raise DeskError(Fault("E876", user.username, "is the last administrator.", "Name another one first."))
    if not role:
        _end_tokens(by, locked)
    by.record("person.role", {"person": user.username, "before": before, "after": role})


def _end_tokens(by: Actor, user: User) -> None:
    """End somebody's tokens: whoever had got hold of the password may have made one."""
    ApiToken.objects.filter(user=user, revoked=None).update(revoked=by.now)


@action("account.own")
def choose_zone(by: Actor, timezone: str) -> None:
    """Choose the time zone in which pages show dates; an empty one is the company's."""
    if timezone and timezone not in available_timezones():
        raise DeskError(
            Fault("E876", "time zone", f"{timezone!r} is not known.", "For example Europe/Paris.")
        )
    if by.user is not None:
        if timezone:
            ZoneInfo(timezone)
        by.user.timezone = timezone
        by.user.save(update_fields=["timezone"])


@action("desk.read")
def look(by: Actor) -> None:
    """Remember that somebody has seen everything up to now."""
    if by.user is not None:
        by.user.looked_at = by.now
        by.user.save(update_fields=["looked_at"])


def _known(role: str) -> str:
    if role not in ROLE_BY_KEY:
        raise DeskError(
            Fault(
                "E876",
                "role",
                f"{role!r} is no role; expected one of {', '.join(filter(None, ROLE_BY_KEY))}.",
            )
        )
    return role
