"""Measure the gate: start, 1,000 and 25,000 results, memory; beside sarif-tools where it is installed.

Usage: ``python bench/gate.py [--sarif PATH]`` with the ``sarif`` program of sarif-tools. Seconds are CPU of
the child (user and system), the least of several runs; ratios are what is comparable between machines.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POLICY = """\
policy: bench
version: 1
title: A policy of the bench
valid_from: 2026-01-01
valid_until: 2026-12-31
services: [shop]
reports: {code: {max_age: 365d}}
rules:
  - {id: secrets, when: {new: yes, kind: secret}, then: block, lifted_by: deputy, because: a secret is lost}
  - {id: new, when: {new: yes, severity: [critical, high]}, then: block, lifted_by: deputy, because: it is
  new}
  - {id: late, when: {overdue: yes}, then: warn, because: its time is over}
roles: {deputy: {person: a deputy, key: "ed25519:KEY"}}
""".replace("KEY", "a" * 64)
COMMIT = "a" * 40
RUNS = 7


def report(path: Path, count: int) -> None:
    """Write a SARIF report of a code scanner with some results, alike to CodeQL's."""
    draw = random.Random(1)
    rules = [
        {
            "id": f"rule{n}",
            "shortDescription": {"text": f"Rule {n}"},
            "properties": {
                "tags": ["security", f"external/cwe/cwe-{n + 20:03d}"],
                "security-severity": str(round(draw.uniform(1, 9.9), 1)),
            },
        }
        for n in range(200)
    ]
    results = []
    for n in range(count):
        rule = draw.randrange(200)
        artifact = {"uri": f"src/pkg{n % 97}/mod{n % 1013}.py", "uriBaseId": "%SRCROOT%"}
        region = {
            "startLine": n % 900 + 1,
            "startColumn": 5,
            "snippet": {"text": f"    x{n} = run(cmd, {n % 37})"},
        }
        results.append(
            {
                "ruleId": f"rule{rule}",
                "ruleIndex": rule,
                "level": draw.choice(["error", "warning", "note"]),
                "message": {"text": f"Tainted data flows into sink number {n} here."},
                "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
                "partialFingerprints": {"primaryLocationLineHash": f"{draw.getrandbits(64):x}:1"},
            }
        )
    run = {
        "tool": {"driver": {"name": "CodeQL", "semanticVersion": "2.20.0", "rules": rules}},
        "versionControlProvenance": [{"repositoryUri": "https://git.example/shop", "revisionId": COMMIT}],
        "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-03-02T11:00:00Z"}],
        "results": results,
    }
    path.write_text(json.dumps({"$schema": "https://sarif.example", "version": "2.1.0", "runs": [run]}))


def cost(command: list[str], codes: tuple[int, ...]) -> tuple[float, float]:
    """Return the CPU seconds and the peak memory [MiB] of a command, the least of several runs."""
    best, memory = float("inf"), float("inf")
    for _ in range(RUNS):
        with open(os.devnull, "wb") as nowhere:
            child = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in codes:
            raise SystemExit(f"{command} ended with {child.returncode}")
        best = min(best, usage.ru_utime + usage.ru_stime)
        memory = min(memory, usage.ru_maxrss / 1024)
    return best, memory


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sarif", default=shutil.which("sarif"), help="the program of sarif-tools")
    arguments = parser.parse_args()
    poise = str(Path(sys.executable).with_name("poise"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policy.yaml").write_text(POLICY)
        rows = [("bare interpreter", *cost([sys.executable, "-c", "pass"], (0,)))]
        gate = [
            poise,
            "gate",
            "run",
            "--policy",
            str(folder / "policy.yaml"),
            "--unsigned",
            "--commit",
            COMMIT,
        ]
        gate += ["--now", "2026-03-02T12:00Z", "--first-run"]
        for count in (0, 1_000, 25_000):
            path = folder / f"{count}.sarif"
            report(path, count)
            rows.append((f"poise gate run, {count:,} results", *cost([*gate, f"code={path}"], (0, 1))))
            if arguments.sarif:
                # Its exit code is a count, so any will do.
                command = [arguments.sarif, "--check", "error", "summary", str(path)]
                rows.append((f"sarif-tools summary, {count:,} results", *cost(command, tuple(range(256)))))
        bare = rows[0][1]
        print(f"{'':<40} {'CPU s':>8} {'x bare':>8} {'MiB':>8}")
        for label, seconds, memory in rows:
            print(f"{label:<40} {seconds:8.3f} {seconds / bare:8.1f} {memory:8.0f}")
    print(f"(this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB)")


if __name__ == "__main__":
    main()
