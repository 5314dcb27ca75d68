"""Every command that shows something: no statistic about a person; a new command is listed here or fails."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue.test_conversation import KEYS
from poise.cli import build_parser, main
from poise.dialogue.year import END, WARNED, Year
from poise.ledger.store import Ledger

NAMES = re.compile(r"qq(anna|bert)zz")
STATISTIC = re.compile(r"\d+ of \d+|\d+ ?%|median|kept in time|score|rank\b|rating", re.IGNORECASE)
#: Commands that show what stands on the ledger of the two.
SHOWS = {
    "agenda": (), "signals": (), "dialogue goals": (), "dialogue profiles": (), "dialogue disagreements": (),
    "dialogue survey": (), "dialogue guess": (), "dialogue board": (),
    "dialogue digest": ("--party", "security"), "ledger log": (), "ledger show": ("40",),
    "incident list": (), "incident drills": (), "key list": (),
}  # fmt: skip
#: Commands by their first word that read files, compute or write, and know no dialogue.
OTHERS = frozenset(
    [
        "scan",
        "estate",
        "threats",
        "plan",
        "simulate",
        "sensitivity",
        "replay",
        "table",
        "limit",
        "trade",
        "why",
        "agree",
        "outcomes",
        "gate",
        "policy",
        "serve",
        "worker",
        "desk",
        "backup",
        "restore",
        "bench",
        "demo",
    ]
)
#: Commands of the ledger and of incidents that write, or show one incident and none of the dialogue.
WRITES = re.compile(r"(dialogue (say|seal|escalate)|(ledger|key|incident) [a-z-]+)$")


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every command in full."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(words)
    for group in groups:
        for name, inner in group.choices.items():
            yield from leaves(inner, (*words, name))


def test_no_command_shows_a_figure_about_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The year by signers with names of their own: no name beside a count, and none among signals at all."""
    known = set(leaves(build_parser()))
    assert set(SHOWS) <= known
    unlisted = [one for one in known - set(SHOWS) if one.split()[0] not in OTHERS and not WRITES.match(one)]
    assert not unlisted
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        Year(ledger, KEYS, {"operations": "qqannazz", "security": "qqbertzz"}).play()
    for words, more in SHOWS.items():
        for now in (WARNED, END):
            timed = [] if words.startswith("ledger") else ["--now", now.isoformat()]
            code = main([*words.split(), *more, "--workspace", str(tmp_path), *timed])
            said = capsys.readouterr()
            assert code in (0, 1), f"{words}: {said.err}"
            for line in said.out.splitlines():
                assert not (NAMES.search(line) and STATISTIC.search(line)), f"{words}: {line}"
            if words in ("signals", "dialogue board", "dialogue digest", "agenda"):
                assert not NAMES.search(said.out), words
