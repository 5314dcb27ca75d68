"""The store: one chain however many write, and nothing acknowledged is lost however they die."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.company import ANNA, BERT, DAY, EMIL, T0, agree, founded, full
from poise.errors import ChainError, LedgerError
from poise.ledger import database
from poise.ledger.canonical import MAX_DEPTH
from poise.ledger.record import MAX_RECORD_BYTES, STATEMENT_TYPE, make_draft, read_draft
from poise.ledger.store import Ledger
from poise.ledger.transfer import export_file, import_file
from poise.ledger.verify import verify_file

#: A real writer: appends records for ever, and says of each, after it was acknowledged, which one it was.
WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from poise.ledger.store import Ledger
name, count = sys.argv[2], int(sys.argv[3])
with Ledger.open(Path(sys.argv[1])) as ledger:
    print("ready", flush=True)
    for number in range(count):
        body = {"writer": name, "number": number, "padding": "x" * (number % 7 * 900)}
        record = ledger.append("note", name, body, now=datetime(2026, 1, 6, tzinfo=UTC))
        print(record.sequence, record.hash, flush=True)
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    """Start a process that writes to the ledger."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return the founded ledger."""
    with founded(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


def acknowledged(output: str) -> list[tuple[int, str]]:
    """Return the records that a writer said were on disk; a line cut by its death does not count."""
    lines = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return [(int(line[0]), line[1]) for line in lines if len(line) == 2]


# Writers -----------------------------------------------------------------------------------------------


def test_concurrent_processes_cannot_fork_the_chain(tmp_path: Path) -> None:
    """Four at once, on a ledger that none of them finds there: one chain, with every record of each."""
    path = tmp_path / "ledger.sqlite"
    writers = [writer(path, f"writer{number}", 60) for number in range(4)]
    done = []
    for process in writers:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        done += acknowledged(output)
    with Ledger.open(path) as ledger:
        found = ledger.verify()
        assert (found.broken, found.size) == (None, 240)
        assert sorted(done) == [(record.sequence, record.hash) for record in ledger.records()]
        for name in ("writer0", "writer3"):
            bodies = [record.body for record in ledger.records() if record.statement.author == name]
            assert [body["number"] for body in bodies if body] == list(range(60))


def kill_at(path: Path, delay_seconds: float, chosen: random.Random) -> list[tuple[int, str]]:
    """Start a writer, kill it after a while, and return what it had acknowledged."""
    process = writer(path, f"writer{chosen.randrange(10_000)}", 100_000)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay_seconds)
    os.kill(process.pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    return acknowledged(output)


def survive_kills(path: Path, times: int, seed: int) -> None:
    """Kill writers at random moments; after each death everything acknowledged is there, in one chain."""
    chosen = random.Random(seed)
    kept: list[tuple[int, str]] = []
    for _ in range(times):
        kept += kill_at(path, chosen.uniform(0, 0.06), chosen)
        with Ledger.open(path) as ledger:
            found = ledger.verify()
            assert found.broken is None
            assert found.size - len(kept) >= 0
            assert all(ledger.hash_at(sequence) == hash for sequence, hash in kept)
    assert len(kept) > times, "the writers died before they wrote"


def test_no_acknowledged_record_is_lost_to_a_kill(tmp_path: Path) -> None:
    """A real process, killed with signal 9 between any two writes."""
    survive_kills(tmp_path / "ledger.sqlite", times=12, seed=1)


@pytest.mark.long
def test_no_acknowledged_record_is_lost_to_many_kills(tmp_path: Path) -> None:
    """The same at three hundred points."""
    survive_kills(tmp_path / "ledger.sqlite", times=300, seed=2)


#: Dies by signal 9 inside the transaction, after a given number of statements of SQL.
SUICIDE = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from poise.ledger.store import Ledger
left = int(sys.argv[2])
ledger = Ledger.open(Path(sys.argv[1]))
def count(statement):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
ledger._connection.set_trace_callback(count)
head = ledger.record(0)
record = ledger.append("note", "poise", {"x": 1}, now=datetime(2026, 1, 6, tzinfo=UTC), refers=(head.hash,))
print(record.sequence, record.hash, flush=True)
"""


def test_a_death_between_any_two_statements_leaves_all_or_nothing(ledger: Ledger) -> None:
    """At each statement of an append in turn: the record is there whole, or not at all."""
    outcomes = set()
    for statements in range(40):
        before = ledger.head.size
        command = [sys.executable, "-c", SUICIDE, str(ledger.path), str(statements)]
        process = subprocess.run(command, capture_output=True, text=True, timeout=60)
        found = ledger.verify()
        assert found.broken is None
        is_acknowledged = bool(acknowledged(process.stdout))
        # Between commit and acknowledgement the record is there, and nobody was told yet.
        assert found.size - before in ((1,) if is_acknowledged else (0, 1))
        outcomes.add(is_acknowledged)
        if is_acknowledged:
            break
    assert outcomes == {True, False}


def test_a_failed_append_leaves_nothing(ledger: Ledger) -> None:
    """Full disk: a fault, the chain as it was, and the next append works when there is room again."""
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    head = ledger.head
    with pytest.raises(LedgerError, match="E710"):
        ledger.append("note", "poise", {"x": "y" * 100_000}, now=T0)
    assert ledger.head == head
    ledger._connection.execute("PRAGMA max_page_count = 100000")
    ledger.append("note", "poise", {"x": "y" * 100_000}, now=T0)
    assert ledger.verify().broken is None


def test_a_writer_that_waits_too_long_says_so(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds the lock: a fault that says to try again, and nothing half done."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    with Ledger.open(ledger.path) as other:
        ledger._connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="E709"):
            other.append("note", "poise", {}, now=T0)
        ledger._connection.execute("ROLLBACK")
        other.append("note", "poise", {}, now=T0)


def test_two_open_ledgers_see_each_other(ledger: Ledger) -> None:
    """Keys enrolled through one count in the other at once."""
    with Ledger.open(ledger.path) as other:
        assert other.roster().key_of("anna", T0) is not None
        body = {"person": "anna", "old": ANNA.id, "new": EMIL.id}
        ledger.append("key.rotate", "anna", body, now=T0, keys=[ANNA, EMIL])
        with pytest.raises(Exception, match="E742"):
            agree(other)


def test_appending_takes_no_longer_on_a_long_ledger(ledger: Ledger) -> None:
    """Counted in steps of SQLite's machine, so that no busy computer fails it."""

    def steps() -> int:
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        ledger._connection.set_progress_handler(step, 1)
        ledger.append("note", "anna", {"x": 1}, now=T0, keys=[ANNA])
        ledger._connection.set_progress_handler(None, 1)
        return count

    few = steps()
    for _ in range(1000):
        ledger.append("note", "anna", {"x": 1}, now=T0)
    assert steps() < 1.5 * few


# Time --------------------------------------------------------------------------------------------------


def test_time_never_runs_backwards(ledger: Ledger) -> None:
    """Clocks of two machines differ by a little; by more than that, one is wrong."""
    ledger.append("note", "poise", {}, now=T0 + DAY)
    near = ledger.append("note", "poise", {}, now=T0 + DAY - timedelta(minutes=5))
    assert near.time == T0 + DAY
    with pytest.raises(LedgerError, match="E711"):
        ledger.append("note", "poise", {}, now=T0 + DAY - timedelta(minutes=6))
    with pytest.raises(ValueError, match="time zone"):
        ledger.append("note", "poise", {}, now=(T0 + 2 * DAY).replace(tzinfo=None))


def test_an_offer_expires(ledger: Ledger) -> None:
    """A signed draft that lies about for ever would be an option given away."""
    offer = ledger.draft("agreement", "anna", {"plan": 1}, now=T0, expires=T0 + DAY).signed(ANNA).signed(BERT)
    with pytest.raises(LedgerError, match="E715"):
        ledger.add(offer, now=T0 + DAY + timedelta(seconds=1))
    ledger.add(offer, now=T0 + DAY)


def test_a_statement_is_not_of_the_future(ledger: Ledger) -> None:
    """An author's clock may be ahead by a little."""
    draft = ledger.draft("note", "poise", {}, now=T0 + timedelta(minutes=6))
    with pytest.raises(LedgerError, match="E715"):
        ledger.add(draft, now=T0)
    ledger.add(draft, now=T0 + timedelta(minutes=1))


# Content -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["", "Note", "a b", "key.other", "key", "key.", "a..b", "-a", "a" * 65, "agrément"]
)
def test_a_kind_is_a_plain_word(ledger: Ledger, kind: str) -> None:
    """Kinds decide who must sign; look-alikes must not get around that."""
    if kind == "key":
        assert ledger.append(kind, "poise", {}, now=T0).statement.kind == "key"
        return
    with pytest.raises(LedgerError, match="E712"):
        ledger.append(kind, "poise", {}, now=T0)


