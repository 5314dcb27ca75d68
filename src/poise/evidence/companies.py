"""Made-up companies of five kinds, so that no result is one example's luck.

A company is drawn from its kind's shape and a seed alone: never from threat evidence. Every figure of a
shape is
Poise's choice, meant to be plausible and above all different from kind to kind; docs/evidence.md lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from poise.estate.model import Zone
from poise.planning.problem import Floats, Ints

Kind = Literal["bank", "hospital", "manufacturer", "software", "office"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ZONES: tuple[Zone, ...] = get_args(Zone)
#: Weeks between the windows of a calendar class: weekly, fortnightly, four-weekly.
PERIOD_WEEKS = (1, 2, 4)


@dataclass(frozen=True)
class Shape:
    """What companies of one kind look like.

    Parameters
    ----------
    groups, teams, products
        How many patch groups, teams and product lines.
    hosts
        Median hosts of a group.
    zones
        Shares of groups by zone, in the order of :data:`ZONES`.
    calendars
        Shares of groups whose window is weekly, fortnightly, four-weekly.
    downtime_per_hour
        Median cost of an hour of downtime in a window [money/h].
    loss_low, loss_high
        Median of the owners' 90 % ranges [money].
    reboot_minutes
        Median downtime of one opening [min].
    freezes
        Whether nothing is changed from 15 December to 5 January.
    standing_rule
        The rule that goes on if nobody signs.
    """

    label: str
    groups: int
    teams: int
    products: int
    hosts: float
    zones: tuple[float, float, float, float]
    calendars: tuple[float, float, float]
    downtime_per_hour: float
    loss_low: float
    loss_high: float
    reboot_minutes: float
    freezes: bool
    standing_rule: str


SHAPES: Mapping[Kind, Shape] = MappingProxyType(
    {
        "bank": Shape(
            label="bank",
            groups=60,
            teams=4,
            products=60,
            hosts=12,
            zones=(0.15, 0.15, 0.6, 0.1),
            calendars=(0.3, 0.3, 0.4),
            downtime_per_hour=20000.0,
            loss_low=2000000.0,
            loss_high=40000000.0,
            reboot_minutes=30,
            freezes=True,
            standing_rule="severity-sla",
        ),
        "hospital": Shape(
            label="hospital",
            groups=48,
            teams=3,
            products=60,
            hosts=15,
            zones=(0.08, 0.07, 0.6, 0.25),
            calendars=(0.2, 0.3, 0.5),
            downtime_per_hour=8000.0,
            loss_low=1000000.0,
            loss_high=20000000.0,
            reboot_minutes=45,
            freezes=False,
            standing_rule="monthly-only",
        ),
        "manufacturer": Shape(
            label="manufacturer with OT",
            groups=50,
            teams=3,
            products=50,
            hosts=10,
            zones=(0.08, 0.07, 0.45, 0.4),
            calendars=(0.1, 0.3, 0.6),
            downtime_per_hour=15000.0,
            loss_low=800000.0,
            loss_high=15000000.0,
            reboot_minutes=90,
            freezes=True,
            standing_rule="monthly-only",
        ),
        "software": Shape(
            label="software firm",
            groups=40,
            teams=2,
            products=40,
            hosts=20,
            zones=(0.45, 0.1, 0.45, 0.0),
            calendars=(0.8, 0.2, 0.0),
            downtime_per_hour=3000.0,
            loss_low=500000.0,
            loss_high=15000000.0,
            reboot_minutes=10,
            freezes=False,
            standing_rule="kev-then-epss",
        ),
        "office": Shape(
            label="public office",
            groups=36,
            teams=2,
            products=50,
            hosts=14,
            zones=(0.2, 0.1, 0.6, 0.1),
            calendars=(0.2, 0.3, 0.5),
            downtime_per_hour=1000.0,
            loss_low=200000.0,
            loss_high=5000000.0,
            reboot_minutes=30,
            freezes=True,
            standing_rule="severity-sla",
        ),
    }
)


@dataclass(frozen=True)
class Company:
    """A made-up company. ``G`` groups, ``P`` teams, ``Q`` pairs of a group and a product line it runs.

    Shapes are ``(G,)`` unless said otherwise. A product line is a number below ``shape.products``; all
    hosts of a
    group run all its product lines. ``capacity_minutes`` has shape ``(P,)``: a team's time in one window
    [min].
    """

    kind: Kind
    seed: int
    shape: Shape
    hosts: Ints
    zone: Ints
    team: Ints
    period_weeks: Ints
    offset_weeks: Ints
    reboot_hours: Floats
    capacity_loss: Floats
    setup_minutes: Floats
    change_minutes: Floats
    downtime_per_hour: Floats
    mean_loss: Floats
    pair_group: Ints
    pair_product: Ints
    capacity_minutes: Floats
    hourly_rate: float = 80.0
    overtime_factor: float = 1.5

    @property
    def num_groups(self) -> int:
        """Return G."""
        return len(self.hosts)

    @property
    def num_pairs(self) -> int:
        """Return Q."""
        return len(self.pair_group)

    @cached_property
    def pair_share(self) -> Floats:
        """Return the share of its product's hosts in its zone that each pair has, shape ``(Q,)``."""
        key = self.zone[self.pair_group] * self.shape.products + self.pair_product
        hosts = self.hosts[self.pair_group].astype(np.float64)
        total = np.bincount(key, hosts, len(ZONES) * self.shape.products)
        share: Floats = hosts / total[key]
        return share

    def opens_in(self, week: int) -> Ints:
        """Return the groups that have a window in a week, counted from any fixed one."""
        return np.flatnonzero((week + self.offset_weeks) % self.period_weeks == 0)


