"""Nothing in an exported ledger can be changed unseen, and no file ends in a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.company import ANNA, BERT, CLEO, DAY, T0, agree, founded, full, key_of
from poise.errors import LedgerError
from poise.ledger.chain import Head
from poise.ledger.checkpoint import Checkpoint, make_checkpoint, read_checkpoint
from poise.ledger.keys import SigningKey
from poise.ledger.record import Record, read_record
from poise.ledger.store import Ledger
from poise.ledger.verify import Verification, verify_file, verify_lines


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return the exported lines of a ledger with every kind of record."""
    with full(tmp_path_factory.mktemp("full") / "ledger.sqlite") as ledger:
        return list(ledger.lines())


def verify(lines: list[bytes], *checkpoints: Checkpoint) -> Verification:
    """Verify lines as those of a file."""
    return verify_lines(lines, "ledger.jsonl", checkpoints)


def ids(found: Verification) -> set[str]:
    """Return the ids of what is wrong."""
    return {fault.id for fault in found.broken.faults} if found.broken else set()


def checkpoint(lines: list[bytes], size: int, key: SigningKey = CLEO) -> Checkpoint:
    """Return what somebody kept when the ledger had this many records."""
    found = verify(lines[:size])
    envelope = make_checkpoint(Head(found.size, found.head, found.time), key, found.time or T0)
    return read_checkpoint(envelope.to_bytes(), f"checkpoint-{size}.json")


def rehashed(records: list[Record]) -> list[bytes]:
    """Return the lines of records that somebody linked anew, as an administrator can."""
    lines, previous = [], "0" * 64
    for sequence, record in enumerate(records):
        record = msgspec.structs.replace(record, sequence=sequence, previous=previous)
        record = msgspec.structs.replace(record, hash=record.true_hash())
        lines.append(record.to_bytes() + b"\n")
        previous = record.hash
    return lines


# Bits --------------------------------------------------------------------------------------------------


def flip_every_bit(lines: list[bytes], step: int = 1) -> None:
    """Flip each bit (of every step-th byte) and check that the record it is in is named as broken."""
    for place, line in enumerate(lines):
        for bit in range(0, len(line) * 8, step):
            changed = bytearray(line)
            changed[bit // 8] ^= 1 << bit % 8
            parts = bytes(changed).splitlines(keepends=True)
            found = verify([*lines[:place], *parts, *lines[place + 1 :]])
            assert found.broken is not None, f"bit {bit} of {line!r}"
            assert found.broken.sequence == place, f"bit {bit} of record {place} named as {found.broken}"
            assert found.exit_code == 1


def test_every_flipped_bit_of_a_small_ledger_is_found(lines: list[bytes]) -> None:
    """Exhaustively; and it is the changed record that is named."""
    flip_every_bit(lines[:2])


def test_flipped_bits_in_every_kind_of_record_are_found(lines: list[bytes]) -> None:
    """Erased records and those that erase, agreements, rotations, revocations: a sample of their bits."""
    flip_every_bit(lines, step=61)


@pytest.mark.long
def test_every_flipped_bit_of_a_full_ledger_is_found(lines: list[bytes]) -> None:
    """Exhaustively, in every kind of record."""
    flip_every_bit(lines)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_changed_bytes_of_a_larger_ledger_go_unseen(data: st.DataObject, lines: list[bytes]) -> None:
    """Flips, replaced, removed and inserted bytes anywhere, in every kind of record."""
    whole = b"".join(lines)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start, min(start + 40, len(whole))))
    put = data.draw(st.binary(max_size=40))
    changed = whole[:start] + put + whole[end:]
    found = verify(changed.splitlines(keepends=True))
    # A cut between two lines cannot be seen without a checkpoint, unless an erasure was cut off.
    is_cut = whole.startswith(changed) and changed.endswith(b"\n")
    if changed != whole and not is_cut:
        assert found.broken is not None
    if changed == whole:
        assert found.broken is None


# Records -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(10))
def test_a_record_taken_out_put_twice_or_moved_is_found(lines: list[bytes], place: int) -> None:
    """Without touching a byte of any record."""
    others = lines[:place] + lines[place + 1 :]
    if place < 9:
        assert verify(others).broken is not None
    assert verify([*lines[: place + 1], *lines[place:]]).broken is not None
    if place > 0:
        swapped = [*lines]
        swapped[place - 1], swapped[place] = swapped[place], swapped[place - 1]
        assert verify(swapped).broken is not None


def test_a_body_taken_out_without_an_erasure_is_found(lines: list[bytes]) -> None:
    """That a body is missing needs a signed record that says why."""
    changed = [*lines]
    bare = read_record(lines[6][:-1], "6").header()
    changed[6] = bare.to_bytes() + b"\n"
    found = verify(changed)
    assert ids(found) == {"E724"}
    assert found.broken is not None
    assert found.broken.sequence == 6


