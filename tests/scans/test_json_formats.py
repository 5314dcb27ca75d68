"""Each JSON reader keeps the fields of its format, lists what is faulty and never guesses."""

from __future__ import annotations

import gzip
import io
import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.errors import Fault, ScanFormatError
from poise.scans.finding import Finding, Provenance
from poise.scans.format import Format
from poise.scans.formats import all_formats, format_named
from poise.scans.identifiers import split_purl
from poise.scans.severity import parse_severity
from poise.scans.source import Source, open_source

SAMPLES = Path(__file__).parent / "samples"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "scans"

#: Format of each sample, with its findings, their distinct identities and its faults.
COUNTS = {
    "trivy/image.json": ("trivy-json", 10, 9),
    "trivy/kubernetes.json": ("trivy-json", 2, 2),
    "trivy/legacy.json": ("trivy-json", 1, 1),
    "trivy_operator/list.json": ("trivy-operator-json", 6, 6),
    "grype/image.json": ("grype-json", 5, 4),
    "osv_scanner/lockfile.json": ("osv-scanner-json", 2, 2),
    "dependency_check/report.json": ("dependency-check-json", 3, 3),
    "cyclonedx/bom.json": ("cyclonedx-json", 4, 4),
    "dependency_track/project.json": ("dependency-track-fpf", 3, 3),
    "defectdojo_generic/report.json": ("defectdojo-generic-json", 5, 5),
}


def document(sample: str) -> Any:
    return json.loads((SAMPLES / sample).read_text(encoding="utf-8"))


def source_of(value: Any) -> Source:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Source(Path("report.json"), "report.json", lambda: io.BytesIO(data))


def claims(source: Source) -> list[str]:
    return [one.name for one in all_formats() if one.syntax != "zip" and one.sniff(source.head)]


def read(value: Any, name: str) -> list[Finding | Fault]:
    found = format_named(name)
    assert isinstance(found, Format)
    return [item for item in found.read(source_of(value)) if not isinstance(item, Provenance)]


def findings(sample: str) -> list[Finding]:
    items = read(document(sample), COUNTS[sample][0])
    assert all(isinstance(item, Finding) for item in items)
    return [item for item in items if isinstance(item, Finding)]


def faults(items: list[Finding | Fault]) -> list[Fault]:
    return [item for item in items if isinstance(item, Fault)]


@pytest.mark.parametrize("sample", COUNTS)
def test_each_sample_is_claimed_by_one_format_and_counted(sample: str) -> None:
    """A report claimed by two formats, or by none, could not be read without a hint."""
    name, records, distinct = COUNTS[sample]
    source = open_source(SAMPLES / sample)
    assert claims(source) == [name]
    found = findings(sample)
    assert (len(found), len({one.identity for one in found})) == (records, distinct)


@pytest.mark.parametrize("sample", COUNTS)
def test_the_order_of_keys_does_not_matter(sample: str) -> None:
    """Jq and many archives sort keys, so names may stand behind the records that need them."""
    name = COUNTS[sample][0]
    value = document(sample)

    def reordered(part: Any, reverse: bool) -> Any:
        if isinstance(part, dict):
            keys = sorted(part, reverse=reverse)
            return {key: reordered(part[key], reverse) for key in keys}
        return [reordered(one, reverse) for one in part] if isinstance(part, list) else part

    def facts(items: list[Finding | Fault]) -> set[tuple[Any, ...]]:
        return {
            (one.identity, one.asset, one.component.name, one.severity, one.status)
            for one in items
            if isinstance(one, Finding)
        }

    for reverse in (False, True):
        changed = reordered(value, reverse)
        assert claims(source_of(changed)) == [name]
        assert facts(read(changed, name)) == facts(read(value, name))


