"""Load on the desk: PostgreSQL, a million findings, 50 people each with a request every two seconds.

    python bench/desk.py [--findings N] [--people N] [--seconds S]

One request in ten is a write that must stand on the ledger afterwards. Prints the 50th, 95th and 99th
percentile of each kind of request in milliseconds, errors, and lost writes. Needs PostgreSQL's programs.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import defaultdict
from pathlib import Path

sys.path.remove(str(Path(__file__).resolve().parent))  # its desk.py would hide the tests' desk
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from desk.running import RunningDesk, cluster, sample_desk

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
PEOPLE = """
import json
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from poise.desk.models import User
from poise.desk.permissions import ROLES
keys = []
for number in range({people}):
    user = User.objects.create_user(f"p{{number}}", password=None, role=ROLES[number % 6].key)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    keys.append(session.session_key)
print(json.dumps(keys))
"""
WRITTEN = """
import json
from poise.desk.ledger import DeskLedger
ledger = DeskLedger()
names = [record.body["name"] for record in ledger.records(kind="token.issued")]
print(json.dumps([names, ledger.verify().broken is None]))
"""
READS = (
    ("home", "/"),
    ("findings", "/findings"),
    ("search id", "/findings?q=CVE-20{year}-{number}"),
    ("search asset", "/findings?q=host0{digit}"),
    ("critical", "/findings?severity=5"),
    ("estate", "/estate"),
    ("service", "/estate/services/shop"),
    ("unmapped", "/estate/unmapped"),
    ("reports", "/findings/reports"),
)
CSRF = "c" * 32


class Person(threading.Thread):
    """Somebody who asks for a page every two seconds, and now and then writes."""

    def __init__(self, desk: RunningDesk, number: int, session: str, end: float) -> None:
        super().__init__()
        self.port, self.number, self.end = desk.port, number, end
        self.random = random.Random(number)
        self.cookies = f"poise_session={session}; csrftoken={CSRF}"
        self.took: list[tuple[str, float]] = []
        self.errors: list[str] = []
        self.wrote: list[str] = []

    def run(self) -> None:
        """Go on until the end."""
        time.sleep(self.random.random() * 2)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        count = 0
        while time.monotonic() < self.end:
            begun = time.monotonic()
            count += 1
            kind, status = self.write(connection, count) if count % 10 == 0 else self.read(connection)
            self.took.append((kind, time.monotonic() - begun))
            if status not in (200, 204, 302):
                self.errors.append(f"{kind}: {status}")
            time.sleep(max(0.0, 2.0 - (time.monotonic() - begun)))
        connection.close()

    def read(self, connection: http.client.HTTPConnection) -> tuple[str, int]:
        """Ask for a page."""
        kind, path = self.random.choice(READS)
        year, number, digit = (
            self.random.randint(15, 25),
            self.random.randint(1000, 9999),
            self.random.randint(0, 9),
        )
        path = path.format(year=year, number=number, digit=digit)
        connection.request("GET", path, headers={"Cookie": self.cookies})
        response = connection.getresponse()
        response.read()
        return kind, response.status

    def write(self, connection: http.client.HTTPConnection, count: int) -> tuple[str, int]:
        """Make a token: a row and a record of the ledger."""
        name = f"p{self.number}-{count}"
        body = urllib.parse.urlencode({"name": name, "scopes": "estate.read", "days": "1"})
        headers = {
            "Cookie": self.cookies,
            "X-CSRFToken": CSRF,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection.request("POST", "/me/tokens/new", body, headers)
        response = connection.getresponse()
        response.read()
        if response.status == 200:
            self.wrote.append(name)
        return "write", response.status


def percentile(values: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    return 1000 * sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(desk: RunningDesk, people: int, seconds: float) -> int:
    """Load a desk, print what it took, and return 1 when something was lost or failed."""
    sessions = json.loads(desk.python(PEOPLE.format(people=people)))
    end = time.monotonic() + seconds
    crowd = [Person(desk, number, session, end) for number, session in enumerate(sessions)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    took: dict[str, list[float]] = defaultdict(list)
    for one in crowd:
        for kind, value in one.took:
            took[kind].append(value)
            took["all"].append(value)
    print(f"{'request':<14}{'count':>7}{'p50':>8}{'p95':>8}{'p99':>8}  [ms]")
    for kind, values in sorted(took.items()):
        figures = "".join(f"{percentile(values, share):>8.0f}" for share in (0.5, 0.95, 0.99))
        print(f"{kind:<14}{len(values):>7}{figures}")
    errors = [error for one in crowd for error in one.errors]
    wrote = [name for one in crowd for name in one.wrote]
    names, holds = json.loads(desk.python(WRITTEN))
    lost = set(wrote) - set(names)
    print(f"errors {len(errors)} {errors[:3]}, writes {len(wrote)}, lost {len(lost)}, ledger holds: {holds}")
    return int(bool(errors or lost or not holds))


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="poise-bench-"))
    with cluster(folder) as running:
        desk = sample_desk(folder, running.database("desk"))
        try:
            done = desk.run("worker", "--until-empty")
            assert done.returncode == 0, done.stderr
            begun = time.monotonic()
            desk.python(MILLION.format(findings=arguments.findings), timeout=1800)
            print(f"{arguments.findings:,} findings written in {time.monotonic() - begun:.0f} s")
            desk.serve()
            return measure(desk, arguments.people, arguments.seconds)
        finally:
            desk.stop()


if __name__ == "__main__":
    sys.exit(main())
