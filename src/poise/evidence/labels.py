"""Pairs of EPSS forecasts and a public label: listed in KEV within 30 days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from poise.evidence.calibration import Reliability, reliability
from poise.evidence.world import World

#: EPSS speaks of the next 30 days, and of activity anywhere; KEV lists some of it, some time later.
LABEL_DAYS = 30


def kev_reliability(world: World, first: date, last: date) -> Iterator[Reliability]:
    """Yield, per EPSS version, how its scores compare with being listed in KEV within 30 days.

    One forecast a month of each vulnerability that is scored and not yet listed, so that forecasts of one
    vulnerability overlap in no outcome. Versions are never mixed.
    """
    listed = np.full(len(world.cves), np.inf)
    for cve, spans in world.kev.spans.items():
        if cve in world.row_of:
            listed[world.row_of[cve]] = spans[0].since.toordinal()
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    day = first
    while day + timedelta(days=LABEL_DAYS) <= last:
        name = world.version_on(day)
        if world.version_on(day + timedelta(days=LABEL_DAYS)) == name:
            scores = world.scores_on(day)
            known = np.isfinite(scores) & (listed > day.toordinal())
            soon = listed[known] <= day.toordinal() + LABEL_DAYS
            pairs.setdefault(name, []).append((scores[known], soon))
        day += timedelta(days=LABEL_DAYS)
    for name, found in pairs.items():
        scores = np.concatenate([one for one, _ in found])
        soon = np.concatenate([one for _, one in found])
        title = f"EPSS {name} against: listed in KEV within {LABEL_DAYS} days ({len(scores):,} forecasts)"
        yield reliability(title, scores, soon)
