"""Prowler's reports: OCSF JSON, JSON of versions 3 and 2, and CSV of all versions.

Checks that failed are findings. What passed or only informs is none; a check that a person must make by
hand is a note, because nobody knows yet. A muted check is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from poise.errors import Fault
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import Column, has_header
from poise.scans.finding import AssetIdentity, Finding, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import inner, read_list, text, texts
from poise.scans.records import RecordError, required
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_MANUAL: Final = "manual"
_PASSED: Final = frozenset(("pass", "passed", "info"))
_FAILED: Final = frozenset(("fail", "failed", "warning", "warn", _MANUAL))


def _failed(word: str) -> bool:
    """Say whether a check is open: it failed, or waits for a person.

    Raises
    ------
    RecordError
        For any other word: nobody may guess that a check passed.
    """
    lowered = word.strip().lower()
    if lowered not in _PASSED and lowered not in _FAILED:
        raise RecordError(f"The status is {word[:40]!r}, expected PASS, FAIL, INFO, MANUAL or WARNING.")
    return lowered in _FAILED


def _finding(
    where: str,
    check: str,
    title: str,
    severity: str,
    *,
    account: str,
    region: str,
    resource: str,
    detail: str,
    remedy: str,
    when: str,
    links: tuple[str, ...] = (),
    muted: bool = False,
    state: str = "fail",
) -> Finding:
    status: Status = "accepted" if muted else "open"
    return Finding(
        where=where,
        identity=f"{account}|{region}|{check}|{resource}|{detail}",
        asset=AssetIdentity(cloud_id=resource or account, tags=(f"account:{account}",) if account else ()),
        rule=f"prowler:{check}",
        title=title or check,
        kind="information" if state.strip().lower() == _MANUAL else "misconfiguration",
        status=status,
        severity=parse_severity(severity),
        severity_text=severity,
        last_seen=parse_when(when),
        locations=tuple(one for one in (resource, region) if one),
        evidence=trim_evidence(detail),
        remedy=remedy[:400],
        references=links,
        justification="muted in Prowler" if muted else "",
    )


def _sniff_ocsf(head: str) -> bool:
    shape = shape_of(head)
    return any(
        shape.get(f"{start}metadata.product.name") == "Prowler" and f"{start}status_code" in shape
        for start in ("", "[].")
    )


def _ocsf(record: Any, where: str) -> Iterator[Finding]:
    if not _failed(required(text(inner(record, "status_code")), "status_code")):
        return
    check = required(text(inner(record, "metadata", "event_code")), "metadata.event_code")
    resources = inner(record, "resources")
    resource = resources[0] if isinstance(resources, list) and resources else {}
    muted = text(inner(record, "status")).lower() in ("suppressed", "muted")
    yield _finding(
        where,
        check,
        text(inner(record, "finding_info", "title")),
        text(inner(record, "severity")),
        account=text(inner(record, "cloud", "account", "uid")),
        region=text(inner(resource, "region")) or text(inner(resource, "namespace")),
        resource=text(inner(resource, "uid")) or text(inner(resource, "name")),
        detail=text(inner(record, "status_detail")),
        remedy=text(inner(record, "remediation", "desc")),
        when=text(inner(record, "finding_info", "created_time_dt")) or text(inner(record, "time_dt")),
        links=tuple(texts(inner(record, "remediation", "references"))),
        muted=muted,
        state=text(inner(record, "status_code")),
    )


def _sniff_3(head: str) -> bool:
    shape = shape_of(head)
    return any(f"{start}CheckID" in shape and f"{start}StatusExtended" in shape for start in ("", "[]."))


def _three(record: Any, where: str) -> Iterator[Finding]:
    if not _failed(required(text(inner(record, "Status")), "Status")):
        return
    link = text(inner(record, "Remediation", "Recommendation", "Url"))
    yield _finding(
        where,
        required(text(inner(record, "CheckID")), "CheckID"),
        text(inner(record, "CheckTitle")),
        text(inner(record, "Severity")),
        account=text(inner(record, "AccountId")) or text(inner(record, "SubscriptionId")),
        region=text(inner(record, "Region")),
        resource=text(inner(record, "ResourceArn")) or text(inner(record, "ResourceId")),
        detail=text(inner(record, "StatusExtended")),
        remedy=text(inner(record, "Remediation", "Recommendation", "Text")),
        when=text(inner(record, "AssessmentStartTime")),
        state=text(inner(record, "Status")),
        links=(link,) if link else (),
    )


def _sniff_2(head: str) -> bool:
    shape = shape_of(head)
    return any(f"{start}Control ID" in shape and f"{start}Control" in shape for start in ("", "[]."))


def _two(record: Any, where: str) -> Iterator[Finding]:
    if not _failed(required(text(inner(record, "Status")), "Status")):
        return
    link = text(inner(record, "Doc link"))
    yield _finding(
        where,
        required(text(inner(record, "Control ID")), "Control ID"),
        text(inner(record, "Control")),
        text(inner(record, "Severity")),
        account=text(inner(record, "Account Number")),
        region=text(inner(record, "Region")),
        resource=text(inner(record, "Resource ID")),
        detail=text(inner(record, "Message")),
        remedy=text(inner(record, "Remediation")),
        when=text(inner(record, "Timestamp")),
        links=(link,) if link.startswith("http") else (),
    )


_COLUMNS: Final[tuple[Column, ...]] = (
    ("check_id", "title_id"),
    ("check_title", "title_text"),
    ("status", "check_result"),
    ("status_extended", "check_result_extended"),
    ("severity", "check_severity"),
    ("account_uid", "account_num", "account_id"),
    "region",
    ("resource_uid", "resource_arn", "resource_id"),
    ("remediation_recommendation_text", "check_remediation"),
    ("remediation_recommendation_url", "check_doc"),
    ("timestamp", "assessment_start_time"),
    "muted",
)


def _is_header(names: frozenset[str]) -> bool:
    return {"title_id", "check_result"} <= names or {"check_id", "status_extended"} <= names


def _read_csv(source: Source) -> Iterator[Finding | Fault]:
    return read_rows(source, _is_header, _COLUMNS, _row)


def _row(row: tuple[str, ...], where: str) -> Finding | None:
    check, title, state, detail, severity, account, region, resource, remedy, link, when, muted = row
    if not _failed(state):
        return None
    return _finding(
        where,
        required(check, "check_id"),
        title,
        severity,
        account=account,
        region=region,
        resource=resource,
        detail=detail,
        remedy=remedy,
        when=when,
        links=(link,) if link.startswith("http") else (),
        muted=muted.strip().lower() == "true",
        state=state,
    )


FORMATS = (
    Format("prowler-ocsf-json", "Prowler", "json", _sniff_ocsf, partial(read_list, make=_ocsf)),
    Format("prowler-3-json", "Prowler 3", "json", _sniff_3, partial(read_list, make=_three)),
    Format("prowler-2-json", "Prowler 2", "json", _sniff_2, partial(read_list, make=_two)),
    Format("prowler-csv", "Prowler", "csv", lambda head: has_header(head, _is_header), _read_csv),
)
