"""Findings fold to the fewest remedies, and every one of them is accounted for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.risk.fold import Backlog, Folder
from poise.risk.remedy import Precision, identify
from poise.risk.versions import compare, highest, lowest_fix
from poise.scans.finding import AssetIdentity, Component, Finding


def finding(host: str = "db1", cve: str = "CVE-2024-0001", **changes: object) -> Finding:
    """Return a finding of an outdated openssl on one host; name only what the test is about."""
    defaults: dict[str, object] = {
        "where": "line 1",
        "identity": f"{host}|{cve}|{changes.get('rule', 'r')}|{changes.get('component')}",
        "asset": AssetIdentity(hostnames=(host,)),
        "rule": "r",
        "title": "openssl is old",
        "cves": (cve,),
        "component": Component("openssl", "deb", "3.0.1", ("3.0.9",)),
    }
    return Finding(**{**defaults, **changes})  # type: ignore[arg-type]


def fold(*reports: Sequence[Finding], unmapped: tuple[str, ...] = ()) -> Backlog:
    """Fold reports with every host in one group ``g``, but those named unmapped."""

    def place(item: Finding) -> tuple[str, str | None, str]:
        host = item.asset.label
        return (host, None, "no pattern matches") if host in unmapped else (host, "g", "")

    folder = Folder(place, {"GHSA-xxxx": "CVE-2024-0001"})
    for report in reports:
        folder.add_report(report)
    return folder.fold()


def test_the_highest_fixed_version_of_a_component_is_one_change() -> None:
    """Three advisories of one package are one upgrade, to the version that fixes all."""
    versions = ("3.0.9", "3.0.13", "3.0.11")
    backlog = fold(
        [
            finding(cve=f"CVE-2024-000{i}", component=Component("openssl", "deb", "3.0.1", (v,)))
            for i, v in enumerate(versions)
        ]
    )
    assert [remedy.text for remedy in backlog.remedies] == ["openssl to 3.0.13"]
    assert len(backlog.remedies[0].vulnerabilities) == 3


def test_a_later_cumulative_update_supersedes_an_earlier_one() -> None:
    """A host needs January's cumulative update, not each month's."""
    title = "KB{}: Windows Server 2019 Security Update ({})"
    none = Component()
    backlog = fold(
        [
            finding(cve="CVE-2023-1", title=title.format(5033371, "December 2023"), component=none, rule="a"),
            finding(cve="CVE-2024-1", title=title.format(5034127, "January 2024"), component=none, rule="b"),
        ]
    )
    expected = ["Windows Server 2019 Security Update (2024-01, KB5034127)"]
    assert [remedy.text for remedy in backlog.remedies] == expected


def test_two_scanners_do_not_double_a_vulnerability() -> None:
    """A package update told by one scanner and a sentence told by another are one fix."""
    vague = finding(component=Component(), remedy="Update the affected packages.", rule="nessus:1")
    backlog = fold([finding()], [vague])
    assert len(backlog.remedies) == 1
    assert backlog.remedies[0].precision is Precision.PACKAGE
    assert backlog.account.in_changes == 2
    assert backlog.account.pairs == 1


def test_an_alias_is_the_cve_that_another_finding_names() -> None:
    """GHSA in one report and CVE in another must not count twice."""
    backlog = fold([finding()], [finding(cves=(), aliases=("GHSA-xxxx",), identity="other")])
    assert list(backlog.remedies[0].vulnerabilities) == ["CVE-2024-0001"]


def test_a_finding_without_a_fix_is_listed_not_dropped() -> None:
    """No fix is a candidate for mitigation or an exception."""
    backlog = fold([finding(component=Component("zlib", "deb", "1.2", ()))])
    assert backlog.remedies == ()
    assert backlog.unfixed[0].component == "zlib"
    assert backlog.account.no_fix == 1


def test_what_is_not_open_or_not_a_vulnerability_is_counted_apart() -> None:
    """Information and closed findings are told, and never planned."""
    backlog = fold(
        [
            finding(kind="information", identity="1"),
            finding(status="fixed", identity="2"),
            finding(identity="3"),
        ]
    )
    account = backlog.account
    assert (account.not_vulnerability, account.closed, account.in_changes) == (1, 1, 1)


findings = st.lists(
    st.builds(
        finding,
        host=st.sampled_from(["a", "b", "c"]),
        cve=st.sampled_from(["CVE-2024-0001", "CVE-2024-0002"]),
        rule=st.sampled_from(["r1", "r2"]),
        kind=st.sampled_from(["vulnerability", "information"]),
        status=st.sampled_from(["open", "fixed"]),
        component=st.sampled_from(
            [Component(), Component("x", "deb", "1", ("2",)), Component("y", "deb", "1", ())]
        ),
        remedy=st.sampled_from(["", "n/a", "Upgrade to Foo version 1.2.3 or later."]),
    ),
    max_size=25,
)


@given(st.lists(findings, max_size=3), st.randoms())
def test_no_finding_is_lost_and_order_does_not_matter(reports: list[list[Finding]], random: object) -> None:
    """Every distinct finding is in exactly one of the account's places."""
    backlog = fold(*reports, unmapped=("c",))
    account = backlog.account
    places = (account.not_vulnerability, account.closed, account.unmapped, account.no_fix, account.in_changes)
    assert sum(places) == account.findings <= account.records
    assert sum(remedy.num_findings for remedy in backlog.remedies) == account.in_changes
    assert sum(entry.num_findings for entry in backlog.unfixed) == account.no_fix
    assert sum(entry.num_findings for entry in backlog.unmapped) == account.unmapped
    again = fold(*reports[::-1], unmapped=("c",))
    assert [(r.key, r.text, r.vulnerabilities) for r in again.remedies] == [
        (r.key, r.text, r.vulnerabilities) for r in backlog.remedies
    ]


