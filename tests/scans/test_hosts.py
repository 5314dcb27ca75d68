"""Names of hosts as scanners spell them."""

from __future__ import annotations

import pytest

from poise.scans.csvfields import kb_numbers, parse_score, tags_of, words_of
from poise.scans.hosts import port_of, sort_names


@pytest.mark.parametrize(
    ("texts", "hostnames", "ips"),
    [
        (("db1.example.org", "10.0.0.1"), ("db1.example.org",), ("10.0.0.1",)),
        (("10.0.0.1, fe80::1;db1",), ("db1",), ("10.0.0.1", "fe80::1")),
        (("CORP\\DB1", "N/A", "-", "'-"), ("DB1",), ()),
        (("https://shop.example.org:8443/a?b", "//192.0.2.1:80"), ("shop.example.org",), ("192.0.2.1",)),
        (("http://[broken",), ("http://[broken",), ()),
        (("", "  "), (), ()),
    ],
)
def test_names_are_sorted_into_hosts_and_addresses(
    texts: tuple[str, ...], hostnames: tuple[str, ...], ips: tuple[str, ...]
) -> None:
    """An address among the host names would make a second asset."""
    assert sort_names(*texts) == (hostnames, ips)


@pytest.mark.parametrize(
    ("port", "protocol", "expected"),
    [
        ("443", "TCP", "443/tcp"),
        ("0", "tcp", ""),
        ("general", "tcp", ""),
        ("22", "'-", "22"),
        ("", "", ""),
        ("٤", "tcp", ""),
        ("9" * 5_000, "tcp", "9" * 5_000 + "/tcp"),
    ],
)
def test_ports_of_the_whole_host_are_empty(port: str, protocol: str, expected: str) -> None:
    """Port 0 and "general" mean the host itself."""
    assert port_of(port, protocol) == expected


def test_scores_outside_the_scale_are_unknown() -> None:
    """Spreadsheets with a decimal comma turn 7.5 into 75."""
    assert [parse_score(text) for text in ("7.5", "75", "8.1 (AV:N)", "", "n/a", "-1", "10.0")] == [
        7.5,
        None,
        8.1,
        None,
        None,
        None,
        10.0,
    ]


def test_lists_in_cells() -> None:
    """Tags may hold blanks, words may not."""
    assert tags_of("AWS, Cloud Agent;AWS,") == ("AWS", "Cloud Agent")
    assert words_of(" a,b\na ; c|d ") == ("a", "b", "c", "d")
    assert kb_numbers("KB5062557 and KB 5003197, KB12") == ("KB5062557", "KB5003197")
