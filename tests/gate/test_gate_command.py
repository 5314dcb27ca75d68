"""The commands as people and pipelines use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gate.build import COMMIT, DEPUTY, OPERATIONS, POLICY, SECURITY, TRUST, result, sarif
from poise.cli import main
from poise.gate.register import register
from poise.ledger.envelope import Envelope
from poise.ledger.keyfile import write_key
from poise.ledger.keys import SigningKey
from poise.ledger.store import Ledger

PHRASE = "five words that nobody says"
NOW = ("--now", "2026-03-02T12:00Z")
HEAVY = {"numpy", "numba", "pyarrow", "duckdb", "django", "rich", "ray", "highspy", "univers", "icalendar"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a policy that both sides signed by command, trust, keys and a report."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POISE_PASSPHRASE", PHRASE)
    for name, key in (("operations", OPERATIONS), ("security", SECURITY), ("deputy", DEPUTY)):
        _write(tmp_path / f"{name}.key", key)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "trust.json").write_text(
        json.dumps({"operations": TRUST.operations, "security": TRUST.security})
    )
    (tmp_path / "code.sarif").write_text(json.dumps(sarif([result(snippet="run(cmd)")])))
    assert main(["policy", "sign", "policy.yaml", "--key", "operations.key", "--out", "half.json"]) == 0
    assert main(["policy", "sign", "half.json", "--key", "security.key", "--out", "policy.json"]) == 0
    return tmp_path


def _write(path: Path, key: SigningKey) -> None:
    import poise.ledger.keyfile as keyfile

    rounds, keyfile.KDF_ROUNDS = keyfile.KDF_ROUNDS, 1  # a test waits for no brute force
    try:
        write_key(path, key, PHRASE)
    finally:
        keyfile.KDF_ROUNDS = rounds


RUN = [
    "gate",
    "run",
    "code=code.sarif",
    "--policy",
    "policy.json",
    "--trust",
    "trust.json",
    "--commit",
    COMMIT,
    *NOW,
]


def test_from_a_policy_to_an_exception(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way: block, exception by the deputy, pass; and the half-signed policy opens nothing."""
    assert main([*RUN, "--first-run", "--out", "out", "--annotations", "github", "--key", "deputy.key"]) == 1
    shown = capsys.readouterr().out
    assert "::error file=src/run.py,line=3" in shown
    verdict = json.loads((folder / "out/verdict.json").read_text())
    identifier = verdict["findings"][0]["id"]
    assert f"poise gate except {identifier}" in shown
    command = [
        "gate",
        "except",
        identifier,
        "--verdict",
        "out/verdict.json",
        "--owner",
        "Lee",
        "--reason",
        "behind a wall",
    ]
    assert main([*command, "--until", "2026-04-01", "--key", "deputy.key", "--out", "x.json", *NOW]) == 0
    assert main([*RUN, "--first-run", "--exceptions", "x.json"]) == 0
    assert main([*RUN[:-2], "--now", "2026-03-05T12:00Z", "--first-run", "--exceptions", "x.json"]) == 0
    half = [word if word != "policy.json" else "half.json" for word in RUN]
    assert main([*half, "--first-run"]) == 4
    assert main(["policy", "verify", "policy.json", "--trust", "trust.json", *NOW]) == 0
    assert main(["policy", "diff", "policy.yaml", "policy.json"]) == 0
    attested = Envelope.from_bytes((folder / "out/attestation.json").read_bytes(), "a")
    assert attested.signers("application/vnd.in-toto+json", [DEPUTY.id]) == (DEPUTY.id,)
    statement = json.loads(attested.payload)
    assert statement["predicate"]["verificationResult"] == "FAILED"
    assert statement["subject"] == [{"name": "shop", "digest": {"gitCommit": COMMIT}}]