def test_a_reference_leads_to_an_earlier_record(ledger: Ledger) -> None:
    """Later facts are put beside an agreement, never into it."""
    agreed = agree(ledger)
    first = ledger.append("outcome", "poise", {"done": 1}, now=T0, refers=(agreed.hash,))
    second = ledger.append("outcome", "poise", {"done": 2}, now=T0, refers=(agreed.hash, first.hash))
    assert ledger.beside(agreed.hash) == (first, second)
    assert ledger.record(agreed.hash) == ledger.record(agreed.sequence) == agreed
    for refers in (("0" * 64,), ("x",), (agreed.hash, agreed.hash)):
        with pytest.raises(LedgerError, match=r"E713"):
            ledger.append("outcome", "poise", {}, now=T0, refers=refers)
    with pytest.raises(LedgerError, match="E713"):
        ledger.record("f" * 64)


def test_a_record_has_a_largest_size(ledger: Ledger) -> None:
    """What is written can be read again by whoever verifies."""
    with pytest.raises(LedgerError, match="E714"):
        ledger.append("note", "poise", {"x": "y" * MAX_RECORD_BYTES}, now=T0)
    large = ledger.append("note", "poise", {"x": "y" * (MAX_RECORD_BYTES - 10_000)}, now=T0)
    assert len(large.to_bytes()) > MAX_RECORD_BYTES - 10_000
    assert ledger.verify().broken is None


