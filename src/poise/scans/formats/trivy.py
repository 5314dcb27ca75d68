"""Trivy's own JSON report: ``trivy image|fs|repo|config|k8s|sbom -f json``.

Three layouts carry the same results: a bare list of them (before version 0.20), an object with
``SchemaVersion`` 2, and the Kubernetes report, whose resources have results of their own (``Resources``, or
``Vulnerabilities`` and ``Misconfigurations`` before version 0.38, or ``Findings`` in a shortened report).

One finding is one record; a vulnerability of one component version in one target counts once, at
however many paths the component lies. The target (an operating system, a lock file, a binary) is part of
the identity, because each is patched on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Finding, Provenance
from poise.scans.format import Format
from poise.scans.formats.trivy_records import MAKERS, Setting
from poise.scans.identifiers import parse_when
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import RecordError, Texts, convert, json_cursor, read_record
from poise.scans.source import Source

_RESOURCE_LISTS: Final = ("Resources", "Findings", "Vulnerabilities", "Misconfigurations")
_REPORT_FIELDS: Final = frozenset(
    ("SchemaVersion", "ArtifactName", "ArtifactType", "Metadata", "ClusterName", "CreatedAt", "Trivy")
)
#: "alpine:3.11 (alpine 3.11.13)", the target of an image's system packages.
_SYSTEM_TARGET: Final = re.compile(r"(?P<image>.*\S)\s*\((?P<system>[^()]+)\)")


class _System(msgspec.Struct):
    Family: str | None = None
    Name: str | None = None


class _Metadata(msgspec.Struct):
    OS: _System | None = None
    ImageID: str | None = None
    RepoTags: Texts = None
    RepoDigests: Texts = None


class _Place(NamedTuple):
    """The objects around one list of records, filled while the walk goes on."""

    report: dict[str, Any]
    resource: dict[str, Any]
    result: dict[str, Any]

    @property
    def complete(self) -> bool:
        """Whether the names came before the records, as Trivy writes them."""
        report = not self.report or "ArtifactName" in self.report or "ClusterName" in self.report
        return report and (not self.resource or "Name" in self.resource) and "Target" in self.result


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    results = shape.get("Results") == "[]" or shape.get("Results") == "null"
    if shape.get("SchemaVersion") == "2" and (results or "ArtifactName" in shape or "Trivy" in shape):
        return True
    if "ClusterName" in shape and any(name in shape for name in _RESOURCE_LISTS):
        return True
    if "Results[].Target" in shape and any(f"Results[].{name}" in shape for name in (*MAKERS, "Class")):
        return True
    return "[].Target" in shape and any(f"[].{name}" in shape for name in (*MAKERS, "Type", "Class"))


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    report: dict[str, Any] = {}
    late: list[_Place] | None = None
    with json_cursor(source) as cursor:
        for count, (place, name) in enumerate(_sections(cursor, report)):
            if not place.complete and late is None:
                late = _late_places(source)
            try:
                setting = _setting(late[count] if late is not None else place)
            except RecordError as error:
                message = f"What was scanned has no readable name: {error}"
                raise source.refusal("E414", message) from error
            make, kind, id_field = MAKERS[name]
            build, title = partial(make, setting=setting), f"{setting.target or 'result'}, {name}"
            for index, record in enumerate(cursor.values(kind), start=1):
                yield read_record(source, f"{title} {index}", record, build, id_field)
        cursor.end()
    yield _provenance(report)


def _provenance(about: dict[str, Any]) -> Provenance:
    tool = about.get("Trivy")
    version = tool.get("Version") if isinstance(tool, dict) else None
    metadata = about.get("Metadata")
    commit = metadata.get("CommitSHA") if isinstance(metadata, dict) else None
    return Provenance(
        "Trivy", _text(version), commit=_text(commit), finished=parse_when(_text(about.get("CreatedAt")))
    )


def _late_places(source: Source) -> list[_Place]:
    """Walk the report once for the names alone: some tool has sorted its keys."""
    with json_cursor(source) as cursor:
        return [place for place, _ in _sections(cursor, {})]


def _sections(cursor: JsonCursor, report: dict[str, Any]) -> Iterator[tuple[_Place, str]]:
    """Walk to every list of records; `report` and what is around a list are complete at the walk's end."""
    if cursor.kind() == "array":
        yield from _results(cursor, report, {})
        return
    for key in cursor.members():
        if key == "Results":
            report.setdefault("SchemaVersion", None)
            yield from _results(cursor, report, {})
        elif key in _RESOURCE_LISTS:
            for _ in cursor.elements():
                resource: dict[str, Any] = {"Kind": None}
                for inner in cursor.members():
                    if inner == "Results":
                        yield from _results(cursor, report, resource)
                    elif inner in ("Namespace", "Kind", "Name", "Metadata"):
                        resource[inner] = cursor.value()
        elif key in (
            "SchemaVersion",
            "ArtifactName",
            "ArtifactType",
            "Metadata",
            "ClusterName",
            "CreatedAt",
            "Trivy",
        ):
            report[key] = cursor.value()


