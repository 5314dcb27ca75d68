"""What tables tell: by day, in any layout, and no input that breaks the reader."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.tables import FIRST, LAST, NEWEST, Tables, made_up
from poise.errors import EvidenceError, PoiseError, ThreatFeedError
from poise.evidence.judgements import ToldJudgements, judge, read_judgements, uniform
from poise.evidence.world import World, read_world
from poise.threats.kev_history import KevHistory

NO_KEV = KevHistory(LAST, {})


def read(*paths: Path, first: date = FIRST, last: date = LAST) -> World:
    """Read tables of EPSS beside an empty KEV."""
    told = ToldJudgements.none()
    return read_world(
        paths, NO_KEV, lambda cves, _, scores: judge(cves, scores, scores, told, 0.3), first=first, last=last
    )


def test_a_score_stands_until_the_next_and_not_for_ever(tmp_path: Path) -> None:
    """Between snapshots the last score counts; after 45 days it stands for nothing."""
    tables = Tables({FIRST: {"CVE-2025-0001": 0.1}, FIRST + timedelta(days=7): {"CVE-2025-0001": 0.2}})
    world = read(tables.write(tmp_path)[0])
    assert world.scores_on(FIRST + timedelta(days=6)) == pytest.approx([0.1])
    assert world.scores_on(FIRST + timedelta(days=52)) == pytest.approx([0.2])
    assert np.isnan(world.scores_on(FIRST + timedelta(days=53))).all()
    assert np.isnan(world.scores_on(FIRST - timedelta(days=1))).all()


def test_daily_files_and_tables_tell_the_same(tmp_path: Path) -> None:
    """The feed's own CSV, zipped or not, stands beside a table of many days, in any order."""
    tables = made_up(1)
    path, *_ = tables.write(tmp_path)
    days = [FIRST + timedelta(weeks=week) for week in range(3)]
    files = []
    for number, day in enumerate(days):
        rows = [f"{cve},{score:.5f},0.5" for cve, score in tables.scores[day].items() if score is not None]
        text = (
            f"#model_version:v2025.03.14,score_date:{day}T00:00:00+0000\ncve,epss,percentile\n"
            + "\n".join(rows)
        )
        file = tmp_path / f"day{number}.csv"
        file.write_bytes(gzip.compress(text.encode()) if number else text.encode())
        files.append(file)
    whole, single = read(path, last=days[-1]), read(*reversed(files), last=days[-1])
    for day in days:
        one, two = whole.scores_on(day), single.scores_on(day)
        for cve, row in single.row_of.items():
            assert one[whole.row_of[cve]] == pytest.approx(two[row], abs=1e-5, nan_ok=True)


def test_a_new_model_is_seen_in_the_scores(tmp_path: Path) -> None:
    """Where a table says no version, most scores moving at once does; a few moving do not."""
    tables = made_up(2)
    quiet = tables.world(tmp_path / "quiet")
    assert [name for _, name in quiet.versions] == ["v2025.03.14"]
    rng = np.random.default_rng(0)
    cut = FIRST + timedelta(weeks=8)
    factor = {
        cve: float(one)
        for cve, one in zip(tables.scores[LAST - timedelta(days=6)], rng.uniform(0.2, 0.7, 450), strict=True)
    }
    for day, own in tables.scores.items():
        if day >= cut:
            tables.scores[day] = {
                cve: one * factor[cve] if one is not None else None for cve, one in own.items()
            }
    broken = tables.world(tmp_path / "broken")
    assert [day for day, _ in broken.versions] == [min(tables.scores), cut]
    assert broken.version_on(cut - timedelta(days=1)) != broken.version_on(cut)


def test_what_moves_in_a_month_is_no_new_model(tmp_path: Path) -> None:
    """A whole catalogue once a month beside a weekly sample: the month's drift of the many ends no model."""
    tables = made_up(6, known=500, later=0)
    rng = np.random.default_rng(0)
    for number, day in enumerate(sorted(tables.scores)):
        own = tables.scores[day]
        for place, cve in enumerate(own):
            if place >= 150:  # told every fourth week alone, and never twice the same
                own[cve] = float(rng.uniform(0.001, 0.5)) if number % 4 == 0 else None
    assert [name for _, name in tables.world(tmp_path).versions] == ["v2025.03.14"]


def test_what_comes_later_stands_behind(tmp_path: Path) -> None:
    """Places of vulnerabilities follow the day they appeared, so that later ones shift nobody."""
    world = made_up(3).world(tmp_path)
    assert (np.diff(world.appears) >= 0).all()


def test_probabilities_and_whole_numbers_are_told_apart(tmp_path: Path) -> None:
    """A table saved by another tool may hold floats of whole numbers, or probabilities."""
    day = FIRST.isoformat()
    ids = ["CVE-2025-0001", "CVE-2025-0002"]
    for name, values in (("whole", [383.0, None]), ("chance", [0.00383, None]), ("text", None)):
        column = pa.array(["a", "b"]) if values is None else pa.array(values, pa.float64())
        parquet.write_table(pa.table({"cve": ids, day: column}), tmp_path / f"{name}.parquet")
    assert read(tmp_path / "whole.parquet").scores_on(FIRST)[0] == pytest.approx(0.00383)
    assert read(tmp_path / "chance.parquet").scores_on(FIRST)[0] == pytest.approx(0.00383)
    with pytest.raises(ThreatFeedError, match="E201"):
        read(tmp_path / "text.parquet")