def test_a_body_put_back_after_its_erasure_is_told(tmp_path: Path) -> None:
    """The chain holds, for the body is the true one; but it should be gone."""
    with founded(tmp_path / "ledger.sqlite") as ledger:
        note = ledger.append("note", "poise", {"who": "somebody"}, now=T0)
        kept = note.to_bytes() + b"\n"
        ledger.append("erasure", "anna", {}, now=T0, keys=[ANNA, BERT], refers=(note.hash,))
        lines = list(ledger.lines())
    lines[note.sequence] = kept
    found = verify(lines)
    assert (found.broken, found.erased, found.unerased) == (None, (), (note.sequence,))


def test_an_administrator_cannot_rewrite_what_was_signed(lines: list[bytes]) -> None:
    """With every hash made anew: a changed plan, a dropped revocation, another author, another time."""
    records = [read_record(line[:-1], "x") for line in lines]

    def with_body(place: int, body: dict[str, Any]) -> list[Record]:
        return [*records[:place], msgspec.structs.replace(records[place], body=body), *records[place + 1 :]]

    assert ids(verify(rehashed(with_body(5, {"plan": 2})))) == {"E723"}
    statement = msgspec.structs.replace(records[5].statement, author="bert")
    changed = msgspec.structs.replace(records[5], statement=statement)
    assert ids(verify(rehashed([*records[:5], changed, *records[6:]]))) == {"E740"}
    unsigned = msgspec.structs.replace(records[5], signatures=records[5].signatures[:1])
    assert ids(verify(rehashed([*records[:5], unsigned, *records[6:]]))) == {"E743"}
    # An unsigned record changed or dropped below a signed one: the signer saw another history.
    assert ids(verify(rehashed(records[:4] + records[5:]))) == {"E727"}
    renamed = msgspec.structs.replace(records[6].statement, author="somebody")
    forged = msgspec.structs.replace(records[6], statement=renamed)
    assert "E727" in ids(verify(rehashed([*records[:6], forged, *records[7:]])))


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_times_at_the_ends_of_the_calendar_are_no_traceback(tmp_path: Path, time: str) -> None:
    """Adding five minutes to the last second there is overflows."""
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        line = json.loads(ledger.append("note", "poise", {}, now=T0).to_bytes())
    for changes in ({"time": time}, {"time": time, "made": time}, {"made": time}, {"expires": time}):
        value = json.loads(json.dumps(line))
        value["statement"].update({name: moment for name, moment in changes.items() if name != "time"})
        value["time"] = changes.get("time", value["time"])
        record = msgspec.convert(value, Record)
        assert ids(verify(rehashed([record]))) <= {"E715"}


# Checkpoints -------------------------------------------------------------------------------------------


def test_a_cut_tail_is_found_by_a_checkpoint_only(lines: list[bytes]) -> None:
    """The chain alone cannot know that it once was longer."""
    assert verify(lines[:9]).broken is None
    found = verify(lines[:9], checkpoint(lines, 10))
    assert ids(found) == {"E725"}
    assert found.exit_code == 1
    assert found.broken is not None
    assert found.broken.sequence == 9
    held = verify(lines, checkpoint(lines, 10), checkpoint(lines, 4))
    assert (held.broken, held.checkpoints) == (None, 2)


def test_a_chain_rebuilt_whole_is_found_by_a_checkpoint(tmp_path: Path, lines: list[bytes]) -> None:
    """Same people, same keys, another story: even with every signature true."""
    with founded(tmp_path / "other.sqlite") as other:
        for day in range(6):
            agree(other, T0 + day * DAY, plan=9)
        rebuilt = list(other.lines())
    assert verify(rebuilt).broken is None
    found = verify(rebuilt, checkpoint(lines, 10))
    assert ids(found) == {"E726"}
    assert found.broken is not None
    assert found.broken.sequence == 9


def test_several_checkpoints_bracket_where_the_chain_was_rebuilt(tmp_path: Path, lines: list[bytes]) -> None:
    """The last one that holds and the first that does not are told."""
    rewritten = lines[:6]
    records = [read_record(line[:-1], "x") for line in lines]
    outcome = msgspec.structs.replace(records[6], time=records[6].time + timedelta(hours=1))
    rebuilt = rehashed([*records[:6], outcome])
    assert rebuilt[:6] == rewritten
    found = verify(rebuilt, checkpoint(lines, 4), checkpoint(lines, 7))
    assert "E726" in ids(found)
    assert found.checkpoints == 1


def test_a_checkpoint_counts_by_its_signer(lines: list[bytes]) -> None:
    """A key that the ledger does not know at that place, or that the auditor does not trust, says nothing."""
    assert ids(verify(lines, checkpoint(lines, 10, key_of(99)))) == {"E746"}
    good = checkpoint(lines, 10)
    assert verify_lines(lines, "x", [good], [CLEO.id]).broken is None
    found = verify_lines(lines, "x", [good], [BERT.id])
    assert ids(found) == {"E746"}
    assert found.exit_code == 4
    # An early checkpoint by someone who was enrolled later.
    assert ids(verify(lines[:4], checkpoint(lines, 2, CLEO))) == {"E746"}


