"""A made-up plan document with the shape of a real one; the same arguments give the same document.

Nothing here is computed by the solver: figures follow smooth curves, so that tests of pages and
files do not wait for a plan. Long names, missing values and zeros are in it on purpose.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from poise.patching.document import (
    SCHEMA,
    Assumption,
    ChangeEntry,
    EmergencyOption,
    FoldStep,
    FreezeEntry,
    GroupEntry,
    InputFile,
    LateChange,
    NoFix,
    PlanDocument,
    Schedule,
    ServiceEntry,
    Simulated,
    SimulatedPlan,
    TeamEntry,
    UnmappedAsset,
    Visit,
    WindowEntry,
)
from report.build_plans import frontier, hull, plans

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=PARIS)
HORIZON_DAYS = 182

_SERVICES = (
    ("payments", "Card payments", "Elodie Marchand", 1, 400e3, 9e6),
    ("web-shop", "Web shop", "Tomás Ferreira", 1, 300e3, 6e6),
    ("erp", "ERP (finance, purchasing, inventory and intercompany settlement)", "H. Okonkwo", 1, 250e3, 5e6),
    ("identity", "Identity and single sign-on", "J. Lindqvist", 1, 500e3, 8e6),
    ("mail", "Mail", "J. Lindqvist", 2, 40e3, 600e3),
    ("warehouse", "Warehouse control", "P. Novák", 2, 90e3, 1.2e6),
    ("hr", "People & pay", "A. Rossi", 2, 60e3, 900e3),
    ("bi", "Reporting", "A. Rossi", 3, 10e3, 120e3),
    ("intranet", "Intranet", "", 3, 5e3, 60e3),
    ("build", "Build and delivery", "S. Haddad", 2, 70e3, 1.5e6),
    ("backup", "Backup", "S. Haddad", 2, 80e3, 2e6),
    ("lab", "Lab", "", 4, 0.0, 0.0),
)
_TEAMS = (
    ("unix", "Unix platform", 480.0, 0.031, "37 of 1,204 changes, own history"),
    ("windows", "Windows platform", 420.0, 0.044, "52 of 1,180 changes, own history"),
    ("dba", "Databases", 240.0, 0.062, "assumed: no history given"),
    ("network", "Network & perimeter", 180.0, 0.05, "assumed: no history given"),
)
_REMEDIES = (
    "openssl to 3.0.13-1~deb12u1",
    "KB5034441",
    "linux-image to 6.1.76-1",
    "Apache HTTP Server to 2.4.59",
    "Oracle Critical Patch Update January 2026, database 19c bundle 19.22.0.0.240116",
    "log4j-core to 2.24.3",
    "PostgreSQL to 15.6",
    "FortiOS to 7.4.5",
)


def build_document(*, num_changes: int = 300, num_groups: int = 40, seed: int = 7) -> PlanDocument:
    """Return the document of a made-up company with 12 services, 4 teams and 26 weekly windows."""
    random = Random(seed)
    windows = _windows()
    groups = _groups(num_groups, random)
    changes = _changes(num_changes, groups, random)
    shown = _schedule("nash", 3, groups, windows, changes, Random(seed + 1))
    default = _schedule("default", 2, groups, windows, changes, Random(seed + 2))
    dots = frontier()
    return PlanDocument(
        schema=SCHEMA,
        poise_version="0.1.0",
        company="Halden & Søn Logistics",
        currency="EUR",
        timezone="Europe/Paris",
        now=NOW,
        horizon_end=NOW + timedelta(days=HORIZON_DAYS),
        horizon_days=float(HORIZON_DAYS),
        seed=seed,
        work=48_211,
        stopped_by="work",
        inputs=_inputs(),
        folding=_folding(num_changes),
        num_assets=612,
        services=tuple(
            ServiceEntry(
                id=id,
                name=name,
                owner=owner,
                tier=tier,
                loss_low=low,
                loss_high=high,
                assumed=("downtime cost of tier 3",) if tier == 3 else (),
            )
            for id, name, owner, tier, low, high in _SERVICES
        ),
        teams=tuple(
            TeamEntry(
                id=id, name=name, capacity_minutes=minutes, failure_probability=p, failure_source=source
            )
            for id, name, minutes, p, source in _TEAMS
        ),
        groups=groups,
        windows=windows,
        changes=changes,
        frontier=dots,
        hull=hull(dots),
        plans=plans(shown, default),
        shown="nash",
        schedules=(shown, default),
        emergency=_emergency(groups, changes),
        no_fix=_no_fix(groups),
        unmapped=_unmapped(),
        assumptions=_assumptions(),
        notices=(
            "EPSS scores are 9 days old (2025-12-27); the newest change 13 % of the scores in a week.",
            "Group lab-39 has no window before its first deadline; its changes can only be late.",
        ),
        freezes=(
            FreezeEntry(
                id="quarter-close",
                start=_at(2026, 3, 23, 0),
                end=_at(2026, 4, 6, 0),
                scope=("erp", "bi"),
                reason="Quarter close",
                kind="policy",
            ),
            FreezeEntry(
                id="inventory",
                start=_at(2026, 5, 11, 0),
                end=_at(2026, 5, 18, 0),
                reason="Stock-taking, everything stands still",
                kind="preference",
            ),
        ),
        simulated=_simulated(),
    )


def _simulated() -> Simulated:
    """Return ranges and dots of the shown plan and the default."""
    random = Random(11)

    def plan(key: str, loss: float, hours: float) -> SimulatedPlan:
        return SimulatedPlan(
            key=key,
            expected_loss=loss,
            expected_loss_low=0.3 * loss,
            expected_loss_high=2.6 * loss,
            incident_probability=loss / 9e6,
            unplanned_hours=hours,
            unplanned_hours_low=0.4 * hours,
            unplanned_hours_high=2.0 * hours,
            loss_dots=(*[0.0] * 97, 0.4e6, 2.2e6, 8.1e6),
            unplanned_hours_dots=tuple(sorted(round(random.expovariate(1 / hours), 3) for _ in range(100))),
            better_than_default=0.0 if key == "default" else 0.93,
            near_best=0.0 if key == "default" else 0.61,
        )

    return Simulated(
        seed=7,
        knowledge_draws=200,
        draws=100_000,
        plans=(plan("nash", 90_000.0, 2.0), plan("default", 210_000.0, 5.0)),
        linear_error=0.0018,
        rank_changes=(("nash", "default"),),
    )


def _at(year: int, month: int, day: int, hour: int) -> datetime:
    return datetime(year, month, day, hour, tzinfo=PARIS)


def _windows() -> tuple[WindowEntry, ...]:
    """Return 26 windows: Saturday nights, and every fourth a Tuesday evening of the databases."""
    windows = []
    for week in range(26):
        if week % 4 == 3:
            start, calendar, hours = _at(2026, 1, 6, 20) + timedelta(weeks=week), "dba-tuesday", 3
        else:
            start, calendar, hours = _at(2026, 1, 10, 22) + timedelta(weeks=week), "saturday-night", 6
        windows.append(
            WindowEntry(
                id=week,
                calendar=calendar,
                start=start,
                end=start + timedelta(hours=hours),
                summary="Saturday night" if hours == 6 else "",
                is_emergency=week == 25,
            )
        )
    return tuple(windows)


def _groups(num_groups: int, random: Random) -> tuple[GroupEntry, ...]:
    groups = []
    for index in range(num_groups):
        service = _SERVICES[index % len(_SERVICES)][0]
        half = index % 12 < 2 and index + 12 < num_groups
        services: tuple[str, ...] = (service,) if index % 7 else (service, "mail")
        groups.append(
            GroupEntry(
                id=f"{service}-{index}",
                services=services if index != 38 else (),
                team=_TEAMS[index % 4][0],
                calendar="dba-tuesday" if index % 4 == 2 else "saturday-night",
                zone=("internet", "partner", "internal", "isolated")[index % 4],
                hosts=tuple(f"{service}{index:02d}{n}.example.test" for n in range(1 + random.randrange(9))),
                reboot_minutes=float(random.choice((0, 10, 20, 45))),
                ring="shop-ring" if index % 5 == 0 else "",
                ring_stage=index % 3 if index % 5 == 0 else 0,
                redundant_with=(f"{service}-{index + 12}",) if half else (),
            )
        )
    return tuple(groups)


def _changes(num_changes: int, groups: tuple[GroupEntry, ...], random: Random) -> tuple[ChangeEntry, ...]:
    changes = []
    for index in range(num_changes):
        group = groups[random.randrange(len(groups))]
        exposure = 0.0 if index % 50 == 49 else round(random.lognormvariate(1.5, 1.4), 4)
        is_kev = index % 23 == 0
        changes.append(
            ChangeEntry(
                id="CH-" + hashlib.sha256(f"{index}".encode()).hexdigest()[:10],
                group=group.id,
                remedy=_REMEDIES[index % len(_REMEDIES)],
                vulnerabilities=tuple(
                    f"CVE-2025-{10_000 + index * 37 + n}" for n in range(1 + random.randrange(5))
                )
                if index % 41
                else tuple(f"CVE-2024-{20_000 + n}" for n in range(64)),
                num_assets=1 + random.randrange(len(group.hosts)),
                num_findings=1 + random.randrange(40),
                hazard_per_day=exposure / 2e6,
                exposure_per_day=exposure,
                exposure_low_per_day=exposure * 0.3,
                exposure_high_per_day=exposure * 2.4,
                labour_minutes=10.0,
                needs_reboot=index % 3 != 1,
                failure_probability=0.03,
                deadline=date(2026, 1, 20) + timedelta(days=index % 90) if is_kev or index % 7 == 0 else None,
                deadline_source="BOD 26-04, known exploited"
                if is_kev
                else "Patch policy 4.2"
                if index % 7 == 0
                else "",
                severity=("critical", "high", "medium", "unknown")[index % 4],
                cvss_max=None if index % 11 == 0 else round(4 + random.random() * 6, 1),
                epss_max=None if index % 13 == 0 else round(random.random() ** 4, 5),
                is_kev=is_kev,
                is_ransomware=index % 46 == 0,
                bod_label="act within 3 days" if is_kev else "",
                assumed=("epss of CVE-2025-10481",) if index % 13 == 0 else (),
            )
        )
    return tuple(changes)


def _schedule(
    plan: str,
    times: int,
    groups: tuple[GroupEntry, ...],
    windows: tuple[WindowEntry, ...],
    changes: tuple[ChangeEntry, ...],
    random: Random,
) -> Schedule:
    """Return a calendar in which each group is opened at most ``times`` times."""
    of_group: dict[str, list[ChangeEntry]] = {}
    for change in changes:
        of_group.setdefault(change.group, []).append(change)
    visits, late, not_done = [], [], []
    for group in groups:
        mine = of_group.get(group.id, [])
        usable = [window for window in windows if window.calendar == group.calendar]
        chosen = sorted(random.sample(usable, min(times, len(usable))), key=lambda window: window.start)
        for turn, window in enumerate(chosen):
            part = [change for index, change in enumerate(mine) if index % (times + 1) == turn]
            if not part:
                continue
            reboot = any(change.needs_reboot for change in part)
            visits.append(
                Visit(
                    window=window.id,
                    group=group.id,
                    changes=tuple(change.id for change in part),
                    downtime_minutes=group.reboot_minutes if reboot else 0.0,
                    labour_minutes=20.0 + 10.0 * len(part),
                    cost=350.0 + 40.0 * len(part),
                )
            )
            late += [
                _late(change, window.end)
                for change in part
                if change.deadline and change.deadline < window.end.date() and change.is_kev
            ]
        rest = [change for index, change in enumerate(mine) if index % (times + 1) == times]
        not_done += [change.id for change in rest]
        late += [_late(change, None) for change in rest if change.deadline and change.is_kev]
    visits.sort(key=lambda visit: (visit.window, visit.group))
    return Schedule(plan=plan, visits=tuple(visits), late=tuple(late), not_done=tuple(not_done))


def _late(change: ChangeEntry, done: datetime | None) -> LateChange:
    assert change.deadline is not None
    return LateChange(
        change=change.id,
        deadline=change.deadline,
        deadline_source=change.deadline_source,
        done=done,
        earliest=None if change.id.endswith("0") else _at(2026, 1, 25, 4),
        why="No window of saturday-night with free capacity of the team lies before the deadline.",
    )


def _inputs() -> tuple[InputFile, ...]:
    def digest(name: str) -> str:
        return hashlib.sha256(name.encode()).hexdigest()

    return (
        InputFile(
            kind="report", name="nessus-dmz.nessus", sha256=digest("a"), detail="nessus-xml, 5,120 findings"
        ),
        InputFile(
            kind="report",
            name="trivy/images.json.gz",
            sha256=digest("b"),
            detail="trivy-json, 1,204 findings",
        ),
        InputFile(
            kind="estate", name="estate.yaml", sha256=digest("c"), detail="12 services, 40 groups, 4 teams"
        ),
        InputFile(
            kind="calendar", name="saturday-night.ics", sha256=digest("d"), detail="20 windows in the horizon"
        ),
        InputFile(
            kind="feed", name="EPSS", sha256=digest("e"), detail="model v2025.03.14", as_of=date(2025, 12, 27)
        ),
        InputFile(
            kind="feed", name="CISA KEV", sha256=digest("f"), detail="1,484 entries", as_of=date(2026, 1, 4)
        ),
    )


def _folding(num_changes: int) -> tuple[FoldStep, ...]:
    return (
        FoldStep(name="Records in the reports", before=6_324, after=6_324, note="as the scanners wrote them"),
        FoldStep(
            name="Informational records",
            before=6_324,
            after=4_911,
            note="no vulnerability: open ports, inventory",
        ),
        FoldStep(
            name="Same asset, several scanners",
            before=4_911,
            after=4_102,
            note="809 merged by host name, IP or agent id",
        ),
        FoldStep(name="No fix published", before=4_102, after=3_960, note="listed below, never dropped"),
        FoldStep(name="No patch group", before=3_960, after=3_871, note="listed below, never dropped"),
        FoldStep(
            name="Fewest remedies",
            before=3_871,
            after=num_changes,
            note="highest fixed version per component and group",
        ),
    )


def _emergency(
    groups: tuple[GroupEntry, ...], changes: tuple[ChangeEntry, ...]
) -> tuple[EmergencyOption, ...]:
    options = []
    for change in [change for change in changes if change.is_kev][:3]:
        start = _at(2026, 1, 5, 21)
        options.append(
            EmergencyOption(
                group=change.group,
                changes=(change.id,),
                start=start,
                end=start + timedelta(hours=2),
                exposure_saved=change.exposure_per_day * 12,
                extra_cost=1_850.0,
                sentence="Known to be exploited; the next regular window is 5 days away.",
            )
        )
    return tuple(options)


def _no_fix(groups: tuple[GroupEntry, ...]) -> tuple[NoFix, ...]:
    return tuple(
        NoFix(
            group=groups[index % len(groups)].id,
            component=("python2.7", "Windows Server 2012 R2", "")[index % 3],
            vulnerabilities=tuple(f"CVE-2023-{30_000 + index * 9 + n}" for n in range(1 + index % 12)),
            num_assets=1 + index % 4,
            num_findings=3 + index,
            exposure_per_day=0.7 * index,
            is_kev=index == 5,
            reason="end of life, the vendor publishes no fix" if index % 2 else "no fix published yet",
        )
        for index in range(14)
    )


def _unmapped() -> tuple[UnmappedAsset, ...]:
    return tuple(
        UnmappedAsset(
            asset=f"10.20.{index}.17" if index % 2 else f"DESKTOP-{index:04d}.corp.example.test",
            why="no patch group claims the host, its address or its tags",
            num_findings=index * 3,
            exposure_per_day=1.9 * index,
            num_kev=index % 3 // 2,
        )
        for index in range(9)
    )


def _assumptions() -> tuple[Assumption, ...]:
    return (
        Assumption(
            what="downtime cost of tier 3 services",
            value="EUR 400 per hour",
            source="tier value in estate.yaml",
            num_uses=2,
        ),
        Assumption(
            what="EPSS of vulnerabilities that FIRST has not scored",
            value="0.0126 in 30 days",
            source="mean of all scored, stated prior",
            num_uses=24,
        ),
        Assumption(
            what="failure probability of teams without history",
            value="5 %",
            source="docs/model.md, section Failure",
            num_uses=2,
        ),
        Assumption(
            what="standing policy if nobody signs",
            value="monthly only",
            source="estate.yaml has no standing_policy",
            num_uses=1,
        ),
    )
