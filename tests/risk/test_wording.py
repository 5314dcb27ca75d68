"""Titles and remedy texts as scanners write them name the right update, product and thing to do."""

from __future__ import annotations

import pytest

from poise.risk.remedy import Precision, identify
from poise.risk.wording import advisory, instruction, product_in_title, says_no_fix, upgrade
from poise.scans.finding import AssetIdentity, Component, Finding


def finding(title: str, remedy: str = "", ids: tuple[str, ...] = (), **changes: object) -> Finding:
    """Return a finding of which only the words matter."""
    component = changes.pop("component", Component())
    return Finding(
        where="1",
        identity="1",
        asset=AssetIdentity(hostnames=("db1",)),
        rule="r:1",
        title=title,
        remedy=remedy,
        remedy_ids=ids,
        component=component,  # type: ignore[arg-type]
    )


def text(item: Finding) -> str:
    """Return the remedy of a finding as people read it, "" for none."""
    remedy = identify(item)
    return remedy.text([remedy.target]) if remedy else ""


@pytest.mark.parametrize(
    ("remedy", "product", "versions"),
    [
        ("Upgrade to OpenSSL version 1.1.1t, 3.0.8 or later.", "OpenSSL", ("1.1.1t", "3.0.8")),
        ("Upgrade to PHP version 7.4.33 / 8.0.25 / 8.1.12.", "PHP", ("7.4.33", "8.0.25", "8.1.12")),
        ("Upgrade Log4j to version 2.17.0 or later.", "Log4j", ("2.17.0",)),
        ("Update to version 2.6.0 or later.", "", ("2.6.0",)),
        (
            "Upgrade to\n     UnrealIRCd 3.2.10.7,\n     or 4.0.6, or later.",
            "UnrealIRCd",
            ("3.2.10.7", "4.0.6"),
        ),
    ],
)
def test_an_upgrade_names_its_product_and_every_version(
    remedy: str, product: str, versions: tuple[str, ...]
) -> None:
    """Each release line has its own fixed version; none may be taken for part of a name."""
    assert upgrade(remedy) == (product, versions)


def test_the_version_of_the_installed_release_line_is_the_target() -> None:
    """Who runs 1.1.1k goes to 1.1.1t, not over to 3.0.8."""
    remedy = "Upgrade to OpenSSL version 1.1.1t, 3.0.8 or later."
    assert text(finding("x", remedy, component=Component(installed_version="1.1.1k"))) == "OpenSSL to 1.1.1t"
    assert text(finding("x", remedy, component=Component(installed_version="3.0.1"))) == "OpenSSL to 3.0.8"


@pytest.mark.parametrize(
    ("title", "product"),
    [
        ("Apache 2.4.x < 2.4.58 Multiple Vulnerabilities", "Apache"),
        ("jQuery < 1.9.0 XSS Vulnerability", "jQuery"),
        ("Google Chrome Prior to 112.0.5615.49 Multiple Vulnerabilities", "Google Chrome"),
        ("Microsoft Edge (Chromium) < 120.0.2210.61", "Microsoft Edge (Chromium)"),
        ("SSL Certificate Expired", ""),
        ("TLS Version 1.0 Protocol Detection", ""),
    ],
)
def test_a_title_with_a_bound_names_the_product(title: str, product: str) -> None:
    """Greenbone says "update to version n" and names the product in the title only."""
    assert product_in_title(title) == product


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("RHEL 8 : openssl (RHSA-2023:1405)", ("RHEL 8", "openssl", "RHSA-2023:1405")),
        (
            "Ubuntu 20.04 LTS / 22.04 LTS : OpenSSL vulnerabilities (USN-5844-1)",
            ("Ubuntu 20.04 LTS / 22.04 LTS", "OpenSSL", "USN-5844-1"),
        ),
        ("Debian DSA-5343-1 : openssl - security update", ("Debian", "openssl", "DSA-5343-1")),
        ("Red Hat Update for openssl (RHSA-2023:1405)", ("Red Hat", "openssl", "RHSA-2023:1405")),
        (
            "Ubuntu Security Notification for OpenSSL Vulnerabilities (USN-5844-1)",
            ("Ubuntu", "OpenSSL", "USN-5844-1"),
        ),
        ("Debian Security Update for openssl (DSA 5343-1)", ("Debian", "openssl", "DSA-5343-1")),
        (
            "Amazon Linux Security Advisory for kernel : ALAS2-2023-1934",
            ("Amazon Linux", "kernel", "ALAS2-2023-1934"),
        ),
        ("Debian: Security Advisory (DSA-5343-1)", ("Debian", "", "DSA-5343-1")),
        ("CentOS: Security Advisory for openssl (CESA-2021:1234)", ("CentOS", "openssl", "CESA-2021:1234")),
        ("Microsoft Windows Security Update for May 2021", None),
        ("SSL Certificate Expired", None),
    ],
)
def test_a_distribution_advisory_names_system_package_and_id(
    title: str, expected: tuple[str, str, str] | None
) -> None:
    """Nessus, Qualys and Greenbone word the same advisory differently."""
    assert advisory(title) == expected


