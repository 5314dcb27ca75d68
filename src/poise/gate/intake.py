"""Taking in a verdict that a pipeline wrote: read as data of a stranger, whoever brings it."""

from __future__ import annotations

import math
import re
from typing import Final

import msgspec

from poise.errors import Fault, PolicyError
from poise.gate.verdict import EXIT_CODES, SCHEMA, Verdict, decode

#: Largest verdict [bytes]: a thousand findings in full have about 1.5 MB.
MAX_BYTES: Final = 4 * 1024**2
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_verdict_bytes(content: bytes, where: str) -> Verdict:
    """Return the verdict of a JSON text.

    Raises
    ------
    PolicyError
        E613 when it is too large, is no verdict of this form, or contradicts itself.
    """
    hint = "Pass a verdict.json that poise gate run --out wrote, as it is."
    if len(content) > MAX_BYTES:
        message = f"It has {len(content):,} bytes, expected at most {MAX_BYTES:,}."
        raise PolicyError(Fault("E613", where, message, hint))
    try:
        verdict = decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PolicyError(Fault("E613", where, f"This is no verdict: {error}.", hint)) from error
    problem = _problem(verdict)
    if problem:
        raise PolicyError(Fault("E613", where, problem, hint))
    return verdict


def _problem(verdict: Verdict) -> str:
    """Return what no run of the gate writes, empty for nothing."""
    if verdict.schema != SCHEMA:
        return f"Its schema is {verdict.schema[:40]!r}; this Poise reads {SCHEMA!r}."
    if verdict.exit_code != EXIT_CODES[verdict.decision]:
        return f"It says {verdict.decision} and exit {verdict.exit_code}, which do not go together."
    if not _NAME.fullmatch(verdict.service) or not _NAME.fullmatch(verdict.policy):
        return "Its service or policy is no name."
    if not _COMMIT.fullmatch(verdict.commit) or not _DIGEST.fullmatch(verdict.policy_digest):
        return "Its commit or the digest of its policy is none."
    if verdict.now.tzinfo is None or any(one.first_seen.tzinfo is None for one in verdict.findings):
        return "A time has no offset from UTC."
    if any(not 2000 <= one.year < 3000 for one in (verdict.now, *(x.first_seen for x in verdict.findings))):
        return "A time is of a year in which no pipeline ran."
    if max((verdict.new, verdict.gone, verdict.not_shown, *verdict.counts.values())) >= 2**31:
        return "A count is larger than any report."
    if min((verdict.new, verdict.gone, verdict.not_shown, *verdict.counts.values())) < 0:
        return "A count is below zero."
    if (verdict.decision == "incomplete") != bool(verdict.incomplete):
        return "It says that evidence is missing and not which, or the other way round."
    budget = verdict.budget
    if budget is not None:
        figures = (
            *(budget.allowed, budget.window_days, budget.burned_by_us, budget.without_fix),
            *(budget.rate_by_us, budget.rate_without_fix),
        )
        if not all(math.isfinite(one) and 0 <= one < 10**9 for one in figures):
            return "A figure of its budget is impossible."
    return ""
