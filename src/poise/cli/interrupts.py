"""Ctrl-C in a long computation: the first ends it with the best so far, the second gives up."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def best_so_far() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether somebody pressed Ctrl-C; a second press raises KeyboardInterrupt.

    Where Ctrl-C means something else already, such as nothing in the background of a shell, that stays.
    """
    pressed = threading.Event()
    former = signal.getsignal(signal.SIGINT)
    if former is not signal.default_int_handler:
        yield pressed.is_set
        return

    def note(_: int, __: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()
        print("Ending with the best plans so far; press Ctrl-C again to give up.", file=sys.stderr)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, former)