def test_trivy_keeps_the_fields_of_a_vulnerability() -> None:
    """Everything that a plan needs stands in the record."""
    first, second, *_ = findings("trivy/image.json")
    assert first.asset.image == "registry.example/shop:1.4"
    assert first.asset.image_digest == "sha256:2222"
    assert first.asset.operating_system == "debian 12.5"
    assert first.cves == ("CVE-2024-0727",)
    assert first.aliases == ("DSA-5764-1",)
    assert first.component.fixed_versions == ("3.0.13-1", "3.0.14-1")
    assert first.component.purl == "pkg:deb/debian/openssl@3.0.11-1?arch=amd64"
    assert (first.severity, first.severity_text, first.cvss_score) == ("medium", "MEDIUM", 5.5)
    assert len(first.cvss_vectors) == 3
    assert first.cvss_vectors[0].startswith("CVSS:3.1/AV:L")
    assert first.last_seen == datetime(2026, 3, 2, 6, 10, tzinfo=UTC)
    assert (second.severity, second.severity_text) == (None, "UNKNOWN")
    assert (second.evidence, second.remedy) == ("status: will_not_fix", "")


def test_trivy_tells_kinds_and_states_apart() -> None:
    """Only a vulnerability can become a change; a passed check is no work at all."""
    kinds = [(one.kind, one.status) for one in findings("trivy/image.json")[4:]]
    assert kinds == [
        ("misconfiguration", "open"),
        ("misconfiguration", "fixed"),
        ("secret", "open"),
        ("licence", "open"),
        ("vulnerability", "accepted"),
        ("vulnerability", "false_positive"),
    ]


def test_trivy_kubernetes_resources_are_assets() -> None:
    """One cluster report covers many workloads, each patched by its own team."""
    pod, role = findings("trivy/kubernetes.json")
    assert pod.asset.cloud_id == "kubernetes:staging/shop/Deployment/cart"
    assert (pod.asset.image, pod.asset.image_digest) == ("cart:2", "sha256:3333")
    assert role.asset.cloud_id == "kubernetes:staging/ClusterRole/admin"


def test_trivy_legacy_targets_name_image_and_system() -> None:
    """Before version 0.20 the target was the only name."""
    (only,) = findings("trivy/legacy.json")
    assert (only.asset.image, only.asset.operating_system) == ("alpine:3.10", "alpine 3.10.2")


def test_trivy_operator_reads_every_kind() -> None:
    """One dump of a cluster holds reports of all kinds."""
    vulnerability, check, passed, secret, detail, control = findings("trivy_operator/list.json")
    assert vulnerability.asset.image == "quay.example/shop/cart:2"
    assert vulnerability.asset.cloud_id == "kubernetes:shop/ReplicaSet/cart-1"
    assert vulnerability.cvss_score == 4.2
    assert (check.status, passed.status, secret.kind) == ("open", "fixed", "secret")
    assert detail.severity == "high", "an empty severity of a check is its control's"
    assert control.evidence == "3 checks failed"


@pytest.mark.parametrize("shape", ["single", "list", "dump"])
def test_trivy_operator_takes_every_container(shape: str) -> None:
    """Kubectl writes lists, some exports bare lists, and some one object."""
    items = document("trivy_operator/list.json")["items"]
    dump = {
        "vulnerabilityreports.aquasecurity.github.io": items[:1],
        "sbomreports.aquasecurity.github.io": [],
    }
    value = {"single": items[0], "list": items[:1], "dump": dump}[shape]
    assert claims(source_of(value)) == ["trivy-operator-json"]
    assert len(read(value, "trivy-operator-json")) == 1


def test_grype_joins_names_and_keeps_what_was_ignored() -> None:
    """A GHSA and its CVE are one vulnerability; an ignored match is an accepted one."""
    django, libc, again, ignored, vex = findings("grype/image.json")
    assert django.cves == ("CVE-2021-44420",)
    assert django.aliases == ("GHSA-v6rh-hp5x-86rv",)
    assert django.asset.image_digest == "sha256:cccc"
    assert (django.cvss_score, len(django.cvss_vectors)) == (6.9, 3)
    assert django.remedy_ids == ("RHSA-2022:0001",)
    assert django.last_seen == datetime(2026, 1, 5, 7, tzinfo=UTC)
    assert libc.identity == again.identity
    assert libc.cvss_score == 5.0
    assert (ignored.status, ignored.severity) == ("accepted", None)
    assert vex.status == "false_positive"


