"""CVSS base scores of vectors of version 2, 3.0, 3.1 and 4.0.

The arithmetic is that of the ``cvss`` package by Red Hat; FIRST's published example vectors
are the tests. A vector that cannot be read has no score and says why: it never counts as 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

#: Fields of a CVE record that hold a CVSS vector, the newest version first.
VECTOR_FIELDS = ("cvssV4_0", "cvssV3_1", "cvssV3_0", "cvssV2_0")

_BASE_4 = frozenset("AV AC AT PR UI VC VI VA SC SI SA".split())  # noqa: SIM905
_PREFIX = re.compile(r"CVSS:(\d+\.\d+)/")
#: No vector of any version is longer: 32 metrics of version 4 make some 200 characters.
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class CvssScore:
    """What a vector says.

    Parameters
    ----------
    vector
        The vector as given, without surrounding blanks.
    version
        ``"2.0"``, ``"3.0"``, ``"3.1"``, ``"4.0"``, or empty when it cannot be told.
    score
        The base score [0, 10], or None when the vector cannot be read.
    reason
        Why there is no score; empty when there is one.
    """

    vector: str
    version: str = ""
    score: float | None = None
    reason: str = ""


def score_of(vector: str) -> CvssScore:
    """Return the base score of a vector.

    Temporal, threat and environmental metrics are left aside: they are a judgement of one day
    or one place, and :class:`~poise.threats.evidence.Evidence` holds better ones.
    """
    text = vector.strip().strip("()").strip()
    if not text:
        return CvssScore(text, reason="the vector is empty")
    if len(text) > _LONGEST:
        return CvssScore(text[:_LONGEST], reason=f"the vector has more than {_LONGEST} characters")
    prefix = _PREFIX.match(text)
    version = prefix[1] if prefix else "2.0" if "/Au:" in text else ""
    if not version:
        return CvssScore(text, reason="the vector names no CVSS version, and is none of version 2")
    try:
        if version == "2.0":
            score = CVSS2(text.removeprefix("CVSS:2.0/")).scores()[0]
        elif version in ("3.0", "3.1"):
            score = CVSS3(text).scores()[0]
        elif version == "4.0":
            score = CVSS4(_base_part(text)).scores()[0]
        else:
            return CvssScore(text, version, reason=f"CVSS version {version} is not known")
    except CVSSError as error:
        return CvssScore(text, version, reason=str(error).rstrip("."))
    return CvssScore(text, version, float(score))


def metrics_of(vector: str) -> dict[str, str]:
    """Return the metrics of a vector by name, with its version under ``CVSS``.

    Empty when the vector has no score: half a vector must not be taken for a whole one.
    """
    found = score_of(vector)
    if found.score is None:
        return {}
    metrics = dict(part.split(":", 1) for part in found.vector.split("/") if ":" in part)
    return {**metrics, "CVSS": found.version}


def best_score(vectors: Iterable[str]) -> CvssScore | None:
    """Return the score of the newest CVSS version among `vectors`; None when none can be read.

    Of two vectors of one version the first counts.
    """
    scored = [found for vector in vectors if (found := score_of(vector)).score is not None]
    return max(scored, key=lambda found: found.version, default=None)


def _base_part(vector: str) -> str:
    """Return a version 4 vector without its optional metrics, which would change the score."""
    head, *metrics = vector.split("/")
    return "/".join([head, *(metric for metric in metrics if _is_base(metric))])


def _is_base(metric: str) -> bool:
    name = metric.split(":")[0]
    # What is neither a base metric nor an optional one is a mistake, which the parser must see.
    return name in _BASE_4 or name not in _OPTIONAL_4


_OPTIONAL_4 = frozenset(
    [
        *("E", "CR", "IR", "AR", "S", "AU", "R", "V", "RE", "U"),
        *(f"M{name}" for name in _BASE_4),
    ]
)
