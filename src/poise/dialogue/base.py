"""What every act has in common: words, amounts, the side that speaks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from poise.bargain.rounds import Party

Id = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Line = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=4000)]
#: Money in the workspace's currency; None is not known, which is not zero.
Amount = Annotated[float, Meta(ge=0, le=1e12)] | None
Share = Annotated[float, Meta(ge=0, le=1)]
Moment = Annotated[datetime, Meta(tz=True)]
Quarter = Annotated[str, Meta(pattern=r"^2\d{3}Q[1-4]$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
PARTIES: tuple[Party, Party] = ("operations", "security")


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one side says."""

    party: Party


def other(party: Party) -> Party:
    """Return the other side."""
    return "security" if party == "operations" else "operations"