@pytest.mark.parametrize("target", ["/srv/app", None])
def test_grype_scans_of_directories_have_a_path(target: str | None) -> None:
    """A source tree has no image; a stream has no name at all."""
    value = {**document("grype/image.json"), "source": {"type": "directory", "target": target}}
    first = read(value, "grype-json")[0]
    assert isinstance(first, Finding)
    assert first.asset.path == (target or "")


def test_osv_takes_the_fix_of_its_own_package_and_the_groups_names() -> None:
    """One record covers several packages; one vulnerability has several names."""
    first, second = findings("osv_scanner/lockfile.json")
    assert first.component.fixed_versions == ("4.17.19",)
    assert first.component.purl == "pkg:npm/lodash@4.17.15"
    assert first.aliases == ("GHSA-p6mc-m468-83gw", "SNYK-JS-LODASH-1")
    assert (first.severity, first.severity_text, first.cvss_score) == ("medium", "MODERATE", 7.4)
    assert (second.severity, second.cvss_score, second.status) == (None, None, "false_positive")


@pytest.mark.parametrize("scanned", [{}, None])
def test_osv_sources_may_be_nameless(scanned: Any) -> None:
    """What is piped in has no path; its vulnerabilities count all the same."""
    value = document("osv_scanner/lockfile.json")
    value["results"][0]["source"] = scanned
    assert [one.asset.path for one in read(value, "osv-scanner-json") if isinstance(one, Finding)] == ["", ""]


def test_dependency_check_builds_vectors_from_words() -> None:
    """The report spells the metrics out, two of them under misspelt keys."""
    first, unrated, suppressed = findings("dependency_check/report.json")
    assert first.cvss_vectors == (
        "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N",
        "AV:N/AC:M/Au:N/C:P/I:N/A:N",
    )
    assert first.component.name == "com.fasterxml.jackson.core/jackson-databind"
    assert first.locations == ("/lib/jackson-databind-2.9.8.jar", "/war/jackson-databind-2.9.8.jar")
    assert (unrated.severity, unrated.cvss_vectors) == (None, ())
    assert suppressed.status == "accepted"


def test_dependency_track_joins_names_and_keeps_the_analysis() -> None:
    """The desk of the software lists has often judged a finding already."""
    first, spared, suppressed = findings("dependency_track/project.json")
    assert (first.cves, first.asset.path) == (("CVE-2022-42004",), "shop@1.0")
    assert first.aliases == ("GHSA-rgv9-q543-rqg4", "DSA-5283-1")
    assert (first.cvss_score, first.cvss_vectors[0][:8]) == (7.5, "CVSS:3.1")
    assert first.first_seen == datetime(2026, 2, 7, 21, 51, 37, 814_000, tzinfo=UTC)
    assert (spared.severity, spared.severity_text) == (None, "UNASSIGNED")
    assert [one.status for one in (first, spared, suppressed)] == ["open", "false_positive", "accepted"]


def test_cyclonedx_finds_components_behind_the_vulnerabilities() -> None:
    """The order of members is free, components nest, and references may be BOM links."""
    first, nested, outside, whole = findings("cyclonedx/bom.json")
    assert (first.component.name, first.component.installed_version) == ("coreutils", "8.32")
    assert first.severity == "low", "the rating of the source that the vulnerability names"
    assert first.cvss_vectors[0] == "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:C/C:N/I:H/A:N"
    assert (first.asset.image, first.asset.image_digest) == ("shop", "sha256:7777")
    assert nested.component.name == "org.example/inner"
    assert outside.component.installed_version == "2.14.1"
    assert (outside.severity, outside.cvss_score) == (None, 10.0)
    assert (outside.status, whole.status) == ("false_positive", "fixed")


def test_generic_findings_are_one_per_host() -> None:
    """Two hosts are patched in two windows."""
    name, address, accepted, wrong, done = findings("defectdojo_generic/report.json")
    assert (name.asset.hostnames, name.port) == (("www.example.com",), "8443")
    assert (address.asset.ips, address.port) == (("10.0.0.7",), "443")
    assert name.cves == ("CVE-2020-36234", "CVE-2015-9235")
    assert (name.cvss_score, name.component.fixed_versions) == (7.3, ("3.0.0",))
    assert name.first_seen == datetime(2026, 1, 6, tzinfo=UTC)
    assert [one.status for one in (accepted, wrong, done)] == ["accepted", "false_positive", "fixed"]
    assert (wrong.severity, wrong.severity_text) == (None, "Unknown")


