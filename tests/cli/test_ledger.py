"""``poise ledger`` and ``poise key``: exit codes, JSON, passphrases, and what nobody may slip in."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from poise.cli import main
from poise.cli.signing import visible
from poise.ledger import keyfile

NOW = ("--now", "2026-01-05T09:00Z")
PASSPHRASE = "four odd words for a test"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in a folder of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyfile, "KDF_ROUNDS", 2)  # a second for each of hundreds of passphrases is too long
    monkeypatch.setenv("POISE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("POISE_PASSPHRASE", PASSPHRASE)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def company(run: Run) -> Run:
    """Enrol Anna (operations), Bert (security) and Cleo (chair) through the command line."""
    for person, role, vouching in (
        ("anna", "operations", ""),
        ("bert", "security", "a"),
        ("cleo", "chair", "ab"),
    ):
        assert run("key", "enrol", person, "--role", role, "--key", f"{person}.key", *NOW)[0] == 0
        for name in vouching:
            key = {"a": "anna.key", "b": "bert.key"}[name]
            assert run("ledger", "sign", f"enrol-{person}.json", "--key", key)[0] == 0
        if vouching:
            assert run("ledger", "add", f"enrol-{person}.json", *NOW)[0] == 0
    return run


def agreement(run: Run, *keys: str, body: str = '{"plan": 1}') -> tuple[int, str, str]:
    """Draft an agreement, have it signed, and add it."""
    Path("body.json").write_text(body, encoding="utf-8")
    Path("agreement.json").unlink(missing_ok=True)
    draft = ("ledger", "draft", "agreement", "body.json", "--author", "anna", "--out", "agreement.json", *NOW)
    assert run(*draft)[0] == 0
    for key in keys:
        assert run("ledger", "sign", "agreement.json", "--key", key)[0] == 0
    return run("ledger", "add", "agreement.json", *NOW)


def test_everything_has_a_json_form(company: Run) -> None:
    """What a machine reads: one object, whatever the command."""
    assert agreement(company, "anna.key", "bert.key")[0] == 0
    outputs = {}
    for name, arguments in {
        "log": ("ledger", "log"),
        "show": ("ledger", "show", "3"),
        "verify": ("ledger", "verify"),
        "checkpoint": ("ledger", "checkpoint", "--key", "cleo.key", "--out", "cp.json", *NOW),
        "export": ("ledger", "export", "out.jsonl"),
        "import": ("ledger", "import", "out.jsonl", "--workspace", "second"),
        "list": ("key", "list"),
        "rotate": ("key", "rotate", "--key", "anna.key", "--new-key", "anna2.key", *NOW),
        "deputy": ("key", "deputy", "cleo", "--role", "security", "--until", "2026-02-01",
                   "--reason", "leave", "--key", "bert.key", *NOW),
        "revoke": ("key", "revoke", "anna", "--key", "bert.key", "--reason", "lost", *NOW),
        "sign": ("ledger", "sign", "revoke-anna.json", "--key", "cleo.key"),
        "add": ("ledger", "add", "revoke-anna.json", *NOW),
    }.items():  # fmt: skip
        code, out, err = company(*arguments, "--json")
        assert (code, err) == (0, ""), name
        outputs[name] = json.loads(out)
    assert [one["sequence"] for one in outputs["log"]["records"]] == [0, 1, 2, 3]
    assert [one["person"] for one in outputs["show"]["signers"]] == ["anna", "bert"]
    assert outputs["verify"]["holds"] is outputs["import"]["holds"] is True
    assert outputs["checkpoint"]["head"] == outputs["verify"]["head"]
    assert outputs["add"]["statement"]["kind"] == "key.revoke"
    keys = {one["person"]: one["counts"] for one in json.loads(company("key", "list", "--json")[1])["keys"]}
    assert keys == {"anna": False, "bert": True, "cleo": True}
    assert company("ledger", "verify", "out.jsonl", "--checkpoint", "cp.json")[0] == 0


def test_exit_codes_say_what_is_wrong(company: Run) -> None:
    """1 a broken chain, 2 the input, 4 a signature."""
    assert agreement(company, "anna.key")[0] == 4
    assert agreement(company, "anna.key", "bert.key")[0] == 0
    assert company("ledger", "add", "agreement.json", *NOW)[0] == 1
    company("ledger", "checkpoint", "--key", "cleo.key", "--out", "cp.json", *NOW)
    company("ledger", "export", "out.jsonl")
    lines = Path("out.jsonl").read_bytes().splitlines(keepends=True)
    Path("cut.jsonl").write_bytes(b"".join(lines[:3]))
    assert company("ledger", "verify", "cut.jsonl")[0] == 0
    code, out, _ = company("ledger", "verify", "cut.jsonl", "--checkpoint", "cp.json")
    assert code == 1
    assert "E725" in out
    assert "BROKEN at record 3" in out
    Path("changed.jsonl").write_bytes(b"".join(lines).replace(b'"plan":1', b'"plan":2'))
    code, out, _ = company("ledger", "verify", "changed.jsonl")
    assert code == 1
    assert "record 3: E723" in out
    other = "ed25519:" + "0" * 64
    assert company("ledger", "verify", "out.jsonl", "--checkpoint", "cp.json", "--trust", other)[0] == 4
    assert company("ledger", "verify", "out.jsonl", "--trust", other)[0] == 2
    assert company("ledger", "verify", "none.jsonl")[0] == 2
    assert company("ledger", "verify", "out.jsonl", "--checkpoint", "out.jsonl")[0] == 2
    assert company("ledger", "verify", str(Path("home", "ledger.sqlite")))[0] == 0
    with pytest.raises(SystemExit) as stopped:
        company("ledger", "verify", "out.jsonl", "--trust", "anna")
    assert stopped.value.code == 2


def test_a_draft_of_another_history_is_not_signed(company: Run) -> None:
    """Whoever signs vouches for the records before; a signer with an own ledger can look."""
    agreement(company, "anna.key", "bert.key")
    company("ledger", "export", "out.jsonl")
    Path("short.jsonl").write_bytes(b"".join(Path("out.jsonl").read_bytes().splitlines(keepends=True)[:3]))
    company("ledger", "import", "short.jsonl", "--workspace", "fork")
    for workspace, number in (("fork", 1), ("home", 2)):
        Path("body.json").write_text(f'{{"n": {number}}}', encoding="utf-8")
        for name in ("first", "second"):
            out = ("--author", "anna", "--out", f"{name}-{workspace}.json", "--workspace", workspace, *NOW)
            assert company("ledger", "draft", "note", "body.json", *out)[0] == 0
            add = ("ledger", "add", f"{name}-{workspace}.json", "--workspace", workspace, *NOW)
            assert company(*add)[0] == 0
    code, out, err = company("ledger", "sign", "second-fork.json", "--key", "anna.key")
    assert (code, out) == (1, "")
    assert "E727" in err
    assert company("ledger", "sign", "second-fork.json", "--key", "anna.key", "--workspace", "none")[0] == 0
    assert company("ledger", "sign", "second-home.json", "--key", "anna.key")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("ledger", "log"), ("ledger", "show", "0"), ("ledger", "verify"), ("key", "list"),
        ("ledger", "export", "x.jsonl"), ("ledger", "checkpoint", "--key", "a.key", "--out", "cp.json"),
    ],
)  # fmt: skip
def test_without_a_ledger_nothing_is_made(run: Run, arguments: tuple[str, ...]) -> None:
    """Looking must not create what is looked for."""
    code, _, err = run(*arguments)
    assert code == 2
    assert "E700 there is no ledger here" in err
    assert not Path("home").exists()


def test_a_draft_from_elsewhere_is_only_signed_as_seen(company: Run) -> None:
    """What a terminal would hide or turn around is spelled out before anybody signs."""
    body = '{"plan": "safe\\u202eexe.\\u001b[2K\\u0085", "person": "Zoë"}'
    Path("body.json").write_text(body, encoding="utf-8")
    company("ledger", "draft", "note", "body.json", "--author", "anna", "--out", "note.json", *NOW)
    code, out, _ = company("ledger", "sign", "note.json", "--key", "anna.key")
    assert code == 0
    assert '"safe\\u202eexe.\\u001b[2K\\u0085"' in out
    assert "Zoë" in out
    assert out.index("safe") < out.index("Signed by")
    assert visible("a\tb\x9bc\u2066d") == "a\\u0009b\\u009bc\\u2066d"


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"null", b"\xff", b"[" * 100_000, b'{"form":"poise-draft/1"}']
)
def test_a_file_that_is_no_draft_key_or_body_is_told(company: Run, content: bytes) -> None:
    """Every command that reads a file, on noise: a fault, exit 2, no traceback."""
    Path("noise").write_bytes(content)
    for arguments in (
        ("ledger", "sign", "noise", "--key", "anna.key"),
        ("ledger", "add", "noise", *NOW),
        ("ledger", "sign", "enrol-bert.json", "--key", "noise"),
        ("ledger", "verify", "enrol-bert.json", "--checkpoint", "noise"),
        ("key", "rotate", "--key", "noise", "--new-key", "x.key"),
    ):
        code, _, err = company(*arguments)
        assert code == 2, arguments
        assert ": E70" in err
    out = ("--out", "d.json", *NOW)
    code, _, err = company("ledger", "draft", "note", "noise", "--author", "anna", *out)
    assert (code == 0) == (content in (b"{}", b'{"form":"poise-draft/1"}'))


def test_nothing_is_overwritten(company: Run) -> None:
    """Keys, drafts, checkpoints and exports are evidence, or cannot be made again."""
    company("ledger", "export", "out.jsonl")
    before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    for arguments in (
        ("ledger", "export", "out.jsonl"),
        ("ledger", "checkpoint", "--key", "cleo.key", "--out", "anna.key", *NOW),
        ("ledger", "import", "out.jsonl"),
        ("key", "revoke", "anna", "--key", "bert.key", "--reason", "x", "--out", "out.jsonl", *NOW),
    ):
        code, _, err = company(*arguments)
        assert code == 2, arguments
        assert "E704" in err
    assert {path: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before


def test_a_draft_that_cannot_be_signed_stays_as_it_was(company: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong passphrase changes nothing."""
    before = Path("enrol-cleo.json").read_bytes()
    monkeypatch.setenv("POISE_PASSPHRASE", PASSPHRASE + "!")
    code, _, err = company("ledger", "sign", "enrol-cleo.json", "--key", "anna.key")
    assert code == 2
    assert "E706" in err
    assert Path("enrol-cleo.json").read_bytes() == before