def test_a_body_that_goes_in_comes_out(ledger: Ledger) -> None:
    """Nested as deep as it may be, it can be exported; one deeper is refused at once."""
    body: object = 1
    for _ in range(MAX_DEPTH - 2):
        body = [body]
    ledger.append("note", "poise", {"x": body}, now=T0)
    assert ledger.verify().broken is None
    assert read_draft(ledger.draft("note", "poise", {"x": body}, now=T0).to_bytes(), "draft").body == {
        "x": body
    }
    with pytest.raises(LedgerError, match="E701"):
        ledger.append("note", "poise", {"x": [body]}, now=T0)


@settings(max_examples=50, deadline=None)
@given(
    body=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.text(), max_size=5)
)
def test_any_json_body_comes_back(body: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> None:
    """And its draft survives the file in which it is handed on."""
    with Ledger.open(tmp_path_factory.mktemp("any") / "ledger.sqlite") as ledger:
        draft = ledger.draft("note", "poise", body, now=T0)
        assert read_draft(draft.to_bytes(), "draft.json") == draft
        record = ledger.add(draft, now=T0)
        assert record.body == body
        assert ledger.record(0) == record
        assert ledger.verify().broken is None


def test_records_are_listed_from_a_place_and_of_a_kind(tmp_path: Path) -> None:
    """What a reader asks for."""
    with full(tmp_path / "ledger.sqlite") as ledger:
        assert [record.sequence for record in ledger.records()] == list(range(10))
        assert [record.sequence for record in ledger.records(-3)] == [7, 8, 9]
        assert [record.sequence for record in ledger.records(-30)] == list(range(10))
        assert [record.sequence for record in ledger.records(2, "key.enrol")] == [2, 3]


# Drafts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "id"),
    [
        (lambda value: value.pop("salt"), "E703"),
        (lambda value: value.update(more=1), "E703"),
        (lambda value: value.update(form="poise-draft/2"), "E703"),
        (lambda value: value.update(salt="00"), "E703"),
        (lambda value: value.update(salt=3), "E703"),
        (lambda value: value.update(body=[]), "E703"),
        (lambda value: value.update(body={"plan": 2}), "E723"),
        (lambda value: value["envelope"].update(payload="e30="), "E703"),
        (lambda value: value["envelope"].update(payload="AAAA"), "E702"),
        (lambda value: value["envelope"].update(payloadType="application/json"), "E703"),
        (lambda value: value["envelope"].pop("signatures"), "E703"),
    ],
)
def test_a_changed_draft_is_a_fault(
    ledger: Ledger, change: Callable[[dict[str, object]], object], id: str
) -> None:
    """It came by mail; nobody signs what does not fit together."""
    value = json.loads(ledger.draft("agreement", "anna", {"plan": 1}, now=T0).signed(ANNA).to_bytes())
    change(value)
    with pytest.raises(LedgerError, match=f"draft.json: {id}"):
        read_draft(json.dumps(value).encode(), "draft.json")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_fuzzed_draft_is_never_a_traceback(data: st.DataObject) -> None:
    """Any bytes changed anywhere: a fault, the same draft, or one that nobody signed."""
    draft = make_draft("note", "anna", {"x": "é", "y": [1.5]}, made=T0, seen=None).signed(ANNA)
    content = bytearray(draft.to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_draft(bytes(content), "draft.json")
    except LedgerError:
        return
    assert found.body == draft.body
    # Another statement can be put into the envelope, but not one that the signer signed.
    assert found.statement == draft.statement or not found.envelope.signers(STATEMENT_TYPE, [ANNA.id])


# Files -------------------------------------------------------------------------------------------------


def test_a_ledger_goes_out_and_comes_back(tmp_path: Path) -> None:
    """Export, verify, import: the same bytes, erased bodies stay erased, and it goes on from there."""
    with full(tmp_path / "ledger.sqlite") as ledger:
        assert export_file(ledger, tmp_path / "out.jsonl") == 10
        with pytest.raises(LedgerError, match="E704"):
            export_file(ledger, tmp_path / "out.jsonl")
        with pytest.raises(LedgerError, match="E700"):
            export_file(ledger, tmp_path / "no" / "out.jsonl")
        assert verify_file(tmp_path / "out.jsonl") == ledger.verify()
    import_file(tmp_path / "out.jsonl", tmp_path / "new" / "copy.sqlite")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["copy.sqlite"]
    with Ledger.open(tmp_path / "new" / "copy.sqlite") as copy:
        assert b"".join(copy.lines()) == (tmp_path / "out.jsonl").read_bytes()
        agree(copy, T0 + 9 * DAY)
    with pytest.raises(LedgerError, match="E704"):
        import_file(tmp_path / "out.jsonl", tmp_path / "new" / "copy.sqlite")


def test_a_broken_ledger_is_not_imported(tmp_path: Path) -> None:
    """Nothing is left behind."""
    with full(tmp_path / "ledger.sqlite") as ledger:
        lines = list(ledger.lines())
    (tmp_path / "out.jsonl").write_bytes(b"".join([*lines[:3], *lines[4:]]))
    with pytest.raises(ChainError, match="E722"):
        import_file(tmp_path / "out.jsonl", tmp_path / "new" / "copy.sqlite")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_ledger_is_told(tmp_path: Path, content: bytes) -> None:
    """Noise is refused; an empty file is how SQLite makes a new one."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    if not content:
        with Ledger.open(path) as ledger:
            assert ledger.head.size == 0
        return
    with pytest.raises(LedgerError, match="E708"):
        Ledger.open(path)
    assert path.read_bytes() == content


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    """Somebody else's tables are not ours to change."""
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="E708"):
        Ledger.open(path)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_is_told(tmp_path: Path) -> None:
    """A folder, a file as folder, and a ledger that is not there."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for path in (tmp_path, tmp_path / "file" / "ledger.sqlite"):
        with pytest.raises(LedgerError, match="E700"):
            Ledger.open(path)
    with pytest.raises(LedgerError, match="E700"):
        Ledger.open(tmp_path / "none.sqlite", create=False)
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM record WHERE sequence = 4",
        "UPDATE record SET line = x'00'",
        "DELETE FROM content",
        "UPDATE content SET body = x'00'",
        "DELETE FROM reference",
        "INSERT INTO record SELECT 17, 'x', kind, statement, signed, line FROM record LIMIT 1",
    ],
)
def test_the_database_refuses_to_change_a_record(tmp_path: Path, statement: str) -> None:
    """A slip with a database tool is stopped at once; malice is found by the chain."""
    with full(tmp_path / "ledger.sqlite"):
        pass
    direct = sqlite3.connect(tmp_path / "ledger.sqlite")
    with pytest.raises(sqlite3.IntegrityError):
        direct.execute(statement)
    direct.close()


def test_a_store_that_somebody_changed_is_found(tmp_path: Path) -> None:
    """With the triggers taken away: verify names the record, and nothing is added on top of a changed end."""
    path = tmp_path / "ledger.sqlite"
    with full(path):
        pass
    direct = sqlite3.connect(path)
    direct.execute("DROP TRIGGER record_stays")
    direct.execute("DROP TRIGGER content_stays")
    direct.execute("UPDATE content SET body = replace(body, 'true', 'null') WHERE sequence = 6")
    direct.commit()
    with Ledger.open(path) as ledger:
        found = ledger.verify()
        assert found.broken is not None
        assert (found.broken.sequence, found.broken.faults[0].id) == (6, "E723")
        direct.execute(
            "UPDATE record SET line = replace(line, '2026-01-11', '2026-01-12') WHERE sequence = 9"
        )
        direct.commit()
        with pytest.raises(ChainError, match="E721"):
            ledger.append("note", "poise", {}, now=T0 + 20 * DAY)
    direct.close()
