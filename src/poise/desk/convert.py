"""Rows to domain objects, and only to compute or to read what was computed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings

from poise.desk import clock
from poise.desk.ledger import DeskLedger
from poise.desk.models import EstateVersion, Job, LedgerRecord
from poise.desk.remembering import Remembered
from poise.errors import EstateError, Fault, TableError
from poise.estate import load_estate
from poise.estate.model import Estate
from poise.ledger.canonical import canonical, digest
from poise.ledger.chain import ERASURE
from poise.ledger.record import Record
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan, Problem
from poise.table.agreement import agreed_plan
from poise.table.binding import bind
from poise.table.ground import Ground, as_plan
from poise.table.landmarks import Landmarks, landmarks_before
from poise.table.limits import Limit
from poise.table.negotiation import KINDS, Negotiation, replay
from poise.table.session import Session
from poise.table.solving import Costs, costs_of
from poise.threats.store import ThreatStore


def folder(*parts: str) -> Path:
    """Return a folder of the workspace."""
    return Path(settings.POISE_HOME, *parts)


def latest_estate() -> EstateVersion | None:
    """Return the description of the estate that counts."""
    return EstateVersion.objects.order_by("-id").first()


def company_zone() -> str:
    """Return the time zone of the company: that of its estate, else UTC."""
    zone = EstateVersion.objects.order_by("-id").values_list("timezone", flat=True).first()
    return zone or "UTC"


def currency() -> str:
    """Return the estate's currency; empty without an estate."""
    version = latest_estate()
    return version.currency if version else ""


def estate_path(version: EstateVersion) -> Path:
    """Return where a description is read from."""
    return folder(version.folder) / version.entry


def estate_of(version: EstateVersion | None) -> Estate:
    """Return the estate of a description.

    Raises
    ------
    EstateError
        E100 without one, and as in reading it.
    """
    if version is None:
        hint = "Upload estate.yaml under Estate."
        raise EstateError(Fault("E100", "estate", "No description of the estate is here yet.", hint))
    return _estate(estate_path(version))


@lru_cache(maxsize=4)
def _estate(path: Path) -> Estate:
    """Return the estate of files that never change: each description has a folder of its own."""
    return load_estate(path, is_enclosed=True)


def threats() -> ThreatStore:
    """Return the workspace's threat evidence."""
    return ThreatStore(folder("threats"))


#: Kind of the job that computes the ways on from an agreement that was re-opened; each is a plan by name.
REPLAN_JOB: Final = "table.replan"

_NEGOTIATIONS: Final = Remembered[Negotiation](8)
_BEFORE: Final = Remembered[Landmarks](8)
_IDEALS: Final = Remembered[Costs](8)
_COSTS: Final = Remembered[Costs](1_000)
_BOUND: Final = Remembered[Problem](128)
_KEPT: Final = Remembered[bool](10_000)


