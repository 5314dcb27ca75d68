"""What a scanner report says, as light records.

Records, not rows: a reader yields millions of them, so they are ``msgspec.Struct``
(frozen, no cyclic garbage collection), which are made five times as fast as frozen
dataclasses and are as read-only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

#: A scanner's own severity, in lower case. ``None`` where the report states none.
Severity = Literal["critical", "high", "medium", "low", "info"]

#: What a finding is about. Only ``vulnerability`` can become a change. ``code`` is a weakness in source code,
#: ``web`` one that a running application shows, ``test`` a security test that failed, and ``statement`` what
#: a VEX document says about a vulnerability of a product.
Kind = Literal[
    "vulnerability",
    "misconfiguration",
    "secret",
    "licence",
    "information",
    "code",
    "web",
    "test",
    "statement",
]

#: The state that the report itself gives the finding.
Status = Literal["open", "fixed", "accepted", "false_positive"]


class AssetIdentity(msgspec.Struct, frozen=True, gc=False):
    """Every name by which one report knows one asset; empty where it gives none.

    Two reports rarely use the same name for a machine, so all of them are kept and
    :mod:`poise.estate` decides, with its reason, which records are one asset.
    """

    hostnames: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    #: Scanner agent, host or device id, with the scanner before a colon: ``"wazuh:001"``.
    agent_id: str = ""
    #: Cloud resource id (ARN, Azure resource id, instance id).
    cloud_id: str = ""
    #: Container image name with its tag, and the digest (``sha256:...``).
    image: str = ""
    image_digest: str = ""
    #: Package URL of an application that was scanned as a whole (SBOM root component).
    purl: str = ""
    #: Repository, directory or file that was scanned, for reports of source trees.
    path: str = ""
    operating_system: str = ""
    tags: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return the most telling single name, or ``"(unnamed asset)"``."""
        for name in (
            *self.hostnames,
            self.cloud_id,
            *self.ips,
            self.image,
            self.image_digest,
            self.agent_id,
            self.purl,
            self.path,
        ):
            if name:
                return name
        return "(unnamed asset)"


class Component(msgspec.Struct, frozen=True, gc=False):
    """The software that is vulnerable; empty fields where the report gives none."""

    name: str = ""
    #: Ecosystem or package type as the scanner names it: ``deb``, ``rpm``, ``npm``, ``windows``.
    ecosystem: str = ""
    installed_version: str = ""
    #: Versions that fix it, as stated; empty means that the report names no fix.
    fixed_versions: tuple[str, ...] = ()
    purl: str = ""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where in the scanned source a finding stands."""

    #: Path as the scanner writes it, with slashes.
    path: str
    #: First and last line and first column, from 1; ``None`` where the report states none.
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    #: The text that stands there, cut at 4,000 characters.
    snippet: str = ""


class Provenance(msgspec.Struct, frozen=True, gc=False):
    """What a report says about the scan that made it; empty or ``None`` where it says nothing.

    A reader yields it, once or several times, among its findings.
    """

    tool: str = ""
    tool_version: str = ""
    #: Rules or database that the scan used, by version, digest or time of building.
    database: str = ""
    #: The commit that was scanned, as written.
    commit: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    #: Checks that ran, where the report counts them: a test run of no test is no test.
    checks: int | None = None
    #: What the scanner itself says it could not scan; a sentence each, the first hundred.
    problems: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One vulnerability on one asset, as a scanner reports it.

    Unknown stays unknown: ``None`` or empty, never a harmless default.
    """

    #: Where the record stands in its file, for people: ``"host db1, plugin 35291"``, ``"line 7"``.
    where: str
    #: What makes two records of one report the same finding (the same check on the same asset and
    #: component, seen at two ports or paths). Records with equal identity count once.
    identity: str
    asset: AssetIdentity
    #: The scanner's own id of the check, with the scanner before a colon: ``"nessus:35291"``.
    rule: str
    title: str
    #: Distinct CVE ids the record is about, upper case, in the report's order.
    cves: tuple[str, ...] = ()
    #: Other ids of the same vulnerability: GHSA, RHSA, ALAS, OSV, MS bulletin ...
    aliases: tuple[str, ...] = ()
    component: Component = Component()
    kind: Kind = "vulnerability"
    status: Status = "open"
    severity: Severity | None = None
    #: The severity exactly as written in the report.
    severity_text: str = ""
    #: CVSS vectors as written (v2, v3.x, v4.0), and the base score where the report gives one [0, 10].
    cvss_vectors: tuple[str, ...] = ()
    cvss_score: float | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    #: Port and protocol, such as ``"443/tcp"``; empty for a whole host.
    port: str = ""
    #: Files, paths or ports at which the same finding was seen.
    locations: tuple[str, ...] = ()
    #: The scanner's proof (output, detected version), cut at 4,000 characters with a mark.
    evidence: str = ""
    #: What the scanner says to do.
    remedy: str = ""
    #: Ids of the update that fixes it (KB number, advisory), where the report names one.
    remedy_ids: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    place: Place | None = None
    #: The tool's own identities of the finding, by name, strongest first. Placeholders such as
    #: ``"requires login"`` are left out.
    fingerprints: tuple[tuple[str, str], ...] = ()
    #: Distinct weakness ids, such as ``"CWE-89"``.
    cwes: tuple[str, ...] = ()
    #: Whether the vulnerable code can be reached, where the scanner looked.
    reachable: bool | None = None
    #: SHA-256 of the secret that was found, in hexadecimal; the secret itself is kept nowhere.
    secret_digest: str = ""
    #: Why the report itself sets the finding aside: the text of a suppression or of a VEX statement.
    justification: str = ""

    @property
    def vulnerability_ids(self) -> tuple[str, ...]:
        """Return CVE ids first, then aliases; the scanner's rule when there is neither."""
        return (*self.cves, *self.aliases) or (self.rule,)
