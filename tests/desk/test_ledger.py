"""The ledger in the desk's database: the chain that anybody can verify, whoever writes at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from poise.desk.actions import Actor
from poise.desk.ledger import DeskLedger
from poise.desk.models import LedgerContent, LedgerRecord
from poise.errors import ChainError, LedgerError
from poise.ledger.keys import SigningKey
from poise.ledger.store import Ledger
from poise.ledger.verify import verify_file

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_the_export_is_what_poise_ledger_verify_reads(tmp_path: Path) -> None:
    """An auditor needs one file and no desk."""
    ledger = DeskLedger()
    for number in range(5):
        ledger.append("note", "cio", {"number": number}, now=NOW + timedelta(minutes=number))
    assert ledger.export(tmp_path / "ledger.jsonl") == 5
    found = verify_file(tmp_path / "ledger.jsonl")
    assert (found.broken, found.size, found.head) == (None, 5, ledger.head.hash)
    assert ledger.verify() == found


def test_it_reads_as_one_in_a_file_does(tmp_path: Path) -> None:
    """Rooms take either: the same drafts give the same records, found in the same ways."""
    with Ledger.open(tmp_path / "ledger.sqlite") as file:
        desk = DeskLedger()
        first = desk.draft("note", "cio", {"a": 1}, now=NOW)
        assert desk.add(first, now=NOW) == file.add(first, now=NOW)
        second = desk.draft("note.more", "ciso", {"b": [1, {"c": None}]}, now=NOW, refers=(desk.head.hash,))
        assert desk.add(second, now=NOW) == file.add(second, now=NOW)
        assert list(desk.records()) == list(file.records())
        assert list(desk.records(-1)) == list(file.records(-1))
        assert list(desk.records(kind="note")) == list(file.records(kind="note"))
        assert desk.head == file.head
        assert desk.find("0") == file.find("0")
        assert desk.find(desk.head.hash[:8]) == file.find(desk.head.hash[:8])
        assert desk.beside(desk.record(0).hash) == file.beside(file.record(0).hash)
        for ledger in (desk, file):
            with pytest.raises(LedgerError, match="E713"):
                ledger.record(7)


def test_a_record_goes_with_the_transaction_that_it_stands_in() -> None:
    """What was rolled back was never said."""
    ledger = DeskLedger()
    ledger.append("note", "cio", {}, now=NOW)

    def fail_after_writing() -> None:
        with transaction.atomic():
            ledger.append("note", "cio", {}, now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()
    assert ledger.head.size == 1
    assert ledger.append("note", "cio", {}, now=NOW).sequence == 1


def test_rows_stay_as_they_were_written() -> None:
    """No code of the desk can change what somebody said."""
    DeskLedger().append("note", "cio", {}, now=NOW)
    row = LedgerRecord.objects.get()
    for step in (row.save, row.delete, LedgerRecord.objects.all().delete):
        with pytest.raises(ChainError, match="stays as it was written"):
            step()
    with pytest.raises(ChainError, match="stays"):
        LedgerRecord.objects.update(kind="other")


def test_a_change_behind_the_desk_s_back_is_told() -> None:
    """Whoever has the database's password can change a row, and everybody who reads it then learns that."""
    DeskLedger().append("note", "cio", {"paid": 10}, now=NOW)
    LedgerContent.objects.update(body=b'{"paid":99}')
    found = DeskLedger().verify()
    assert found.broken is not None
    assert found.broken.faults[0].id == "E723"


@pytest.mark.parametrize("column", ["author", "kind", "time"])
def test_what_is_listed_of_a_record_is_verified_too(column: str) -> None:
    """The chain holds without the columns that pages list and search by, so that is not enough."""
    DeskLedger().append("note", "cio", {"paid": 10}, now=NOW)
    assert DeskLedger().verify().broken is None
    forged = NOW + timedelta(days=1) if column == "time" else "eve"
    QuerySet(LedgerRecord).update(**{column: forged})
    found = DeskLedger().verify()
    assert found.broken is not None
    assert found.broken.faults[0].id == "E721"


def test_the_database_itself_refuses_a_fork() -> None:
    """Two records may not follow the same one, whatever locks did."""
    DeskLedger().append("note", "cio", {}, now=NOW)
    twin = LedgerRecord.objects.get()
    twin.sequence, twin.hash = 1, "f" * 64
    twin._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_signatures_count_as_in_a_file() -> None:
    """Keys, roles and the rule of two parties are the ledger room's, not the desk's."""
    ledger, key = DeskLedger(), SigningKey.generate()
    body = {"person": "cio", "name": "C", "key": key.id, "roles": ["operations"]}
    ledger.append("key.enrol", "cio", body, now=NOW, keys=(key,))
    record = ledger.append("note", "cio", {}, now=NOW, keys=(key,))
    assert [one.person for one in DeskLedger().signers(record)] == ["cio"]
    draft = ledger.draft("agreement", "cio", {}, now=NOW).signed(key)
    with pytest.raises(Exception, match="E743"):
        ledger.add(draft, now=NOW)


@pytest.mark.usefixtures("committed")
def test_many_writers_make_one_chain() -> None:
    """Forty acts by four threads at once: none is lost, none forks, the chain verifies."""
    errors: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(10):
                with transaction.atomic():
                    Actor(None, NOW).record("note", {"by": name, "number": number})
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[f"t{number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    said: list[Any] = [record.body for record in DeskLedger().records()]
    assert len(said) == 40
    assert DeskLedger().verify().broken is None
    for number in range(4):
        assert [one["number"] for one in said if one["by"] == f"t{number}"] == list(range(10))
