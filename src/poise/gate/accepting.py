"""Accepting a risk: an exception made of a finding in a verdict, or of an exception before it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from poise.errors import Fault, PolicyError
from poise.gate.documents import Exemption
from poise.gate.verdict import JudgedFinding, Verdict

#: Longest name, reason or remark [characters].
LONGEST_TEXT: Final = 2_048


def accept(
    verdict: Verdict,
    finding_id: str,
    *,
    owner: str,
    reason: str,
    ends: datetime,
    now: datetime,
    meanwhile: str = "",
    where: str = "verdict",
) -> Exemption:
    """Return the exception that lets a finding of a verdict pass until its end.

    Parameters
    ----------
    owner
        Who answers for the risk.
    ends
        The mandatory end, after `now`.
    meanwhile
        What is done about the risk until then.

    Raises
    ------
    PolicyError
        E808 when the verdict holds no such finding, no rule stops it, or it has no identity; E803 for a
        text that is empty, too long or unprintable, or an end that lies in the past.
    """
    finding = _found(verdict, finding_id, where)
    _check_end(ends, now)
    return Exemption(
        id=f"{verdict.service}-{finding.id}-{now:%Y%m%d}",
        service=verdict.service,
        rule=finding.rule,
        finding=finding.exemption_keys,
        title=finding.title,
        owner=checked_text("owner", owner),
        reason=checked_text("reason", reason),
        starts=now,
        ends=ends,
        meanwhile=checked_text("meanwhile", meanwhile) if meanwhile else "",
    )


def renewed(old: Exemption, *, reason: str, ends: datetime, now: datetime) -> Exemption:
    """Return an exception that takes an earlier one's place from now on; errors as in :func:`accept`."""
    _check_end(ends, now)
    name = f"{old.id.rpartition('-')[0]}-{now:%Y%m%d}"
    return msgspec.structs.replace(old, id=name, reason=checked_text("reason", reason), starts=now, ends=ends)


def checked_text(name: str, text: str) -> str:
    """Return a text that people can read.

    Raises
    ------
    PolicyError
        E803.
    """
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_TEXT:
        raise PolicyError(Fault("E803", name, f"Expected 1 to {LONGEST_TEXT:,} printable characters."))
    return text.strip()


def _found(verdict: Verdict, finding_id: str, where: str) -> JudgedFinding:
    found = next((one for one in verdict.findings if one.id == finding_id and one.rule), None)
    if found is None:
        hint = "Take the id from the page or from verdict.json; only what blocks or warns needs an exception."
        raise PolicyError(Fault("E808", where, f"There is no finding {finding_id[:40]!r}.", hint))
    if not found.exemption_keys:
        message = (
            "The report gives the secret no identity (it is blacked out, or POISE_BASELINE_KEY was not set)."
        )
        raise PolicyError(Fault("E808", where, message, "Let the scanner write the secret's digest."))
    return found


def _check_end(ends: datetime, now: datetime) -> None:
    if ends.tzinfo is None or ends <= now:
        raise PolicyError(Fault("E803", "until", f"{ends.isoformat()} lies in the past."))