#: A record of each sample, how to break it, and the fault's id and a word of its message.
BREAKS: list[tuple[str, list[Any], Any, str, str]] = [
    ("trivy/image.json", ["Results", 0, "Vulnerabilities", 0, "VulnerabilityID"], 7, "E414", "whole number"),
    ("trivy/image.json", ["Results", 0, "Vulnerabilities", 0, "PkgName"], "", "E411", "PkgName"),
    ("trivy/image.json", ["Results", 4, "ExperimentalModifiedFindings", 0, "Type"], "x", "E414", "secret"),
    ("trivy/image.json", ["Results", 2, "Secrets", 0], "x", "E414", "a text, expected an object"),
    (
        "trivy_operator/list.json",
        ["items", 0, "report", "vulnerabilities", 0, "severity"],
        [],
        "E414",
        "list",
    ),
    ("trivy_operator/list.json", ["items", 1], None, "E414", "null"),
    ("grype/image.json", ["matches", 1, "artifact"], None, "E414", "artifact"),
    ("grype/image.json", ["matches", 0, "vulnerability", "id"], " ", "E411", "vulnerability.id"),
    ("osv_scanner/lockfile.json", ["results", 0, "packages", 0, "vulnerabilities", 1, "id"], 1, "E414", "id"),
    ("dependency_check/report.json", ["dependencies", 1, "vulnerabilities", 0, "name"], None, "E414", "name"),
    ("cyclonedx/bom.json", ["vulnerabilities", 0, "affects", 0, "ref"], {}, "E414", "ref"),
    ("cyclonedx/bom.json", ["vulnerabilities", 2, "id"], None, "E411", "id"),
    ("dependency_track/project.json", ["findings", 0, "vulnerability", "vulnId"], 1, "E414", "vulnId"),
    ("defectdojo_generic/report.json", ["findings", 1, "title"], 5, "E414", "title"),
    ("defectdojo_generic/report.json", ["findings", 0, "endpoints", 0], "http://[x", "E414", "endpoint"),
]


@pytest.mark.parametrize(("sample", "path", "value", "identifier", "word"), BREAKS)
def test_a_faulty_record_is_listed_and_the_rest_is_kept(
    sample: str, path: list[Any], value: Any, identifier: str, word: str
) -> None:
    """One bad record must neither hide the others nor disappear."""
    report = document(sample)
    whole = len(read(report, COUNTS[sample][0]))
    inner = report
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    items = read(report, COUNTS[sample][0])
    (fault,) = faults(items)
    assert fault.id == identifier
    assert word in fault.message
    assert fault.where.startswith("report.json:")
    assert fault.hint
    assert len(items) >= whole - 3, "at most the records of one object are lost"


@pytest.mark.parametrize(
    ("sample", "path", "value"),
    [
        ("trivy/image.json", ["Results"], "none"),
        ("trivy/image.json", ["Results", 0, "Vulnerabilities"], {"a": 1}),
        ("trivy/image.json", ["Metadata"], "none"),
        ("trivy/kubernetes.json", ["Resources", 0], 3),
        ("grype/image.json", ["matches"], 3),
        ("grype/image.json", ["source", "target"], [1]),
        ("osv_scanner/lockfile.json", ["results", 0, "packages"], True),
        ("osv_scanner/lockfile.json", ["results", 0, "source"], 5),
        ("dependency_check/report.json", ["projectInfo", "name"], 5),
        ("dependency_check/report.json", ["dependencies", 1, "fileName"], None),
        ("cyclonedx/bom.json", ["components", 0, "name"], []),
        ("cyclonedx/bom.json", ["components"], "x"),
        ("defectdojo_generic/report.json", ["findings"], "x"),
    ],
)
def test_a_structural_fault_refuses_the_file(sample: str, path: list[Any], value: Any) -> None:
    """A container of the wrong kind means that records are missing, and nobody knows which."""
    report = document(sample)
    inner = report
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(ScanFormatError):
        read(report, COUNTS[sample][0])


