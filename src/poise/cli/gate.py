"""``poise gate``: one agreed policy, judged in the pipeline."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from poise.errors import Fault, InputError

if TYPE_CHECKING:
    from poise.gate.delivery import Request
    from poise.gate.documents import SignedPolicy
    from poise.gate.verdict import Untested
    from poise.ledger.keys import SigningKey

#: The variable that keys the hashes of secrets in baselines.
SECRET_VARIABLE = "POISE_BASELINE_KEY"  # noqa: S105 - the name of a variable
_LEAST_SECRET_CHARACTERS = 16


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], words: Sequence[str] = ()
) -> None:
    """Add ``poise gate`` to the command line; of `words` that begin with ``run``, nothing but that verb."""
    gate = subparsers.add_parser("gate", help="the delivery gate: one agreed policy, judged in the pipeline")
    verbs = gate.add_subparsers(dest="verb", metavar="VERB", required=True)
    run = verbs.add_parser(
        "run",
        help="judge a delivery by its reports",
        description="Judges the reports of one commit by the policy that both sides signed. Exit codes: 0 it "
        "passes, 1 it is blocked, 2 usage or input, 3 evidence is missing, 4 a signature is not valid.",
    )
    _add_inputs(run)
    run.add_argument("--out", metavar="DIR", type=Path, help="write the verdict in every form to this folder")
    run.add_argument("--annotations", choices=("github", "azure"), help="print annotations for a CI system")
    run.add_argument("--key", metavar="FILE", type=Path, help="sign the attestation with this key")
    run.add_argument(
        "--report-to", metavar="URL", help="hand the verdict to this desk; POISE_DESK_TOKEN opens it"
    )
    run.add_argument("--json", action="store_true", help="print the verdict as JSON")
    run.set_defaults(run=run_gate)
    if words[:1] == ["run"]:
        return
    baseline = verbs.add_parser("baseline", help="note what is known on the main line, for later deliveries")
    _add_inputs(baseline)
    baseline.add_argument("--out", metavar="FILE", type=Path, required=True, help="the baseline to write")
    baseline.add_argument("--json", action="store_true", help="print what was written as JSON")
    baseline.set_defaults(run=run_baseline)
    from poise.cli import gate_explain, gate_more

    gate_explain.add_verb(verbs)
    gate_more.add_verbs(verbs)


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add what both ``run`` and ``baseline`` take."""
    add = parser.add_argument
    add("reports", nargs="*", metavar="NAME=FILE", help="a report of the policy, and its file")
    add("--policy", required=True, metavar="FILE", type=Path, help="the signed policy")
    add("--trust", metavar="FILE", type=Path, help="whose signatures count: keys of both sides (JSON)")
    add(
        "--unsigned", action="store_true", help="try a policy that nobody has signed yet; the verdict says so"
    )
    add("--service", metavar="NAME", help="the service (default: the policy's only one)")
    add("--commit", metavar="ID", help="the commit (default: what CI names, else HEAD of --source)")
    add("--now", metavar="TIME", help="judge as of this time (ISO, with offset)")
    add("--baseline", metavar="FILE", type=Path, help="what is known, from poise gate baseline")
    add("--first-run", action="store_true", help="there is no baseline yet: all counts as new")
    add("--base-sbom", metavar="FILE", type=Path, help="CycloneDX list of the baseline's commit")
    add("--threats", metavar="FILE", type=Path, help="KEV and EPSS, from poise gate threats")
    add("--source", metavar="DIR", type=Path, help="the checkout, for line hashes and renames")
    add("--exceptions", action="append", default=[], metavar="PATH", type=Path, help="signed exceptions")
    add("--vex", action="append", default=[], metavar="FILE", type=Path, help="OpenVEX, CSAF or CycloneDX")
    add("--skip", action="append", default=[], metavar="FILE", type=Path, help="a signed 'not applicable'")
    add("--break-glass", metavar="FILE", type=Path, help="a deputy's signed word for this commit")
    add("--history", metavar="FILE", type=Path, help="the service's history, for the risk budget")
    add("--tests", metavar="FILE", type=Path, help="the plan of tests, to tell what was not tested")


def run_gate(arguments: argparse.Namespace) -> int:
    """Run ``poise gate run``."""
    from poise.gate.delivery import judge_delivery
    from poise.gate.page import page
    from poise.gate.plain import inert_json
    from poise.gate.verdict import encode

    desk = _desk(arguments.report_to)
    signed = open_policy(arguments)
    verdict, judged = judge_delivery(_request(arguments, signed), signed)
    if arguments.out:
        from poise.gate.outputs import write_outputs

        write_outputs(arguments.out, verdict, signed.policy, judged, signing_key(arguments.key))
    if arguments.annotations:
        from poise.gate.outputs.annotations import ci_annotations

        sys.stdout.write(ci_annotations(verdict, arguments.annotations))
    told = inert_json(encode(verdict).decode()) if arguments.json else page(verdict, signed.policy)
    sys.stdout.write(told)
    if desk:
        from poise.cli.gate_report import report

        report(verdict, *desk)
    return verdict.exit_code


def _desk(url: str | None) -> tuple[str, str] | None:
    """Return address and token of the desk to report to; a wrong one is told before anything is judged."""
    if url is None:
        return None
    from poise.cli.gate_report import desk_address, desk_token

    return desk_address(url), desk_token()


