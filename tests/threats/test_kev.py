"""The reader of the KEV catalogue."""

from __future__ import annotations

import json
from datetime import date

import pytest

from poise.errors import ThreatFeedError
from poise.threats.kev import read_kev
from threats.loopback import kev_json

CSV_HEAD = (
    "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,requiredAction,"
    "dueDate,knownRansomwareCampaignUse,notes,cwes\n"
)


def edited(**changes: object) -> bytes:
    """Return a catalogue whose first entry is changed."""
    catalogue = json.loads(kev_json(10))
    catalogue["vulnerabilities"][0].update(changes)
    return json.dumps(catalogue).encode()


def test_reads_the_json(write):
    """Dates, ransomware use and names are what deadlines and losses rest on."""
    feed = read_kev(write("kev.json.gz", kev_json(2)))
    assert (feed.date, feed.version) == (date(2025, 12, 29), "2025.12.29")
    assert feed.table.to_pylist()[1] == {
        "cve": "CVE-2024-1001",
        "added": date(2024, 5, 6),
        "due": date(2024, 5, 27),
        "ransomware": True,
        "vendor": "Vendor",
        "product": "Product",
    }


def test_the_csv_says_the_same_but_for_its_date(write):
    """CISA publishes both; the CSV names no day, so its newest entry stands in."""
    row = 'CVE-2024-1001,Vendor,Product,Name,2024-05-06,"Two\nlines",Mend,2024-05-27,Known,,CWE-79\n'
    feed = read_kev(write("kev.csv", "\ufeff" + CSV_HEAD + row))
    assert feed.date == date(2024, 5, 6)
    assert feed.table.to_pylist() == read_kev(write("kev.json", kev_json(2))).table.to_pylist()[1:]
    assert read_kev(write("kev.csv", CSV_HEAD + row), date(2024, 6, 1)).date == date(2024, 6, 1)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"cveID": "CVE-24-1"}, "E205"),
        ({"cveID": "CVE-2024-1005"}, "E207"),
        ({"dateAdded": "06/05/2024"}, "E208"),
        ({"dateAdded": None}, "E208"),
        ({"dueDate": "soon"}, "E208"),
        ({"knownRansomwareCampaignUse": "Maybe"}, "E210"),
    ],
)
def test_a_faulty_entry_is_listed_and_left_out(write, change, fault):
    """One bad entry must not cost the other thousand."""
    feed = read_kev(write("kev.json", edited(**change)))
    assert [found.id for found in feed.faults] == [fault]
    assert feed.table.num_rows == 9


def test_an_empty_due_date_is_unknown(write):
    """Since BOD 26-04 an entry need not carry a day; no day is not a fault."""
    feed = read_kev(write("kev.json", edited(dueDate="")))
    assert feed.faults == ()
    assert feed.table["due"].to_pylist()[0] is None


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (kev_json(10)[:-40], "E202"),
        (kev_json(10).replace(b'"count": 10', b'"count": 1484'), "E202"),
        (b"[" * 100_000, "E202"),
        (b'{"title": "something else"}', "E201"),
        (b'[{"cveID": "CVE-2024-1000"}]', "E201"),
        (b"name,value\na,b\n", "E201"),
        (b"\xff\xfe\x00", "E201"),
        (CSV_HEAD.encode(), "E203"),
        (CSV_HEAD.encode() + b'CVE-2024-1001,"open quote,2024-05-06\n', "E202"),
    ],
)
def test_structural_faults_refuse_the_catalogue(write, content, fault):
    """Half a catalogue read as whole would say "not exploited" of what is."""
    with pytest.raises(ThreatFeedError) as caught:
        read_kev(write("kev", content))
    assert caught.value.faults[0].id == fault


def test_the_real_catalogue_reads_without_a_fault(intel):
    """The layout is CISA's, not ours."""
    feed = read_kev(intel / "kev_catalog_asof_2025-12-31.json.gz")
    assert (feed.table.num_rows, feed.faults, feed.version) == (1484, (), "2025.12.29")
