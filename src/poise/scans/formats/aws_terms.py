"""What AWS Inspector and Security Hub have in common: resources, packages and remediation texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from poise.scans.finding import AssetIdentity, Component

#: What Inspector writes where a package has no fixed version yet.
_NO_FIX: Final = frozenset({"", "notavailable", "not_available", "n/a", "none"})
_NO_TEXT: Final = frozenset({"", "none provided", "n/a"})


def component(name: str, manager: str, epoch: str, version: str, release: str, fixed: str) -> Component:
    """Return a vulnerable package; Inspector keeps its version in three fields.

    Parameters
    ----------
    name, manager
        Package and package manager (``"OS"``, ``"PIP"``, ``"GENERIC"``).
    epoch, version, release
        Parts of the installed version, each maybe empty; an epoch of 0 is not written.
    fixed
        Versions that fix it, separated by commas.
    """
    installed = f"{version}-{release}" if version and release else version
    if epoch not in ("", "0") and installed:
        installed = f"{epoch}:{installed}"
    fixes = (part.strip() for part in fixed.split(","))
    return Component(
        name=name,
        ecosystem=manager,
        installed_version=installed,
        fixed_versions=tuple(dict.fromkeys(fix for fix in fixes if fix.lower() not in _NO_FIX)),
    )


def asset(
    cloud_id: str,
    *,
    ips: Iterable[str] = (),
    repository: str = "",
    image_tags: Iterable[str] = (),
    digest: str = "",
    system: str = "",
    tags: Mapping[str, str | None] | None = None,
) -> AssetIdentity:
    """Return an AWS resource as an asset.

    Parameters
    ----------
    cloud_id
        ARN or instance id. That of an image in ECR ends with its repository and digest.
    ips
        Addresses of an instance.
    repository, image_tags, digest
        Name, tags and digest of a container image; taken from the ARN where they are missing.
    system
        Operating system or run-time.
    tags
        The resource's tags; its ``Name`` is kept among them, since AWS does not say that it is a host name.
    """
    if ":repository/" in cloud_id and "sha256:" in cloud_id:
        path, _, found = cloud_id.partition(":repository/")[2].rpartition("/")
        repository, digest = repository or path, digest or found
    tag = next(iter(image_tags), "")
    return AssetIdentity(
        ips=tuple(dict.fromkeys(ips)),
        cloud_id=cloud_id,
        image=f"{repository}:{tag}" if repository and tag else repository,
        image_digest=digest,
        operating_system=system,
        tags=tuple(f"{key}={value}" if value else key for key, value in (tags or {}).items()),
    )


def remedy_of(text: str | None) -> str:
    """Return a recommendation, empty where AWS says that it has none."""
    return "" if text is None or text.strip().lower() in _NO_TEXT else text.strip()
