"""The ``poise scan`` commands."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from poise.cli.progress import progress_bar

if TYPE_CHECKING:
    from poise.errors import Fault
    from poise.scans.reading import Summary
    from poise.scans.unpack import Progress

#: Severities and kinds in the order in which people want to read them.
_SEVERITIES = ("critical", "high", "medium", "low", "info", "unknown")
_OTHER_KINDS = ("misconfiguration", "secret", "licence", "information")

#: Faults that are printed for one file before the others are only counted; ``--json`` lists all.
_PRINTED_FAULTS = 20


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise scan`` to the command line."""
    scan = subparsers.add_parser("scan", help="scanner reports")
    verbs = scan.add_subparsers(dest="verb", metavar="VERB", required=True)
    read = verbs.add_parser("read", help="what reports hold, without a workspace")
    read.set_defaults(run=_read)
    add = verbs.add_parser("add", help="keep the findings of reports in the workspace")
    add.add_argument(
        "--workspace", metavar="DIR", help="where to keep them (default: POISE_HOME, else .poise)"
    )
    add.set_defaults(run=_add)
    for verb in (read, add):
        verb.add_argument("files", nargs="+", metavar="FILE", help="a report, also in gzip or zip")
        verb.add_argument("--format", metavar="F", help="read as this format instead of detecting it")
        verb.add_argument("--json", action="store_true", help="print JSON")
    formats = verbs.add_parser("formats", help="the formats that can be read")
    formats.add_argument("--json", action="store_true", help="print JSON")
    formats.set_defaults(run=_formats)


def _read(arguments: argparse.Namespace) -> int:
    from poise.scans.reading import summarise

    def one(path: str, progress: Progress | None) -> Sequence[Summary]:
        return summarise(path, format=arguments.format, progress=progress)

    return _tell(arguments, one)


def _add(arguments: argparse.Namespace) -> int:
    from poise.cli.workspace import workspace_directory
    from poise.scans.snapshot import add_scan

    folder = workspace_directory(arguments.workspace) / "scans"

    def one(path: str, progress: Progress | None) -> Sequence[Summary]:
        return add_scan(path, folder, format=arguments.format, progress=progress)

    return _tell(arguments, one)


def _tell(arguments: argparse.Namespace, one: Callable[[str, Progress | None], Sequence[Summary]]) -> int:
    summaries: list[Summary] = []
    with _file_progress(len(arguments.files)) as start:
        for number, path in enumerate(arguments.files):
            summaries += one(path, start(number, path))
    if arguments.json:
        print(json.dumps({"files": [summary.as_dict() for summary in summaries]}, indent=2))
    else:
        _print_table(summaries)
    return 2 if any(summary.refused for summary in summaries) else 0


@contextmanager
def _file_progress(num_files: int) -> Iterator[Callable[[int, str], Progress | None]]:
    """Yield a function that returns the progress of one file as a part of the bar for all."""
    with progress_bar() as tell:

        def start(number: int, path: str) -> Progress | None:
            if tell is None:
                return None

            def progress(position: int, size: int) -> None:
                done = number * 1_000 + position * 1_000 // max(1, size)
                tell(done, num_files * 1_000, f"reading {path}")

            return progress

        yield start


def _formats(arguments: argparse.Namespace) -> int:
    from poise.scans.formats import all_formats

    formats = sorted(all_formats(), key=lambda one: one.name)
    if arguments.json:
        rows = [{"name": one.name, "scanner": one.scanner, "syntax": one.syntax} for one in formats]
        print(json.dumps({"formats": rows}, indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("format", "scanner", "syntax")
    for one in formats:
        table.add_row(one.name, one.scanner, one.syntax)
    Console().print(table)
    return 0


def _print_table(summaries: Sequence[Summary]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A shell's reports/* repeats one long folder in every row; told once, the table fits 80 columns.
    folder = _common_folder([one.file for one in summaries])
    table = Table(title=Text(f"In {folder}") if folder else None, title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("format", overflow="fold")
    table.add_column("findings", justify="right", no_wrap=True)
    table.add_column("of which")
    table.add_column("faults", justify="right", no_wrap=True)
    for one in summaries:
        # Names come from files: Text keeps rich from reading brackets in them as markup.
        state = Text("refused", style="bold red") if one.refused else Text(f"{one.findings:,}")
        faults = f"{len(one.faults):,}" if one.faults else ""
        table.add_row(
            Text(one.file.removeprefix(folder)), Text(one.format or "-"), state, _contents(one), faults
        )
    Console().print(table)
    for one in summaries:
        _print_faults(one.faults)


def _common_folder(files: Sequence[str]) -> str:
    """Return the folder, with its last slash, that two or more files share; "" for none."""
    folders = {os.path.dirname(file.partition("!")[0]) for file in files}
    if len(set(files)) < 2 or len({os.path.isabs(folder) for folder in folders}) != 1:
        return ""
    common = os.path.commonpath(folders)
    return os.path.join(common, "") if common else ""


def _contents(summary: Summary) -> str:
    """Return the vulnerabilities by severity and the other findings by kind."""
    rated = [(name, summary.severities.get(name, 0)) for name in _SEVERITIES]
    others = [(name, summary.kinds.get(name, 0)) for name in _OTHER_KINDS]
    parts = (", ".join(f"{count:,} {name}" for name, count in group if count) for group in (rated, others))
    return "; ".join(part for part in parts if part)


def _print_faults(faults: Sequence[Fault]) -> None:
    for fault in faults[:_PRINTED_FAULTS]:
        print(fault, file=sys.stderr)
    if len(faults) > _PRINTED_FAULTS:
        print(f"... and {len(faults) - _PRINTED_FAULTS:,} more; --json lists them.", file=sys.stderr)
