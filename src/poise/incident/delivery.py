"""Sending a message by mail, chat or webhook, through apprise; no record shows an address's secrets."""

from __future__ import annotations

import logging
import mimetypes
import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from poise.errors import Fault, IncidentError
from poise.incident.base import Id
from poise.incident.messages import Attempted, Queued
from poise.incident.room import Room
from poise.incident.state import Incident
from poise.incident.tlp import Mark, label, rank

#: Schemes of apprise that reach people; others could start programs or talk to what is no messenger.
SCHEMES: Final = (
    "mailto", "mailtos", "json", "jsons", "slack", "msteams", "workflows", "matrix", "matrixs", "mmost",
    "mmosts", "rocket", "rockets", "ntfy", "ntfys", "gchat", "wxteams", "discord", "zulip",
)  # fmt: skip
#: Of these, the ones that take a text of any length; chats take so many characters a message.
_WHOLE: Final = ("mailto", "mailtos", "json", "jsons")
MAX_BYTES: Final = 100_000
#: Where apprise keeps the several addresses of a URL, each of which gets a message of its own.
_ADDRESSES: Final = ("targets", "channels", "topics")
#: In a part's title its place among the parts; and the least that a part holds [characters].
_ROOM_FOR_COUNT: Final = 20
_LEAST_PART: Final = 200
#: What apprise says of a server's answer.
_STATUS: Final = re.compile(r"error=(\d{3})|\b([45]\d\d)\b")


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to people.

    Parameters
    ----------
    url
        An address of apprise, such as ``mailtos://user:password@mail.example?to=cio@example.com``.
    clearance
        The strictest mark that may go this way.
    """

    url: str
    clearance: Mark = "AMBER"


def read_channels(path: Path) -> dict[str, Channel]:
    """Return the channels of a TOML file with a table for each: ``[mail-cio]``, ``url``, ``clearance``.

    Raises
    ------
    IncidentError
        E836 when it cannot be read, with every address that is not allowed.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES).decode()
        found = msgspec.convert(tomllib.loads(content), dict[Id, Channel])
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        # A message of the parser could quote an address.
        hint = "docs/incidents.md shows such a file."
        text = f"cannot be read as channels ({type(error).__name__})."
        raise IncidentError(Fault("E836", str(path), text, hint)) from error
    faults = []
    for name, channel in found.items():
        scheme = channel.url.partition("://")[0].lower()
        if scheme not in SCHEMES:
            text = f"channel {name}: {scheme[:20]!r} is not allowed; expected one of {', '.join(SCHEMES)}."
            faults.append(Fault("E836", str(path), text))
    if faults:
        raise IncidentError(faults)
    return found


def check_mark(name: str, channel: Channel, mark: Mark) -> None:
    """Raise E836 when a text with this mark may not go by a channel."""
    if rank(mark) > rank(channel.clearance):
        text = f"{label(mark)} may not go there; its clearance is {label(channel.clearance)}."
        hint = "Send a brief for a reader with a lower clearance, or use another channel."
        raise IncidentError(Fault("E836", f"channel {name}", text, hint))


def num_addresses(channel: Channel) -> int:
    """Return how many addresses of a channel get a message of their own; 1 where that cannot be told.

    Raises
    ------
    IncidentError
        E836 when the channel cannot be read.
    """
    return max(1, len(_addresses(_notifier(channel))[1]))


def _notifier(channel: Channel) -> Any:
    import apprise

    # No picture from apprise's own site, which the chat would fetch there.
    asset = apprise.AppriseAsset(app_id="Poise", app_desc="Poise", image_url_mask="", image_url_logo="")
    notifier = apprise.Apprise(asset=asset)
    if not notifier.add(channel.url):
        raise IncidentError(
            Fault("E836", "channel", "The address cannot be read by apprise; it is not shown.")
        )
    return notifier


def _addresses(notifier: Any) -> tuple[str, list[Any]]:
    """Return the addresses of a channel, with the name under which apprise keeps them."""
    service = notifier[0]
    return next(
        ((name, found) for name in _ADDRESSES if isinstance(found := getattr(service, name, None), list)),
        ("", []),
    )


