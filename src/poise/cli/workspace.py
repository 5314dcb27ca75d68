"""Where a command keeps its data."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def workspace_directory(named: str | None = None) -> Path:
    """Return the workspace: the one named, else ``POISE_HOME``, else ``.poise`` of this folder."""
    return Path(named or os.environ.get("POISE_HOME") or ".poise")


def threats_directory(named: str | None = None) -> Path:
    """Return where the workspace keeps its threat evidence."""
    return workspace_directory(named) / "threats"


def ledger_path(named: str | None = None) -> Path:
    """Return where the workspace keeps its ledger."""
    return workspace_directory(named) / "ledger.sqlite"


def add_desk_workspace(parser: argparse.ArgumentParser) -> None:
    """Add ``--workspace`` of commands that work on a desk."""
    parser.add_argument(
        "--workspace", metavar="DIR", help="the desk's folder (default: POISE_HOME, else .poise)"
    )
