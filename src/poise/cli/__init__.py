"""The command line: ``poise <noun> <verb>``.

Each command lives in a module of this package with ``add_parser(subparsers)``, which sets
``run`` on its parser: a function of the parsed arguments that returns the exit code. Heavy
imports happen inside ``run``, so that ``poise --help`` and the gate start in a blink.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from importlib import import_module

from poise.errors import Fault, InputError, InternalError, PoiseError

#: Modules of this package that add a command, in the order of the help page.
COMMANDS = (
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
    "agenda",
    "signals",
    "dialogue",
    "gate",
    "policy",
    "incident",
    "ledger",
    "key",
    "serve",
    "worker",
    "desk",
    "backup",
    "restore",
    "bench",
    "demo",
)


#: Exit code when the reader of the output went away: 128 and the number of SIGPIPE, as shells have it.
BROKEN_PIPE = 141


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, or of the command that `words` begin with."""
    only = words[0] if words and words[0] in COMMANDS else ""
    parser = argparse.ArgumentParser(
        prog="poise",
        description="The shared decision desk of a CIO and a CISO.",
        epilog="Exit codes: 0 fine, 1 negative verdict, 2 usage or input, 3 evidence missing or "
        "stale, 4 signature invalid, 5 our own fault.",
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in (only,) if only else COMMANDS:
        module = import_module(f"poise.cli.{name}")
        if name == "gate":  # a pipeline waits for it
            module.add_parser(subparsers, list(words[1:]))
        else:
            module.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Imports and readers make hundreds of thousands of objects that live on and hardly a cycle: looking for
    # cycles after every 700 of them, as Python does by default, is a tenth of a short command's time.
    gc.set_threshold(50_000, 20, 20)
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:2] == ["plan", "why"]:  # a question about a plan: the same command under both names
        words = words[1:]
    arguments = build_parser(words).parse_args(words)
    try:
        return int(arguments.run(arguments))
    except PoiseError as error:
        if arguments.debug:
            raise
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever reads stopped reading: like other tools, for what was asked may not have been done or said.
        sys.stderr.close()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except OSError as error:
        if arguments.debug:
            raise
        hint = "Check the path, its permissions and the space that is left."
        message = f"It cannot be read or written: {error.strerror or error}."
        print(Fault("E901", str(error.filename or "poise"), message, hint), file=sys.stderr)
        return InputError.exit_code
    except Exception as error:  # the process edge: our own fault is told, not thrown
        if arguments.debug:
            raise
        hint = "This is a fault of Poise. Run again with poise --debug ... and report what it prints."
        # What these print is a server's log: it gets no words that people may have written.
        is_log = arguments.command in ("serve", "worker")
        said = type(error).__name__ if is_log else f"{type(error).__name__}: {error}"
        print(Fault("E900", "poise", said, hint), file=sys.stderr)
        return InternalError.exit_code
