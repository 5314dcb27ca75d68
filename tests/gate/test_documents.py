"""Whatever stands in a file beside the reports, it is read or refused."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.build import COMMIT, DEPUTY, NOW, POLICY, TRUST, Desk, envelope, result, sarif, signed
from poise.errors import PoiseError, PolicyError
from poise.gate.baseline import read_baseline
from poise.gate.budget import Point, append_point, burned, daily, read_history
from poise.gate.components import read_components
from poise.gate.documents import SKIP_TYPE, Skip, open_document, payload_of, read_trust, verify_policy
from poise.gate.facts import SCHEMA, Threats, read_threats
from poise.gate.fourkeys import read_log
from poise.gate.policyfile import parse_policy
from poise.gate.testplan import read_history as read_test_history
from poise.ledger.envelope import Envelope

_POINT = Point(NOW, "shop", COMMIT, "pass", 1.5, 0.5)
_THREATS = {**msgspec.to_builtins(Threats(SCHEMA, NOW.date(), frozenset())), "kev": ["CVE-2026-1"]}
_SKIP = Envelope(SKIP_TYPE, payload_of(Skip("shop", COMMIT, "code", "p", "r", NOW))).signed(DEPUTY).to_bytes()
_BASE = {"schema": "poise-baseline/1", "service": "shop", "commit": COMMIT, "made": "2026-03-01T00:00:00Z"}
_RUN = {"test": "t", "at": "2026-03-01T00:00:00Z", "minutes": 1.0}

#: A good file of each kind, and its reader.
FILES = {
    "policy": (envelope(), lambda path: verify_policy(path, TRUST, NOW)),
    "trust": (msgspec.json.encode(TRUST), read_trust),
    "skip": (_SKIP, lambda path: open_document(path, SKIP_TYPE, Skip, (DEPUTY.id,))),
    "baseline": (
        msgspec.json.encode({**_BASE, "entries": [["", "", "c:1", "2026-03-01T00:00:00Z"]]}),
        read_baseline,
    ),
    "threats": (msgspec.json.encode(_THREATS), read_threats),
    "history": (msgspec.json.encode(_POINT) + b"\n", lambda path: read_history(path, "shop")),
    "tests": (msgspec.json.encode({"schema": "poise-test-history/1", "runs": [_RUN]}), read_test_history),
    "log": (b"time,commit,committed,outcome\n2026-03-01T00:00Z,a,,ok\n", read_log),
    "bom": (b'{"bomFormat": "CycloneDX", "components": [{"name": "a", "version": "1"}]}', read_components),
    "spdx": (
        b'{"sbom": {"spdxVersion": "SPDX-2.3", "packages": [{"name": "a", "versionInfo": "1", '
        b'"externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}]}]}}',
        read_components,
    ),
}
PIECES = [
    b"",
    b"\0",
    b"\xff",
    b"{",
    b"]",
    b'"',
    b",",
    b"null",
    b"-1",
    b"1e999",
    b"NaN",
    b"9" * 400,
    b"\\ud800",
    b"[" * 3_000,
]


@pytest.mark.parametrize("name", FILES)
def test_a_good_file_is_read(name: str, tmp_path: Path) -> None:
    """The mutations below start from files that are fine."""
    content, read = FILES[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    read(path)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(PIECES)), min_size=1, max_size=4),
)
def test_a_mutated_file_is_read_or_refused(
    tmp_path: Path, name: str, changes: list[tuple[float, int, bytes]]
) -> None:
    """Nothing but a fault of ours may come out."""
    content, read = FILES[name]
    for place, removed, piece in changes:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + removed :]
    path = tmp_path / "file"
    path.write_bytes(content)
    with suppress(PoiseError):
        read(path)


@pytest.mark.parametrize("place", ["operations", "security", "\\ud800"])
def test_half_a_surrogate_pair_is_refused(tmp_path: Path, place: str) -> None:
    """JSON can write what no text can hold; it is a fault of the file, not of ours."""
    keys = {"operations": ["ed25519:" + "a" * 64], "security": ["ed25519:" + "b" * 64], "\\ud800": []}
    text = json.dumps({**keys, place: ["half"]}).replace("half", "\\ud800").replace("\\\\ud800", "\\ud800")
    path = tmp_path / "trust.json"
    path.write_text(text)
    with pytest.raises(PoiseError):
        read_trust(path)


def test_the_burn_of_a_window_is_the_area_under_its_rates(tmp_path: Path) -> None:
    """A service that stops delivering does not stop burning, and what lies before the window is over."""
    from datetime import timedelta

    path = tmp_path / "history.jsonl"
    for days, rate in ((40, 5.0), (10, 1.0), (4, 0.0), (2, 3.0)):
        append_point(path, Point(NOW - timedelta(days=days), "shop", COMMIT, "pass", rate, rate / 2))
    append_point(path, Point(NOW, "other", COMMIT, "pass", 99.0, 0.0))
    points = read_history(path, "shop")
    assert burned(points, NOW, 28) == (18 * 5.0 + 6 * 1.0 + 2 * 3.0, (18 * 5.0 + 6 * 1.0 + 2 * 3.0) / 2)
    assert sum(us for _, us, _ in daily(points, NOW, 28)) == pytest.approx(102.0)
    assert burned([], NOW, 28) == (0.0, 0.0)


def test_a_condition_in_cel_decides_and_a_bad_one_is_told(desk: Desk) -> None:
    """What the words cannot say, CEL can; and it cannot do more than say yes or no."""
    pytest.importorskip("cel_expr_python", reason="the extra poise[cel] is not installed")
    text = POLICY.replace(
        "{new: yes, severity: [critical, high]}", "{cel: 'path.startsWith(\"src/pay\") && new'}"
    )
    assert desk.judge(sarif([result(path="src/pay/a.py")]), text=text).decision == "block"
    assert desk.judge(sarif([result(path="src/web/a.py")]), text=text).decision == "pass"
    for wrong in ("new &&", "1 + 1", "nobody == 1", 'cwes[3] == "x"'):
        bad = POLICY.replace("{new: yes, severity: [critical, high]}", f"{{cel: '{wrong}'}}")
        assert parse_policy(bad, "policy.yaml")
        with pytest.raises(PolicyError, match="E806"):
            desk.judge(sarif([result()]), text=bad)


def test_unsigned_policies_say_so(desk: Desk) -> None:
    """A policy that one side wrote alone must not look agreed."""
    from poise.gate.page import page

    verdict = desk.judge(sarif([]))
    assert "signed by both sides" in page(verdict, signed().policy)
    alone = msgspec.structs.replace(verdict, signers=())
    assert "NOT SIGNED" in page(alone, signed().policy)
