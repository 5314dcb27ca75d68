"""The two sides of an agreement: who signed as what, and whether both sides really did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, product

from poise.errors import Fault, SignatureError
from poise.ledger.keyrecords import PARTIES, VOUCHING


@dataclass(frozen=True, slots=True)
class Signer:
    """A person whose signature counts in a record.

    Parameters
    ----------
    person, key
        Who, and with which key.
    roles
        The person's own roles.
    deputy_for
        What the person may sign for others then: pairs of role and principal.
    """

    person: str
    key: str
    roles: frozenset[str]
    deputy_for: tuple[tuple[str, str], ...] = ()

    def standings(self, role: str) -> tuple[Standing, ...]:
        """Return how the person can act in a role: by right first, then as somebody's deputy."""
        own = (Standing(self.person, self.key, role),) if role in self.roles else ()
        named = (
            Standing(self.person, self.key, role, principal)
            for held, principal in self.deputy_for
            if held == role
        )
        return (*own, *named)


@dataclass(frozen=True, slots=True)
class Standing:
    """A signer in one role.

    Parameters
    ----------
    person, key, role
        Who signed, with what, as what.
    deputy_of
        The absent principal; None when the person holds the role.
    """

    person: str
    key: str
    role: str
    deputy_of: str | None = None

    @property
    def people(self) -> frozenset[str]:
        """The signer, and the principal where there is one."""
        return frozenset({self.person, self.deputy_of or self.person})


def distinct(signers: Iterable[Signer], first: str, second: str) -> tuple[Standing, Standing] | None:
    """Return two different people, with different keys, in two roles; None when there are none.

    A deputy counts as the principal too: nobody can sign for the one side and be the other.
    """
    people = tuple(signers)
    candidates = product(
        [standing for one in people for standing in one.standings(first)],
        [standing for one in people for standing in one.standings(second)],
    )
    fitting = [(a, b) for a, b in candidates if not a.people & b.people and a.key != b.key]
    return min(fitting, key=lambda pair: sum(one.deputy_of is not None for one in pair), default=None)


def is_vouched(signers: Iterable[Signer]) -> bool:
    """Return whether two different people in two of the roles that vouch are among the signers."""
    people = tuple(signers)
    return any(distinct(people, first, second) for first, second in combinations(VOUCHING, 2))


def two_party(signers: Iterable[Signer], where: str) -> tuple[Standing, Standing]:
    """Return who signed for operations and who for security.

    They are two different people with two different keys. A deputy is marked as such and counts as the
    principal too, so that no principal signs for the one side and, through a deputy, for the other.

    Parameters
    ----------
    signers
        The people whose signatures count, from :meth:`poise.ledger.roster.Roster.judge`.
    where
        What an error names.

    Raises
    ------
    SignatureError
        E743 with every party for which nobody entitled has signed; E744 when both are one person.
    """
    people = tuple(signers)
    said = ", ".join(f"{one.person} ({'/'.join(sorted(one.roles))})" for one in people) or "nobody"
    missing = [party for party in PARTIES if not any(one.standings(party) for one in people)]
    if missing:
        hint = (
            "It is signed with the key of a person of that role, or of the deputy named before the absence."
        )
        raise SignatureError(
            [Fault("E743", where, f"nobody signed for {party}; signed by {said}.", hint) for party in missing]
        )
    found = distinct(people, *PARTIES)
    if found is None:
        hint = "A person, a key or a deputy's principal stands on one side only."
        raise SignatureError(
            Fault("E744", where, f"one person stands on both sides; signed by {said}.", hint)
        )
    return found
