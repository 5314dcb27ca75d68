"""The first draft: loads without a fault, maps every asset, marks every guess."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.errors import EstateError
from poise.estate import load_estate, windows
from poise.estate.assets import Reconciliation, reconcile
from poise.estate.draft import draft_estate
from poise.estate.mapping import map_assets
from poise.estate.model import Calendar, Estate
from poise.scans.finding import AssetIdentity as Id


def drafted(folder: Path, found: Reconciliation) -> Estate:
    """Draft, write and load an estate."""
    draft = draft_estate(
        found,
        file="estate.yaml",
        company='A "B" Ltd: #1',
        currency="EUR",
        timezone="Europe/Berlin",
        today=date(2026, 1, 30),
    )
    (folder / "estate.yaml").write_text(draft.text, encoding="utf-8")
    (folder / draft.calendar_name).write_text(draft.calendar_text, encoding="utf-8")
    return load_estate(folder / "estate.yaml")


RECORDS = [
    *(Id(hostnames=(f"web-prod-{n:02}.example.com",), ips=(f"10.0.0.{n}",)) for n in range(1, 5)),
    *(Id(hostnames=(f"web-{n}.example.com",)) for n in range(1, 3)),
    Id(hostnames=("dc1",), operating_system="Microsoft Windows Server 2022"),
    Id(hostnames=("vault",), operating_system="Ubuntu 24.04"),
    Id(ips=("10.7.7.1",)),
    Id(ips=("10.7.7.2",)),
    Id(ips=("8.8.8.8",)),
    Id(image="registry.example.com:5000/shop/api:1.2"),
    Id(image="registry.example.com:5000/shop/api:1.3"),
    Id(path="/src/[old]/package-lock.json"),
    Id(purl="pkg:npm/shop@1"),
    Id(cloud_id="arn:aws:lambda:eu-west-1:1:function:f"),
    Id(hostnames=("localhost",), operating_system="Debian"),
    Id(hostnames=("localhost",), operating_system="Windows 10"),
    Id(),
]


def test_draft_maps_every_asset(tmp_path: Path) -> None:
    """Hosts, images, subnets, source trees and records without a name all have a group."""
    found = reconcile(RECORDS)
    mapping = map_assets(drafted(tmp_path, found), found)
    assert mapping.unmapped == ()
    assert (
        mapping.group_of_asset["web-prod-01.example.com"] == mapping.group_of_asset["web-prod-04.example.com"]
    )
    assert mapping.group_of_asset["web-1.example.com"] != mapping.group_of_asset["web-prod-01.example.com"]
    assert mapping.group_of_asset["10.7.7.1"] == mapping.group_of_asset["10.7.7.2"] == "subnet-10.7.7.0-24"
    assert mapping.group_of_asset["dc1"] == "windows-hosts"


def test_every_guess_is_marked(tmp_path: Path) -> None:
    """Nobody confirmed owner, tier, zone, policy or capacity, so all of them say so."""
    estate = drafted(tmp_path, reconcile(RECORDS))
    assert estate.standing_policy.assumed
    assert estate.standing_policy.rule == "monthly-only"
    assert {"owner", "tier", "loss_low", "downtime_cost_per_hour"} <= estate.services["unsorted"].assumed
    assert all("zone" in group.assumed and "team" in group.assumed for group in estate.groups.values())
    assert "capacity_minutes" in estate.teams["operations"].assumed
    assert {group.zone for group in estate.groups.values()} == {"internal", "internet"}


def test_monthly_window_follows_the_second_tuesday(tmp_path: Path) -> None:
    """One Saturday night a month, four days after the second Tuesday."""
    drafted(tmp_path, reconcile(RECORDS))
    calendar = Calendar("m", str(tmp_path / "estate-monthly.ics"), "Europe/Berlin")
    found = windows(calendar, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert len(found) == 12
    assert all(window.start.weekday() == 5 and 12 <= window.start.day <= 18 for window in found)


def test_reports_without_assets_make_no_draft() -> None:
    """An empty report is said to be one."""
    with pytest.raises(EstateError, match="E140"):
        draft_estate(
            reconcile([]), file="e", company="c", currency="EUR", timezone="UTC", today=date(2026, 1, 1)
        )


WORDS = st.text(alphabet="ab1-.[]*?:/#'\" é", max_size=6)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.builds(
            Id,
            hostnames=st.lists(WORDS, max_size=2).map(tuple),
            ips=st.lists(st.sampled_from(["10.0.0.1", "2001:db8::1", "127.0.0.1", "x"]), max_size=1).map(
                tuple
            ),
            image=WORDS,
            path=WORDS,
            operating_system=st.sampled_from(["", "Windows", "Debian"]),
            agent_id=st.sampled_from(["", "", "w:1", "w:2"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_draft_loads_and_maps_everything(tmp_path: Path, records: list[Id]) -> None:
    """Whatever scanners call their assets, the draft has no fault and leaves none out."""
    found = reconcile(records)
    assert map_assets(drafted(tmp_path, found), found).unmapped == ()
