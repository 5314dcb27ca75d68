"""Writing all outputs into a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from poise.patching.document import PlanDocument, decode
from poise.report import write_outputs
from report.build import build_document


@pytest.fixture(scope="module")
def document() -> PlanDocument:
    return build_document()


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_all_outputs_are_written_and_repeat_to_the_byte(document: PlanDocument, tmp_path: Path) -> None:
    """The signature of a plan is worth something only if the plan can be made again."""
    paths = write_outputs(document, tmp_path / "one")
    write_outputs(decode((tmp_path / "one" / "plan.json").read_bytes()), tmp_path / "two")
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")
    names = [path.name for path in paths]
    assert names[:5] == ["plan.json", "report.html", "plan.ics", "plan.csv", "changes.csv"]
    assert len(paths) == len(_digests(tmp_path / "one"))


def test_inventories_of_an_earlier_plan_go_and_other_files_stay(
    document: PlanDocument, tmp_path: Path
) -> None:
    """An inventory that no plan stands behind would be run by somebody."""
    write_outputs(document, tmp_path)
    mine = tmp_path / "inventories" / "mine.yml"
    mine.write_text("all: {}\n", encoding="utf-8")
    before = set(_digests(tmp_path))
    schedule = msgspec.structs.replace(
        document.schedules[0], visits=[visit for visit in document.schedules[0].visits if visit.window < 3]
    )
    write_outputs(msgspec.structs.replace(document, schedules=(schedule,)), tmp_path)
    after = set(_digests(tmp_path))
    assert mine.exists()
    assert len(before) - len(after) > 10
    assert sum(name.startswith("inventories/2026") for name in after) == 3


def test_no_half_file_is_left_behind(
    document: PlanDocument, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle must leave the old report whole."""
    write_outputs(document, tmp_path)
    before = _digests(tmp_path)

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_outputs(msgspec.structs.replace(document, company="Other"), tmp_path)
    assert _digests(tmp_path) == before


def test_others_may_read_the_outputs(document: PlanDocument, tmp_path: Path) -> None:
    """A report that only its maker can open is not shared."""
    (first, *_) = write_outputs(document, tmp_path)
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert first.stat().st_mode == plain.stat().st_mode
