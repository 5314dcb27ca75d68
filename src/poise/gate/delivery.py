"""One delivery before the gate: everything opened, verified, judged, and put into one verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from poise.errors import EvidenceError, Fault, PolicyError, ScanFormatError, SignatureError
from poise.gate.baseline import Baseline, Database, read_baseline
from poise.gate.budget import Point, read_history, state_of
from poise.gate.components import read_components
from poise.gate.documents import (
    BREAK_GLASS_TYPE,
    EXCEPTION_TYPE,
    SKIP_TYPE,
    BrokenGlass,
    Exemption,
    SignedPolicy,
    Skip,
    aware,
    open_document,
    unsigned_document,
)
from poise.gate.evidence import RunRecord, same_commit
from poise.gate.facts import STALE_DAYS, read_threats
from poise.gate.identity import Identifier
from poise.gate.judge import Judge
from poise.gate.plain import plain
from poise.gate.setting import GivenReport, Judged, Setting
from poise.gate.sourcetree import SourceTree, git_renames
from poise.gate.verdict import EXIT_CODES, SCHEMA, Decision, InputFile, JudgedReport, Untested, Verdict
from poise.gate.vex import VexStatements, read_statements
from poise.scans.reading import ScanReport, read_scan

#: What stands behind a report's name in the name of its run record.
RUN_SUFFIX = ".run.json"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """What a pipeline brings.

    Parameters
    ----------
    reports
        Names of the policy's reports, each with a file; a name may come several times.
    commit
        The commit that is delivered, at least seven hexadecimal digits.
    first_run
        Whether there is no baseline yet, so that all counts as new.
    """

    service: str
    commit: str
    now: datetime
    reports: Sequence[tuple[str, Path]]
    baseline: Path | None = None
    first_run: bool = False
    base_sbom: Path | None = None
    threats: Path | None = None
    source: Path | None = None
    exceptions: Sequence[Path] = ()
    vex: Sequence[Path] = ()
    skips: Sequence[Path] = ()
    break_glass: Path | None = None
    history: Path | None = None
    secret_key: bytes = b""
    untested: Sequence[Untested] = ()
    keep_entries: bool = False


@dataclass(slots=True)
class _Opened:
    """What the request named, read."""

    inputs: list[InputFile] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    incomplete: list[tuple[str, str]] = field(default_factory=list)


def judge_delivery(request: Request, signed: SignedPolicy) -> tuple[Verdict, Judged]:
    """Return the verdict on a delivery, with what outputs need besides it.

    Raises
    ------
    PolicyError
        When a file beside the reports cannot be read, or the service is not the policy's.
    SignatureError
        E780, E781 when an exception, a skip or a broken glass is not signed by whom it needs, or expired.
    EvidenceError
        E782 when a skip or a broken glass is for another commit or service.
    """
    policy = signed.policy
    if request.service not in policy.services:
        known = ", ".join(policy.services)
        message = f"The policy {policy.id} holds for {known}, not for {plain(request.service, 60)!r}."
        raise PolicyError(Fault("E782", "--service", message))
    opened = _Opened()
    baseline = _baseline(request, signed, opened)
    setting = Setting(
        policy=policy,
        service=request.service,
        commit=request.commit,
        now=request.now,
        identifier=_identifier(request, baseline, opened),
        baseline=baseline,
    )
    if request.base_sbom:
        setting.components = read_components(request.base_sbom)
        opened.inputs.append(InputFile("base_sbom", str(request.base_sbom), setting.components.sha256))
    if request.threats:
        setting.threats, sha256 = read_threats(request.threats)
        opened.inputs.append(InputFile("threats", str(request.threats), sha256))
    setting.exemptions = _exemptions(request, signed, opened)
    setting.skips = _skips(request, signed, opened)
    setting.vex = _vex(request, opened)
    given = [_given(name, path, opened) for name, path in request.reports]
    judged = Judge(setting, keep_entries=request.keep_entries).run(given)
    if policy.needs_threats and judged.asks_threats:
        opened.incomplete += _threats_problem(setting)
    return _verdict(request, signed, setting, judged, opened), judged


def _threats_problem(setting: Setting) -> list[tuple[str, str]]:
    """Return why rules about exploitation cannot be answered, where they cannot."""
    if setting.threats is None:
        return [("E609", "The policy asks what is known to be exploited; pass --threats FILE.")]
    age = (setting.now.date() - setting.threats.kev_date).days
    if 0 <= age <= STALE_DAYS:
        return []
    told = f"of {setting.threats.kev_date}, {age} days old" if age > 0 else "from the future"
    return [("E609", f"The KEV catalogue is {told}; expected at most {STALE_DAYS} days.")]


def _baseline(request: Request, signed: SignedPolicy, opened: _Opened) -> Baseline | None:
    if request.baseline is None:
        if signed.policy.needs_baseline and not request.first_run and not request.keep_entries:
            text = (
                "The policy asks what is new, and there is no baseline; pass --baseline FILE or --first-run."
            )
            opened.incomplete.append(("E606", text))
        return None
    baseline, sha256 = read_baseline(request.baseline)
    opened.inputs.append(InputFile("baseline", str(request.baseline), sha256))
    if baseline.service != request.service:
        message = (
            f"The baseline is of the service {plain(baseline.service, 60)!r}, not of {request.service!r}."
        )
        raise EvidenceError(Fault("E782", str(request.baseline), message))
    if baseline.made > request.now + timedelta(minutes=15):
        message = f"The baseline is from the future: {baseline.made.isoformat()}."
        raise EvidenceError(Fault("E604", str(request.baseline), message))
    return baseline


def _identifier(request: Request, baseline: Baseline | None, opened: _Opened) -> Identifier:
    renames: dict[str, str] = {}
    tree = SourceTree(request.source) if request.source else None
    if request.source and baseline and baseline.commit:
        try:
            renames = git_renames(request.source, baseline.commit, request.commit)
        except PolicyError as error:
            opened.notices.append(f"Renames are not known: {error.faults[0].message}")
    return Identifier(request.secret_key, tree.line_hash if tree else None, renames)


def _exemptions(request: Request, signed: SignedPolicy, opened: _Opened) -> list[Exemption]:
    found = []
    for path in _files(request.exceptions):
        stated = unsigned_document(path, EXCEPTION_TYPE, Exemption)
        aware(stated, str(path))
        rule = next((rule for rule in signed.policy.rules if rule.id == stated.rule), None)
        if rule is None:
            opened.notices.append(
                f"Exception {plain(stated.id, 40)} is for the unknown rule {plain(stated.rule, 40)}."
            )
            continue
        document, _ = open_document(path, EXCEPTION_TYPE, Exemption, signed.policy.keys_of(rule.lifted_by))
        opened.inputs.append(InputFile("exception", str(path), _sha256(path)))
        if document.service != request.service:
            continue
        if document.ends <= request.now:
            opened.notices.append(
                f"Exception {document.id} ended on {document.ends.isoformat()} and counts no more."
            )
        elif document.starts > request.now:
            opened.notices.append(f"Exception {document.id} begins on {document.starts.isoformat()}.")
        else:
            found.append(document)
    return found


def _skips(request: Request, signed: SignedPolicy, opened: _Opened) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in _files(request.skips):
        stated = unsigned_document(path, SKIP_TYPE, Skip)
        aware(stated, str(path))
        expected = next((one for one in signed.policy.reports if one.name == stated.report), None)
        keys = signed.policy.keys_of(expected.skipped_by) if expected else ()
        document, _ = open_document(path, SKIP_TYPE, Skip, keys)
        _check_for(path, document.service, document.commit, request)
        opened.inputs.append(InputFile("skip", str(path), _sha256(path)))
        found[document.report] = f"not applicable, says {document.person}: {document.reason}"
    return found


def _broken_glass(request: Request, signed: SignedPolicy) -> tuple[str, InputFile] | None:
    """Return the deputy's word, verified, where one was passed."""
    path, glass = request.break_glass, signed.policy.break_glass
    if path is None:
        return None
    document, _ = open_document(
        path, BREAK_GLASS_TYPE, BrokenGlass, signed.policy.keys_of(glass.by) if glass else ()
    )
    aware(document, str(path))
    _check_for(path, document.service, document.commit, request)
    assert glass is not None  # without one there are no keys, and nobody has signed
    if not document.at <= request.now < document.at + timedelta(hours=glass.max_hours):
        message = f"The glass was broken at {document.at.isoformat()}, for at most {glass.max_hours:g} hours."
        raise SignatureError(Fault("E781", str(path), message, "Ask the deputy again."))
    text = f"{document.person} at {document.at.isoformat()}: {document.reason}"
    return text, InputFile("break_glass", str(path), _sha256(path))