def send(
    channel: Channel,
    subject: str,
    text: str,
    files: Mapping[str, bytes] | None = None,
    *,
    only: int | None = None,
) -> None:
    """Send a text, with files by their names where the channel takes any.

    A chat that takes fewer characters at once gets it in parts, each under the subject, which has the mark.
    When one part is not taken the rest waits, and the next attempt begins at the first.

    Parameters
    ----------
    only
        Which of the channel's addresses gets it, from 0; None for all. A server may take a message for one
        and refuse it for another: whoever tries again has to ask for each by itself.

    Raises
    ------
    IncidentError
        E836 when the address cannot be read, or is not there; E837 when the message was not taken.
    """
    import apprise
    from apprise.attachment.memory import AttachMemory

    notifier = _notifier(channel)
    if only is not None:
        name, addresses = _addresses(notifier)
        if not 0 <= only < max(1, len(addresses)):
            raise IncidentError(Fault("E836", "channel", f"It has no address {only + 1} any more."))
        if len(addresses) > 1:
            setattr(notifier[0], name, [addresses[only]])
    attached = apprise.AppriseAttachment()
    for name, content in (files or {}).items():
        kind = mimetypes.guess_type(name)[0]
        attached.add(AttachMemory(content=content, name=name, mimetype=kind))  # type: ignore[no-untyped-call]
    pieces = [text]
    if channel.url.partition("://")[0].lower() not in _WHOLE:
        notifier[0].notify_format = apprise.NotifyFormat.TEXT  # markdown's escapes would be read as words
        pieces = parts(text, max(notifier[0].body_maxlen - len(subject) - _ROOM_FOR_COUNT, _LEAST_PART))
    for number, piece in enumerate(pieces, 1):
        # Without the time of each line, whose digits would read as an answer.
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as captured:  # type: ignore[no-untyped-call]
            is_taken = notifier.notify(
                body=piece,
                title=subject if len(pieces) == 1 else f"{subject} ({number}/{len(pieces)})",
                notify_type=apprise.NotifyType.INFO,
                body_format=apprise.NotifyFormat.TEXT,
                attach=attached if files and number == len(pieces) else None,
            )
            said = captured.getvalue()
        if not is_taken:
            raise IncidentError(Fault("E837", "channel", _refused(said, number, len(pieces))))


def _refused(said: str, number: int, count: int) -> str:
    status = _STATUS.search(said)
    unsaid = "the server refused it or could not be reached"
    why = f"the server answered {status[1] or status[2]}" if status else unsaid
    what = "The message" if count == 1 else f"Part {number} of {count}"
    return f"{what} was not taken: {why}."


def parts(text: str, limit: int) -> list[str]:
    """Split a text at ends of lines into parts of at most so many characters; a longer line is broken."""
    found = [""]
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), limit):
            piece = line[start : start + limit]
            if found[-1] and len(found[-1]) + len(piece) > limit:
                found.append("")
            found[-1] += piece
    return found


def deliver(
    room: Room, incident: Incident, channels: Mapping[str, Channel], now: datetime
) -> list[Attempted]:
    """Attempt every message of an incident that is due, and record each attempt.

    A drill sends nothing outside: its messages are marked as kept back.
    """
    made = []
    for message in list(incident.messages.values()):
        due = message.due()
        if due is None or due > now:
            continue
        reason = "kept back: a drill" if incident.is_drill else _attempt(message.act, channels)
        act = Attempted(
            incident=incident.id,
            party=message.act.party,
            brief=message.record,
            is_delivered=incident.is_drill or not reason,
            reason=reason,
        )
        room.act(act, "desk", now)
        made.append(act)
    return made


def _attempt(message: Queued, channels: Mapping[str, Channel]) -> str:
    """Return why a message was not delivered; empty when it was."""
    channel = channels.get(message.channel)
    if channel is None:
        return f"there is no channel {message.channel!r} in this workspace"
    try:
        check_mark(message.channel, channel, message.mark)
        send(channel, message.subject, message.text)
    except IncidentError as error:
        return error.faults[0].message
    return ""
