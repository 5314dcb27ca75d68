"""``poise plan``: frontier, landmarks, the chosen plan and everything that is made from it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from poise.estate.model import Estate
    from poise.patching.document import PlanDocument
    from poise.planning.solvers import Solver

#: Longest horizon [d]: ten years.
MAX_HORIZON_DAYS = 3_660
CLUSTER_HELP = "plan on the Ray cluster of POISE_RAY_ADDRESS, or on two processes of this machine"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``poise plan`` to the command line."""
    parser = subparsers.add_parser(
        "plan",
        help="plan the patches: what each choice costs the other side",
        description="Reads scanner reports, an estate and threat evidence; finds the frontier of exposure "
        "against disruption, the fair points on it, and a patch calendar.",
    )
    parser.add_argument("--scans", nargs="+", required=True, metavar="FILE", help="scanner reports")
    parser.add_argument(
        "--estate", required=True, metavar="FILE", help="estate.yaml or a folder of its tables"
    )
    parser.add_argument("--threats", metavar="DIR", help="threat evidence (default: of the workspace)")
    parser.add_argument("--out", default="out", metavar="DIR", help="where the results go (default: out)")
    parser.add_argument("--now", type=moment, metavar="TIME", help="plan as of this time (ISO, with offset)")
    parser.add_argument(
        "--horizon", type=horizon, default=182.0, metavar="DAYS", help="how far to plan (182)"
    )
    parser.add_argument("--choose", choices=_choices(), default="kalai-smorodinsky", help="calendar to show")
    parser.add_argument("--points", type=count, default=31, metavar="N", help="plans on the frontier (31)")
    parser.add_argument(
        "--seconds", type=positive, metavar="S", help="limit of the solver; its work is recorded"
    )
    parser.add_argument(
        "--gap",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="end each solve that is proven this close to the best, such as 0.01 (small ones are exact)",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of every random choice (0)")
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="solver threads (2)")
    parser.add_argument(
        "--calibration", metavar="FILE", help="frozen risk calibration (OUT/calibration.json)"
    )
    parser.add_argument(
        "--outcomes", nargs=2, metavar=("FILE", "PLAN_JSON"), help="learn from what became of an earlier plan"
    )
    parser.add_argument(
        "--hard-deadlines", action="store_true", help="meet every deadline, or say which cannot be and when"
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="go on from this file after a kill or Ctrl-C; removed when all is done",
    )
    parser.add_argument("--cluster", action="store_true", help=CLUSTER_HELP)
    parser.add_argument("--json", action="store_true", help="print plan.json instead of the table")
    parser.set_defaults(run=run)


def _choices() -> tuple[str, ...]:
    # Spelled out here so that --help does not import the planner; a test compares the two.
    return ("kalai-smorodinsky", "nash", "least-total", "least-exposure", "least-disruption", "default")


