"""What Qualys says about one of its checks, in glossaries and in scan results alike."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import msgspec

from poise.scans.finding import Severity
from poise.scans.formats.qualys_terms import advisories_of, cvss_of, severity_of
from poise.scans.identifiers import split_ids
from poise.scans.xmlfields import distinct, plain, text_of, texts_of


class Check(msgspec.Struct, frozen=True, gc=False):
    """What the glossary says about one QID."""

    title: str = ""
    severity: Severity | None = None
    severity_text: str = ""
    cves: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    score: float | None = None
    remedy: str = ""
    remedy_ids: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


def read_check(details: Element, severity: str, cves: str = "") -> Check:
    """Read the description of a check.

    Parameters
    ----------
    details
        The element that holds ``TITLE``, ``SOLUTION``, ``CVE_ID_LIST`` and so on.
    severity
        The check's severity as the report writes it.
    cves
        CVE ids that stand elsewhere.

    Raises
    ------
    RecordError
        For a severity or score outside its scale.
    """
    vendor = texts_of(details, "VENDOR_REFERENCE_LIST/VENDOR_REFERENCE/ID")
    solution = plain(text_of(details, "SOLUTION"))
    aliases, remedy_ids = advisories_of(vendor, solution)
    found, others = split_ids((cves, *texts_of(details, "CVE_ID_LIST/CVE_ID/ID")))
    vectors, score = cvss_of(
        text_of(details, "CVSS3_SCORE/CVSS3_BASE") or text_of(details, "CVSS3_BASE"),
        text_of(details, "CVSS_SCORE/CVSS_BASE") or text_of(details, "CVSS_BASE"),
    )
    return Check(
        title=text_of(details, "TITLE"),
        severity=severity_of(severity),
        severity_text=severity,
        cves=found,
        aliases=distinct(*others, *aliases),
        vectors=vectors,
        score=score,
        remedy="" if solution.upper() == "N/A" else solution,
        remedy_ids=remedy_ids,
        references=distinct(
            *texts_of(details, "VENDOR_REFERENCE_LIST/VENDOR_REFERENCE/URL"),
            *(f"BID:{one}" for one in texts_of(details, "BUGTRAQ_ID_LIST/BUGTRAQ_ID/ID")),
        ),
    )