def make_company(kind: Kind, seed: int = 0, *, capacity: float = 0.6) -> Company:
    """Return a company of a kind.

    Parameters
    ----------
    seed
        The same kind and seed give the same company.
    capacity
        The teams' time, as a share of what opening every group once in four weeks with all its product lines
        takes, > 0.
    """
    shape = SHAPES[kind]
    rng = np.random.default_rng(np.random.SeedSequence([seed, KINDS.index(kind)]))
    groups = shape.groups
    size = rng.lognormal(np.log(shape.hosts), 0.8, groups)
    zone = rng.choice(len(ZONES), groups, p=shape.zones)
    calendar = rng.choice(len(PERIOD_WEEKS), groups, p=shape.calendars)
    period = np.array(PERIOD_WEEKS)[calendar]
    low = shape.loss_low * rng.lognormal(0.0, 0.8, groups)
    sigma = np.log(shape.loss_high / shape.loss_low) / 3.2897072539029435
    pair_group, pair_product = _pairs(rng, shape)
    team = rng.integers(0, shape.teams, groups)
    setup = rng.lognormal(np.log(30.0), 0.3, groups)
    change = rng.lognormal(np.log(12.0), 0.3, groups)
    counts = np.bincount(pair_group, minlength=groups)
    minutes = np.bincount(team, setup + counts * change, shape.teams)
    return Company(
        kind=kind,
        seed=seed,
        shape=shape,
        hosts=np.maximum(size, 1.0).astype(np.int64),
        zone=zone,
        team=team,
        period_weeks=period,
        offset_weeks=rng.integers(0, period),
        reboot_hours=shape.reboot_minutes / 60 * rng.lognormal(0.0, 0.4, groups),
        capacity_loss=rng.choice([1.0, 0.5, 0.2], groups, p=[0.6, 0.2, 0.2]),
        setup_minutes=setup,
        change_minutes=change,
        downtime_per_hour=shape.downtime_per_hour * rng.lognormal(0.0, 1.0, groups),
        mean_loss=np.sqrt(low * low * shape.loss_high / shape.loss_low) * np.exp(sigma**2 / 2),
        pair_group=pair_group,
        pair_product=pair_product,
        capacity_minutes=capacity * minutes / 4,
    )


def _pairs(rng: np.random.Generator, shape: Shape) -> tuple[Ints, Ints]:
    """Return which group runs which product lines: three to six each, popular ones more often."""
    weight = 1.0 / np.arange(1, shape.products + 1)
    weight /= weight.sum()
    chosen = [
        np.sort(rng.choice(shape.products, int(rng.integers(3, 7)), replace=False, p=weight))
        for _ in range(shape.groups)
    ]
    group = np.repeat(np.arange(shape.groups), [len(own) for own in chosen])
    return group, np.concatenate(chosen).astype(np.int64)
