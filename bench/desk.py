"""Load on the desk: PostgreSQL, a million findings, 50 people each with a request every two seconds.

    python bench/desk.py [--findings N] [--people N] [--seconds S] [--folder DIR] [--json FILE]

One request in ten is a write that must stand on the ledger afterwards, and every few seconds two people edit
the same limit at once: one of them must win, and the other be told. Prints the 50th, 95th and 99th percentile
of each kind of request in milliseconds, errors, and lost writes. ``--folder`` keeps the filled desk for the
next run. Needs PostgreSQL's programs.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.remove(str(HERE))  # its desk.py would hide the tests' desk
sys.path.insert(0, str(HERE.parent / "tests"))

from desk.running import RunningDesk, cluster, sample_desk  # noqa: E402

sys.path.append(str(HERE))
from crowd import Duel, Person  # noqa: E402

MILLION = """
from django.db import connection
from poise.desk import clock, convert
from poise.desk.models import AssetRecord, Report
estate = convert.estate_of(convert.latest_estate())
groups = list(estate.groups)
report = Report.objects.create(
    name="large.nessus", sha256="0" * 64, size_bytes=1, path="none", state="read",
    findings={findings}, assets=20_000, uploaded=clock.now())
def record(n):
    name, group = f"host{{n:05}}.company.test", groups[n % len(groups)] if n % 50 else ""
    return AssetRecord(report=report, label=name, search=name, identity={{}}, asset=name, group=group,
                       why="bench", findings={findings} // 20_000, critical=2, high=8)
AssetRecord.objects.bulk_create(map(record, range(20_000)))
first = AssetRecord.objects.filter(report=report).order_by("pk").first().pk
with connection.cursor() as cursor:
    cursor.execute('''INSERT INTO desk_finding
        (report_id, record_id, vulnerability, title, component, installed, fixed, severity, kind, status)
        SELECT %s, %s + n %% 20000, 'CVE-' || (2015 + n %% 11) || '-' || (1000 + n %% 9000), 'A title',
               'openssl', '3.0.1', '3.0.2',
               CASE WHEN n %% 50 = 0 THEN 5 WHEN n %% 6 = 0 THEN 4 ELSE n %% 4 END,
               'vulnerability', 'open'
        FROM generate_series(1, {findings}) AS n''', [report.pk, first])
    cursor.execute("ANALYZE")
"""
OPEN_POSITIONS = """
from poise.desk.actions import Actor, bargaining
from poise.desk.models import User
for name in ("anna", "bert"):
    bargaining.seal(Actor.of(User.objects.get(username=name)))
"""
PEOPLE = """
import json
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from poise.desk.models import User
from poise.desk.permissions import ROLES
people = []
for number in range({people}):
    user, _ = User.objects.get_or_create(username=f"p{{number}}", defaults={{"role": ROLES[number % 6].key}})
    if not user.password:
        user.set_unusable_password()
        user.save()
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    people.append([session.session_key, user.standing.party, user.role])
print(json.dumps(people))
"""
WRITTEN = """
import json
from poise.desk.ledger import DeskLedger
ledger = DeskLedger()
said = []
for record in ledger.records():
    kind, body = record.statement.kind, record.body or {}
    if kind == "limit.added":
        said.append(["limit", body["limit"]["id"], body["limit"].get("reason", "")])
    elif kind in ("limit.dropped", "token.issued", "plan.comment"):
        said.append([kind, body.get("id") or body.get("name") or body.get("words"), body.get("reason", "")])
print(json.dumps([said, ledger.verify().broken is None]))
"""


def percentile(values: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    return 1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(desk: RunningDesk, people: int, seconds: float) -> dict[str, Any]:
    """Load a desk, print what it took, and return the figures."""
    sessions = json.loads(desk.python(PEOPLE.format(people=people + 2)))
    mark = format(time.time_ns() // 1_000_000_000, "x")
    end = time.monotonic() + seconds
    crowd = [Person(desk.port, number, *who, mark, end) for number, who in enumerate(sessions[:people])]
    side = [session for session, party, _ in sessions if party == "operations"][-2:]
    duel = Duel(desk.port, (side[0], side[1]), mark, end)
    threads: list[threading.Thread] = [*crowd, duel]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    took: dict[str, list[float]] = defaultdict(list)
    for person in crowd:
        for kind, value in person.took:
            took[kind].append(value)
            took["all"].append(value)
    rows = {
        kind: {"count": len(values)}
        | {name: percentile(values, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
        for kind, values in sorted(took.items())
    }
    print(f"{'request':<16}{'count':>7}{'p50':>8}{'p95':>8}{'p99':>8}  [ms]")
    for kind, row in rows.items():
        print(f"{kind:<16}{row['count']:>7}{row['p50']:>8.0f}{row['p95']:>8.0f}{row['p99']:>8.0f}")
    errors = [error for one in (*crowd, duel) for error in one.errors]
    said, holds = json.loads(desk.python(WRITTEN))
    wrote = [key for person in (*crowd, duel) for key in person.wrote]
    lost = {tuple(key) for key in wrote} - {tuple(key) for key in said}
    print(
        f"errors {len(errors)} {errors[:3]}, writes {len(wrote)}, lost {len(lost)} {sorted(lost)[:3]}, ",
        end="",
    )
    print(f"two edits of one limit {duel.fought}, told of the conflict {duel.told}; ledger holds: {holds}")
    is_fine = not errors and not lost and holds and duel.told == duel.fought > 0
    return {"requests": rows, "errors": len(errors), "lost": len(lost), "is_fine": is_fine}


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the filled desk is kept; else one that goes")
    parser.add_argument("--fill-only", action="store_true", help="fill the folder and end")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="poise-bench-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with cluster(folder, is_durable=True) as running:
            desk = filled(folder, running, arguments.findings)
            if arguments.fill_only:
                return 0
            try:
                desk.serve(processes=arguments.processes)
                found = measure(desk, arguments.people, arguments.seconds)
            finally:
                desk.stop()
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    return int(not found["is_fine"])


def filled(folder: Path, running: Any, findings: int) -> RunningDesk:
    """Return a desk with the sample company, an open table, and many findings."""
    mark = folder / "filled"
    if mark.exists():
        return RunningDesk(folder / "desk", running.url("desk"))
    desk = sample_desk(folder, running.database("desk"))
    for program in (OPEN_POSITIONS, ""):
        done = desk.run("worker", "--until-empty", timeout=1800)
        assert done.returncode == 0, done.stderr
        desk.python(program)
    begun = time.monotonic()
    desk.python(MILLION.format(findings=findings), timeout=1800)
    mark.touch()
    print(f"{findings:,} findings written in {time.monotonic() - begun:.0f} s", flush=True)
    return desk


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    sys.exit(main())