def _check_for(path: Path, service: str, commit: str, request: Request) -> None:
    if service != request.service or not same_commit(commit, request.commit):
        message = f"The document is for {plain(service, 40)} at {plain(commit, 45)}, not for this delivery."
        raise EvidenceError(Fault("E782", str(path), message, "It counts for one commit of one service."))


def _vex(request: Request, opened: _Opened) -> VexStatements:
    statements = []
    for path in _files(request.vex):
        statements += read_statements(read_scan(path))
        opened.inputs.append(InputFile("vex", str(path), _sha256(path)))
    return VexStatements(statements)


def _given(name: str, path: Path, opened: _Opened) -> GivenReport:
    report: ScanReport | ScanFormatError
    try:
        found = read_scan(path)
        sha256 = _sha256(path)
    except ScanFormatError as error:
        return GivenReport(name, str(path), "", error)
    except OSError as error:
        fault = Fault("E400", str(path), f"The file cannot be read: {error.strerror or error}.")
        return GivenReport(name, str(path), "", ScanFormatError(fault))
    if len(found) == 1:
        report = found[0]
    else:
        message = f"The archive holds {len(found)} reports; pass each on its own."
        report = ScanFormatError(Fault("E415", str(path), message))
    opened.inputs.append(InputFile(f"report:{name}", str(path), sha256))
    return GivenReport(name, str(path), sha256, report, _run_record(path, opened))


