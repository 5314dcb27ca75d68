"""The recipes, their shell steps executed as a runner would, in a real repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gate.build import POLICY, TRUST, Desk, envelope, result, sarif

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "recipes"

#: Stands in for the scanner that the recipes name, which no test installs: writes what it is told to find.
SCANNER = """#!/bin/sh
while [ "$1" != --output ]; do shift; done
sed "s/COMMIT/$(git rev-parse HEAD)/" found.json > "$2"
"""


def _steps(name: str) -> list[str]:
    """Return the shell steps of a recipe."""
    text = (RECIPES / name).read_text()
    if name == "Jenkinsfile":
        found = re.search(r"sh '''(.*?)'''", text, re.S)
        assert found
        return [found[1]]
    value = yaml.safe_load(text)
    if name == "github-actions.yml":
        return [step["run"] for step in value["jobs"]["gate"]["steps"] if "run" in step]
    if name == "gitlab-ci.yml":
        return ["\n".join(value["gate"]["script"])]
    return [value["repos"][0]["hooks"][0]["entry"]]


def _repository(folder: Path, found: list[dict[str, object]]) -> dict[str, str]:
    """Make a checkout with a policy and a scanner, and return the runner's variables."""
    programs = folder / "bin"
    for path in (programs, folder / "gate/exceptions"):
        path.mkdir(parents=True)
    (programs / "semgrep").write_text(SCANNER)
    (programs / "semgrep").chmod(0o755)
    lines = POLICY.replace("valid_from: 2026-01-01", "valid_from: 2020-01-01")
    text = lines.replace("valid_until: 2026-12-31", "valid_until: 2199-12-31").replace(
        "max_age: 7d", "max_age: 24h"
    )
    (folder / "gate/policy.json").write_bytes(envelope(text))
    (folder / "trust.json").write_text(
        json.dumps({"operations": TRUST.operations, "security": TRUST.security})
    )
    report = sarif(found, commit="COMMIT", invocations=[{"executionSuccessful": True}])
    (folder / "found.json").write_text(json.dumps(report))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example"]
    for words in (["init", "-q"], ["add", "found.json"], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    known = {"PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    known |= {"TRUST": "trust.json", "COMMIT": head.stdout.strip(), "GITHUB_STEP_SUMMARY": "summary.md"}
    return {**known, "POISE_BASELINE_KEY": "a key for tests, of no use elsewhere", "PYTHONPATH": ""}


#: What each runner sets by itself (their public documentation of variables), with the commit of the checkout.
RUNNERS = {
    "github-actions.yml": {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        # The merge of a pull request, which nobody scanned: the recipe names the head instead.
        "GITHUB_SHA": "f" * 40,
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_REF": "refs/pull/7/merge",
    },
    "gitlab-ci.yml": {"CI": "true", "GITLAB_CI": "true", "CI_COMMIT_SHA": "HEAD", "CI_JOB_STAGE": "test"},
    "Jenkinsfile": {"BUILD_NUMBER": "7", "JENKINS_URL": "https://ci.example/", "GIT_COMMIT": "HEAD"},
    "pre-commit-config.yaml": {"PRE_COMMIT": "1", "PRE_COMMIT_REMOTE_NAME": "origin"},
}
#: How each runner calls a step (``defaults.run`` of GitHub, the shells of GitLab's runner and of Jenkins).
SHELLS = {
    "github-actions.yml": ("bash", "-e", "-c"),
    "gitlab-ci.yml": ("bash", "-eo", "pipefail", "-c"),
    "Jenkinsfile": ("sh", "-xe", "-c"),
    "pre-commit-config.yaml": ("sh", "-c"),
}


@pytest.mark.parametrize("name", sorted(RUNNERS))
@pytest.mark.parametrize("is_clean", [True, False])
def test_the_steps_of_a_recipe_run(name: str, is_clean: bool, tmp_path: Path) -> None:
    """A recipe that was never run is a rumour: each in its runner's shell, with its runner's variables."""
    variables = _repository(tmp_path, [] if is_clean else [result(snippet="run(cmd)")])
    given = {key: value.replace("HEAD", variables["COMMIT"]) for key, value in RUNNERS[name].items()}
    Desk(tmp_path / "gate").write("baseline.json", _empty_baseline())
    codes, printed = [], ""
    for step in _steps(name):
        done = subprocess.run(
            [*SHELLS[name], step],
            cwd=tmp_path,
            env={**variables, **given},
            capture_output=True,
            text=True,
            check=False,
        )
        codes.append(done.returncode)
        printed += done.stdout
        assert done.returncode in (0, 1), done.stdout + done.stderr
    assert max(codes) == (0 if is_clean else 1)
    if name == "github-actions.yml":
        assert "### Poise" in (tmp_path / "summary.md").read_text()
        assert ("::error file=src/run.py,line=3," in printed) == (not is_clean)
    if name != "pre-commit-config.yaml":
        assert (tmp_path / "verdict/junit.xml").is_file()


@pytest.mark.skipif(shutil.which("pre-commit") is None, reason="pre-commit is not installed")
@pytest.mark.parametrize("is_clean", [True, False])
def test_pre_commit_runs_the_hook_before_a_push(is_clean: bool, tmp_path: Path) -> None:
    """With the real program: a push of something new and severe does not leave the machine."""
    found = [] if is_clean else [result(snippet="run(cmd)")]
    work, remote = tmp_path / "work", tmp_path / "remote.git"
    work.mkdir()
    variables = _repository(work, found)
    Desk(work / "gate").write("baseline.json", _empty_baseline())
    shutil.copy(RECIPES / "pre-commit-config.yaml", work / ".pre-commit-config.yaml")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=work, env=variables, capture_output=True, text=True, check=False)

    assert run("git", "init", "-q", "--bare", str(remote)).returncode == 0
    assert run("git", "remote", "add", "origin", str(remote)).returncode == 0
    done = run("pre-commit", "install", "--hook-type", "pre-push")
    assert done.returncode == 0, done.stderr
    done = run("git", "push", "-q", "origin", "HEAD:main")
    assert (done.returncode == 0) == is_clean, done.stdout + done.stderr
    assert bool(run("git", "ls-remote", str(remote)).stdout) == is_clean


@pytest.mark.skipif(shutil.which("check-jsonschema") is None, reason="check-jsonschema is not installed")
@pytest.mark.parametrize(
    ("schema", "name"),
    [("vendor.github-workflows", "github-actions.yml"), ("vendor.gitlab-ci", "gitlab-ci.yml")],
)
def test_a_recipe_is_valid_by_its_public_schema(schema: str, name: str) -> None:
    """A misspelt key of a pipeline is passed over in silence by its runner."""
    command = ["check-jsonschema", "--builtin-schema", schema, str(RECIPES / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _empty_baseline() -> dict[str, object]:
    return {
        "schema": "poise-baseline/1",
        "service": "shop",
        "commit": "",
        "made": "2020-01-01T00:00:00Z",
        "entries": [],
        "databases": [],
    }


def test_every_recipe_is_run() -> None:
    """A new recipe is tested or it is not there."""
    assert {path.name for path in RECIPES.iterdir()} == {
        "github-actions.yml",
        "gitlab-ci.yml",
        "Jenkinsfile",
        "pre-commit-config.yaml",
    }
