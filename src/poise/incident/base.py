"""What every act of an incident has in common: words, ids, moments, the side that speaks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Party = Literal["operations", "security"]
PARTIES: tuple[Party, Party] = ("operations", "security")

Id = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
#: A record, by its hash: what was stated, asked or promised there.
Reference = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Line = Annotated[str, Meta(min_length=1, max_length=300)]
Text = Annotated[str, Meta(max_length=4000)]
Moment = Annotated[datetime, Meta(tz=True)]
#: Money in the workspace's one currency.
Amount = Annotated[float, Meta(ge=0, le=1e12)]


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What somebody does in an incident.

    Parameters
    ----------
    incident
        Its id.
    party
        For which side.
    token
        Made by the writer's form, so that a repeated submit is the same act and not a second one; empty
        where nothing repeats.
    """

    incident: Id
    party: Party
    token: Annotated[str, Meta(max_length=64)] = ""


def other(party: Party) -> Party:
    """Return the other side."""
    return "security" if party == "operations" else "operations"
