"""The sample company: fictional estate, real vulnerabilities, reports in real scanner formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poise.sample.company import NOW, Company
from poise.sample.estate import write_estate
from poise.sample.reports import write_reports

__all__ = ["NOW", "SampleFiles", "write_sample"]


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """Where the sample company's files are."""

    estate: Path
    reports: tuple[Path, ...]


def write_sample(folder: Path, *, seed: int = 0) -> SampleFiles:
    """Write the sample company's estate, calendars and reports into a folder.

    Parameters
    ----------
    seed
        The same seed writes the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    company = Company(seed)
    estate = write_estate(company, folder)
    return SampleFiles(estate, tuple(write_reports(company, folder / "reports")))