class DeskSession(Session):
    """A table on the desk's ledger: only its own records are read.

    Grounds, and what follows from records and grounds alone, are kept in memory: a page that shows what is
    known already must not work it out again.
    """

    def __init__(self, now: datetime) -> None:
        super().__init__(folder("table"), DeskLedger(), now)

    @cached_property
    def negotiation(self) -> Negotiation:
        """Where the negotiation stands: kept under the last of its records, whose hash covers all before."""
        rows = LedgerRecord.objects.filter(kind__in=(*KINDS, ERASURE)).order_by("-sequence")
        last = rows.values_list("sequence", "hash").first()
        if last is None:
            return Negotiation()
        told = (one for one in self._records if one.sequence <= last[0])
        return _NEGOTIATIONS.get(
            last[1],
            lambda: replay((one.statement.kind, one.hash, one.body) for one in told if one.body is not None),
        )

    @cached_property
    def before(self) -> Landmarks:
        """Fair points before negotiable limits."""
        key = (self.negotiation.ground, self.default[1].window.tobytes())
        return _BEFORE.get(key, lambda: landmarks_before(self.ground, self.default[1]))

    @cached_property
    def ideal(self) -> Costs:
        """Each side's least cost among known plans that leave neither worse off than the default."""
        talked_of = len(self.negotiation.proposals)
        key = (self.negotiation.ground, self.default[1].window.tobytes(), talked_of)
        return _IDEALS.get(key, lambda: super(DeskSession, self).ideal)

    def costs(self, plan: Plan) -> Costs:
        """Return the costs of a plan."""
        key = (self.negotiation.ground, _print(plan))
        return _COSTS.get(key, lambda: costs_of(self.ground.problem, plan))

    def breaks(self, plan: Plan) -> tuple[str, ...]:
        """Return the ids of limits in force that a plan does not keep."""
        ground, seen = self.negotiation.ground, _print(plan)

        def is_kept(limit: Limit) -> bool:
            bound = _BOUND.get((ground, limit), lambda: bind(self.ground, [limit]).problem)
            return evaluate(bound, plan).is_feasible

        return tuple(
            limit.id
            for limit in self.limits
            if not _KEPT.get((ground, limit, seen), lambda limit=limit: is_kept(limit))  # type: ignore[misc]
        )

    @property
    def _records(self) -> Iterable[Record]:
        """The records that a negotiation follows from."""
        ledger = self.ledger
        assert isinstance(ledger, DeskLedger)
        return ledger.records_of(KINDS)

    def ground_of(self, content_digest: str) -> Ground:
        """Return the ground with a digest; errors as in :attr:`ground`."""
        return _ground(self.folder, content_digest)

    def about(self) -> str:
        """Return a digest of the ground, limits and plan under talk: what a computation is about."""
        proposals = self.negotiation.proposals
        return self._digest(proposal=proposals[-1].number if proposals else 0)

    def mark(self) -> dict[str, Any]:
        """Return what the result of a computation keeps of the table that it is about."""
        return {"about": self.about(), "ground": self.negotiation.ground}

    def _digest(self, **more: object) -> str:
        limits = [msgspec.to_builtins(limit) for limit in self.limits]
        return digest(canonical({"ground": self.negotiation.ground, "limits": limits, **more}))[:16]

    @property
    def reopened(self) -> str | None:
        """The last agreement's record, if it was re-opened and nothing was agreed since."""
        state = self.negotiation
        last = state.agreements[-1][0] if state.agreements else None
        return last if last in state.reopened else None

    def about_replan(self) -> str:
        """Return a digest of the ground, limits and re-opened agreement: what a re-plan is about."""
        return self._digest(agreement=self.reopened)

    @cached_property
    def replans(self) -> dict[str, Any]:
        """What was computed last of ways on from the re-opened agreement on this ground; empty without."""
        if self.reopened is None:
            return {}
        job = Job.objects.filter(kind=REPLAN_JOB, state=Job.State.DONE).order_by("-id").first()
        on = [self.negotiation.ground, self.reopened]
        return job.result if job is not None and job.result["on"] == on else {}

    def known_after(self) -> Landmarks | None:
        """Return the fair points after limits if they were computed; a page never computes them."""
        return self.after() if not self.limits or self.after_path().exists() else None

    def known_plans(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Return the plans that have a name: label and windows, by key."""
        ways = self.replans.get("ways", ())
        plans = {way["key"]: (way["label"], tuple(way["windows"])) for way in ways}
        for when, found in (("after limits", self.known_after()), ("before limits", self.before)):
            for point in found.points if found else ():
                key = point.key if when == "after limits" else f"{point.key}-before"
                plans[key] = (f"{point.label}, {when}", tuple(point.plan.window.tolist()))
        for stored in self.ground.plans:
            plans[stored.key] = (stored.label or stored.key, stored.windows)
        plans["default"] = ("If nobody signs", tuple(self.default[1].window.tolist()))
        if self.negotiation.goes_on is not None:
            plans["standing"] = ("The standing policy, without any agreement", self.ground.default.windows)
        return plans

    def named_plan(self, key: str) -> tuple[str, Plan]:
        """Return a plan by its name, a proposal's (``proposal-3``), or the agreed one (``agreed``).

        Raises
        ------
        TableError
            E554 when there is none.
        """
        if key.startswith("proposal-") and key[9:].isdecimal() and key.isascii() and len(key) < 24:
            one = self.negotiation.proposal(int(key[9:]))
            return f"Proposal {one.number}: {one.label}", as_plan(one.windows)
        if key == "agreed" and self.negotiation.last is not None:
            record_hash, body = self.negotiation.last
            is_open = record_hash in self.negotiation.reopened
            label = "The agreement that was re-opened" if is_open else "The agreement in force"
            return label, agreed_plan(self.ground, body)
        known = self.known_plans()
        if key not in known:
            raise TableError(Fault("E554", "plan", f"There is no plan {key!r}.", "The table lists them."))
        label, windows = known[key]
        return label, as_plan(windows)

    def move_words(self, number: int, plan: Plan) -> str:
        """Say where a plan puts a change."""
        window, change = int(plan.window[number]), self.ground.changes[number]
        what = f"{change.remedy} on {change.group}"
        if window < 0:
            return f"{what}: not done"
        start = self.ground.windows[window].start.astimezone(ZoneInfo(self.ground.timezone))
        return f"{what}: {start:%a} {start.day} {start:%b %H:%M}"


def _print(plan: Plan) -> bytes:
    """Return what tells a plan from all others of its ground."""
    return blake2b(plan.window.tobytes(), digest_size=16).digest()


@lru_cache(maxsize=4)
def _ground(table: Path, content_digest: str) -> Ground:
    return Session(table, DeskLedger(), clock.now()).ground_of(content_digest)


def session(now: datetime) -> DeskSession:
    """Return the desk's table at a time."""
    return DeskSession(now)