def test_faulty_rows_are_left_out_and_told(tmp_path: Path) -> None:
    """A few bad rows are a notice; the good ones still count."""
    ids = [f"CVE-2025-{number:04d}" for number in range(500)] + ["nonsense", "CVE-2025-0001", "CVE-2025-9999"]
    scores = [100] * 501 + [5, 100_001]
    parquet.write_table(pa.table({"cve": ids, FIRST.isoformat(): scores}), tmp_path / "t.parquet")
    world = read(tmp_path / "t.parquet")
    assert len(world.cves) == 500
    assert world.notices == ("3 rows of the EPSS tables were faulty and left out.",)


def test_a_table_that_does_not_reach_back_is_refused(tmp_path: Path) -> None:
    """Without a score of the first day there is nothing to decide on."""
    path, *_ = made_up(4).write(tmp_path)
    with pytest.raises(EvidenceError, match="E584"):
        read(path, first=FIRST - timedelta(days=400), last=FIRST - timedelta(days=300))


def test_days_that_no_table_tells_are_cut_and_told(tmp_path: Path) -> None:
    """Whoever asks for more days than the tables hold gets those they hold, and hears which are missing."""
    world = made_up(4).world(tmp_path)
    begin, end, notices = world.span(FIRST - timedelta(days=60), LAST + timedelta(days=400))
    assert begin == FIRST - timedelta(weeks=1)
    assert end == min(NEWEST, world.snapshots[-1].day + timedelta(days=7))
    assert len(notices) == 2
    assert world.span(FIRST, LAST) == (FIRST, LAST, ())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=16))
def test_damage_is_told(tmp_path: Path, place: int, noise: bytes) -> None:
    """Bytes changed anywhere in a table give scores or a fault of our own, never a traceback."""
    path = tmp_path / "epss.parquet"
    if not (tmp_path / "good").exists():
        made_up(5, known=40, later=5).write(tmp_path)
        (tmp_path / "good").write_bytes(path.read_bytes())
    data = bytearray((tmp_path / "good").read_bytes())
    place %= len(data)
    data[place : place + len(noise)] = noise
    path.write_bytes(bytes(data))
    try:
        world = read(path)
    except PoiseError:
        return
    scores = world.scores_on(FIRST)
    assert ((scores >= 0) & (scores <= 1) | np.isnan(scores)).all()


def test_drawn_scores_hang_on_the_id_alone() -> None:
    """The same vulnerability has the same drawn CVSS, whoever else is in the tables."""
    ids = [f"CVE-2025-{number:04d}" for number in range(4000)]
    rng = np.random.default_rng(0)
    first = np.exp(rng.normal(-6, 1.5, 4000)).clip(0, 0.99)
    told = ToldJudgements.none()
    whole = judge(ids, first, first, told, 0.3)
    half = judge(ids[:2000], first[:2000], first, told, 0.3)
    assert np.array_equal(whole.cvss[:2000], half.cvss)
    for wanted in (0.0, 0.3, 0.9):
        cvss = judge(ids, first, first, told, wanted).cvss
        ranks = [np.argsort(np.argsort(values)) for values in (cvss + rng.uniform(0, 0.01, 4000), first)]
        assert np.corrcoef(ranks[0], ranks[1])[0, 1] == pytest.approx(wanted, abs=0.06)
    assert 0.15 < whole.automatable.mean() < 0.21
    spread = uniform(ids, "x")
    assert ((spread > 0) & (spread < 1)).all()
    assert spread.mean() == pytest.approx(0.5, abs=0.02)


def test_told_judgements_count_from_their_day(tmp_path: Path) -> None:
    """A CVSS vector that NVD wrote in May is not known in April."""
    path = tmp_path / "v.parquet"
    columns = {
        "cve": ["CVE-2025-0001", "cve-2025-0002", "CVE-2025-0003"],
        "published": ["2025-04-01T00:00:00Z", "2025-04-01", None],
        "cna_v31_score": [None, 5.0, 7.0],
        "adp_v31_score": [9.8, None, None],
        "adp_updated": ["2025-05-01T10:00:00Z", None, None],
        "ssvc_ts": ["2025-05-02T10:00:00Z", "never", None],
        "ssvc_automatable": ["Yes", "no", None],
        "ssvc_technical_impact": ["Total", "partial", None],
    }
    parquet.write_table(pa.table(columns), path)
    told = read_judgements(path)
    found = judge(
        ["CVE-2025-0001", "CVE-2025-0002", "CVE-2025-0003"], np.full(3, 0.01), np.full(3, 0.01), told, 0.0
    )
    april, may = found.up_to(date(2025, 4, 30)), found.up_to(date(2025, 5, 2))
    assert april.cvss[0] == found.drawn_cvss[0]
    assert april.cvss[1] == 5.0
    assert may.cvss.tolist()[:2] == [9.8, 5.0]
    assert may.automatable[0]
    assert may.total_impact[0]
    assert may.cvss[2] == found.drawn_cvss[2]
    blank = replace(april, day=10**9)
    assert np.isnan(blank.told_cvss[0])
    with pytest.raises(ThreatFeedError, match="E201"):
        read_judgements(_other(tmp_path))


def _other(folder: Path) -> Path:
    parquet.write_table(pa.table({"a": [1]}), folder / "other.parquet")
    return folder / "other.parquet"