@pytest.mark.parametrize(
    ("remedy", "expected"),
    [
        ("Upgrade to Apache HTTP Server version 2.4.58 or later.", ("Apache HTTP Server", "2.4.58")),
        ("Update OpenSSH to 9.6p1 or above.", ("OpenSSH", "9.6p1")),
        ("Upgrade to nginx 1.20.1 or later.", ("nginx", "1.20.1")),
        ("Update to version 7.4.3 or later.", None),
    ],
)
def test_a_sentence_names_product_and_version(remedy: str, expected: tuple[str, str] | None) -> None:
    """The usual wording of scanners is understood; where the product is missing it stays a sentence."""
    found = identify(finding(component=Component(), remedy=remedy))
    assert found is not None
    if expected is None:
        assert found.precision is Precision.ACTION
    else:
        assert (found.name, found.target) == expected


@pytest.mark.parametrize(
    "remedy",
    [
        "",
        "n/a",
        "No known solution was made available for at least one year.",
        "There is no known solution at this time.",
    ],
)
def test_words_for_no_fix_are_no_remedy(remedy: str) -> None:
    """A sentence that says that there is no fix must not become a change."""
    assert identify(finding(component=Component(), remedy=remedy)) is None


def test_an_image_is_rebuilt_whole() -> None:
    """A container image is not patched in place: all its packages are one rebuild."""
    asset = AssetIdentity(image="registry.example/shop/api:1.4", image_digest="sha256:ab")
    names = ("openssl", "zlib")
    keys = {identify(finding(asset=asset, component=Component(n, "deb", "1", ("2",)))).key for n in names}  # type: ignore[union-attr]
    assert keys == {"image:registry.example/shop/api"}


@pytest.mark.parametrize(
    ("lower", "higher", "ecosystem"),
    [
        ("1.0.1-1+deb11u2", "1.0.1-1+deb11u10", "deb"),
        ("1.9", "1.10", ""),
        ("1.2.3-4.el8", "1.2.3-10.el8", "rpm"),
        ("2.0.0-rc1", "2.0.0", "npm"),
        ("KB5033371", "KB5034127", ""),
        ("RHSA-2023:1405", "RHSA-2023:10405", ""),
    ],
)
def test_versions_compare_by_their_ecosystem(lower: str, higher: str, ecosystem: str) -> None:
    """Text order would put 1.10 below 1.9."""
    assert compare(lower, higher, ecosystem) == -1
    assert highest([higher, lower], ecosystem) == higher


def test_the_smallest_step_that_fixes_is_taken() -> None:
    """A library fixed in two release lines is upgraded within its own."""
    assert lowest_fix("2.13.0", ("2.14.2", "2.13.4.2"), "maven") == "2.13.4.2"
    assert lowest_fix("", ("2.14.2", "2.13.4.2"), "maven") == "2.14.2"
