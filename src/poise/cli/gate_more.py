"""The verbs of ``poise gate`` beside ``run``: signed documents, scans, threat extracts, histories."""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from poise.errors import Fault, InputError

if TYPE_CHECKING:
    from poise.gate.documents import BrokenGlass, Exemption, Skip
    from poise.gate.verdict import Verdict


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add them."""
    _add_documents(verbs)
    scan = verbs.add_parser(
        "scan",
        help="run a scanner and note when, on which commit, and how it ended",
        description="Runs COMMAND and writes REPORT.run.json beside its report, so that the gate knows what "
        "the report itself does not say. Exit code 0 when the scanner wrote its report, whatever it found.",
    )
    scan.add_argument("--report", required=True, metavar="FILE", type=Path, help="the file that it writes")
    scan.add_argument("--commit", metavar="ID", help="the commit (default: what CI names, else HEAD)")
    scan.add_argument("--minutes", type=float, default=30.0, metavar="N", help="stop it after so long (30)")
    scan.add_argument("--stdout", action="store_true", help="the report is what the scanner prints")
    scan.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the scanner and its words"
    )
    scan.set_defaults(run=run_scan, source=None)
    threats = verbs.add_parser("threats", help="take KEV and EPSS out of the store, for pipelines")
    threats.add_argument(
        "--store", metavar="DIR", type=Path, help="threat evidence (default: the workspace's)"
    )
    threats.add_argument("--out", required=True, metavar="FILE", type=Path, help="the extract to write")
    threats.add_argument("--now", metavar="TIME", help="as of this time (ISO)")
    threats.add_argument("--epss-floor", type=float, default=0.01, metavar="P", help="least EPSS kept (0.01)")
    threats.set_defaults(run=run_threats)
    record = verbs.add_parser("record", help="add a verdict to the service's history")
    record.add_argument("verdict", metavar="VERDICT_JSON", type=Path, help="from poise gate run --out")
    record.add_argument("--history", required=True, metavar="FILE", type=Path, help="the history to add to")
    record.set_defaults(run=run_record)
    report = verbs.add_parser("report", help="hand a verdict to a desk; exit 1 when it does not take it in")
    report.add_argument("verdict", metavar="VERDICT_JSON", type=Path, help="from poise gate run --out")
    report.add_argument("--to", required=True, metavar="URL", help="the desk; POISE_DESK_TOKEN opens it")
    report.set_defaults(run=run_report)
    from poise.cli import gate_measures

    gate_measures.add_verbs(verbs)


def _add_documents(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    excepted = verbs.add_parser("except", help="sign an exception: accepted risk with an owner and an end")
    excepted.add_argument("finding", metavar="ID", help="the finding's id on the page")
    excepted.add_argument(
        "--verdict", metavar="FILE", type=Path, default=Path("verdict.json"), help="the verdict that names it"
    )
    excepted.add_argument("--owner", required=True, metavar="NAME", help="who answers for the risk")
    excepted.add_argument("--reason", required=True, metavar="TEXT", help="why it is accepted")
    excepted.add_argument("--until", required=True, metavar="TIME", help="its end; there is none without")
    excepted.add_argument("--meanwhile", default="", metavar="TEXT", help="what is done about it until then")
    excepted.set_defaults(run=run_except)
    skip = verbs.add_parser("skip", help="sign that a report does not apply to a commit")
    skip.add_argument("report", metavar="NAME", help="the report's name in the policy")
    glass = verbs.add_parser("break-glass", help="sign that one commit passes, in an emergency")
    for parser in (skip, glass):
        parser.add_argument("--service", required=True, metavar="NAME", help="the service")
        parser.add_argument("--commit", required=True, metavar="ID", help="the one commit that it is for")
        parser.add_argument("--person", required=True, metavar="NAME", help="who says so")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why")
    skip.set_defaults(run=run_skip)
    glass.set_defaults(run=run_glass)
    for parser in (excepted, skip, glass):
        parser.add_argument("--key", required=True, metavar="FILE", type=Path, help="the signer's key")
        parser.add_argument(
            "--out", required=True, metavar="FILE", type=Path, help="the signed file to write"
        )
        parser.add_argument("--now", metavar="TIME", help="sign as of this time (ISO)")
        parser.add_argument(
            "--ledger", action="store_true", help="put it on the workspace's ledger too, by the same key"
        )
        parser.add_argument(
            "--workspace", metavar="DIR", help="the workspace (default: POISE_HOME, else .poise)"
        )


def run_except(arguments: argparse.Namespace) -> int:
    """Run ``poise gate except``."""
    from poise.cli.gate import moment_of
    from poise.gate.accepting import accept
    from poise.gate.documents import EXCEPTION_TYPE

    ends = moment_of(arguments.until)
    document = accept(
        read_verdict(arguments.verdict),
        arguments.finding,
        owner=arguments.owner,
        reason=arguments.reason,
        ends=ends,
        now=moment_of(arguments.now),
        meanwhile=arguments.meanwhile,
        where=str(arguments.verdict),
    )
    return _sign(arguments, EXCEPTION_TYPE, document, f"exception {document.id} until {ends.isoformat()}")


def run_skip(arguments: argparse.Namespace) -> int:
    """Run ``poise gate skip``."""
    from poise.cli.gate import moment_of
    from poise.gate.accepting import checked_text
    from poise.gate.documents import SKIP_TYPE, Skip

    reason, person = checked_text("--reason", arguments.reason), checked_text("--person", arguments.person)
    now = moment_of(arguments.now)
    document = Skip(arguments.service, arguments.commit, arguments.report, person, reason, now)
    return _sign(
        arguments, SKIP_TYPE, document, f"{arguments.report} does not apply to {arguments.commit[:12]}"
    )


def run_glass(arguments: argparse.Namespace) -> int:
    """Run ``poise gate break-glass``."""
    from poise.cli.gate import moment_of
    from poise.gate.accepting import checked_text
    from poise.gate.documents import BREAK_GLASS_TYPE, BrokenGlass

    reason, person = checked_text("--reason", arguments.reason), checked_text("--person", arguments.person)
    document = BrokenGlass(arguments.service, arguments.commit, person, reason, moment_of(arguments.now))
    return _sign(arguments, BREAK_GLASS_TYPE, document, f"the glass is broken for {arguments.commit[:12]}")


def _sign(
    arguments: argparse.Namespace, kind: str, document: Exemption | Skip | BrokenGlass, told: str
) -> int:
    from poise.cli.gate import signing_key
    from poise.gate.documents import payload_of
    from poise.ledger.envelope import Envelope

    key = signing_key(arguments.key)
    assert key is not None  # --key is required
    envelope = Envelope(kind, payload_of(document)).signed(key)
    if arguments.ledger:
        from poise.cli.gate import moment_of
        from poise.cli.signing import holder_of, open_ledger
        from poise.gate.register import body_of, kind_of

        with open_ledger(arguments) as ledger:
            author = holder_of(ledger.roster(), key.id)
            now = moment_of(arguments.now)
            record = ledger.append(kind_of(document), author, body_of(envelope), now=now, keys=[key])
        told += f"; record {record.sequence} of the ledger"
    arguments.out.write_bytes(envelope.to_bytes() + b"\n")
    print(f"wrote {arguments.out}: {told}")
    return 0


def read_verdict(path: Path) -> Verdict:
    """Return a verdict.json.

    Raises
    ------
    PolicyError
        E807 when it is none.
    """
    import msgspec

    from poise.errors import PolicyError
    from poise.gate.verdict import decode

    hint = "Name a verdict.json that poise gate run --out wrote."
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise PolicyError(Fault("E807", str(path), f"It cannot be read: {error.strerror}.", hint)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PolicyError(Fault("E807", str(path), f"This is no verdict: {error}.", hint)) from error


def run_scan(arguments: argparse.Namespace) -> int:
    """Run ``poise gate scan``."""
    import hashlib

    import msgspec

    from poise.cli.gate import commit_of
    from poise.gate.delivery import RUN_SUFFIX, RunNote

    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not words:
        raise InputError(Fault("E802", "poise gate scan", "There is no command behind '--'."))
    commit, report = commit_of(arguments), arguments.report
    report.unlink(missing_ok=True)  # an older report must not pass for this run's
    started = datetime.now(UTC)
    code: int | None = None
    timed_out = False
    seconds = arguments.minutes * 60
    try:
        with report.open("wb") if arguments.stdout else nullcontext() as stream:
            done = subprocess.run(words, stdout=stream, timeout=seconds, check=False)  # noqa: S603 - the caller's own
            code = done.returncode
    except subprocess.TimeoutExpired:
        timed_out = True
    except OSError as error:
        raise InputError(Fault("E901", words[0], f"The scanner cannot be run: {error.strerror}.")) from error
    exists = report.is_file()
    digest = hashlib.sha256(report.read_bytes()).hexdigest() if exists else ""
    note = RunNote("poise-run/1", tuple(words), commit, started, datetime.now(UTC), code, timed_out, digest)
    report.with_name(report.name + RUN_SUFFIX).write_bytes(msgspec.json.encode(note) + b"\n")
    if timed_out or not exists:
        told = f"ran out of its {arguments.minutes:g} minutes" if timed_out else "wrote no report"
        print(f"{words[0]} {told}; the gate will not take that for a pass.", file=sys.stderr)
        return 3
    return 0


def run_threats(arguments: argparse.Namespace) -> int:
    """Run ``poise gate threats``."""
    import msgspec

    from poise.cli.gate import moment_of
    from poise.cli.workspace import threats_directory
    from poise.errors import EvidenceError
    from poise.gate.facts import SCHEMA, Threats
    from poise.threats.store import ThreatStore

    store = ThreatStore(arguments.store or threats_directory())
    day = moment_of(arguments.now).date()
    kev, epss = store.latest("kev", day), store.latest("epss", day)
    if kev is None:
        hint = "Run poise threats update first."
        raise EvidenceError(Fault("E609", str(store.directory), "No KEV catalogue is stored.", hint))
    scores: dict[str, float] = {}
    if epss is not None:
        table = store.table(epss)
        pairs = zip(table["cve"].to_pylist(), table["epss"].to_pylist(), strict=True)
        scores = {cve: score for cve, score in pairs if score is not None and score >= arguments.epss_floor}
    extract = Threats(
        schema=SCHEMA,
        kev_date=kev.date,
        kev=frozenset(store.table(kev)["cve"].to_pylist()),
        epss_date=epss.date if epss else None,
        epss_floor=arguments.epss_floor,
        epss=dict(sorted(scores.items())),
    )
    value = msgspec.to_builtins(extract)
    value["kev"] = sorted(value["kev"])
    arguments.out.write_bytes(msgspec.json.encode(value) + b"\n")
    print(f"wrote {arguments.out}: {len(extract.kev):,} known exploited, {len(scores):,} EPSS scores")
    return 0


def run_record(arguments: argparse.Namespace) -> int:
    """Run ``poise gate record``."""
    from poise.gate.budget import append_point, point_of

    point = point_of(read_verdict(arguments.verdict))
    append_point(arguments.history, point)
    print(f"added {point.service} at {point.time.isoformat()} ({point.decision}) to {arguments.history}")
    return 0


def run_report(arguments: argparse.Namespace) -> int:
    """Run ``poise gate report``."""
    from poise.cli.gate_report import desk_address, desk_token, report

    address, token = desk_address(arguments.to), desk_token()
    verdict = read_verdict(arguments.verdict)
    if not report(verdict, address, token):
        return 1
    print(f"The desk has the verdict on {verdict.service} at {verdict.commit[:12]}.")
    return 0
