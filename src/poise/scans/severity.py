"""The one table that turns a scanner's severity word into one of five steps.

A word that is not in the table is unknown, not harmless: the reader keeps the text in
``Finding.severity_text`` and leaves ``Finding.severity`` empty.  Numbers are never looked up here,
because "3" is the top of one scanner's scale and the middle of another's: a format that rates in
numbers maps them itself, by its own documentation.
"""

from __future__ import annotations

from typing import Final

from poise.scans.finding import Severity

#: Words that scanners use, in lower case. Where two sources use one word, they mean the same step.
#:
#: * ``moderate`` is npm's and Red Hat's medium, ``important`` Red Hat's and Microsoft's high;
#: * ``negligible`` (Ubuntu, Debian through Grype and Clair) is rated, and rated below low;
#: * ``none`` is the CVSS v3 and v4 name of a base score of 0.0 and the Nessus name of its step 0;
#: * ``log`` is the Greenbone name of a result that reports and does not rate.
#:
#: ``unknown``, ``untriaged``, ``unassigned``, ``undefined``, ``unspecified`` and ``n/a`` say that nobody
#: rated the finding; they are left out on purpose.
SEVERITY_WORDS: Final[dict[str, Severity]] = {
    "critical": "critical",
    "crit": "critical",
    "high": "high",
    "important": "high",
    "medium": "medium",
    "moderate": "medium",
    "med": "medium",
    "low": "low",
    "minor": "low",
    "info": "info",
    "informational": "info",
    "information": "info",
    "informative": "info",
    "negligible": "info",
    "none": "info",
    "log": "info",
}


def parse_severity(text: str) -> Severity | None:
    """Return the step that a severity word names, or ``None`` where it names none.

    Parameters
    ----------
    text
        The word as the report writes it; case and surrounding blanks do not matter.

    Returns
    -------
    Severity or None
        ``None`` for an empty, unknown or numeric text. A missing severity is unknown, never ``"info"``.
    """
    found = SEVERITY_WORDS.get(text)
    return found if found is not None else SEVERITY_WORDS.get(text.strip().lower())