def moment(text: str) -> datetime:
    """Parse a point in time of the command line, 1970 to 2200; a bare date is midnight UTC."""
    value = iso_time(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def iso_time(text: str) -> datetime:
    """Parse a time of the command line, 1970 to 2200, with a zone or without."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO time such as 2026-01-05T08:00+01:00") from error
    if not 1970 <= value.year <= 2200:
        raise argparse.ArgumentTypeError(f"{text!r} is not between the years 1970 and 2200")
    return value


def positive(text: str) -> float:
    """Parse a number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return value


def share(text: str) -> float:
    """Parse a share: a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def horizon(text: str) -> float:
    """Parse a horizon in days; windows beyond some years are nobody's plan."""
    days = positive(text)
    if days > MAX_HORIZON_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {MAX_HORIZON_DAYS:,} days")
    return days


def seed(text: str) -> int:
    """Parse a seed: a whole number of at least zero."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least zero")
    return int(text)


def count(text: str) -> int:
    """Parse a whole number of at least one."""
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least one")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Run ``poise plan``."""
    from poise.cli.interrupts import best_so_far
    from poise.cli.progress import progress_bar
    from poise.cli.workspace import threats_directory
    from poise.estate import load_estate
    from poise.patching.calibration import keep_calibration, read_calibration
    from poise.patching.planner import Settings, estate_inputs, plan_patches
    from poise.report.outputs import replace_file, write_outputs
    from poise.risk.simulation.storage import encode
    from poise.scans import read_scan
    from poise.threats.store import ThreatStore

    estate_path = Path(arguments.estate)
    estate = load_estate(estate_path)
    inputs = estate_inputs(estate_path, estate)
    estate, outcome_inputs = _learn(estate, arguments.outcomes)
    reports = [report for path in arguments.scans for report in read_scan(path)]
    store = ThreatStore(Path(arguments.threats) if arguments.threats else threats_directory())
    out = Path(arguments.out)
    make_folder(out)
    calibration_path = Path(arguments.calibration) if arguments.calibration else out / "calibration.json"
    checkpoint = Path(arguments.checkpoint) if arguments.checkpoint else None
    settings = Settings(
        now=arguments.now or _kept_now(checkpoint) or datetime.now(UTC).replace(microsecond=0),
        horizon_days=arguments.horizon,
        seed=arguments.seed,
        seconds=arguments.seconds,
        points=arguments.points,
        threads=arguments.threads,
        shown=arguments.choose,
        hard_deadlines=arguments.hard_deadlines,
        checkpoint=checkpoint,
        gap=arguments.gap,
    )
    with (
        progress_bar() as progress,
        solver_of_cluster(arguments.cluster) as priced,
        best_so_far() as is_stopped,
    ):
        planned = plan_patches(
            estate,
            reports,
            store,
            settings,
            inputs=[*inputs, *outcome_inputs],
            calibration=read_calibration(calibration_path),
            progress=progress,
            priced=priced,
            stop=is_stopped,
        )
    written = [*write_outputs(planned.document, out), out / "risk.json"]
    replace_file(written[-1], encode(planned.risk))
    keep_calibration(calibration_path, planned.calibration)
    if checkpoint is not None and planned.document.stopped_by != "interrupt":
        checkpoint.unlink(missing_ok=True)
    if arguments.json:
        sys.stdout.write((out / "plan.json").read_text(encoding="utf-8"))
    else:
        show(planned.document, [*written, calibration_path])
    return 0


@contextmanager
def solver_of_cluster(is_wanted: bool) -> Iterator[Solver | None]:
    """Yield what solves on the cluster of ``POISE_RAY_ADDRESS``, None when this process is enough."""
    if not is_wanted:
        yield None
        return
    from poise.cluster import connect

    with connect() as cluster:
        yield cluster.solver


def _kept_now(checkpoint: Path | None) -> datetime | None:
    """Return the moment that a killed run planned for, so that the same command goes on with it."""
    from poise.planning.checkpoint import read_about

    kept = read_about(checkpoint).get("now") if checkpoint is not None else None
    return moment(kept) if kept else None


def make_folder(out: Path) -> None:
    """Make the folder of the results, and try to write there before a plan is computed for nothing.

    Raises
    ------
    OSError
        When nothing can be written there.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass


def _learn(estate: Estate, named: Sequence[str] | None) -> tuple[Estate, list[Any]]:
    """Return the estate with what the outcomes of an earlier plan teach, and those files as inputs."""
    if not named:
        return estate, []
    from poise.patching.document import InputFile
    from poise.patching.outcomes import learn, read_outcomes, team_records
    from poise.patching.planner import hash_file

    path, plan_path = Path(named[0]), Path(named[1])
    outcomes = read_outcomes(path)
    records = team_records(outcomes, read_plan(plan_path))
    detail = f"{len(outcomes)} outcomes of {plan_path.name}"
    return learn(estate, records), [
        InputFile(kind="outcomes", name=path.name, sha256=hash_file(path), detail=detail)
    ]


def read_plan(path: Path) -> PlanDocument:
    """Read a plan.json.

    Raises
    ------
    InputError
        When it is none.
    """
    import msgspec

    from poise.patching.document import SCHEMA, decode

    try:
        document = decode(path.read_bytes())
    except OSError as error:
        raise InputError(Fault("E521", str(path), f"The plan cannot be read: {error.strerror}.")) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = "Name a plan.json that poise plan wrote."
        raise InputError(Fault("E521", str(path), f"This is no plan.json: {error}.", hint)) from error
    if document.schema != SCHEMA:
        message = f"The plan's schema is {document.schema!r}; this Poise reads {SCHEMA!r}."
        raise InputError(
            Fault("E521", str(path), message, "Read it with the version of Poise that wrote it.")
        )
    return document


def show(document: PlanDocument, written: Sequence[Path]) -> None:
    """Print the table of landmarks and where the results are."""
    from rich.console import Console

    from poise.cli.tables import landmark_table, rule_table

    console = Console()
    console.print(landmark_table(document))
    console.print(rule_table(document))
    for notice in document.notices:
        console.print(f"[bold]Note:[/bold] {notice}", highlight=False)
    inventories = [path for path in written if path.parent.name == "inventories"]
    for path in written:
        if path not in inventories:
            console.print(f"wrote {path}", style="dim", highlight=False)
    if inventories:
        plural = "" if len(inventories) == 1 else "s"
        text = f"wrote {inventories[0].parent}/ ({len(inventories)} window{plural})"
        console.print(text, style="dim", highlight=False)
