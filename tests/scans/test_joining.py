"""Rows of one finding become one, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from poise.errors import Fault
from poise.scans import AssetIdentity, Finding
from poise.scans.joining import join_rows


def _finding(identity: str, **fields: object) -> Finding:
    return Finding(where="line 1", identity=identity, asset=AssetIdentity(), rule="r", title="t", **fields)  # type: ignore[arg-type]


def test_rows_of_one_identity_keep_every_id_and_place() -> None:
    """Nessus writes a row per CVE; losing one would hide a vulnerability."""
    early, late = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    rows = [
        _finding("x", cves=("CVE-1",), port="443/tcp", first_seen=late, last_seen=late, status="fixed"),
        _finding("y", cves=("CVE-9",)),
        _finding(
            "x", cves=("CVE-2", "CVE-1"), port="8443/tcp", first_seen=early, cvss_score=7.5, remedy="Do."
        ),
    ]
    joined, other = join_rows(rows)
    assert isinstance(joined, Finding)
    assert joined.cves == ("CVE-1", "CVE-2")
    assert (joined.port, joined.locations) == ("443/tcp", ("443/tcp", "8443/tcp"))
    assert (joined.first_seen, joined.last_seen) == (early, late)
    assert (joined.status, joined.cvss_score, joined.remedy) == ("open", 7.5, "Do.")
    assert isinstance(other, Finding)
    assert other.identity == "y"


def test_memory_is_bounded_and_nothing_is_lost() -> None:
    """A million different findings must not wait for the end of the file."""
    given = 0

    def source() -> Iterator[Finding]:
        nonlocal given
        for given in range(1, 1_001):
            yield _finding(str(given))

    stream = join_rows(source(), window_records=10)
    next(stream)
    assert given <= 10
    assert sum(1 for _ in stream) == 999


def test_one_identity_without_end_is_given_out_in_pieces() -> None:
    """The window counts records, not identities."""
    joined = list(join_rows((_finding("x", cves=(f"CVE-{i}",)) for i in range(25)), window_records=10))
    assert len(joined) == 3
    cves = [cve for one in joined if isinstance(one, Finding) for cve in one.cves]
    assert cves == [f"CVE-{i}" for i in range(25)]


def test_faults_pass_at_once() -> None:
    """A fault is no record of a finding."""
    fault = Fault("E407", "f:1", "x")
    assert next(join_rows([_finding("x"), fault])) is fault
