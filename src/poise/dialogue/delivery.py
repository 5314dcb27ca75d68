"""Sending a digest by mail, through apprise. Addresses hold passwords: no record or error shows one."""

from __future__ import annotations

from typing import Final

from poise.errors import DialogueError, Fault

#: Only mail: other schemes could make a desk call hosts inside its network.
SCHEMES: Final = ("mailto", "mailtos")


def send(url: str, subject: str, text: str) -> None:
    """Send a text.

    Parameters
    ----------
    url
        An address of apprise, such as ``mailtos://user:password@mail.example?to=cio@example.com``.

    Raises
    ------
    DialogueError
        E857 when it is no mail address or the server did not take it.
    """
    from apprise import Apprise, NotifyFormat, NotifyType

    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        text_of = f"{scheme[:20]!r} is not allowed; expected {' or '.join(SCHEMES)}."
        raise DialogueError(Fault("E857", "digest", text_of))
    notifier = Apprise()
    if not notifier.add(url) or not notifier.notify(
        body=text, title=subject, notify_type=NotifyType.INFO, body_format=NotifyFormat.TEXT
    ):
        hint = "Check host, user and password of the address; it is not shown here."
        raise DialogueError(Fault("E857", "digest", "The mail could not be sent.", hint))
