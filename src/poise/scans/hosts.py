"""The names of hosts as network scanners spell them, sorted into host names and IP addresses."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_SEPARATORS = re.compile(r"[,;|\s]+")
_NOTHING: Final = frozenset({"", "-", "'-", "n/a", "na", "none", "null", "unknown", "no registered hostname"})


@lru_cache(maxsize=65_536)
def is_ip(text: str) -> bool:
    """Return whether a text is one IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=16_384)
def sort_names(*texts: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    r"""Sort the names that a report gives one host.

    Parameters
    ----------
    texts
        Cells that each hold one name or several, in the order of trust: host names, IP addresses, URLs,
        NetBIOS names with their domain (``"WORKGROUP\\DB1"``). Marks for "nothing" are passed over.

    Returns
    -------
    hostnames, ips : tuple of str
        Distinct names as written, in the given order.

    Examples
    --------
    >>> sort_names("db1.example.org", "10.0.0.1,fe80::1", "CORP\\DB1")
    (('db1.example.org', 'DB1'), ('10.0.0.1', 'fe80::1'))
    """
    hostnames: dict[str, None] = {}
    ips: dict[str, None] = {}
    for text in texts:
        for word in _SEPARATORS.split(text):
            name = _host_of_url(word) if "://" in word or word.startswith("//") else word.rpartition("\\")[2]
            if name.lower() in _NOTHING:
                continue
            (ips if is_ip(name) else hostnames)[name] = None
    return tuple(hostnames), tuple(ips)


def _host_of_url(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


@lru_cache(maxsize=4_096)
def port_of(port: str, protocol: str) -> str:
    """Return port and protocol as a finding has them: ``"443/tcp"``, ``"443"``, or empty for a whole host.

    Parameters
    ----------
    port
        The cell of the port. Scanners write ``0``, ``general`` and nothing for the host as a whole.
    protocol
        The cell of the protocol; marks for "nothing" are passed over.
    """
    number = port.strip()
    if not number.isascii() or not number.isdigit() or int(number[:6]) == 0:
        return ""
    name = protocol.strip().lower()
    return f"{number}/{name}" if name not in _NOTHING else number
