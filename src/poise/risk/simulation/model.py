"""What a simulation needs to know of a company and its plans, as arrays.

Symbols of this room: ``E`` events, ``N`` entries, ``J`` changes, ``S`` services, ``T`` teams, ``A`` plans.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Events:
    """Waves: "somebody exploits vulnerability v in zone z", one per vulnerability and zone.

    A wave strikes one (asset, remedy) pair of its zone; an *entry* is a change through which it may come in,
    with the share of pairs that the change holds, thinned by the group's controls. It does harm if the
    change is still open when the wave comes.

    Parameters
    ----------
    names
        Vulnerability ids, shape ``(V,)``.
    vulnerability, zone
        Shape ``(E,)``: which vulnerability, and which of the model's zones.
    probability
        Chance of exploitation activity within 30 days, before any floor, shape ``(E,)`` in [0, 1).
    is_kev, is_ransomware
        Shape ``(E,)``.
    entry_event, entry_change, entry_share
        Shape ``(N,)``, sorted by event; the shares of one event add up to at most 1 (what is missing is
        stopped by controls, or lies on what has no fix).
    """

    names: tuple[str, ...]
    vulnerability: Ints
    zone: Ints
    probability: Floats
    is_kev: Bools
    is_ransomware: Bools
    entry_event: Ints
    entry_change: Ints
    entry_share: Floats


@dataclass(frozen=True)
class Work:
    """Changes as the operations side sees them.

    Parameters
    ----------
    service, team
        Shape ``(J,)``: the service whose loss stands for the change's group, and the team.
    available_days
        When the patch was published, in days from now [d], shape ``(J,)``; ages its early failures.
    recovery_hours, recovery_cost
        What one failure takes: unplanned hours of whole downtime [h] and money, shape ``(J,)``.
    deferral_per_day
        Expected cost of emergency visits while the change waits [money/d], shape ``(J,)``.
    failed, done
        Each team's own record of changes; -1 where it gave none; shape ``(T,)``.
    """

    service: Ints
    team: Ints
    available_days: Floats
    recovery_hours: Floats
    recovery_cost: Floats
    deferral_per_day: Floats
    failed: Floats
    done: Floats


@dataclass(frozen=True)
class Plans:
    """The plans that are compared.

    Parameters
    ----------
    keys, labels
        Shape ``(A,)``.
    open_days
        How long each change stays open under each plan [d], shape ``(A, J)``.
    is_done
        Whether it is done within the horizon, shape ``(A, J)``.
    fixed_cost
        Planned downtime and labour: what is not left to chance [money], shape ``(A,)``.
    late_cost
        Price of missed deadlines [money], shape ``(A,)``.
    """

    keys: tuple[str, ...]
    labels: tuple[str, ...]
    open_days: Floats
    is_done: Bools
    fixed_cost: Floats
    late_cost: Floats

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Inputs:
    """The numbers that knowledge draws vary, at the values that the plan was made with.

    ``calibration`` thins the world's activity to this company [1]; ``base_rate_per_year`` is what it was
    fitted to. ``zone_factor`` has one value per zone.
    """

    calibration: float
    base_rate_per_year: float
    zone_factor: Floats
    kev_floor: float
    ransomware_loss_factor: float
    failure_prior_failed: float
    failure_prior_done: float
    early_failure_factor: float
    settle_days: float


@dataclass(frozen=True)
class RiskModel:
    """A company, its open vulnerabilities and several plans, ready to be simulated.

    Parameters
    ----------
    horizon_days
        [d]; no change stays open longer.
    seed
        The plan's seed; every draw follows from it.
    services, loss_low, loss_high
        Ids, and the owners' 90 % ranges of one incident's loss [money], shape ``(S,)``.
    teams, zones
        Ids.
    """

    company: str
    currency: str
    horizon_days: float
    seed: int
    services: tuple[str, ...]
    loss_low: Floats
    loss_high: Floats
    teams: tuple[str, ...]
    zones: tuple[str, ...]
    inputs: Inputs
    events: Events
    work: Work
    plans: Plans

    @cached_property
    def segments(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Entries by event and service: their order, starts of each pair, and its event and service."""
        events, service = self.events, self.work.service[self.events.entry_change]
        order = np.lexsort((service, events.entry_event))
        key = np.stack([events.entry_event[order], service[order]])
        starts = (
            np.flatnonzero(np.r_[True, np.any(key[:, 1:] != key[:, :-1], axis=0)]) if order.size else order
        )
        return order, starts, key[0, starts], key[1, starts]

    def index(self, key: str) -> int:
        """Return the number of a plan; ValueError when there is none of that key."""
        return self.plans.keys.index(key)
