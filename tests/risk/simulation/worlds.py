"""Small made-up models; a test names only what it is about."""

from __future__ import annotations

import numpy as np

from poise.risk.simulation.model import Events, Inputs, Plans, RiskModel, Work

HORIZON = 100.0


def model(
    seed: int = 0, *, changes: int = 6, services: int = 3, plans: int = 3, rate: float = 1.0
) -> RiskModel:
    """Return a model of random vulnerabilities, dear enough that incidents are not rare at ``rate`` 1."""
    rng = np.random.default_rng(seed)
    events = 2 * changes
    entry_event = np.sort(rng.integers(0, events, 3 * changes))
    counts = np.bincount(entry_event, minlength=events)
    open_days = rng.uniform(0.0, HORIZON, (plans, changes))
    is_done = open_days < 0.8 * HORIZON
    open_days[~is_done] = HORIZON
    low = rng.uniform(1e3, 1e5, services)
    return RiskModel(
        company="Example",
        currency="EUR",
        horizon_days=HORIZON,
        seed=seed,
        services=tuple(f"s{number}" for number in range(services)),
        loss_low=low,
        loss_high=low * rng.uniform(1.0, 20.0, services),
        teams=("ops", "db"),
        zones=("internet", "internal"),
        inputs=Inputs(
            calibration=rate,
            base_rate_per_year=0.03,
            zone_factor=np.array([1.0, 0.2]),
            kev_floor=0.5,
            ransomware_loss_factor=1.5,
            failure_prior_failed=1.5,
            failure_prior_done=50.0,
            early_failure_factor=1.0,
            settle_days=14.0,
        ),
        events=Events(
            names=tuple(f"CVE-2025-{number:04d}" for number in range(changes)),
            vulnerability=np.arange(events) % changes,
            zone=np.arange(events) // changes,
            probability=rng.uniform(0.001, 0.9, events),
            is_kev=rng.random(events) < 0.3,
            is_ransomware=rng.random(events) < 0.3,
            entry_event=entry_event,
            entry_change=rng.integers(0, changes, 3 * changes),
            entry_share=rng.uniform(0.3, 1.0, 3 * changes) / counts[entry_event],
        ),
        work=Work(
            service=rng.integers(0, services, changes),
            team=rng.integers(0, 2, changes),
            available_days=-rng.uniform(0.0, 60.0, changes),
            recovery_hours=rng.uniform(0.5, 4.0, changes),
            recovery_cost=rng.uniform(100.0, 900.0, changes),
            deferral_per_day=rng.uniform(0.0, 5.0, changes),
            failed=np.array([2.0, -1.0]),
            done=np.array([20.0, -1.0]),
        ),
        plans=Plans(
            keys=("default", *(f"p{number}" for number in range(1, plans))),
            labels=tuple(f"Plan {number}" for number in range(plans)),
            open_days=open_days,
            is_done=is_done,
            fixed_cost=rng.uniform(100.0, 900.0, plans),
            late_cost=rng.uniform(0.0, 900.0, plans),
        ),
    )
