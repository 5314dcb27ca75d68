"""The reader of CISA's Vulnrichment records."""

from __future__ import annotations

import json
import zipfile
from datetime import date

import pytest

from poise.errors import ThreatFeedError
from poise.threats.ssvc import read_ssvc
from threats.loopback import record

ACTIVE = [{"Exploitation": "Active"}, {"Automatable": "YES"}, {"Technical Impact": "Total"}]
POC = [{"Exploitation": "PoC"}, {"Automatable": "no"}, {"Technical Impact": "partial"}]
V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V40 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


def test_words_are_read_in_any_case(write):
    """CISA wrote none and None, poc and PoC; all are the same judgement."""
    feed = read_ssvc(
        write("all.json", [record("CVE-2025-1001", options=ACTIVE), record("CVE-2025-1002", options=POC)])
    )
    first, second = feed.table.to_pylist()
    assert (first["exploitation"], first["automatable"], first["technical_impact"]) == (
        "active",
        True,
        "total",
    )
    assert (second["exploitation"], second["automatable"], second["technical_impact"]) == (
        "poc",
        False,
        "partial",
    )
    assert first["judged"] == date(2025, 6, 1)
    assert feed.date == date(2025, 6, 2), "the newest day that CISA's container names"


def test_the_newest_of_two_judgements_counts(write):
    """CISA appends; what it said last is what it thinks."""
    made = record("CVE-2025-1001", options=POC)
    made["containers"]["adp"].append(
        record("CVE-2025-1001", options=ACTIVE, timestamp="2025-07-01T00:00:00Z")["containers"]["adp"][0]
    )
    row = read_ssvc(write("one.json", made)).table.to_pylist()[0]
    assert (row["exploitation"], row["judged"]) == ("active", date(2025, 7, 1))


def test_a_record_without_cisa_still_says_when_and_how_bad(write):
    """Unknown stays unknown; date and vector are known all the same, the newest version first."""
    metrics = [{"cvssV3_1": {"vectorString": V31}}, {"cvssV4_0": {"vectorString": V40}}]
    row = read_ssvc(write("one.json", record("CVE-2025-1001", metrics=metrics))).table.to_pylist()[0]
    assert (row["exploitation"], row["automatable"], row["technical_impact"], row["judged"]) == (None,) * 4
    assert (row["published"], row["cvss_vector"]) == (date(2025, 5, 30), V40)


def test_folder_zip_lines_and_array_hold_the_same(tmp_path, write):
    """The repository, its archive, and exports of it must not differ in what they say."""
    records = [record(f"CVE-2025-{number}", options=ACTIVE) for number in (1001, 1002, 1003)]
    texts = {f"2025/1xxx/{made['cveMetadata']['cveId']}.json": json.dumps(made) for made in records}
    for name, text in texts.items():
        write(f"folder/{name}", text)
    write("folder/README.json", "not a record")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name, text in texts.items():
            archive.writestr(f"vulnrichment-develop/{name}", text)
        archive.writestr("vulnrichment-develop/assets/report.json", "{}")
    write("lines.ndjson", "\n".join(texts.values()))
    write("array.json", records)
    tables = [
        read_ssvc(tmp_path / name).table for name in ("folder", "all.zip", "lines.ndjson", "array.json")
    ]
    assert tables[0].num_rows == 3
    assert all(table.equals(tables[0]) for table in tables)


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"cveMetadata": {"cveId": "CVE-1"}, "containers": {}}, "E205"),
        ({"cveMetadata": {"cveId": "CVE-2025-9999", "datePublished": "now"}, "containers": {}}, "E208"),
        ({"some": "thing"}, "E211"),
        (["not", "a record"], "E211"),
        (record("CVE-2025-1001", options=POC), "E207"),
        (record("CVE-2025-9999", options=[{"Exploitation": "rumoured"}]), "E210"),
        (record("CVE-2025-9999", options=POC, timestamp="later"), "E208"),
    ],
)
def test_a_faulty_record_is_listed(write, broken, fault):
    """A record that cannot be read is named; the others count."""
    feed = read_ssvc(write("all.json", [record("CVE-2025-1001", options=ACTIVE), broken]))
    assert [found.id for found in feed.faults] == [fault]
    assert feed.table.to_pylist()[0]["exploitation"] == "active"


@pytest.mark.parametrize(
    ("content", "fault"), [(b'{"cveMetadata": {', "E202"), (b"[]", "E203"), (b"[" * 50_000, "E202")]
)
def test_structural_faults_refuse_the_file(write, content, fault):
    """Half a file must not pass as all there is."""
    with pytest.raises(ThreatFeedError) as caught:
        read_ssvc(write("one.json", content))
    assert caught.value.faults[0].id == fault


def test_a_damaged_zip_is_refused(write):
    """A zip whose data are cut has its directory at the end cut too."""
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("CVE-2025-1001.json", json.dumps(record("CVE-2025-1001", options=ACTIVE)))
    damaged = bytearray(buffer.getvalue())
    damaged[60:80] = b"\xff" * 20
    with pytest.raises(ThreatFeedError) as caught:
        read_ssvc(write("all.zip", bytes(damaged)))
    assert caught.value.faults[0].id == "E202"
