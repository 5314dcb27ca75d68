"""The frame of every action: who acts, whether they may, and one transaction around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from django.db import transaction

from poise.desk import clock
from poise.desk.ledger import DeskLedger
from poise.desk.models import LedgerHead, User
from poise.desk.permissions import ADMINISTRATOR, require
from poise.ledger.keys import SigningKey
from poise.ledger.record import Record

P = ParamSpec("P")
R = TypeVar("R")

#: Who a record without a person is by.
DESK: Final = "desk"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and when.

    Parameters
    ----------
    user
        None for the desk itself: a job, or a command of whoever runs the desk.
    now
        The time that counts.
    """

    user: User | None
    now: datetime

    @classmethod
    def of(cls, user: User) -> Actor:
        """Return somebody who acts now."""
        return cls(user, clock.now())

    @classmethod
    def desk(cls) -> Actor:
        """Return the desk itself, now."""
        return cls(None, clock.now())

    @property
    def role(self) -> str:
        """The role's key; whoever runs the desk administrates it."""
        return ADMINISTRATOR.key if self.user is None else self.user.role

    @property
    def person(self) -> str:
        """What the ledger calls the actor."""
        return DESK if self.user is None else self.user.username

    @property
    def party(self) -> str:
        """The side of the table; empty for neither."""
        return "" if self.user is None else self.user.standing.party

    def record(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        refers: tuple[str, ...] = (),
        keys: Sequence[SigningKey] = (),
    ) -> Record:
        """Put what was done on the ledger, in the action's own transaction."""
        return DeskLedger().append(kind, self.person, body, now=self.now, refers=refers, keys=keys)


@dataclass(frozen=True, slots=True)
class Action:
    """An action as the tests and the permission page find it."""

    permission: str
    run: Callable[..., Any]


#: Every action by module and name, such as ``people.admit``.
ACTIONS: Final[dict[str, Action]] = {}


@contextmanager
def writing() -> Iterator[None]:
    """Hold everything that an action writes together: all of it, or nothing.

    Whoever writes holds the end of the ledger from the first look on. So what an action read is still true
    when it writes, and of two people who change the same thing the second sees what the first did.
    """
    with transaction.atomic():
        LedgerHead.objects.select_for_update().get(id=1)
        yield


def action(
    permission: str,
) -> Callable[[Callable[Concatenate[Actor, P], R]], Callable[Concatenate[Actor, P], R]]:
    """Make a function of an actor an action: refused without the permission, and in one transaction."""

    def made(function: Callable[Concatenate[Actor, P], R]) -> Callable[Concatenate[Actor, P], R]:
        @wraps(function)
        def run(by: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if by.user is not None:
                require(by.role, permission)
            with writing():
                if by.user is not None:
                    # While this waited for the ledger somebody may have taken the role away.
                    by.user.refresh_from_db(fields=["role", "is_active"])
                    require(by.role if by.user.is_active else "", permission)
                return function(by, *args, **kwargs)

        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        ACTIONS[name] = Action(permission, run)
        return run

    return made
