"""Who may speak for a side, and what no side can say: contrary limits, times without a zone, lost seals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from poise.cli import main
from poise.errors import PoiseError, SignatureError, TableError
from poise.ledger.keyfile import write_key
from poise.ledger.keys import SigningKey
from poise.ledger.store import Ledger
from poise.table.files import read_document
from poise.table.ground import as_plan
from poise.table.limits import Limit, check_limits, sentence
from poise.table.negotiation import Position
from poise.table.session import Session
from table.cases import NOW, small_ground
from table.test_negotiation import OPERATIONS, SECURITY, enrolled


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Return an open table of a small company, in a workspace that commands find."""
    monkeypatch.setenv("POISE_HOME", str(tmp_path))
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        session = Session(tmp_path / "table", ledger, NOW)
        session.open(small_ground(8))
        yield session


def said_by(table: Session, what: str) -> Callable[[SigningKey, str], Any]:
    """Return an act of operations at the table, to be signed with keys."""
    limit = Limit(id="own", party="operations", rule="weekends", amount=9.0)
    if what == "open":
        kept = json.loads(table.seal(OPERATIONS))
        table.seal(SECURITY)
        return lambda key, by: table.reveal(kept, (key,), by)
    if what == "drop":
        table.add_limit(limit)
    plan = as_plan(table.ground.plans[-1].windows)
    acts: dict[str, Callable[[SigningKey, str], Any]] = {
        "seal": lambda key, by: table.seal(OPERATIONS, (key,), by),
        "limit": lambda key, by: table.add_limit(limit, (key,), by),
        "drop": lambda key, by: table.drop_limit("own", "", (key,), by),
        "propose": lambda key, by: table.propose("operations", "mine", plan, (key,), by),
    }
    return acts[what]


@pytest.mark.parametrize("what", ["seal", "open", "limit", "drop", "propose"])
def test_no_key_speaks_for_the_other_side(table: Session, what: str) -> None:
    """Security's key says nothing for operations until operations names its holder; its own key does."""
    operations, security = enrolled(table)
    act = said_by(table, what)
    before = table.ledger.head.size
    with pytest.raises(SignatureError) as caught:
        act(security, "bert")
    assert caught.value.faults[0].id == "E743"
    assert table.ledger.head.size == before
    act(operations, "anna")
    assert table.ledger.head.size == before + 1


