"""What logs of server and workers hold of an error that nobody handled: where it was, and its kind.

An error's own words may hold what people wrote: a template's, its whole context; a database's, the row that
it refused. A log is read, kept and sent on by others than may read that, so it never gets them.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
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


class NotWhileAway(logging.Filter):
    """Keeps out what Django says of each request that met no database: :class:`Sparing` tells of them all."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is of anything else; the desk answers 503 for nothing else."""
        return getattr(record, "status_code", None) != 503


class Sparing:
    """Tells of what happens with every request at most once a minute, and then how often it did.

    Parameters
    ----------
    seconds
        How long nothing more is said after a line [s].
    clock
        Gives seconds from any moment on [s].
    """

    def __init__(self, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self._kept_back: dict[str, int] = {}

    def tell(self, what: str, kind: str) -> None:
        """Log one line of a kind, or count it for the next where the last is too near."""
        with self._lock:
            now, last = self._clock(), self._told.get(kind)
            if last is not None and now - last < self._seconds:
                self._kept_back[kind] += 1
                return
            kept_back = self._kept_back.get(kind, 0)
            self._told[kind], self._kept_back[kind] = now, 0
        more = f"; {kept_back} more since the last such line" if kept_back else ""
        log.warning("%s: %s%s", what, kind, more)


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
