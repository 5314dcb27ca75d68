"""Mapping: the most specific pattern decides, and no tie is settled in silence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.estate.assets import reconcile
from poise.estate.mapping import AssetMapping, contains, map_assets
from poise.estate.model import Estate, Match, PatchGroup
from poise.scans.finding import AssetIdentity as Id


def estate(**matches: Match) -> Estate:
    """Return an estate of nothing but groups with these patterns."""
    groups = {
        id: PatchGroup(id, ("s",), "t", "c", match, "internal", 10.0, 10.0, 10.0)
        for id, match in matches.items()
    }
    return Estate("n", "EUR", "UTC", {}, groups, {}, {})


def mapped(record: Id, **matches: Match) -> AssetMapping:
    """Map one asset."""
    return map_assets(estate(**matches), reconcile([record]))


def group_of(record: Id, **matches: Match) -> str | None:
    """Return the group of one asset, None when it has none."""
    return next(iter(mapped(record, **matches).group_of_asset.values()), None)


HOST = Id(hostnames=("web-a1.example.com",), ips=("10.1.2.3",), tags=("env:prod",))


def test_specific_patterns_come_first() -> None:
    """Taking away the winner lets the next kind decide: exact, glob, tag, longest network."""
    matches = {
        "exact": Match(hosts=("web-a1.example.com",)),
        "glob": Match(hosts=("web-*",)),
        "tag": Match(tags=("ENV:prod",)),
        "near": Match(cidrs=("10.1.2.0/24",)),
        "far": Match(cidrs=("10.0.0.0/8",)),
    }
    for winner in list(matches):
        assert group_of(HOST, **matches) == winner
        del matches[winner]
    assert group_of(HOST) is None


@pytest.mark.parametrize(
    "pattern", ["WEB-A1", "web-a1.example.com", "10.1.2.3", "web-a?", "*.example.com", "10.1.2.*"]
)
def test_host_patterns_know_every_name(pattern: str) -> None:
    """People write short names, full names and addresses, in any case."""
    assert group_of(HOST, g=Match(hosts=(pattern,))) == "g"


def test_narrower_glob_wins() -> None:
    """web-a* says more than web-*, so it is no conflict."""
    assert group_of(HOST, wide=Match(hosts=("web-*",)), narrow=Match(hosts=("web-a*",))) == "narrow"


def test_tie_is_a_conflict_and_the_asset_stays_unmapped() -> None:
    """Two groups that claim an asset equally are reported with their patterns."""
    found = mapped(HOST, one=Match(hosts=("web-*",)), two=Match(hosts=("*.example.com",)))
    assert found.group_of_asset == {}
    assert found.unmapped == ("web-a1.example.com",)
    assert found.conflicts == {"web-a1.example.com": ("one", "two")}
    assert "hosts web-*" in found.why["web-a1.example.com"]


def test_globs_that_mean_the_same_are_a_conflict() -> None:
    """Neither of two spellings of one glob overrules the other."""
    found = mapped(HOST, one=Match(hosts=("web*",)), two=Match(hosts=("web**",)))
    assert found.conflicts == {"web-a1.example.com": ("one", "two")}


def test_unmapped_asset_is_listed() -> None:
    """What no pattern fits is listed with the reason, never dropped."""
    found = mapped(HOST, g=Match(hosts=("db*",)))
    assert found.unmapped == ("web-a1.example.com",)
    assert found.why["web-a1.example.com"].startswith("no host")


@pytest.mark.parametrize(
    "pattern", ["nginx", "nginx:1.25", "nginx:*", "docker.io/library/nginx:1.25", "sha256:ab"]
)
def test_image_patterns(pattern: str) -> None:
    """An image goes by its repository, its tag, its full name and its digest."""
    image = Id(image="docker.io/library/nginx:1.25", image_digest="sha256:ab")
    assert group_of(image, g=Match(images=(pattern,))) == "g"


def test_paths_and_package_urls() -> None:
    """Source trees and SBOMs have no host."""
    assert group_of(Id(path="/src/shop/package-lock.json"), g=Match(paths=("/src/shop/*",))) == "g"
    assert group_of(Id(purl="pkg:npm/shop@1"), g=Match(paths=("pkg:npm/shop@*",))) == "g"


def test_every_record_of_an_asset_counts() -> None:
    """A pattern may know the name that only one of the scanners reported."""
    records = Id(agent_id="w:1", hostnames=("db1",)), Id(agent_id="w:1", ips=("10.9.9.9",))
    found = map_assets(estate(g=Match(cidrs=("10.9.9.0/24",))), reconcile(records))
    assert found.assets_of("g") == ("db1",)


@pytest.mark.timeout(10)
def test_hostile_globs_are_quick() -> None:
    """A glob of many stars is compared and matched in one pass, not in every way there is."""
    assert not contains("*a" * 100 + "b", "a" * 1000)
    assert group_of(Id(hostnames=("a" * 1000,)), g=Match(hosts=("*a" * 100 + "b",))) is None


SIGNS = st.text(alphabet="ab*?", min_size=1, max_size=5)


@settings(max_examples=400, deadline=None)
@given(SIGNS, SIGNS, st.text(alphabet="ab", max_size=6))
def test_contained_glob_fits_nothing_that_the_wider_does_not(wide: str, narrow: str, name: str) -> None:
    """A glob may only overrule another whose every name it leaves to it."""
    from fnmatch import fnmatchcase

    if contains(wide, narrow) and fnmatchcase(name, narrow):
        assert fnmatchcase(name, wide)


def test_hosts_that_no_report_shows_are_told() -> None:
    """One scanned host of three does not stand for all; a group without a number says nothing."""
    known = estate(
        web=Match(hosts=("web-a1.example.com",)), db=Match(hosts=("db",)), app=Match(hosts=("app",))
    )
    numbers = {"web": 3, "db": 1, "app": None}
    groups = {id: replace(group, num_hosts_declared=numbers[id]) for id, group in known.groups.items()}
    declared = replace(known, groups=groups)
    mapping = map_assets(declared, reconcile([HOST]))
    assert mapping.fewer_hosts(declared) == {"web": (1, 3), "db": (0, 1)}
    assert map_assets(declared, reconcile([HOST, Id(hostnames=("db",))])).fewer_hosts(declared) == {
        "web": (1, 3)
    }