def _run_record(path: Path, opened: _Opened) -> RunRecord | None:
    beside = path.with_name(path.name + RUN_SUFFIX)
    if not beside.is_file():
        return None
    try:
        content = beside.read_bytes()
        record = msgspec.json.decode(content, type=RunNote).record
    except (msgspec.MsgspecError, OSError, UnicodeDecodeError) as error:
        raise PolicyError(Fault("E807", str(beside), f"This is no record of a run: {error}.")) from error
    opened.inputs.append(InputFile("run", str(beside), hashlib.sha256(content).hexdigest()))
    return record


class RunNote(msgspec.Struct, frozen=True):
    """What ``poise gate scan`` writes beside a report."""

    schema: str
    command: tuple[str, ...]
    commit: str
    started: datetime
    finished: datetime
    exit_code: int | None
    timed_out: bool
    sha256: str

    @property
    def record(self) -> RunRecord:
        """The fields that the evidence rests on."""
        return RunRecord(
            self.commit, self.started, self.finished, self.exit_code, self.timed_out, self.sha256
        )


def _files(paths: Sequence[Path]) -> list[Path]:
    """Return files, and the JSON files of folders, in the order of their names."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.json")) if path.is_dir() else [path]
    return found


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _mixed_databases(setting: Setting, reports: Sequence[JudgedReport]) -> list[tuple[str, str]]:
    """Return why both sides of "new" cannot be compared, where they cannot."""
    if setting.baseline is None or setting.components is not None:
        return []
    then = {one.tool: one for one in setting.baseline.databases}
    return [
        (
            "E607",
            f"{report.tool} judged the baseline by the database {then[report.tool].database}, and this "
            f"delivery by {report.database}: what is new cannot be told. Pass --base-sbom FILE.",
        )
        for report in reports
        if report.tool in then
        and report.database
        and then[report.tool].database
        and then[report.tool].database != report.database
    ]


def databases_of(reports: Sequence[JudgedReport]) -> tuple[Database, ...]:
    """Return by what the reports were judged, for a baseline."""
    found = {one.tool: Database(one.tool, one.tool_version, one.database) for one in reports if one.tool}
    return tuple(found[tool] for tool in sorted(found))


def _verdict(
    request: Request, signed: SignedPolicy, setting: Setting, judged: Judged, opened: _Opened
) -> Verdict:
    policy = signed.policy
    incomplete = opened.incomplete + _mixed_databases(setting, judged.reports)
    for report in judged.reports:
        incomplete += [
            (id, f"{report.name}: {text}")
            for id, text in zip(report.problem_ids, report.problems, strict=True)
        ]
    budget = None
    if policy.budget is not None:
        points: list[Point] = read_history(request.history, request.service) if request.history else []
        budget = state_of(policy.budget, points, request.now, *judged.rates)
    reasons = []
    if budget and not budget.is_fix:
        if budget.spent:
            reasons.append("The risk budget is spent: security work goes first.")
        if judged.exploited_reachable:
            reasons.append("A known exploited vulnerability can be reached; no budget covers that.")
    blocked = bool(judged.counts["block"] or reasons)
    glass = _broken_glass(request, signed)
    decision: Decision = "pass"
    if incomplete:
        decision = "incomplete"
    elif blocked:
        decision = "lifted" if glass else "block"
    inputs = opened.inputs + ([glass[1]] if glass else [])
    unused = [one.id for one in setting.exemptions if one.id not in judged.used_exemptions]
    return Verdict(
        schema=SCHEMA,
        decision=decision,
        exit_code=EXIT_CODES[decision],
        service=request.service,
        commit=request.commit,
        now=request.now,
        policy=policy.id,
        policy_version=policy.version,
        policy_digest=signed.digest,
        signers=signed.signers,
        inputs=tuple(inputs),
        reports=tuple(judged.reports),
        counts={word: judged.counts[word] for word in sorted(judged.counts)},
        new=judged.new,
        severities={word: judged.severities[word] for word in sorted(judged.severities)},
        findings=tuple(judged.findings),
        not_shown=sum(judged.counts[word] for word in ("block", "warn"))
        - sum(one.outcome in ("block", "warn") for one in judged.findings),
        incomplete=tuple(text for _, text in incomplete),
        incomplete_ids=tuple(id for id, _ in incomplete),
        budget=budget,
        untested=tuple(request.untested),
        broken_glass=glass[0] if glass else "",
        unused_exceptions=tuple(unused),
        unmatched_vex=setting.vex.unmatched,
        gone=judged.gone,
        notices=(*reasons, *opened.notices),
    )
