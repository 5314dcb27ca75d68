"""The ``poise threats`` commands."""

from __future__ import annotations

import json

import pytest

from poise.cli import main
from threats.loopback import Page, epss_csv, kev_json, record


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Return a workspace, with no setting of the machine in the way."""
    for name in ("POISE_KEV_URL", "POISE_EPSS_URL", "POISE_SSVC_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "work"


def poise(*words):
    return main(["threats", *map(str, words)])


def test_update_and_status_tell_how_each_feed_stands(server, workspace, monkeypatch, capsys):
    """A user runs two commands and reads two tables."""
    monkeypatch.setenv("POISE_KEV_URL", server.url("/kev"))
    monkeypatch.setenv("POISE_EPSS_URL", server.url("/wrong"))
    server.pages["/kev"] = Page(kev_json(12))
    server.pages["/epss"] = Page(epss_csv({"CVE-2024-1000": "0.25"}))
    server.pages["/ssvc"] = Page(json.dumps(record("CVE-2025-1001", options=[], timestamp="x")).encode())
    code = poise(
        "update", "--workspace", workspace, "--now", "2026-01-05", "--epss-url", server.url("/epss"),
        "--ssvc-url", server.url("/ssvc"),
    )  # fmt: skip
    shown = capsys.readouterr()
    assert code == 0
    assert "CISA KEV 2025-12-29, 2025.12.29: stored, 12 rows\n" in shown.out
    assert "CISA Vulnrichment 2025-06-02: stored, 1 rows; 1 faulty rows left out" in shown.out
    assert "E208 SSVC timestamp 'x' is no date." in shown.err
    assert poise("status", "--workspace", workspace, "--now", "2026-01-05") == 3, "one feed is stale"
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["kev", "fresh", "2025-12-29", "7", "12", "2025.12.29"]
    assert lines[3].split()[:2] == ["ssvc", "stale"]


def test_one_bad_feed_does_not_keep_the_others_back(server, workspace, capsys):
    """Feeds fail on their own days; exit code 2 says that one did."""
    server.pages["/kev"] = Page(b"gone", status=404)
    server.pages["/epss"] = Page(epss_csv({"CVE-2024-1000": "0.25"}))
    server.pages["/ssvc"] = Page(json.dumps(record("CVE-2025-1001", options=[])).encode())
    urls = [word for feed in ("kev", "epss", "ssvc") for word in (f"--{feed}-url", server.url(f"/{feed}"))]
    assert poise("update", "--workspace", workspace, "--json", *urls) == 2
    told = json.loads(capsys.readouterr().out)
    assert [line["feed"] for line in told["updated"]] == ["epss", "ssvc"]
    assert told["refused"]["kev"][0]["id"] == "E222"
    assert set(told["refused"]["kev"][0]) == {"id", "where", "message", "hint"}


def test_a_file_is_read_instead_of_the_network(workspace, write, capsys):
    """Closed networks carry feeds in on a stick."""
    path = write("epss_scores-2025-12-28.csv.gz", epss_csv({"CVE-2024-1000": "0.25"}))
    assert poise("update", "--feed", "epss", "--from", path, "--workspace", workspace) == 0
    assert "FIRST EPSS 2025-12-28, v2025.03.14: stored, 1 rows" in capsys.readouterr().out
    assert poise("update", "--from", path, "--workspace", workspace) == 2
    assert "--from needs --feed" in capsys.readouterr().err


def test_the_status_of_an_empty_workspace_is_missing(workspace, capsys):
    """Nothing stored is a state, not an error."""
    assert poise("status", "--workspace", workspace, "--now", "2026-01-05", "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert told["as_of"] == "2026-01-05"
    assert [feed["state"] for feed in told["feeds"]] == ["missing"] * 3
    assert not workspace.exists(), "to look is not to write"


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--now", "yesterday"),
        ("update", "--max-shrink", "many"),
        ("update", "--max-shrink", "101"),
        ("update", "--timeout", "0"),
        ("update", "--feed", "nvd"),
        (),
    ],
)
def test_wrong_words_are_usage_errors(words, capsys):
    """Usage ends with 2 and says what it expected."""
    with pytest.raises(SystemExit) as ended:
        poise(*words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_refused_shrink_is_told_with_the_way_out(workspace, write, capsys):
    """The hint names the option that accepts it."""
    assert (
        poise("update", "--feed", "kev", "--from", write("a.json", kev_json(100)), "--workspace", workspace)
        == 0
    )
    smaller = write("b.json", kev_json(10))
    assert poise("update", "--feed", "kev", "--from", smaller, "--workspace", workspace) == 2
    assert "--accept-shrink" in capsys.readouterr().err
    assert (
        poise("update", "--feed", "kev", "--from", smaller, "--workspace", workspace, "--accept-shrink") == 0
    )