def _results(
    cursor: JsonCursor, report: dict[str, Any], resource: dict[str, Any]
) -> Iterator[tuple[_Place, str]]:
    for _ in cursor.elements():
        result: dict[str, Any] = {}
        for key in cursor.members():
            if key in MAKERS:
                yield _Place(report, resource, result), key
            elif key in ("Target", "Class", "Type"):
                result[key] = cursor.value()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _setting(place: _Place) -> Setting:
    target = _text(place.result.get("Target"))
    system_target = (
        _SYSTEM_TARGET.fullmatch(target) if place.result.get("Class", "os-pkgs") == "os-pkgs" else None
    )
    asset = (
        _resource_asset(place, system_target)
        if place.resource
        else _artifact_asset(place.report, system_target)
    )
    return Setting(
        asset=asset,
        target=target,
        ecosystem=_text(place.result.get("Type")),
        last_seen=parse_when(_text(place.report.get("CreatedAt"))),
        prefix="|".join((asset.label, asset.image, target)),
    )


def _metadata(value: Any) -> _Metadata:
    """Return the image metadata; a Kubernetes resource has a list of it, one per container."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    return convert(value, _Metadata) if value is not None else _Metadata()


def _artifact_asset(report: dict[str, Any], system_target: re.Match[str] | None) -> AssetIdentity:
    metadata = _metadata(report.get("Metadata"))
    name = _text(report.get("ArtifactName"))
    kind = _text(report.get("ArtifactType"))
    tags = tuple(tag for tag in metadata.RepoTags or () if tag)
    digests = [digest for digest in metadata.RepoDigests or () if "@" in digest]
    system = f"{metadata.OS.Family or ''} {metadata.OS.Name or ''}".strip() if metadata.OS else ""
    is_image = kind in ("container_image", "image") or bool(tags or digests)
    image = (name or (tags[0] if tags else "")) if is_image else ""
    if not name and system_target:
        image = image or system_target["image"]
        system = system or system_target["system"]
    return AssetIdentity(
        image=image,
        image_digest=digests[0].split("@", 1)[1] if digests else "",
        path="" if is_image else name,
        operating_system=system,
        tags=tuple(f"image-id:{metadata.ImageID}" for _ in (0,) if metadata.ImageID),
    )


def _resource_asset(place: _Place, system_target: re.Match[str] | None) -> AssetIdentity:
    names = [_text(place.report.get("ClusterName"))]
    names += [_text(place.resource.get(key)) for key in ("Namespace", "Kind", "Name")]
    metadata = _metadata(place.resource.get("Metadata"))
    digests = [digest for digest in metadata.RepoDigests or () if "@" in digest]
    tags = metadata.RepoTags or ()
    image = tags[0] if tags else (system_target["image"] if system_target else "")
    return AssetIdentity(
        cloud_id="kubernetes:" + "/".join(name for name in names if name),
        image=image,
        image_digest=digests[0].split("@", 1)[1] if digests else "",
        operating_system=system_target["system"] if system_target else "",
    )


FORMATS = (Format("trivy-json", "Trivy", "json", _sniff, _read),)