def test_a_deputy_speaks_for_the_side_it_stands_in_for(table: Session) -> None:
    """Named by the principal beforehand, for that time and no longer."""
    operations, security = enrolled(table)
    deputy = SigningKey.generate()
    body = {"person": "dora", "name": "Dora", "roles": ["deputy"], "key": deputy.id}
    table.ledger.append("key.enrol", "dora", body, now=NOW, keys=(deputy, operations, security))
    naming = {
        "principal": "anna",
        "deputy": "dora",
        "role": "operations",
        "start": (NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z"),
        "end": (NOW + timedelta(days=1)).isoformat().replace("+00:00", "Z"),
        "reason": "away",
    }
    table.ledger.append("key.deputy", "anna", naming, now=NOW, keys=(operations,))
    for later, is_heard in ((0, False), (2, True), (25, False)):
        at = Session(table.folder, table.ledger, NOW + timedelta(hours=later))
        limit = Limit(id=f"after-{later}", party="operations", rule="weekends", amount=9.0)
        if is_heard:
            at.add_limit(limit, (deputy,), "dora")
        else:
            with pytest.raises(SignatureError):
                at.add_limit(limit, (deputy,), "dora")


def test_a_seal_is_on_the_ledger_only_with_its_file_kept(
    table: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be written leaves nothing sealed: else nothing would ever open it."""
    position = tmp_path / "position.yaml"
    position.write_text("party: operations\n", encoding="utf-8")
    before = table.ledger.head.size
    command = ["agree", "seal", str(position), "--now", NOW.isoformat(), "--out"]
    assert main([*command, str(position / "kept")]) == 2
    assert table.ledger.head.size == before
    kept = tmp_path / "kept"
    assert main([*command, str(kept)]) == 0
    assert table.ledger.head.size == before + 1
    again = kept.read_bytes()
    assert main([*command, str(tmp_path / "other")]) == 2
    assert kept.read_bytes() == again
    assert not (tmp_path / "other").exists()
    assert "E557" in capsys.readouterr().err


def test_an_importance_names_a_service(table: Session) -> None:
    """A slip of the pen would weigh nothing, and nobody would notice."""
    position = Position(party="operations", importance={"shop": 2.0, "shpo": 3.0, "g0": 1.0})
    with pytest.raises(TableError) as caught:
        table.seal(position)
    assert [fault.id for fault in caught.value.faults] == ["E553", "E553"]


@pytest.mark.parametrize(
    "words",
    [
        {"rule": "weekends", "amount": 2.5},
        {"rule": "services", "amount": 0.5},
        {"rule": "weekends", "amount": 2.0, "affected": "kev"},
        {"rule": "freeze", "start": NOW, "end": NOW + timedelta(days=1), "affected": "critical"},
        {"rule": "deadline", "amount": 9.0, "start": NOW},
        {"rule": "exposure", "amount": 9.0, "end": NOW},
        {"rule": "hours", "amount": 9.0, "until": NOW.date() - timedelta(days=1)},
    ],
)
def test_a_limit_contrary_to_itself_is_refused(words: dict[str, Any]) -> None:
    """What a rule would pass over in silence is told; the same limit without it stands."""
    with pytest.raises(TableError) as caught:
        check_limits([Limit(id="x", party="security", **words)], {"shop"}, "table", NOW.date())
    (fault,) = caught.value.faults
    assert fault.id == "E551"
    for name in ("affected", "until", *(("start", "end") if words["rule"] != "freeze" else ())):
        words.pop(name, None)
    if "amount" in words:
        words["amount"] = 3.0
    check_limits([Limit(id="x", party="security", **words)], {"shop"}, "table", NOW.date())


def test_a_sentence_tells_the_time_that_counts() -> None:
    """What binds stands in the words: one end, both or neither."""
    start, end = NOW, NOW + timedelta(days=3)
    for rule, amount in (("hours", 2.0), ("weekends", 2.0), ("services", 2.0)):
        limit = Limit(id="x", party="operations", rule=rule, amount=amount, start=start, end=end)  # type: ignore[arg-type]
        assert "from 2026-01-02 08:00 to 2026-01-05 08:00 UTC" in sentence(limit, "EUR", start.tzinfo)
    half = Limit(id="x", party="operations", rule="hours", amount=2.0, end=end)
    assert "until 2026-01-05 08:00" in sentence(half, "EUR")
    half = Limit(id="x", party="operations", rule="hours", amount=2.0, start=start)
    assert sentence(half, "EUR").endswith("from 2026-01-02 08:00.")


def position(start: str) -> bytes:
    words = f"{{id: cold, party: operations, rule: freeze, start: {start}, end: 2026-02-01T00:00+01:00}}"
    return f"party: operations\nlimits:\n  - {words}\n".encode()


def test_times_may_be_written_without_seconds_and_never_without_a_zone(table: Session) -> None:
    """As the command line takes them; what is wrong is told with the limit's own name."""
    found = read_document(position("2026-01-08T00:00+01:00"), Position, "file")
    assert found.limits[0].start is not None
    assert found.limits[0].start.isoformat() == "2026-01-08T00:00:00+01:00"
    for wrong in ("2026-01-08", "tomorrow", "[1]"):
        with pytest.raises(TableError) as caught:
            read_document(position(wrong), Position, "file")
        assert "limit cold, start" in caught.value.faults[0].message
    with pytest.raises(TableError) as without:
        table.seal(read_document(position("2026-01-08T00:00"), Position, "file"))
    assert "expected a time zone" in without.value.faults[0].message
    with pytest.raises(PoiseError, match="it is empty"):
        read_document(b"", Position, "file")


def test_a_time_of_the_command_line_without_a_zone_is_the_company_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Midnight in Berlin is where the freeze of a company in Berlin starts, and that is said."""
    import msgspec

    monkeypatch.setenv("POISE_HOME", str(tmp_path))
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        Session(tmp_path / "table", ledger, NOW).open(
            msgspec.structs.replace(small_ground(8), timezone="Europe/Berlin")
        )
    words = [
        "--party",
        "operations",
        "--rule",
        "freeze",
        "--start",
        "2026-01-08",
        "--end",
        "2026-01-09T06:00",
    ]
    assert main(["limit", "add", "cold", *words, "--now", NOW.isoformat()]) == 0
    assert "from 2026-01-08 00:00 to 2026-01-09 06:00 CET" in capsys.readouterr().out


def test_a_table_on_the_same_ground_begins_without_answers(table: Session) -> None:
    """An acceptance of the first proposal is none of another table's first proposal, on whatever data."""
    plan = as_plan(table.ground.plans[-1].windows)
    table.propose("security", "mine", plan)
    table.answer("operations", 1, "accept")
    table.open(table.ground)
    table.propose("security", "another", as_plan(table.ground.plans[0].windows))
    assert not table.answer("security", 1, "accept")
    assert table.answer("operations", 1, "accept")


def test_a_draft_is_by_somebody_who_can_sign_it(
    table: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whom no key stands for is told before anybody signs, not after all have."""
    enrolled(table)
    table.propose("security", "mine", as_plan(table.ground.plans[-1].windows))
    for party in ("operations", "security"):
        table.answer(party, 1, "accept")  # type: ignore[arg-type]
    out = tmp_path / "draft.json"
    words = ["agree", "draft", "1", "--now", NOW.isoformat(), "--out", str(out), "--by"]
    assert main([*words, "nobody"]) == 4
    assert "E741" in capsys.readouterr().err
    assert not out.exists()
    assert main([*words, "anna"]) == 0


def test_an_answer_with_a_key_is_of_that_key_s_side(
    table: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the other side's key nor one that was revoked answers; a refused answer is not noted."""
    monkeypatch.setenv("POISE_PASSPHRASE", "keep it secure, always")
    operations, security = enrolled(table)
    files = {"operations": tmp_path / "anna.pem", "security": tmp_path / "bert.pem"}
    for file, key in zip(files.values(), (operations, security), strict=True):
        write_key(file, key, "keep it secure, always")
    table.propose("security", "mine", as_plan(table.ground.plans[-1].windows))

    def answer(key: str, party: str, now: datetime = NOW) -> int:
        words = ["agree", "answer", "1", "accept", "--party", party, "--now", now.isoformat()]
        return main([*words, "--key", str(files[key])])

    assert answer("security", "operations") == 4
    assert "E743" in capsys.readouterr().err
    assert answer("security", "security") == 0
    assert "No match" in capsys.readouterr().out
    lost = {"person": "anna", "key": operations.id, "since": "2026-01-01T00:00:00Z", "reason": "lost"}
    table.ledger.append("key.revoke", "anna", lost, now=NOW, keys=(operations, security))
    assert answer("operations", "operations", NOW + timedelta(hours=1)) == 4
    assert "E741" in capsys.readouterr().err
    assert table.answers.of("operations") == {}


def test_of_two_writers_at_once_the_second_is_told(table: Session) -> None:
    """What was possible when a command began is asked again where its record would stand."""
    limit = Limit(id="same", party="operations", rule="weekends", amount=9.0)
    with Ledger.open(table.folder.parent / "ledger.sqlite") as ledger:
        other = Session(table.folder, ledger, NOW)
        assert not other.limits  # what the other has seen
        table.add_limit(limit)
        before = table.ledger.head.size
        with pytest.raises(TableError, match="E552"):
            other.add_limit(limit)
        assert table.ledger.head.size == before
        assert other.limits == (limit,)
        # A plan that was looked for before a limit came does not pass it.
        stale = Session(table.folder, ledger, NOW)
        assert not stale.breaks(as_plan(table.ground.plans[-1].windows))
        table.add_limit(Limit(id="never", party="security", rule="services", amount=0.0))
        with pytest.raises(TableError, match="never"):
            stale.propose("security", "mine", as_plan(table.ground.plans[-1].windows))


def test_no_record_written_past_the_table_ends_it(table: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """What was no step at its place changes nothing and is told; nobody could take it back."""
    operations, security = enrolled(table)
    for kind, body in (
        ("limit.added", {"limit": 3}),
        ("limit.dropped", {"id": "nothing"}),
        ("position.sealed", {}),
        ("proposal.matched", {"proposal": 9}),
        ("table.opened", {"ground": "x", "limits": [{"id": "?"}]}),
    ):
        table.ledger.append(kind, "somebody", body, now=NOW)
    body = {"plan": "of the office party"}
    table.ledger.append("agreement", "anna", body, now=NOW, keys=(operations, security))
    at = Session(table.folder, table.ledger, NOW)
    assert at.negotiation.ground == table.negotiation.ground
    assert len(at.negotiation.void) == 5
    assert at.negotiation.last is None
    at.add_limit(Limit(id="rest", party="operations", rule="weekends", amount=9.0))
    assert [limit.id for limit in at.limits] == ["rest"]
    assert main(["table", "show", "--now", NOW.isoformat()]) == 0
    out = capsys.readouterr().out
    assert all(one[:16] in out for one in at.negotiation.void)


def test_a_ledger_with_other_agreements_opens_a_table(tmp_path: Path) -> None:
    """They come first where a company has agreed before it negotiates a plan."""
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        session = Session(tmp_path / "table", ledger, NOW)
        keys = enrolled(session)
        ledger.append("agreement", "anna", {"plan": "2026-W03"}, now=NOW, keys=keys)
        session.open(small_ground(8))
        assert session.negotiation.void == ()
        assert session.before.points