def test_a_baseline_a_history_and_a_budget(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the main line notes is known afterwards."""
    common = RUN[2:]
    assert main(["gate", "baseline", *common, "--out", "base.json"]) == 0
    assert main([*RUN, "--baseline", "base.json", "--out", "out"]) == 0
    assert main(["gate", "record", "out/verdict.json", "--history", "h.jsonl"]) == 0
    capsys.readouterr()
    budget = ["gate", "budget", "--history", "h.jsonl", "--policy", "policy.json", "--service", "shop", *NOW]
    assert main([*budget, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["budget"]["allowed"] == 40.0
    assert main([*RUN]) == 3
    assert "E600" not in capsys.readouterr().out


def test_a_verdict_is_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which rule, why new, who lifts it; and another policy or baseline explains nothing."""
    assert main(["gate", "baseline", *RUN[2:], "--out", "base.json"]) == 0
    assert main([*RUN, "--first-run", "--out", "out"]) == 1
    capsys.readouterr()
    command = ["gate", "explain", "--verdict", "out/verdict.json", "--policy"]
    assert main([*command, "policy.json"]) == 0
    shown = capsys.readouterr().out
    for told in (
        "is blocked (exit 1)",
        "> new-errors: it is the first",
        "no baseline",
        "the deputy (deputy)",
    ):
        assert told in shown
    assert main([*command, "policy.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"][0]["rules"][-1]["rule"] == "new-errors"
    (folder / "other.yaml").write_text(POLICY.replace("version: 1", "version: 2"))
    assert main([*command, "other.yaml"]) == 3
    assert "E610" in capsys.readouterr().err
    assert main([*command, "policy.json", "--baseline", "base.json"]) == 3
    assert main([*command, "policy.json", "nobody"]) == 2
    assert "E808" in capsys.readouterr().err


def test_a_scanner_is_run_and_noted(folder: Path) -> None:
    """A time-out, a crash without a report and a good run are three different things."""
    write = "import sys; open('r.sarif','w').write(open('code.sarif').read()); sys.exit(1)"
    scan = ["gate", "scan", "--report", "r.sarif", "--commit", COMMIT]
    assert main([*scan, "--", sys.executable, "-c", write]) == 0
    note = json.loads((folder / "r.sarif.run.json").read_text())
    assert (note["exit_code"], note["timed_out"], note["commit"]) == (1, False, COMMIT)
    assert main([*scan, "--", sys.executable, "-c", "pass"]) == 3
    assert not (folder / "r.sarif").exists()
    assert main([*scan, "--minutes", "0.005", "--", sys.executable, "-c", "import time; time.sleep(9)"]) == 3


def test_signed_words_stand_on_the_ledger(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who broke the glass, for what and why is a record that nobody can quietly change."""
    assert main(["key", "enrol", "dora", "--role", "security", "--key", "deputy.key", *NOW]) == 0
    words = [
        "--service",
        "shop",
        "--commit",
        COMMIT,
        "--person",
        "Dora",
        "--key",
        "deputy.key",
        "--ledger",
        *NOW,
    ]
    assert main(["gate", "break-glass", *words, "--reason", "the shop burns", "--out", "g.json"]) == 0
    assert main(["gate", "skip", "code", *words, "--reason", "only pages", "--out", "s.json"]) == 0
    assert "record 2 of the ledger" in capsys.readouterr().out
    with Ledger.open(folder / ".poise" / "ledger.sqlite") as ledger:
        found = register(ledger.records())
    assert [(type(word.document).__name__, word.made.by) for word in found.words] == [
        ("BrokenGlass", "dora"),
        ("Skip", "dora"),
    ]
    assert found.words[0].document.reason == "the shop burns"
    assert found.words[0].envelope.to_bytes() + b"\n" == (folder / "g.json").read_bytes()
    assert main(["ledger", "verify"]) == 0
    assert (
        main(["gate", "skip", "code", *words, "--key", "operations.key", "--reason", "x", "--out", "n"]) == 4
    )
    assert not (folder / "n").exists()


def test_four_keys_of_a_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Delivery's measures stand beside security's, with their definitions; unknown is not zero."""
    (folder / "log.csv").write_text(
        "time,commit,committed,outcome\n"
        "2026-02-03T10:00Z,a,2026-02-02T10:00Z,ok\n"
        "2026-02-09T10:00Z,b,2026-02-09T04:00Z,failed\n"
        "2026-02-09T13:00Z,c,2026-02-09T11:00Z,ok\n"
    )
    assert main(["gate", "keys", "--log", "log.csv", "--days", "28", *NOW, "--json"]) == 0
    keys = json.loads(capsys.readouterr().out)["keys"]
    assert (keys["deployments_per_week"], keys["lead_time_hours"]) == (0.5, 13.0)
    assert (keys["change_failure_rate"], keys["restore_hours"]) == (0.3333, 3.0)
    assert main(["gate", "keys", "--log", "log.csv", "--days", "28", *NOW, "--openmetrics"]) == 0
    assert capsys.readouterr().out.endswith("# EOF\n")
    late = '{"time": "2026-02-20T12:00:00Z", "service": "shop", "commit": "a", "decision": "pass", '
    (folder / "h.jsonl").write_text(late + '"by_us": 2.0, "without_fix": 0.5}\n')
    burn = ["gate", "keys", "--log", "log.csv", "--days", "28", *NOW, "--history", "h.jsonl"]
    assert main([*burn, "--service", "shop", "--policy", "policy.json", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["burn"]
    assert found == {"risk_days": 20.0, "risk_days_without_fix": 5.0, "risk_days_agreed": 40.0}
    assert main([*burn, "--service", "shop", "--openmetrics"]) == 0
    assert 'poise_risk_days{service="shop"} 20' in capsys.readouterr().out
    assert main(burn) == 2
    (folder / "log.csv").write_text("time,commit\n")
    assert main(["gate", "keys", "--log", "log.csv", *NOW]) == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["gate", "run", "nothing=code.sarif", "--policy", "policy.json", "--trust", "trust.json"], 2),
        (["gate", "run", "--policy", "policy.yaml"], 2),
        (["gate", "run", "--policy", "missing.yaml", "--unsigned"], 2),
        ([*RUN, "--baseline", "code.sarif"], 2),
        ([*RUN, "--first-run", "--threats", "code.sarif"], 2),
        ([*RUN, "--first-run", "--exceptions", "policy.json"], 2),
        ([*RUN, "--first-run", "--now", "today"], 2),
        ([*RUN, "--first-run", "--service", "other"], 2),
        (["policy", "verify", "half.json", "--trust", "trust.json", *NOW], 4),
        (["gate", "plan-tests", "code.sarif", "--minutes", "3"], 2),
    ],
)
def test_wrong_use_has_an_exit_code_and_no_traceback(
    folder: Path, words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline reads the code; a person reads the fault and the hint."""
    assert main(words) == code
    assert "Traceback" not in capsys.readouterr().err


def test_the_hot_path_imports_nothing_heavy(folder: Path) -> None:
    """A pipeline waits for every import, thousands of times a day."""
    program = (
        "import sys\nfrom poise.cli import main\n"
        f"code = main({[*RUN, '--first-run']!r})\n"
        f"print(sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}), file=sys.stderr)\n"
        "assert code == 1\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"


def test_threats_are_taken_out_of_the_store(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipeline carries an extract, not a store; and no catalogue is no empty catalogue."""
    feeds = Path(__file__).resolve().parents[2] / "src/poise/sample/threats"
    for feed, name in (
        ("kev", "known_exploited_vulnerabilities.json"),
        ("epss", "epss_scores-2025-12-28.csv"),
    ):
        words = ["threats", "update", "--workspace", "w", "--feed", feed, "--from", str(feeds / name)]
        assert main([*words, "--now", "2026-01-02T00:00Z"]) == 0
    extract = ["gate", "threats", "--out", "t.json", "--now", "2026-01-02T00:00Z"]
    assert main([*extract, "--store", "w/threats"]) == 0
    value = json.loads((folder / "t.json").read_text())
    assert value["kev"] == sorted(value["kev"])
    assert value["kev"]
    assert min(value["epss"].values()) >= value["epss_floor"]
    assert main([*RUN, "--first-run", "--threats", "t.json"]) == 1
    assert main([*extract, "--store", "nowhere"]) == 3
