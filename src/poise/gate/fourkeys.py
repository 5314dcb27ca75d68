"""Delivery's four keys beside security's own: one look, so that neither side optimises alone.

Definitions (DORA, https://dora.dev/guides/dora-metrics-four-keys/, as read for this page in 2026):

* **deployment frequency**: successful deployments per week of the span;
* **lead time for changes**: from a commit to its deployment, median [h];
* **change failure rate**: share of deployments that needed a fix, roll-back or patch;
* **time to restore**: from a failed deployment to the next good one, median [h].

Beside them: **time to fix** by severity, from first seen to gone, median [d], and the burn of the risk
budget.
"""

from __future__ import annotations

import csv
import io
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from poise.errors import Fault, PolicyError
from poise.gate.policyfile import read_text

DEFINITIONS: Final = {
    "deployments_per_week": "successful deployments per week of the span [DORA]",
    "lead_time_hours": "median time from commit to deployment [DORA]",
    "change_failure_rate": "failed deployments among all [DORA]",
    "restore_hours": "median time from a failed deployment to the next good one [DORA]",
    "fix_days": "median time from first seen to gone, by severity [Poise history]",
    "risk_days": "risk-days burned by our delay in the span [Poise history]",
    "risk_days_without_fix": "risk-days burned in the span while no fix existed [Poise history]",
    "risk_days_agreed": "what the policy's budget grants for a span of this length [policy]",
}
_COLUMNS: Final = ("time", "commit", "committed", "outcome")
_OUTCOMES: Final = ("ok", "failed", "unknown")
#: Largest log [bytes], and its rows: ten years of a deployment every five minutes.
MAX_BYTES: Final = 64 * 1024**2
MAX_ROWS: Final = 1_000_000


class Deployment(msgspec.Struct, frozen=True):
    """One deployment: when, what, and how it went."""

    time: datetime
    commit: str
    committed: datetime | None
    #: ``None`` where the source does not tell, as git tags.
    failed: bool | None


class FourKeys(msgspec.Struct, frozen=True):
    """The measures of one span; ``None`` is unknown, never zero."""

    source: str
    start: datetime
    end: datetime
    deployments: int
    deployments_per_week: float
    lead_time_hours: float | None
    change_failure_rate: float | None
    restore_hours: float | None
    #: Whether failures are known at all: git tags alone do not tell them.
    failures_known: bool


def read_log(path: Path) -> list[Deployment]:
    """Return the deployments of a CSV log; see :func:`parse_log`."""
    return parse_log(read_text(path), str(path))


def parse_log(text: str, where: str) -> list[Deployment]:
    """Return the deployments of a CSV text: time, commit, committed (may be empty), and outcome.

    Parameters
    ----------
    text
        An outcome is ``ok``, ``failed`` or ``unknown``.
    where
        The file's name, for faults.

    Raises
    ------
    PolicyError
        E807 with the first twenty rows that cannot be read.
    """
    reader = csv.DictReader(text.splitlines(), strict=True)
    try:
        return _deployments(reader, where)
    except csv.Error as error:
        raise PolicyError(Fault("E807", where, f"This is no CSV: {error}.")) from error


def _deployments(reader: csv.DictReader[str], where: str) -> list[Deployment]:
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        message = f"The log lacks the column {missing[0]!r}; expected {', '.join(_COLUMNS)}."
        raise PolicyError(Fault("E807", where, message))
    found: list[Deployment] = []
    faults: list[Fault] = []
    for row in reader:
        time, committed = _time(row["time"]), _time(row["committed"])
        outcome = (row["outcome"] or "").strip().lower()
        if time is None or outcome not in _OUTCOMES or (row["committed"] and committed is None):
            expected = f"an outcome of {', '.join(_OUTCOMES[:-1])} or {_OUTCOMES[-1]}"
            message = f"Expected times such as 2026-03-31T18:00+01:00, and {expected}."
            faults.append(Fault("E807", f"{where}:{reader.line_num}", message))
            continue
        failed = None if outcome == "unknown" else outcome == "failed"
        found.append(Deployment(time, (row["commit"] or "")[:64], committed, failed))
        if len(found) > MAX_ROWS:
            raise PolicyError(Fault("E807", where, f"The log has more than {MAX_ROWS:,} rows."))
    if faults:
        raise PolicyError(faults[:20])
    return sorted(found, key=lambda one: one.time)