def test_an_empty_ledger_has_nothing_to_hold_on_to(tmp_path: Path) -> None:
    """A checkpoint of nothing would hold for every ledger."""
    with Ledger.open(tmp_path / "new.sqlite") as ledger, pytest.raises(LedgerError, match="E716"):
        make_checkpoint(ledger.head, CLEO, T0)


# Files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "id"), [(b"", "E716"), (None, "E700")])
def test_a_file_that_is_none_is_told(tmp_path: Path, content: bytes | None, id: str) -> None:
    """Missing and empty files are the caller's fault, not a broken ledger."""
    path = tmp_path / "ledger.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LedgerError, match=id):
        verify_file(path)


def test_an_emptied_file_is_a_cut_one_for_whoever_has_a_checkpoint(
    tmp_path: Path, lines: list[bytes]
) -> None:
    """Everything is gone: that is the shortest cut."""
    path, kept = tmp_path / "ledger.jsonl", tmp_path / "kept.json"
    path.write_bytes(b"")
    kept.write_bytes(checkpoint(lines, 10).envelope.to_bytes())
    assert ids(verify_file(path, [kept])) == {"E725"}


BROKEN: list[Callable[[bytes], bytes]] = [
    lambda line: line[:-1],
    lambda line: line[:-30] + b"\n",
    lambda line: b"\n" + line,
    lambda line: line.replace(b'"kind":', b'"kind": ', 1),
    lambda line: b"\xef\xbb\xbf" + line,
    lambda line: line.replace(b"\n", b"\r\n"),
    lambda line: b"null\n",
    lambda line: b"[]\n",
    lambda line: b"{}\n",
    lambda line: b"[" * 200_000 + b"\n",
    lambda line: b"9" * 200_000 + b"\n",
    lambda line: b"\x00" * 1000 + b"\n",
    lambda line: line.replace(b'"sequence":0', b'"sequence":-1'),
    lambda line: line.replace(b'"sequence":0', b'"sequence":0.5'),
    lambda line: line.replace(b'"sequence":0', b'"sequence":1e400'),
    lambda line: line.replace(b'"time":"2026', b'"time":"9999'),
    lambda line: line.replace(b'"time":"2026', b'"time":"0000'),
    lambda line: line.replace(b"Z", b"+00:00"),
    lambda line: line.replace(b'"expires":null', b'"expires":[]'),
    lambda line: line.replace(b'"sig":"', b'"sig":"!!'),
    lambda line: line.replace(b"ed25519:", b"ed448:"),
    lambda line: json.dumps(json.loads(line), indent=1).encode(),
]


@pytest.mark.parametrize("how", range(len(BROKEN)))
def test_a_malformed_line_is_a_broken_record(lines: list[bytes], how: int) -> None:
    """Cut, spaced, nested, wrongly typed, of another encoding: named with its line, without a traceback."""
    changed = BROKEN[how](lines[0])
    assert changed != lines[0]
    found = verify([*changed.splitlines(keepends=True), *lines[1:]])
    assert found.broken is not None
    assert found.broken.sequence == 0
    assert str(found.broken.faults[0]).startswith(("ledger.jsonl:1: E720", "record 0: E721"))


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_fuzzed_record_is_never_a_traceback(data: st.DataObject, lines: list[bytes]) -> None:
    """Any value in any field of any record, with its hash made anew where it is still a record."""
    place = data.draw(st.integers(0, len(lines) - 1))
    record = json.loads(lines[place])
    parent: Any = record
    field = data.draw(st.sampled_from(sorted(parent)))
    while isinstance(parent[field], dict) and parent[field] and data.draw(st.booleans()):
        parent = parent[field]
        field = data.draw(st.sampled_from(sorted(parent)))
    before = parent[field]
    parent[field] = data.draw(JSON)
    if parent[field] == before:
        return
    changed = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    line = changed.encode("utf-8", "surrogatepass") + b"\n"
    with suppress(LedgerError):
        line = rehashed_line(line)
    found = verify([*lines[:place], line, *lines[place + 1 :]])
    assert found.broken is not None
    assert found.broken.sequence <= place + 1


def rehashed_line(line: bytes) -> bytes:
    """Return the line of a record with its true hash."""
    record = read_record(line[:-1], "x")
    return msgspec.structs.replace(record, hash=record.true_hash()).to_bytes() + b"\n"


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=300))
def test_noise_is_no_ledger_and_no_checkpoint(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes there are."""
    path = tmp_path_factory.mktemp("noise") / "noise"
    path.write_bytes(b"x" + content)
    assert verify_file(path).broken is not None
    with pytest.raises(LedgerError):
        read_checkpoint(content, "noise")
