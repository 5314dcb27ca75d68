"""Cut the sample company's threat tables out of whole feeds.

Run once by a developer, never by the demo::

    python -m poise.sample.extract_threats --epss epss_scores-2025-12-28.csv.gz \
        --kev kev_catalog_asof_2025-12-31.json.gz --vulnrichment vulnrichment_cve.parquet \
        --records cve_cpe_published.parquet

The hand-kept parts are ``threats/selection.yaml``, which vulnerabilities and which release
mends them, and ``threats/records.yaml``, values of CVE records younger than the feed. All else
is copied from the feeds, in the feeds' own layouts, so that the readers of :mod:`poise.threats`
read the sample as they read the real thing.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import yaml

HERE = Path(__file__).parent / "threats"
#: The model behind every EPSS score from 2025-03-17 on ("EPSS v4"), as the feed's first line names it.
EPSS_MODEL = "v2025.03.14"
CISA_ADP = {"orgId": "134c704f-9b21-4f2e-91b3-4a467353bcc0", "shortName": "CISA-ADP"}
COLUMNS = (
    "cve",
    "title",
    "vendor",
    "product",
    "component",
    "ecosystem",
    "fixed_version",
    "kb",
    "cvss_vector",
    "published",
    "description",
)
TITLE_LENGTH, DESCRIPTION_LENGTH = 110, 240
VECTOR = re.compile(r"CVSS:(?:3\.[01]|4\.0)/[A-Z:/]+[A-Z]")


@dataclass(frozen=True)
class Feeds:
    """The whole feeds, by CVE id."""

    epss: Mapping[str, tuple[str, str]]
    kev: Mapping[str, dict[str, Any]]
    kev_header: Mapping[str, Any]
    vulnrichment: Mapping[str, dict[str, Any]]
    records: Mapping[str, dict[str, Any]]
    #: CVSS vector and SSVC values by short id, of ``records.yaml``.
    by_hand: Mapping[str, tuple[str, str]]

    def first(self, cve: str, *names: str) -> str:
        """Return the first text that a record holds under one of `names`, or nothing."""
        for table in (self.vulnrichment, self.records):
            for name in names:
                value = table.get(cve, {}).get(name)
                if value:
                    return str(value)
        return ""


def read_feeds(arguments: argparse.Namespace) -> Feeds:
    """Read the four source files."""
    with gzip.open(arguments.epss, "rt", encoding="utf-8") as stream:
        rows = (line for line in stream if not line.startswith("#"))
        epss = {row["cve"]: (row["epss"], row["percentile"]) for row in csv.DictReader(rows)}
    catalogue = json.loads(gzip.decompress(arguments.kev.read_bytes()))
    kev = {entry["cveID"]: entry for entry in catalogue.pop("vulnerabilities")}
    vulnrichment, records = (
        {row["cve"]: row for row in parquet.read_table(path).to_pylist()}
        for path in (arguments.vulnrichment, arguments.records)
    )
    by_hand = yaml.safe_load((HERE / "records.yaml").read_text(encoding="utf-8"))
    return Feeds(epss, kev, catalogue, vulnrichment, records, by_hand)


def selected() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every chosen CVE id with the group of ``selection.yaml`` that names it."""
    for group in yaml.safe_load((HERE / "selection.yaml").read_text(encoding="utf-8")):
        for short in str(group["cves"]).split():
            yield f"CVE-{short}", group


def vector_of(cve: str, group: Mapping[str, Any], feeds: Feeds) -> str:
    """Return the CVSS vector: of the feed, else of the selection, else of the description."""
    names = ("cna_v40_vector", "cna_v31_vector", "cna_v30_vector", "adp_v31_vector")
    described = VECTOR.search(feeds.first(cve, "description"))
    short = cve.removeprefix("CVE-")
    return (
        feeds.first(cve, *names)
        or feeds.by_hand.get(short, ("", ""))[0]
        or group.get("vectors", {}).get(short, "")
        or (described.group() if described else "")
    )


