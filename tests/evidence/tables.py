"""Small made-up tables of EPSS and KEV in the real layouts; a test changes what it is about."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from poise.evidence.judgements import ToldJudgements, judge
from poise.evidence.world import World, read_world
from poise.threats.kev_history import COLUMNS, read_kev_history

FIRST = date(2025, 4, 7)
WEEKS = 12
LAST = FIRST + timedelta(weeks=WEEKS) - timedelta(days=1)
NEWEST = FIRST + timedelta(weeks=WEEKS + 4)


@dataclass
class Tables:
    """A history: scores by day and id (None: not scored), and KEV's events."""

    scores: dict[date, dict[str, float | None]] = field(default_factory=dict)
    #: (day, event, cve, field, old, new), by day.
    events: list[tuple[date, str, str, str, str, str]] = field(default_factory=list)
    due: dict[str, date] = field(default_factory=dict)
    told: ToldJudgements = field(default_factory=ToldJudgements.none)

    def write(self, folder: Path) -> tuple[Path, Path, Path]:
        """Write the three files and return their paths: EPSS, KEV, changes."""
        folder.mkdir(parents=True, exist_ok=True)
        ids = sorted({cve for day in self.scores.values() for cve in day})
        columns: dict[str, list[object]] = {"cve": list(ids)}
        for day in sorted(self.scores):
            own = [self.scores[day].get(cve) for cve in ids]
            columns[day.isoformat()] = [None if one is None else round(one * 100_000) for one in own]
        types = {name: pa.string() if name == "cve" else pa.int32() for name in columns}
        arrays = {name: pa.array(values, types[name]) for name, values in columns.items()}
        parquet.write_table(pa.table(arrays), folder / "epss.parquet")
        listed: dict[str, date] = {}
        crews: dict[str, bool] = {}
        for day, event, cve, name, _, new in self.events:
            if event == "added":
                listed[cve] = day
            elif event == "removed":
                listed.pop(cve, None)
            elif name == "knownRansomwareCampaignUse":
                crews[cve] = new == "Known"
        entries = [
            {
                "cveID": cve,
                "dateAdded": day.isoformat(),
                "dueDate": self.due.get(cve, day + timedelta(days=21)).isoformat(),
                "knownRansomwareCampaignUse": "Known" if crews.get(cve) else "Unknown",
            }
            for cve, day in listed.items()
        ]
        catalogue = {"dateReleased": NEWEST.isoformat(), "count": len(entries), "vulnerabilities": entries}
        (folder / "kev.json").write_text(json.dumps(catalogue))
        with (folder / "history.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for day, *rest in self.events:
                writer.writerow([day.isoformat(), *rest])
        return folder / "epss.parquet", folder / "kev.json", folder / "history.csv"

    def world(self, folder: Path) -> World:
        """Write the tables and read them back as a world."""
        epss, kev, history = self.write(folder)
        first = FIRST.toordinal()
        return read_world(
            [epss],
            read_kev_history(kev, history),
            lambda cves, appears, scores: judge(cves, scores, scores[appears <= first], self.told, 0.3),
            first=FIRST,
            last=LAST,
        )


def made_up(seed: int = 0, *, known: int = 300, later: int = 150) -> Tables:
    """Return a history of weekly scores in which some vulnerabilities appear later and some are listed."""
    rng = np.random.default_rng(seed)
    tables = Tables()
    ids = [f"CVE-2025-{number:04d}" for number in range(1, known + later + 1)]
    appears = np.r_[np.zeros(known), rng.integers(1, WEEKS + 4, later)]
    level = rng.normal(np.log(0.01), 1.5, len(ids))
    for week in range(-1, WEEKS + 5):
        day = FIRST + timedelta(weeks=week)
        level += rng.normal(0.0, 0.01, len(ids))
        score = np.minimum(np.exp(level), 0.95)
        tables.scores[day] = {
            cve: float(one) if week >= start - 1 else None
            for cve, one, start in zip(ids, score, appears, strict=True)
        }
    for number in rng.choice(len(ids), min(60, len(ids)), replace=False):
        week = float(max(appears[number], rng.integers(-8, WEEKS + 4)))
        day = FIRST + timedelta(days=int(7 * week + rng.integers(0, 7)))
        tables.events.append((day, "added", ids[number], "", "", day.isoformat()))
        if rng.random() < 0.3:
            told = (
                day + timedelta(days=9),
                "changed",
                ids[number],
                "knownRansomwareCampaignUse",
                "Unknown",
                "Known",
            )
            tables.events.append(told)
    tables.events = sorted(event for event in tables.events if event[0] <= NEWEST)
    return tables