@pytest.mark.parametrize(
    "remedy",
    [
        "We are not currently aware of any fixes for this issue.",
        "No direct patch is available...",
        "There are no vendor supplied patches available at this time.\nWorkaround:\nBlock the port.",
        "AMD has confirmed the vulnerability. However, updates are awaited.\nWorkaround:\nLock the room.",
        "No known solution was made\n    available for at least one year since the disclosure.",
    ],
)
def test_a_text_that_opens_with_no_fix_is_no_remedy(remedy: str) -> None:
    """A workaround is for the list of what has no fix, not a patch to schedule."""
    assert says_no_fix(remedy)
    assert identify(finding("x", remedy)) is None


@pytest.mark.parametrize(
    "remedy",
    [
        "Disable SSLv3. There is no patch for the protocol itself.",
        "No longer use TLS 1.0.",
        "Notify users.",
        "None of the listed ciphers should be used.",
    ],
)
def test_a_mention_of_no_patch_further_on_stays_a_remedy(remedy: str) -> None:
    """Only the opening says what can be done."""
    assert identify(finding("x", remedy)) is not None


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        ("Disable these methods in your file.", "Disable these methods in your file"),
        ("Please reconfigure NTP.\nIf in doubt, ask.", "Reconfigure NTP"),
        (
            "Cisco\nRun the following command:\nno ip tcp timestamp",
            "Run the following command: no ip tcp timestamp",
        ),
        (
            "Change the encryption level to :\n\n 4. FIPS Compliant",
            "Change the encryption level to : 4. FIPS Compliant",
        ),
        ("Change\n     the password as soon as\n     possible.", "Change the password as soon as possible"),
        ("The vendor has released updates. Please see the references.", "Apply the vendor's update"),
        ("Refer to the advisory.\nPatch:\nFollowing are links:\nlibxml2", "Apply the vendor's update"),
        ("Please refer to the vendor.", "See the scanner's advice"),
        (
            "A cleanup of the infected system is recommended.",
            "A cleanup of the infected system is recommended",
        ),
    ],
)
def test_prose_becomes_one_line_that_says_what_about_and_what_to_do(remedy: str, told: str) -> None:
    """A manager reads the change alone, without the scanner's page beside it."""
    assert instruction("The check", "", remedy) == f"The check: {told}"


def test_a_long_text_is_cut_and_its_component_told() -> None:
    """Tables and calendars have no room for an essay."""
    line = instruction("T" * 200, "zlib", "Upgrade " + "x" * 5_000)
    assert len(line) < 220
    assert "(zlib)" in line


def test_a_check_of_many_systems_goes_by_its_month() -> None:
    """Qualys lists an update number for every Windows; taking one of them would name a wrong one."""
    ids = ("KB5003169", "KB5003233", "KB5003172")
    assert text(finding("Microsoft Windows Security Update for May 2021", ids=ids)) == (
        "Microsoft Windows Security Update (2021-05)"
    )
    undated = text(finding("Microsoft .NET Core Vulnerability", ids=ids))
    assert undated == "KB5003233 or KB5003172 or KB5003169, as the system needs"


def test_the_titles_own_number_and_the_bulletin_go_before_other_numbers() -> None:
    """An article on a workaround that the text refers to is not the update."""
    eternal = finding("Microsoft SMB Server RCE (MS17-010)", ids=("MS17-010", "KB2696547"))
    assert text(eternal) == "MS17-010"
    titled = finding("KB5034127: Windows 10 Security Update (January 2024)", ids=("KB5034127", "KB890830"))
    assert text(titled) == "Windows 10 Security Update (2024-01, KB5034127)"
    assert text(finding("Windows RDS RCE (BlueKeep)", ids=("KB4500331",))) == "KB4500331"


def test_months_order_cumulative_updates_whatever_their_numbers() -> None:
    """Update numbers do not always grow with time."""
    december = identify(finding("2023-12 Cumulative Update for Windows 10 (KB5033372)"))
    january = identify(finding("2024-01 Cumulative Update for Windows 10 (KB5033000)"))
    assert december is not None
    assert january is not None
    assert december.key == january.key
    assert january.supersede([december.target, january.target]) == "2024-01, KB5033000"


def test_a_library_needs_its_product_only_once() -> None:
    """The fixed version beside a title is a product update, less exact than a package's own."""
    titled = finding("jQuery < 1.9.0 XSS", component=Component(fixed_versions=("1.9.0",)))
    remedy = identify(titled)
    assert remedy is not None
    assert (remedy.precision, remedy.name, remedy.target) == (Precision.PRODUCT, "jQuery", "1.9.0")
