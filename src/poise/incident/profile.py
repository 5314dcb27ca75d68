"""How a reader wants to be told: form, never facts. Stated by the reader, given as an argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from poise.errors import Fault, IncidentError

Audience = Literal["operations", "security", "board"]


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reader's form.

    Parameters
    ----------
    detail
        ``short`` leaves sources and times to the end of the page; every statement stays.
    order
        By ``topic``, by ``newest`` first, or what is ``uncertain`` first.
    cadence_minutes
        How often this reader wants an update [min].
    channel
        Name of the channel over which it goes; the address stands with the desk's administrator.
    timezone
        In which local times are given.
    """

    detail: Literal["short", "full"] = "full"
    order: Literal["topic", "newest", "uncertain"] = "topic"
    cadence_minutes: Annotated[int, Meta(ge=5, le=10_080)] = 60
    channel: str = "mail"
    timezone: str = "UTC"


#: What a brief starts from when its reader has stated nothing.
DEFAULTS: Final[Mapping[Audience, Profile]] = {
    "operations": Profile(cadence_minutes=30),
    "security": Profile(order="uncertain", cadence_minutes=30),
    "board": Profile(detail="short", cadence_minutes=360),
}


def read_profile(value: Mapping[str, Any], where: str) -> Profile:
    """Return the profile of plain values; E841 when they are none."""
    try:
        return msgspec.convert(value, Profile)
    except msgspec.ValidationError as error:
        hint = f"Fields: {', '.join(Profile.__struct_fields__)}."
        raise IncidentError(Fault("E841", where, f"is no profile: {error}.", hint)) from error