@pytest.mark.parametrize("sample", COUNTS)
def test_a_cut_file_is_refused(sample: str) -> None:
    """Half a report would look like a safer estate."""
    data = (SAMPLES / sample).read_bytes().rstrip()
    for share in (0.2, 0.5, 0.9, 1.0):
        with pytest.raises(ScanFormatError):
            read(data[: int(len(data) * share) - 1], COUNTS[sample][0])


@pytest.mark.parametrize("text", ["null", " [] \n"])
def test_an_empty_list_is_a_report_without_findings(text: str) -> None:
    """Several scanners write it when they found nothing."""
    source = source_of(text.encode())
    assert claims(source) == ["empty-json"]
    assert read(text.encode(), "empty-json") == []


_NODES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "HIGH", "9.8", "x" * 300, "CVE-2021-44228", "\ud800", "0001-01-01T00:00:00Z", "a@b/c"]
    ),
    st.sampled_from([[], {}, [[]], [None], {"a": None}, [{}], ["HIGH"], {"name": "x"}, [1, "a"]]),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, part in value.items():
            found += _places(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            found += _places(part, (*path, index))
    return found


_DOCUMENTS = {sample: document(sample) for sample in COUNTS}
_PLACES = {sample: _places(value) for sample, value in _DOCUMENTS.items()}
_DROPPED = object()


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(sorted(COUNTS)), st.data())
def test_no_change_of_a_node_breaks_a_reader_or_makes_it_guess(sample: str, data: st.DataObject) -> None:
    """Unknown files differ from samples node by node; the reader lists, refuses, or reads as written."""
    report = json.loads(json.dumps(_DOCUMENTS[sample]))
    for path in data.draw(st.lists(st.sampled_from(_PLACES[sample]), min_size=1, max_size=3)):
        value = data.draw(st.one_of(st.just(_DROPPED), _NODES))
        _change(report, path, value)
    try:
        items = read(report, COUNTS[sample][0])
        claims(source_of(report))
    except ScanFormatError:
        return
    for item in items:
        if isinstance(item, Finding):
            assert item.severity == parse_severity(item.severity_text)
            assert item.cvss_score is None or 0 <= item.cvss_score <= 10
            assert item.identity
            assert item.rule
            repr(item).encode()


def _change(value: Any, path: tuple[Any, ...], new: Any) -> None:
    """Replace or drop a node, where an earlier change has left it."""
    for step in path[:-1]:
        if not _has(value, step):
            return
        value = value[step]
    last = path[-1]
    if _has(value, last) and new is _DROPPED:
        del value[last]
    elif _has(value, last):
        value[last] = deepcopy(new)


def _has(value: Any, step: Any) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


@pytest.mark.parametrize(
    ("purl", "parts"),
    [
        ("pkg:npm/%40babel/core@7.23.0?os=any#lib", ("npm", "@babel/core", "7.23.0")),
        ("pkg:npm/@babel/core", ("npm", "@babel/core", "")),
        ("pkg:deb/debian/openssl@3.0.11-1%2Bb1?arch=amd64", ("deb", "openssl", "3.0.11-1+b1")),
        ("pkg:golang/github.com/a/b@v1.2.3", ("golang", "github.com/a/b", "v1.2.3")),
        ("openssl", ("", "", "")),
    ],
)
def test_package_urls_are_split(purl: str, parts: tuple[str, str, str]) -> None:
    """A component is matched by name and version, which may stand in its URL alone."""
    assert split_purl(purl) == parts


def test_a_report_packed_and_marked_is_read_the_same(tmp_path: Path) -> None:
    """Archives pack reports, and Windows marks them."""
    plain = (SAMPLES / "grype/image.json").read_text(encoding="utf-8")
    expected = len(findings("grype/image.json"))
    for number, data in enumerate(
        (plain.encode("utf-8-sig"), plain.encode("utf-16"), gzip.compress(plain.encode()))
    ):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(data)
        source = open_source(path)
        assert claims(source) == ["grype-json"]
        found = format_named("grype-json")
        assert found
        assert sum(not isinstance(item, Provenance) for item in found.read(source)) == expected