def _time(text: str | None) -> datetime | None:
    try:
        value = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return value if value.tzinfo else None


def read_tags(root: Path, pattern: str = "v*") -> list[Deployment]:
    """Return a deployment per git tag that matches; its commits wait from the oldest since the tag before.

    Raises
    ------
    PolicyError
        E807 when git cannot tell.
    """
    form = "%(refname:short)%00%(creatordate:unix)%00%(objectname)%00%(*objectname)"
    lines = _git(root, "for-each-ref", "--sort=creatordate", f"--format={form}", f"refs/tags/{pattern}")
    found: list[Deployment] = []
    before = ""
    for line in lines:
        name, seconds, own, target = line.split("\0")
        span = f"{before}..{name}" if before else name
        times = [int(text) for text in _git(root, "log", "--format=%ct", "--max-count=10000", span, "--")]
        # The median commit stands for the tag's lead time, as one deployment carries many commits.
        committed = datetime.fromtimestamp(median(times), UTC) if times and before else None
        found.append(Deployment(datetime.fromtimestamp(int(seconds), UTC), target or own, committed, None))
        before = name
    return found


def _git(root: Path, *words: str) -> list[str]:
    try:
        command = ["git", "-C", str(root), *words]
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)  # noqa: S603 - a fixed program
    except (OSError, subprocess.SubprocessError) as error:
        raise PolicyError(Fault("E807", str(root), f"git cannot tell its tags: {error}.")) from error
    return done.stdout.decode("utf-8", "replace").splitlines()


def log_text(deployments: Sequence[Deployment]) -> str:
    """Return deployments as the CSV that :func:`parse_log` reads, such as those of git tags."""
    target = io.StringIO()
    rows = csv.writer(target, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for one in deployments:
        outcome = "unknown" if one.failed is None else "failed" if one.failed else "ok"
        committed = one.committed.isoformat() if one.committed else ""
        rows.writerow((one.time.isoformat(), one.commit, committed, outcome))
    return target.getvalue()


def four_keys(deployments: Sequence[Deployment], source: str, start: datetime, end: datetime) -> FourKeys:
    """Return the measures of the deployments in [start, end).

    Where the outcome of any of them is unknown, so are the measures that rest on failures.
    """
    failures_known = all(one.failed is not None for one in deployments)
    within = [one for one in deployments if start <= one.time < end]
    weeks = (end - start) / timedelta(weeks=1)
    good = [one for one in within if not one.failed]
    leads = [
        (one.time - one.committed) / timedelta(hours=1)
        for one in good
        if one.committed is not None and one.committed <= one.time
    ]
    return FourKeys(
        source=source,
        start=start,
        end=end,
        deployments=len(within),
        deployments_per_week=round(len(good) / weeks, 4) if weeks > 0 else 0.0,
        lead_time_hours=round(median(leads), 4) if leads else None,
        change_failure_rate=round(1 - len(good) / len(within), 4) if within and failures_known else None,
        restore_hours=_restore(within) if failures_known else None,
        failures_known=failures_known,
    )


def _restore(within: Sequence[Deployment]) -> float | None:
    """Return the median time from a failure to the next good deployment; a second failure is the same one."""
    spans, since = [], None
    for one in within:
        if one.failed:
            since = since or one.time
        elif since is not None:
            spans.append((one.time - since) / timedelta(hours=1))
            since = None
    return round(median(spans), 4) if spans else None


def open_metrics(keys: FourKeys, service: str, extra: dict[str, float]) -> str:
    """Return the measures in the OpenMetrics text format; what is unknown is left out."""
    rows: dict[str, float | None] = {
        "poise_deployments_per_week": keys.deployments_per_week,
        "poise_lead_time_hours": keys.lead_time_hours,
        "poise_change_failure_ratio": keys.change_failure_rate,
        "poise_restore_hours": keys.restore_hours,
        **{f"poise_{name}": value for name, value in sorted(extra.items())},
    }
    escaped = service.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    lines = []
    for name, value in rows.items():
        if value is not None:
            lines += [f"# TYPE {name} gauge", f'{name}{{service="{escaped}"}} {value:g}']
    return "\n".join([*lines, "# EOF"]) + "\n"
