"""The sample company's threat tables, read by the readers of the real feeds."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path

import pytest

from poise.threats.epss import read_epss
from poise.threats.kev import read_kev
from poise.threats.scores import score_of
from poise.threats.ssvc import read_ssvc
from poise.threats.store import ThreatStore
from poise.threats.update import update_from_file

FOLDER = Path(str(resources.files("poise.sample"))) / "threats"
NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def facts() -> list[dict[str, str]]:
    with (FOLDER / "cves.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_real_readers_read_them_without_a_fault():
    """The demo must not have a way of its own past the readers."""
    kev = read_kev(FOLDER / "known_exploited_vulnerabilities.json")
    epss = read_epss(FOLDER / "epss_scores-2025-12-28.csv")
    ssvc = read_ssvc(FOLDER / "vulnrichment.json")
    assert (kev.faults, epss.faults, ssvc.faults) == ((), (), ())
    assert (kev.date, epss.date) == (date(2025, 12, 29), date(2025, 12, 28))
    assert (kev.version, epss.version) == ("2025.12.29", "v2025.03.14")


def test_every_vulnerability_has_its_facts(facts, tmp_path):
    """What the sample's scanners report must be known to its feeds, but for the newest."""
    store = ThreatStore(tmp_path)
    update_from_file(store, "kev", FOLDER / "known_exploited_vulnerabilities.json", NOW)
    update_from_file(store, "epss", FOLDER / "epss_scores-2025-12-28.csv", NOW)
    update_from_file(store, "ssvc", FOLDER / "vulnrichment.json", NOW)
    assert {feed.state for feed in store.status(NOW.date())} == {"fresh"}
    cves = {row["cve"] for row in facts}
    found = store.evidence(cves, NOW.date())
    assert {cve for cve in cves if found[cve].epss is None} == {
        "CVE-2025-14177",
        "CVE-2025-14178",
        "CVE-2025-14180",
    }, "published on 27 December and not scored yet"
    listed = sum(found[cve].kev is not None for cve in cves)
    assert 400 <= len(cves) <= 450
    assert 0.10 <= listed / len(cves) <= 0.16
    low = sum((found[cve].epss or 0) < 0.01 for cve in cves)
    assert low / len(cves) > 0.5
    assert all(found[cve].published and found[cve].published <= NOW.date() for cve in cves)


def test_the_facts_are_of_the_form_that_readers_expect(facts):
    """Other rooms match these cells; a stray blank or a broken vector would never match."""
    for row in facts:
        assert re.fullmatch(r"CVE-\d{4}-\d{4,7}", row["cve"])
        assert all(value == value.strip() and "\n" not in value for value in row.values())
        assert all(
            row[name] for name in ("title", "vendor", "product", "component", "ecosystem", "published")
        )
        assert row["fixed_version"] or row["kb"], row["cve"]
        assert not row["kb"] or re.fullmatch(r"KB\d{7}", row["kb"])
        assert not row["cvss_vector"] or score_of(row["cvss_vector"]).score is not None, row["cvss_vector"]
    assert len({(row["cve"], row["product"], row["component"]) for row in facts}) == len(facts)


def test_one_update_mends_many(facts):
    """What folds findings into changes: one release that carries the fixes of many."""
    mends: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in facts:
        mends[row["product"], row["fixed_version"], row["kb"]].add(row["cve"])
    assert max(map(len, mends.values())) >= 12
    assert sum(len(cves) > 1 for cves in mends.values()) >= 50


def test_later_cumulative_updates_have_later_builds(facts):
    """Supersedence is read off the build number; a slip of a digit would turn it round."""
    builds: dict[str, list[tuple[str, tuple[int, ...]]]] = defaultdict(list)
    for row in facts:
        if row["component"] == "Windows cumulative update":
            builds[row["product"]].append(
                (row["published"], tuple(map(int, row["fixed_version"].split("."))))
            )
    assert len(builds) == 4
    for steps in builds.values():
        assert [build for _, build in sorted(set(steps))] == sorted({build for _, build in steps})


def test_the_tables_are_what_the_command_makes(intel, tmp_path, monkeypatch):
    """The tables in the package can be cut out of the feeds again, byte for byte."""
    import argparse
    import shutil

    from poise.sample import extract_threats

    shutil.copy(FOLDER / "selection.yaml", tmp_path)
    shutil.copy(FOLDER / "records.yaml", tmp_path)
    monkeypatch.setattr(extract_threats, "HERE", tmp_path)
    feeds = extract_threats.read_feeds(
        argparse.Namespace(
            epss=intel / "epss_scores-2025-12-28.csv.gz",
            kev=intel / "kev_catalog_asof_2025-12-31.json.gz",
            vulnrichment=intel / "vulnrichment_cve_asof_2024-10-24.parquet",
            records=intel / "cve_cpe_published_to_2025-12-31.parquet",
        )
    )
    extract_threats.write_tables(feeds, date(2025, 12, 28))
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name