def run_baseline(arguments: argparse.Namespace) -> int:
    """Run ``poise gate baseline``: the same reading as a run, kept instead of judged."""
    import msgspec

    from poise.gate.baseline import SCHEMA, Baseline
    from poise.gate.delivery import databases_of, judge_delivery

    signed = open_policy(arguments)
    request = _request(arguments, signed, keep_entries=True)
    verdict, judged = judge_delivery(request, signed)
    problems = [text for report in verdict.reports for text in report.problems]
    if problems:
        from poise.errors import EvidenceError

        raise EvidenceError(
            [
                Fault(id, f"{report.name}={report.file}", text)
                for report in verdict.reports
                for id, text in zip(report.problem_ids, report.problems, strict=True)
            ]
        )
    entries = tuple(sorted(judged.entries, key=lambda entry: (entry.tool, entry.line, entry.content)))
    baseline = Baseline(
        SCHEMA, request.service, request.commit, request.now, entries, databases_of(verdict.reports)
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(msgspec.json.encode(baseline) + b"\n")
    if arguments.json:
        print(msgspec.json.encode({"file": str(arguments.out), "known": len(entries)}).decode())
    else:
        print(f"wrote {arguments.out}: {len(entries):,} known findings of {request.commit[:12]}")
    return 0


def open_policy(arguments: argparse.Namespace) -> SignedPolicy:
    """Return the policy, with its signatures checked unless the caller says that nobody signed it.

    Raises
    ------
    SignatureError
        E780, E781.
    PolicyError
        When a file is at fault.
    """
    from poise.gate.documents import SignedPolicy, policy_payload, read_trust, verify_policy

    if not arguments.unsigned:
        if arguments.trust is None:
            hint = "Pass --trust FILE, or --unsigned to try a policy that nobody has signed yet."
            raise InputError(Fault("E800", "--trust", "Nobody said whose signatures count.", hint))
        return verify_policy(arguments.policy, read_trust(arguments.trust), moment_of(arguments.now))
    from poise.gate.documents import check_dates
    from poise.gate.policyfile import read_policy
    from poise.ledger.canonical import digest

    policy, text = read_policy(arguments.policy)
    check_dates(policy, str(arguments.policy), moment_of(arguments.now))
    return SignedPolicy(policy, digest(policy_payload(text, policy)), ())


def moment_of(text: str | None) -> datetime:
    """Return a time of the command line; the clock's where none is given.

    Raises
    ------
    InputError
        E142.
    """
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text[:60]!r} is no ISO time such as 2026-01-05T08:00+01:00."
        raise InputError(Fault("E142", "--now", message)) from error
    if not 1970 <= value.year <= 2200:
        raise InputError(Fault("E142", "--now", f"{text[:60]!r} is not between the years 1970 and 2200."))
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def signing_key(path: Path | None) -> SigningKey | None:
    """Return an unlocked key, ``None`` where no file is named."""
    if path is None:
        return None
    from poise.cli.signing import unlock

    return unlock(path)


def _request(arguments: argparse.Namespace, signed: SignedPolicy, *, keep_entries: bool = False) -> Request:
    from poise.gate.delivery import Request

    services = signed.policy.services
    if arguments.service is None and len(services) != 1:
        hint = f"Name one of: {', '.join(services)}."
        raise InputError(Fault("E802", "--service", "The policy holds for several services.", hint))
    return Request(
        service=arguments.service or services[0],
        commit=commit_of(arguments),
        now=moment_of(arguments.now),
        reports=_named(arguments.reports, signed),
        baseline=arguments.baseline,
        first_run=arguments.first_run,
        base_sbom=arguments.base_sbom,
        threats=arguments.threats,
        source=arguments.source,
        exceptions=arguments.exceptions,
        vex=arguments.vex,
        skips=arguments.skip,
        break_glass=arguments.break_glass,
        history=arguments.history,
        secret_key=_secret_key(),
        untested=_untested(arguments),
        keep_entries=keep_entries,
    )


def _named(texts: list[str], signed: SignedPolicy) -> list[tuple[str, Path]]:
    """Return the reports by name; a policy of one report needs no name."""
    from poise.strictyaml.faults import did_you_mean

    names = [report.name for report in signed.policy.reports]
    found, faults = [], []
    for text in texts:
        name, sign, file = text.partition("=")
        if not sign and len(names) == 1:
            name, file = names[0], text
        if name not in names or not file:
            hint = (
                did_you_mean(name, names)
                if sign
                else f"Write NAME=FILE; the policy asks for {', '.join(names)}."
            )
            faults.append(Fault("E805", text[:120], "This names no report of the policy.", hint))
        found.append((name, Path(file)))
    if faults:
        raise InputError(faults)
    return found


def commit_of(arguments: argparse.Namespace) -> str:
    """Return the commit: as named, as CI names it, or HEAD of the checkout."""
    if arguments.commit:
        return str(arguments.commit)
    for variable in ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_SOURCEVERSION"):
        if os.environ.get(variable):
            return os.environ[variable]
    from poise.gate.sourcetree import git_head

    head = git_head(arguments.source or Path())
    if not head:
        raise InputError(
            Fault("E803", "--commit", "Nobody said which commit is delivered.", "Pass --commit ID.")
        )
    return head


def _secret_key() -> bytes:
    text = os.environ.get(SECRET_VARIABLE, "")
    if text and len(text) < _LEAST_SECRET_CHARACTERS:
        message = f"It has {len(text)} characters, expected at least {_LEAST_SECRET_CHARACTERS}."
        raise InputError(Fault("E803", SECRET_VARIABLE, message))
    return text.encode()


def _untested(arguments: argparse.Namespace) -> tuple[Untested, ...]:
    if arguments.tests is None:
        return ()
    from poise.gate.testplan import untested_of

    return untested_of(arguments.tests)
