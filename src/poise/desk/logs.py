"""What logs of server and workers hold of an error that nobody handled: where it was, and its kind.

An error's own words may hold what people wrote: a template's, its whole context; a database's, the row that
it refused. A log is read, kept and sent on by others than may read that, so it never gets them.
"""

from __future__ import annotations

import logging
import threading
import traceback
from types import TracebackType
from typing import Any, Final

from gunicorn.glogging import Logger

LINE: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
_WITHHELD: Final = "its words may hold what people wrote, so they are not logged"
log = logging.getLogger("poise.desk")
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Line(logging.Formatter):
    """One line for each record; below it, the places and kinds of errors, without their words."""

    def __init__(self, form: str = LINE) -> None:
        super().__init__(form)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text, whatever another formatter has kept of its error."""
        record.exc_text = None
        return super().format(record)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802  logging names it so
        """Return where an error and those behind it happened, innermost last, and what kind each is."""
        return places_of(ei[1])


def places_of(error: BaseException | None) -> str:
    """Return the frames and kinds of an error and of those that led to it, without their words."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = []
    for one in reversed(chain):
        lines += ["Traceback (most recent call last):\n", *traceback.format_tb(one.__traceback__)]
        lines.append(f"{type(one).__module__}.{type(one).__qualname__} ({_WITHHELD})\n")
    return "".join(lines).rstrip("\n")


class ServerLogger(Logger):  # type: ignore[misc]
    """Gunicorn's log, in the desk's form."""

    def setup(self, cfg: Any) -> None:
        """Set its handlers up."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Line())


def cover_threads() -> None:
    """Let what ends a thread of this process come into the log, in its form."""

    def ended(said: threading.ExceptHookArgs) -> None:
        if said.exc_value is not None:
            name = said.thread.name if said.thread else "unknown"
            about = (said.exc_type, said.exc_value, said.exc_traceback)
            log.error("the thread %r ended", name, exc_info=about)

    threading.excepthook = ended
