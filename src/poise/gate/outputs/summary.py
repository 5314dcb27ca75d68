"""The verdict for a step summary (Markdown): the page as it is, in a fence that nothing inside can close."""

from __future__ import annotations

import re
from typing import Final

from poise.gate.page import page
from poise.gate.policy import Policy
from poise.gate.verdict import Verdict

#: GitHub takes summaries up to 1 MiB; the page is far below, and this holds it there.
MAX_BYTES: Final = 1024 * 1024
_TITLES: Final = {
    "pass": "passes",
    "block": "is blocked",
    "incomplete": "cannot be judged",
    "lifted": "passes by broken glass",
}
_FENCE = re.compile(r"`+")


def summary(verdict: Verdict, policy: Policy) -> bytes:
    """Return the summary."""
    text = page(verdict, policy)
    longest = max((len(found[0]) for found in _FENCE.finditer(text)), default=0)
    fence = "`" * max(3, longest + 1)
    head = f"### Poise: the delivery {_TITLES[verdict.decision]}"
    return f"{head}\n\n{fence}text\n{text}{fence}\n".encode()[:MAX_BYTES]
