"""Look-ups by id in a plan document, shared by every output that is made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from poise.patching.document import (
    ChangeEntry,
    GroupEntry,
    NamedPlan,
    PlanDocument,
    Schedule,
    ServiceEntry,
    TeamEntry,
    Visit,
    WindowEntry,
)


@dataclass(frozen=True)
class Placed:
    """One visit of a calendar with everything that it names."""

    visit: Visit
    window: WindowEntry
    group: GroupEntry
    changes: tuple[ChangeEntry, ...]


@dataclass(frozen=True)
class Lookup:
    """A plan document with its entries by id."""

    document: PlanDocument

    @cached_property
    def services(self) -> dict[str, ServiceEntry]:
        """Return the services by id."""
        return {service.id: service for service in self.document.services}

    @cached_property
    def teams(self) -> dict[str, TeamEntry]:
        """Return the teams by id."""
        return {team.id: team for team in self.document.teams}

    @cached_property
    def groups(self) -> dict[str, GroupEntry]:
        """Return the patch groups by id."""
        return {group.id: group for group in self.document.groups}

    @cached_property
    def windows(self) -> dict[int, WindowEntry]:
        """Return the windows by id."""
        return {window.id: window for window in self.document.windows}

    @cached_property
    def changes(self) -> dict[str, ChangeEntry]:
        """Return the changes by id."""
        return {change.id: change for change in self.document.changes}

    @cached_property
    def shown(self) -> NamedPlan:
        """Return the plan whose calendar is shown and exported."""
        return self.document.plan(self.document.shown)

    @cached_property
    def default(self) -> NamedPlan | None:
        """Return what happens if nobody signs; None where the document does not say."""
        return next((plan for plan in self.document.plans if plan.kind == "default"), None)

    @cached_property
    def schedule(self) -> Schedule:
        """Return the calendar of the shown plan."""
        return self.document.schedule(self.document.shown)

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """Return the visits of the shown plan, by start of the window and then by group."""
        return tuple(self._placed(self.schedule))

    @cached_property
    def placed_of_change(self) -> dict[str, Placed]:
        """Return the visit of the shown plan that does a change, by change id."""
        return {change.id: placed for placed in self.placed for change in placed.changes}

    @cached_property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the document; UTC where this machine does not know it."""
        try:
            return ZoneInfo(self.document.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")

    def local(self, moment: datetime) -> datetime:
        """Return a moment on the company's clock."""
        return moment.astimezone(self.zone)

    def service_name(self, service_id: str) -> str:
        """Return the name of a service, or its id where it has none."""
        service = self.services.get(service_id)
        return service.name if service and service.name else service_id

    def team_name(self, team_id: str) -> str:
        """Return the name of a team, or its id where it has none."""
        team = self.teams.get(team_id)
        return team.name if team and team.name else team_id

    def _placed(self, schedule: Schedule) -> Iterator[Placed]:
        visits = sorted(
            schedule.visits, key=lambda visit: (self.windows[visit.window].start, visit.window, visit.group)
        )
        for visit in visits:
            yield Placed(
                visit=visit,
                window=self.windows[visit.window],
                group=self.groups[visit.group],
                changes=tuple(self.changes[change] for change in visit.changes),
            )


def vulnerabilities_of(placed: Placed) -> tuple[str, ...]:
    """Return the distinct vulnerability ids that a visit removes, sorted."""
    return tuple(sorted({name for change in placed.changes for name in change.vulnerabilities}))


def failure_probability_of(placed: Placed) -> float:
    """Return the chance that at least one change of a visit fails [1], the changes taken as independent."""
    all_fine = 1.0
    for change in placed.changes:
        all_fine *= 1.0 - change.failure_probability
    return 1.0 - all_fine
