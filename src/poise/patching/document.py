"""The result of ``poise plan``: one document that every output is made from.

``plan.json`` is this document; ``report.html``, ``plan.ics``, ``plan.csv`` and the Ansible
inventories are functions of it, so no output can say what another does not. Times are ISO 8601
with an offset, money is in ``currency``, durations carry their unit in the field's name. ``None``
means not known.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

#: Raised when a field changes its meaning or goes; adding a field keeps it.
SCHEMA = "poise-plan/1"


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file or feed that the result rests on."""

    kind: Literal["report", "estate", "calendar", "feed", "outcomes"]
    name: str
    sha256: str
    #: For people: "trivy-json, 1,204 findings", "EPSS v2025.03.14 of 2025-12-28".
    detail: str
    as_of: date | None = None


class FoldStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step from raw records to changes; ``before`` - ``after`` went where ``note`` says."""

    name: str
    before: int
    after: int
    note: str


class FrontierDot(msgspec.Struct, frozen=True, kw_only=True):
    """One plan of the frontier. Money over the horizon."""

    id: str
    exposure: float
    exposure_low: float
    exposure_high: float
    disruption: float
    late_cost: float
    #: Proven: no plan with at most this disruption has less exposure plus late cost.
    exposure_bound: float
    downtime_hours: float
    #: Deadlines missed; of those missed before the plan began, the ones left open past their second clock.
    num_late: int
    weekends_worked: int
    is_exact: bool


class HullPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A corner of the proven lower bound: no plan lies below the line through these."""

    disruption: float
    exposure: float


class NamedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan with a name: an ideal, the default, a landmark, or a rule people use today.

    ``expected_loss`` is exposure over the horizon [money], with its 90 % range from the owners'
    loss ranges. Shares are of the way from the default plan (0) to a side's own best (1); None
    where a side has nothing to gain. The excesses compare with the frontier: 0.2 means 20 % more
    than the best plan of equal disruption (exposure); None where the frontier has no such plan.
    """

    key: str
    label: str
    kind: Literal["ideal", "default", "landmark", "total", "rule"]
    #: What it is, in one sentence.
    sentence: str
    expected_loss: float
    expected_loss_low: float
    expected_loss_high: float
    disruption: float
    opening_cost: float
    failure_cost: float
    deferral_cost: float
    late_cost: float
    #: Sum of both sides' money: expected loss plus disruption.
    total_cost: float
    downtime_hours: float
    labour_hours: float
    weekends_worked: int
    num_openings: int
    num_done: int
    num_not_done: int
    #: Deadlines missed; of those missed before the plan began, the ones left open past their second clock.
    num_late: int
    #: Longest that a change of a known-exploited vulnerability stays open [d]; None without any.
    longest_kev_days: float | None = None
    #: Chance of at least one serious incident through this backlog within the horizon [0, 1].
    incident_probability: float | None = None
    share_security: float | None = None
    share_operations: float | None = None
    excess_exposure: float | None = None
    excess_disruption: float | None = None
    #: Largest share that any plan could still add for both sides at once, proven; None if unproven.
    left_on_table: float | None = None


class ServiceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A service as the plan saw it."""

    id: str
    name: str
    owner: str
    tier: int
    loss_low: float
    loss_high: float
    assumed: tuple[str, ...] = ()


class TeamEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A team as the plan saw it."""

    id: str
    name: str
    #: What the team can do in one window.
    capacity_minutes: float
    failure_probability: float
    failure_source: str


class GroupEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A patch group as the plan saw it."""

    id: str
    services: tuple[str, ...]
    team: str
    calendar: str
    zone: str
    hosts: tuple[str, ...]
    reboot_minutes: float
    ring: str = ""
    ring_stage: int = 0
    redundant_with: tuple[str, ...] = ()


class WindowEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One concrete maintenance window."""

    id: int
    calendar: str
    start: datetime
    end: datetime
    summary: str = ""
    is_emergency: bool = False


class FreezeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A span in which nothing in scope may be changed; an empty ``scope`` means everything."""

    id: str
    start: datetime
    end: datetime
    #: Service, patch group or team ids.
    scope: tuple[str, ...] = ()
    reason: str = ""
    #: Class of the limit: "law", "policy" or "preference".
    kind: str = "policy"


class ChangeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One remedy on one patch group."""

    id: str
    group: str
    remedy: str
    vulnerabilities: tuple[str, ...]
    num_assets: int
    num_findings: int
    hazard_per_day: float
    exposure_per_day: float
    exposure_low_per_day: float
    exposure_high_per_day: float
    labour_minutes: float
    needs_reboot: bool
    failure_probability: float
    deadline: date | None
    deadline_source: str
    severity: str
    cvss_max: float | None
    epss_max: float | None
    is_kev: bool
    is_ransomware: bool
    bod_label: str
    #: Those of ``vulnerabilities`` behind ``is_kev``; empty in documents of a Poise that did not tell.
    known_exploited: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One group opened in one window: the unit of the calendar, of change requests and inventories."""

    window: int
    group: str
    changes: tuple[str, ...]
    downtime_minutes: float
    labour_minutes: float
    cost: float


class LateChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change that misses its deadline under a plan, and why."""

    change: str
    deadline: date
    deadline_source: str
    #: None when not done within the horizon.
    done: datetime | None
    #: Earliest end of a window in which it could be done at all, None when there is none.
    earliest: datetime | None
    why: str


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A named plan's calendar."""

    plan: str
    visits: tuple[Visit, ...]
    late: tuple[LateChange, ...]
    not_done: tuple[str, ...]


class NoFix(msgspec.Struct, frozen=True, kw_only=True):
    """Findings without a fix: candidates for mitigation or a signed exception."""

    group: str
    component: str
    vulnerabilities: tuple[str, ...]
    num_assets: int
    num_findings: int
    exposure_per_day: float
    is_kev: bool
    reason: str


class UnmappedAsset(msgspec.Struct, frozen=True, kw_only=True):
    """An asset in the reports that no patch group claims."""

    asset: str
    why: str
    num_findings: int
    #: With the loss range of the estate's median service, since nobody said what runs there.
    exposure_per_day: float
    num_kev: int


class EmergencyOption(msgspec.Struct, frozen=True, kw_only=True):
    """Doing changes of one group tonight, outside the calendar: an option with its price."""

    group: str
    changes: tuple[str, ...]
    start: datetime
    end: datetime
    #: Exposure saved against the shown plan, and what the visit costs extra [money].
    exposure_saved: float
    extra_cost: float
    sentence: str


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """Something nobody told us, and the value that stands in for it."""

    what: str
    value: str
    source: str
    #: How many services, groups, changes or vulnerabilities rest on it.
    num_uses: int


class SimulatedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A named plan under what nobody knows exactly (5-95 % ranges) and under chance (dots)."""

    key: str
    expected_loss: float
    expected_loss_low: float
    expected_loss_high: float
    #: Chance of at least one serious incident within the horizon [0, 1].
    incident_probability: float
    #: Hours of whole downtime by failed changes.
    unplanned_hours: float
    unplanned_hours_low: float
    unplanned_hours_high: float
    #: A hundred equally likely outcomes each, growing.
    loss_dots: tuple[float, ...]
    unplanned_hours_dots: tuple[float, ...]
    #: In how much of what nobody knows both sides' total cost is below the default plan's [0, 1].
    better_than_default: float
    #: In how much of it the total is within 5 % of the least of all named plans [0, 1].
    near_best: float


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation of the named plans says; every plan saw the same draws."""

    seed: int
    #: Sets of unknown values, and possible horizons in all.
    knowledge_draws: int
    draws: int
    plans: tuple[SimulatedPlan, ...]
    #: Largest relative error of the sum that the solver minimises, at the same inputs.
    linear_error: float
    #: Pairs of plans (a, b): the solver's sum puts a first, simulated expected loss b.
    rank_changes: tuple[tuple[str, str], ...]


class PlanDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that ``poise plan`` found."""

    schema: str
    poise_version: str
    company: str
    currency: str
    timezone: str
    now: datetime
    horizon_end: datetime
    horizon_days: float
    seed: int
    #: Units of work that the solver did, so that the run can be repeated to the byte.
    work: int
    #: Why the solver stopped: "work", "time" or "interrupt".
    stopped_by: str
    inputs: tuple[InputFile, ...]
    folding: tuple[FoldStep, ...]
    num_assets: int
    services: tuple[ServiceEntry, ...]
    teams: tuple[TeamEntry, ...]
    groups: tuple[GroupEntry, ...]
    windows: tuple[WindowEntry, ...]
    changes: tuple[ChangeEntry, ...]
    frontier: tuple[FrontierDot, ...]
    hull: tuple[HullPoint, ...]
    plans: tuple[NamedPlan, ...]
    #: Key of the plan whose calendar is shown and exported.
    shown: str
    schedules: tuple[Schedule, ...]
    emergency: tuple[EmergencyOption, ...]
    no_fix: tuple[NoFix, ...]
    unmapped: tuple[UnmappedAsset, ...]
    assumptions: tuple[Assumption, ...]
    #: Sentences that a reader must not miss: stale feeds, groups without a window, conflicts.
    notices: tuple[str, ...] = ()
    #: Change freezes that touch the horizon.
    freezes: tuple[FreezeEntry, ...] = ()
    #: None in documents of a Poise that did not simulate.
    simulated: Simulated | None = None

    def plan(self, key: str) -> NamedPlan:
        """Return the named plan; KeyError when there is none."""
        return next(plan for plan in self.plans if plan.key == key)

    def schedule(self, key: str) -> Schedule:
        """Return the calendar of a named plan."""
        return next(schedule for schedule in self.schedules if schedule.plan == key)


def encode(document: PlanDocument) -> bytes:
    """Return ``plan.json``: the same document gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def decode(data: bytes) -> PlanDocument:
    """Read a ``plan.json`` back.

    Raises
    ------
    msgspec.ValidationError
        When it is not one.
    """
    return msgspec.json.decode(data, type=PlanDocument)
