"""CVSS and SSVC of the world's vulnerabilities, with the day from which each was known.

What no table tells is drawn from the vulnerability's id and its first EPSS score: a scanner shows a CVSS
score
for nearly everything, and rules that sort by it must have something to sort by. How much is drawn is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from poise.planning.problem import Floats, Ints
from poise.threats.table import day_of, structural

Bools = npt.NDArray[np.bool_]

#: Middles of the tenths of all CVSS 3.1 base scores in Vulnrichment of 2024-10-24 (30,113 records).
CVSS_TENTHS = np.array([3.9, 4.8, 5.4, 6.1, 6.5, 7.0, 7.5, 7.8, 8.8, 9.8])
#: Share that CISA judges automatable there (7,870 of 44,026); total impact falls on the highest 31.6 %.
AUTOMATABLE_SHARE, TOTAL_FROM_CVSS = 0.179, 7.8
#: Rank correlation of CVSS with EPSS there: 0.12 with version 3, 0.30 with version 4.
CVSS_CORRELATION = 0.3
#: A day that does not come: of what no table tells.
NEVER = 100_000_000
_COLUMNS = ("cve", "published", "cna_v31_score", "adp_v31_score", "adp_updated", "ssvc_ts",
            "ssvc_automatable", "ssvc_technical_impact")  # fmt: skip


@dataclass(frozen=True)
class Judgements:
    """CVSS and SSVC per vulnerability: what a table tells from a day on, and what stands in before.

    ``cvss_known_from`` and ``ssvc_known_from`` are ordinal days, far in the future where no table tells.
    Shapes are ``(V,)``.
    """

    drawn_cvss: Floats
    drawn_automatable: Bools
    told_cvss: Floats
    told_automatable: Bools
    told_total: Bools
    cvss_known_from: Ints
    ssvc_known_from: Ints
    day: int = NEVER - 1

    def up_to(self, day: date) -> Judgements:
        """Return what was known on a day; later facts are blanked, not only hidden."""
        now = day.toordinal()
        knows_cvss, knows_ssvc = self.cvss_known_from <= now, self.ssvc_known_from <= now
        return replace(
            self,
            told_cvss=np.where(knows_cvss, self.told_cvss, np.nan),
            told_automatable=self.told_automatable & knows_ssvc,
            told_total=self.told_total & knows_ssvc,
            cvss_known_from=np.where(knows_cvss, self.cvss_known_from, NEVER),
            ssvc_known_from=np.where(knows_ssvc, self.ssvc_known_from, NEVER),
            day=now,
        )

    def only(self, rows: Ints) -> Judgements:
        """Return those of some vulnerabilities, by their places."""
        kept = {item.name: getattr(self, item.name)[rows] for item in fields(self) if item.name != "day"}
        return replace(self, **kept)

    @property
    def cvss(self) -> Floats:
        """CVSS base score, told or drawn."""
        return np.where(self.cvss_known_from <= self.day, self.told_cvss, self.drawn_cvss)

    @property
    def automatable(self) -> Bools:
        """Whether an attack can be automated, told or drawn."""
        return np.where(self.ssvc_known_from <= self.day, self.told_automatable, self.drawn_automatable)

    @property
    def total_impact(self) -> Bools:
        """Whether the technical impact is total, told or read off the score."""
        return np.where(self.ssvc_known_from <= self.day, self.told_total, self.cvss >= TOTAL_FROM_CVSS)


@dataclass(frozen=True)
class ToldJudgements:
    """A table: id to (CVSS score, automatable, total impact, CVSS known from, SSVC known from)."""

    rows: dict[str, tuple[float, bool, bool, int, int]]

    @classmethod
    def none(cls) -> ToldJudgements:
        """Return an empty table."""
        return cls({})


def read_judgements(path: Path) -> ToldJudgements:
    """Read a Vulnrichment table: one row per CVE, with scores, SSVC values and their time stamps.

    Raises
    ------
    ThreatFeedError
        E200, E201 or E202 when it is no such table.
    """
    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
    except OSError as error:
        raise structural("E200", str(path), f"cannot be read: {error}.") from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise structural("E201", str(path), f"is no Parquet file: {error}.") from error
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise structural("E201", str(path), f"is no table of Vulnrichment: it lacks {', '.join(missing)}.")
    try:
        table = file.read(list(_COLUMNS))
        columns = {name: pc.cast(table[name], pa.string()).to_pylist() for name in _COLUMNS}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise structural("E202", str(path), f"is damaged, or of another type: {error}.") from error
    rows = {}
    for cve, published, cna, adp, updated, judged, automatable, impact in zip(
        *(columns[name] for name in _COLUMNS), strict=True
    ):
        told = [(_score(score), day_of(stamp)) for score, stamp in ((adp, updated), (cna, published))]
        score, stamp = next(((s, d) for s, d in told if s is not None and d is not None), (None, None))
        seen = day_of(judged)
        rows[str(cve).strip().upper()] = (
            np.nan if score is None else score,
            str(automatable).lower() == "yes",
            str(impact).lower() == "total",
            stamp.toordinal() if stamp else NEVER,
            seen.toordinal() if seen and automatable and impact else NEVER,
        )
    return ToldJudgements(rows)


def _score(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if 0.0 <= value <= 10.0 else None


def judge(
    cves: Sequence[str], first_score: Floats, reference: Floats, told: ToldJudgements, correlation: float
) -> Judgements:
    """Return the judgements of vulnerabilities, drawn ones by id and first score.

    Parameters
    ----------
    first_score
        EPSS when each appeared, NaN for none, shape ``(V,)``.
    reference
        Scores known on the replay's first day: a first score's rank among them goes into its CVSS.
    correlation
        Of the ranks of CVSS and first score, in [-1, 1].
    """
    known = np.sort(reference[np.isfinite(reference)])
    normal = NormalDist()
    noise, coin = uniform(cves, "cvss"), uniform(cves, "automatable")
    rank = np.searchsorted(known, np.nan_to_num(first_score)) / max(len(known), 1)
    rank = np.where(np.isfinite(first_score), np.clip(rank, 0.001, 0.999), 0.5)
    mixed = correlation * np.array([normal.inv_cdf(float(one)) for one in rank])
    mixed += np.sqrt(1 - correlation**2) * np.array([normal.inv_cdf(float(one)) for one in noise])
    tenth = np.minimum((np.array([normal.cdf(float(one)) for one in mixed]) * 10).astype(np.int64), 9)
    rows = [told.rows.get(cve, (np.nan, False, False, NEVER, NEVER)) for cve in cves]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    return Judgements(
        drawn_cvss=CVSS_TENTHS[tenth],
        drawn_automatable=coin < AUTOMATABLE_SHARE,
        told_cvss=np.array(columns[0], dtype=np.float64),
        told_automatable=np.array(columns[1], dtype=np.bool_),
        told_total=np.array(columns[2], dtype=np.bool_),
        cvss_known_from=np.array(columns[3], dtype=np.int64),
        ssvc_known_from=np.array(columns[4], dtype=np.int64),
    )


def uniform(words: Sequence[str], purpose: str) -> Floats:
    """Return a number in (0, 1) per word that depends on it and the purpose alone."""
    key = purpose.encode()
    numbers = [
        int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8, key=key).digest()) for word in words
    ]
    return (np.array(numbers, dtype=np.float64) + 0.5) / 2**64
