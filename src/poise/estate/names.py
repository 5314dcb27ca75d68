"""What a name of an asset is worth: which names tell machines apart, and which do not."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from poise.scans.finding import AssetIdentity

#: Names that machines give themselves when nobody named them; they tell nothing apart.
_NOBODY = frozenset(
    {"localhost", "localdomain", "ip6-localhost", "ip6-loopback", "broadcasthost", "unknown", "none", "null"}
    | {"n/a", "na", "-", "host", "hostname", "(none)"}
)
_INSTANCE = re.compile(r"(?:^|[/:])(i-[0-9a-f]{8,17})$")
_DEFAULT_REGISTRY = re.compile(r"^(?:index\.)?docker\.io/(?:library/)?")


@lru_cache(maxsize=100_000)
def canonical_ip(text: str) -> str:
    """Return an address in its one spelling, "" for what is none."""
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


@lru_cache(maxsize=100_000)
def identifies(ip: str) -> bool:
    """Return whether an address can belong to one machine only: not loopback, link-local or such."""
    address = ipaddress.ip_address(ip)
    return not (
        address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    )


def host_names(identity: AssetIdentity) -> tuple[str, ...]:
    """Return host names in lower case, without final dot, without addresses and empty words."""
    found = (name.strip().rstrip(". ").lower() for name in identity.hostnames)
    return tuple(
        dict.fromkeys(
            name
            for name in found
            if name
            and name not in _NOBODY
            and name.partition(".")[0] != "localhost"
            and not canonical_ip(name)
        )
    )


def addresses(identity: AssetIdentity) -> tuple[str, ...]:
    """Return every address in its one spelling, those given as host names too."""
    found = (canonical_ip(text) for text in (*identity.ips, *identity.hostnames))
    return tuple(dict.fromkeys(ip for ip in found if ip))


def cloud_key(identity: AssetIdentity) -> str:
    """Return the cloud id in one spelling: an EC2 ARN and its instance id are the same."""
    text = identity.cloud_id.strip().lower()
    match = _INSTANCE.search(text)
    return match[1] if match else text


def image_name(identity: AssetIdentity) -> str:
    """Return the image name without the default registry, with its tag."""
    name = _DEFAULT_REGISTRY.sub("", identity.image.strip().partition("@")[0])
    return name if not name or ":" in name.rpartition("/")[2] else f"{name}:latest"


def image_digest(identity: AssetIdentity) -> str:
    """Return the image digest, given on its own or after an ``@`` in the name."""
    digest = identity.image_digest.strip().lower() or identity.image.strip().partition("@")[2].lower()
    return digest.rpartition("@")[2]


def is_host(identity: AssetIdentity) -> bool:
    """Return whether the record is about a machine, so that its image does not identify it."""
    return bool(identity.agent_id or host_names(identity) or addresses(identity))


def all_names(identity: AssetIdentity) -> tuple[str, ...]:
    """Return every name by which a ``hosts`` pattern may know the asset, in lower case.

    Addresses that every machine has are names only where there is no other. An asset that no
    image, path or package URL names either goes by its label.
    """
    found: list[str] = []
    for name in host_names(identity):
        found += [name, name.partition(".")[0].strip()]
    found += [ip for ip in addresses(identity) if identifies(ip)]
    found += [name.strip().lower() for name in (identity.cloud_id, cloud_key(identity), identity.agent_id)]
    if not any(found):
        found += addresses(identity)
    others = (identity.image, identity.image_digest, identity.path, identity.purl)
    if not any(found) and not any(name.strip() for name in others):
        found.append(identity.label.strip().lower() or "(unnamed asset)")
    return tuple(dict.fromkeys(name for name in found if name))