# Passphrases -------------------------------------------------------------------------------------------


def test_a_passphrase_comes_from_a_file_too(company: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line, whatever editor wrote it; the file wins over the variable."""
    monkeypatch.setenv("POISE_PASSPHRASE", "something else entirely")
    for ending in ("", "\n", "\r\n", "\nsecond line\n"):
        Path("secret").write_text(PASSPHRASE + ending, encoding="utf-8", newline="")
        monkeypatch.setenv("POISE_PASSPHRASE_FILE", "secret")
        assert company("ledger", "sign", "enrol-cleo.json", "--key", "anna.key")[0] == 0
    monkeypatch.setenv("POISE_PASSPHRASE_FILE", "none")
    code, _, err = company("ledger", "sign", "enrol-cleo.json", "--key", "anna.key")
    assert code == 2
    assert "none: E700" in err


def test_a_new_key_may_get_its_own_passphrase(company: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotation reads both; the new one is held to the same length."""
    monkeypatch.setenv("POISE_NEW_PASSPHRASE", "short")
    assert "E707" in company("key", "rotate", "--key", "anna.key", "--new-key", "n.key", *NOW)[2]
    assert not Path("n.key").exists()
    monkeypatch.setenv("POISE_NEW_PASSPHRASE", "another four odd words")
    assert company("key", "rotate", "--key", "anna.key", "--new-key", "n.key", *NOW)[0] == 0
    monkeypatch.setenv("POISE_PASSPHRASE", "another four odd words")
    assert company("ledger", "sign", "enrol-cleo.json", "--key", "n.key")[0] == 0


def test_without_anybody_to_ask_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job without a terminal must not wait for ever."""
    monkeypatch.delenv("POISE_PASSPHRASE")
    with open(os.devnull, encoding="utf-8") as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        code, _, err = run("key", "enrol", "anna", "--role", "operations", "--key", "anna.key")
    assert code == 2
    assert "E706 needs a passphrase" in err


def at_terminal(arguments: list[str], answers: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command on a terminal of its own and type the answers when it asks."""
    main_end, other_end = pty.openpty()
    command = [sys.executable, "-m", "poise.cli", *arguments]
    process = subprocess.Popen(command, env=environment, preexec_fn=lambda: os.login_tty(other_end))
    os.close(other_end)
    shown = ""
    while True:
        try:
            part = os.read(main_end, 4096).decode()
        except OSError:
            break
        if not part:
            break
        shown += part
        if part.endswith(": ") and answers:
            os.write(main_end, (answers.pop(0) + "\n").encode())
    os.close(main_end)
    return process.wait(timeout=60), shown


def test_a_passphrase_is_asked_for_at_the_terminal_and_never_shown(tmp_path: Path) -> None:
    """Typed twice for a new key, once to sign; it appears nowhere: not on the screen, not in any file."""
    environment = {**os.environ, "POISE_HOME": str(tmp_path / "home")}
    for name in ("POISE_PASSPHRASE", "POISE_PASSPHRASE_FILE"):
        environment.pop(name, None)
    key = str(tmp_path / "anna.key")
    enrol = ["key", "enrol", "anna", "--role", "operations", "--key", key]
    code, shown = at_terminal(enrol, [PASSPHRASE, "something else"], environment)
    assert code == 2
    assert "E706 the two are not the same" in shown
    code, shown = at_terminal(enrol, [PASSPHRASE, PASSPHRASE], environment)
    assert code == 0, shown
    out = str(tmp_path / "cp.json")
    code, again = at_terminal(["ledger", "checkpoint", "--key", key, "--out", out], [PASSPHRASE], environment)
    assert code == 0, again
    assert PASSPHRASE not in shown + again
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or PASSPHRASE.encode() not in path.read_bytes()


def test_no_key_is_made_for_a_draft_that_cannot_be_written(company: Run) -> None:
    """A key that nothing enrols would lie about with a passphrase somebody remembers for nothing."""
    code, _, err = company("key", "enrol", "cleo", "--role", "chair", "--key", "other.key", *NOW)
    assert code == 2
    assert "E704" in err
    assert not Path("other.key").exists()


def test_a_reader_that_goes_away_is_no_success(company: Run, tmp_path: Path) -> None:
    """Like other tools: a pipeline that checks its parts must not take a cut answer for a good one."""
    del company
    command = [sys.executable, "-m", "poise.cli", "ledger", "log", "--workspace", str(tmp_path / "home")]
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            command, stdout=write_end, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
    finally:
        os.close(write_end)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr


def test_a_ledger_that_cannot_be_written_can_be_read(company: Run, tmp_path: Path) -> None:
    """An auditor reads a backup where it lies; a write says whose right is missing."""
    del company
    as_user = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if as_user and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to take that away")
    home = tmp_path / "home"

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        run = [*as_user, sys.executable, "-m", "poise.cli", *words, "--workspace", str(home)]
        return subprocess.run(run, capture_output=True, text=True, check=False)

    home.chmod(0o555)
    (home / "ledger.sqlite").chmod(0o444)
    try:
        verified, logged = command("ledger", "verify"), command("ledger", "log")
        written = command("key", "revoke", "anna", "--key", "anna.key", "--reason", "x")
    finally:
        home.chmod(0o755)
    assert (verified.returncode, logged.returncode) == (0, 0), verified.stderr + logged.stderr
    assert "3 records hold" in verified.stdout
    assert written.returncode == 2
    assert "E710" in written.stderr
    assert "the right to write" in written.stderr