def shortened(text: str, length: int) -> str:
    """Return `text` on one line, cut at a word so that it has at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rsplit(" ", 1)[0] + "…"


def fact_rows(feeds: Feeds) -> Iterator[dict[str, str]]:
    """Yield the rows of ``cves.csv``: one for each vulnerability and product line."""
    for cve, group in selected():
        known = feeds.kev.get(cve, {})
        description = feeds.first(cve, "description") or known.get("shortDescription", "")
        title = (
            group.get("titles", {}).get(cve.removeprefix("CVE-"))
            or feeds.vulnrichment.get(cve, {}).get("title")
            or known.get("vulnerabilityName")
            or description
        )
        published = feeds.first(cve, "published") or str(group.get("published", ""))
        for product, fixed_version, kb in group["releases"]:
            yield {
                "cve": cve,
                "title": shortened(title, TITLE_LENGTH),
                "vendor": group["vendor"],
                "product": product,
                "component": group["component"],
                "ecosystem": group["ecosystem"],
                "fixed_version": str(fixed_version),
                "kb": kb,
                "cvss_vector": vector_of(cve, group, feeds),
                "published": published[:10],
                "description": shortened(description, DESCRIPTION_LENGTH),
            }


def cve_record(cve: str, group: Mapping[str, Any], feeds: Feeds) -> dict[str, Any]:
    """Return a CVE JSON 5 record cut down to dates, CVSS vector and CISA's SSVC values."""
    published = feeds.first(cve, "published") or f"{group.get('published', '')}T00:00:00Z"
    record: dict[str, Any] = {
        "dataType": "CVE_RECORD",
        "dataVersion": "5.1",
        "cveMetadata": {"cveId": cve, "state": "PUBLISHED", "datePublished": published},
        "containers": {"cna": {}},
    }
    vector = vector_of(cve, group, feeds)
    if vector:
        version = vector.removeprefix("CVSS:").split("/")[0]
        metric = {"version": version, "vectorString": vector}
        record["containers"]["cna"]["metrics"] = [{f"cvssV{version.replace('.', '_')}": metric}]
    ssvc = ssvc_content(cve, group, feeds)
    if ssvc:
        container = {
            "providerMetadata": CISA_ADP,
            "title": "CISA ADP Vulnrichment",
            "metrics": [{"other": {"type": "ssvc", "content": ssvc}}],
        }
        record["containers"]["adp"] = [container]
    return record


def ssvc_content(cve: str, group: Mapping[str, Any], feeds: Feeds) -> dict[str, Any] | None:
    """Return CISA's judgement in its own layout, or None where CISA has judged nothing."""
    row = feeds.vulnrichment.get(cve, {})
    short = cve.removeprefix("CVE-")
    by_hand = feeds.by_hand.get(short, ("", ""))[1] or group.get("ssvc", {}).get(short)
    if by_hand:
        values, stamp = by_hand.split("@")
        exploitation, automatable, impact = values.split("/")
    elif row.get("ssvc_exploitation"):
        exploitation, automatable = row["ssvc_exploitation"], row["ssvc_automatable"]
        impact, stamp = row["ssvc_technical_impact"], row["ssvc_ts"]
    else:
        return None
    options = [{"Exploitation": exploitation}, {"Automatable": automatable}, {"Technical Impact": impact}]
    return {
        "id": cve,
        "role": "CISA Coordinator",
        "options": options,
        "version": "2.0.3",
        "timestamp": stamp,
    }


def write_tables(feeds: Feeds, score_date: date) -> dict[str, int]:
    """Write the four tables beside ``selection.yaml``; return how many rows each has."""
    chosen = dict(selected())
    scored = [(cve, *feeds.epss[cve]) for cve in sorted(chosen) if cve in feeds.epss]
    listed = [feeds.kev[cve] for cve in sorted(chosen) if cve in feeds.kev]
    records = [cve_record(cve, chosen[cve], feeds) for cve in sorted(chosen)]
    facts = list(fact_rows(feeds))
    with (HERE / f"epss_scores-{score_date}.csv").open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(f"#model_version:{EPSS_MODEL},score_date:{score_date}T00:00:00+0000\n")
        stream.write("cve,epss,percentile\n")
        stream.writelines(f"{','.join(row)}\n" for row in scored)
    catalogue = {**feeds.kev_header, "count": len(listed), "vulnerabilities": listed}
    text = json.dumps(catalogue, indent=1, ensure_ascii=False)
    (HERE / "known_exploited_vulnerabilities.json").write_text(text + "\n", encoding="utf-8")
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    (HERE / "vulnrichment.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    with (HERE / "cves.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(facts)
    return {
        "vulnerabilities": len(chosen),
        "epss": len(scored),
        "kev": len(listed),
        "ssvc": sum("adp" in record["containers"] for record in records),
        "with CVSS vector": len({row["cve"] for row in facts if row["cvss_vector"]}),
        "without published date": len({row["cve"] for row in facts if not row["published"]}),
        "rows of cves.csv": len(facts),
    }


def main() -> int:
    """Cut the tables and say how many rows each has."""
    parser = argparse.ArgumentParser(description="Cut the sample company's threat tables out of whole feeds.")
    for name in ("epss", "kev", "vulnrichment", "records"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--score-date", type=date.fromisoformat, default=date(2025, 12, 28))
    arguments = parser.parse_args()
    for name, count in write_tables(read_feeds(arguments), arguments.score_date).items():
        sys.stdout.write(f"{name}: {count}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
