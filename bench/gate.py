"""Measure the gate: start, 1,000 and 25,000 results, memory; beside sarif-tools where it is installed.

Usage: ``python bench/gate.py [--sarif PATH]`` with the ``sarif`` program of sarif-tools. Seconds are CPU of
the child (user and system), the least of several runs after one that is not counted; ratios are what is
comparable between machines. The policy is signed by two keys, as in a pipeline.
"""

from __future__ import annotations

import argparse
import json
import os
import random
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
COUNTS = (0, 1_000, 25_000, 100_000)
RUNS = 7
#: As on a user's machine, where installing has compiled everything.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


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


def prepare(folder: Path) -> None:
    """Write the reports, and the policy with the signatures of two keys."""
    from poise.gate.documents import POLICY_TYPE, policy_payload
    from poise.gate.policyfile import parse_policy
    from poise.ledger.envelope import Envelope
    from poise.ledger.keys import SigningKey

    keys = [SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2)]
    made = Envelope(POLICY_TYPE, policy_payload(POLICY, parse_policy(POLICY, "policy")))
    for key in keys:
        made = made.signed(key)
    (folder / "policy.json").write_bytes(made.to_bytes())
    trust = {"operations": [keys[0].id], "security": [keys[1].id]}
    (folder / "trust.json").write_text(json.dumps(trust))
    for count in COUNTS:
        report(folder / f"{count}.sarif", count)


def cost(command: list[str], codes: tuple[int, ...]) -> tuple[float, float]:
    """Return the CPU seconds and the peak memory [MiB] of a command, the least of several runs."""
    best, memory = float("inf"), float("inf")
    for run in range(RUNS + 1):
        with open(os.devnull, "wb") as nowhere:
            child = subprocess.Popen(command, stdout=nowhere, stderr=nowhere, env=ENVIRONMENT)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in codes:
            raise SystemExit(f"{command} ended with {child.returncode}")
        if not run:
            continue
        best = min(best, usage.ru_utime + usage.ru_stime)
        memory = min(memory, usage.ru_maxrss / 1024)
    return best, memory


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sarif", default=shutil.which("sarif"), help="the program of sarif-tools")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare(arguments.prepare)
        return
    poise = str(Path(sys.executable).with_name("poise"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A child's peak counts what its parent held when it began, so that this process stays small.
        subprocess.run([sys.executable, __file__, "--prepare", name], check=True)
        rows = [("bare interpreter", *cost([sys.executable, "-c", "pass"], (0,)))]
        gate = [poise, "gate", "run", "--policy", str(folder / "policy.json")]
        gate += ["--trust", str(folder / "trust.json"), "--commit", COMMIT]
        gate += ["--now", "2026-03-02T12:00Z"]
        for count in COUNTS:
            path = folder / f"{count}.sarif"
            first = [*gate, "--first-run", f"code={path}"]
            rows.append((f"poise gate run, {count:,} results", *cost(first, (0, 1))))
            if count:
                known = folder / f"{count}.json"
                note = [poise, "gate", "baseline", *gate[3:], f"code={path}", "--out", str(known)]
                subprocess.run(note, check=True, stdout=subprocess.DEVNULL)
                again = [*gate, "--baseline", str(known), f"code={path}"]
                rows.append(("  the same against a baseline of them", *cost(again, (0, 1))))
            if arguments.sarif:
                # Its exit code is a count, so any will do.
                command = [arguments.sarif, "--check", "error", "summary", str(path)]
                rows.append((f"sarif-tools summary, {count:,} results", *cost(command, tuple(range(256)))))
                if count:
                    command = [arguments.sarif, "--check", "error", "diff", str(path), str(path)]
                    rows.append(("  its diff against the same", *cost(command, tuple(range(256)))))
        bare = rows[0][1]
        print(f"{'':<40} {'CPU s':>8} {'x bare':>8} {'MiB':>8}")
        for label, seconds, memory in rows:
            print(f"{label:<40} {seconds:8.3f} {seconds / bare:8.1f} {memory:8.0f}")


if __name__ == "__main__":
    main()
