"""When two findings of two scans are the same finding.

A line number says nothing once somebody edits the file above it. Four matchers are asked in turn, and each
only for what the ones before it left over:

1. the **tool**'s own fingerprint;
2. GitHub's **line** hash (:mod:`poise.gate.linehash`), stated in the report or computed from the source;
3. the **content**: rule, path and the text at the place without its blanks; for a vulnerability the
component and the
   id, for a secret a keyed hash of the secret itself;
4. all three again with the path that git says the file had before a **rename**.

A path is a part of every key, because the same text elsewhere is another finding. Places count: three equal
findings against two known ones leave one new.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from poise.scans.finding import Finding, Place

#: What GitHub and the SARIF reader call the line hash.
LINE_HASH: Final = "primaryLocationLineHash"
_BLANKS = re.compile(r"\s+")
_DIGITS = re.compile(r"\d+")
#: Hexadecimal digits of a content key: 96 bits, so that a million findings meet by chance once in 10**17.
_DIGITS_KEPT: Final = 24

LineHash = Callable[[Place], str]


class Keys(NamedTuple):
    """A finding's identities, one for each matcher; empty where there is none."""

    tool: str
    line: str
    content: str


class Identifier:
    """Makes the keys of findings.

    Parameters
    ----------
    secret_key
        Keys the hashes of secrets, so that a stored baseline does not help to guess one. Without it a
        secret has no content key, and counts as new unless its tool ties it to a commit.
    line_hash
        Gives GitHub's hash for a place from the source, empty where it cannot.
    renames
        From the path of today to the path that the baseline knows.
    """

    def __init__(
        self,
        secret_key: bytes = b"",
        line_hash: LineHash | None = None,
        renames: Mapping[str, str] | None = None,
    ) -> None:
        self._secret_key = secret_key
        self._line_hash = line_hash
        self._renames = dict(renames or {})

    def was(self, finding: Finding) -> str:
        """Return the path that the finding's file had before a rename, empty for none."""
        return self._renames.get(finding.place.path, "") if finding.place and self._renames else ""

    def tool(self, finding: Finding, path: str | None = None) -> str:
        """Return the key of the tool's own fingerprint."""
        for name, value in finding.fingerprints:
            if name != LINE_HASH:
                return f"{finding.rule}|{path or path_of(finding)}|{name}|{value}"
        return ""

    def line(self, finding: Finding, path: str | None = None) -> str:
        """Return the key of GitHub's line hash. A secret has none: the next secret may stand on its line."""
        if finding.kind in ("secret", "vulnerability") or finding.place is None:
            return ""
        value = next((value for name, value in finding.fingerprints if name == LINE_HASH), "")
        if not value and self._line_hash is not None:
            value = self._line_hash(finding.place)
        return f"{finding.rule}|{path or finding.place.path}|{value}" if value else ""

    def content(self, finding: Finding, path: str | None = None) -> str:
        """Return the key of what was found."""
        where = path or path_of(finding)
        if finding.kind == "secret":
            if not finding.secret_digest or not self._secret_key:
                return ""
            message = f"{finding.rule}|{where}|{finding.secret_digest}".encode("utf-8", "surrogatepass")
            return "s:" + hmac.new(self._secret_key, message, hashlib.sha256).hexdigest()[:_DIGITS_KEPT]
        if finding.kind == "vulnerability" and (finding.component.name or finding.component.purl):
            part = finding.component
            return f"v:{_hashed(f'{vulnerability_of(finding)}|{part.ecosystem}|{part.name or part.purl}')}"
        snippet = finding.place.snippet if finding.place else ""
        text = _BLANKS.sub("", snippet) or _DIGITS.sub("#", _BLANKS.sub(" ", finding.title))
        return f"c:{_hashed(f'{finding.rule}|{where}|{text}')}"

    def keys(self, finding: Finding) -> Keys:
        """Return all keys, by the paths of today."""
        return Keys(self.tool(finding), self.line(finding), self.content(finding))

    def exemption_keys(self, finding: Finding) -> tuple[str, ...]:
        """Return the keys by which an exception knows the finding.

        For a vulnerability the installed version belongs to it: an exception for one version says nothing of
        another.
        """
        if finding.kind == "vulnerability":
            version = finding.component.installed_version
            return (f"{self.content(finding)}@{version}",)
        return tuple(key for key in self.keys(finding) if key)


def path_of(finding: Finding) -> str:
    """Return the file of a finding, or what else says where it is."""
    if finding.place:
        return finding.place.path
    return finding.locations[0] if finding.locations else finding.asset.path or finding.asset.label


def vulnerability_of(finding: Finding) -> str:
    """Return one id for a vulnerability, whichever order the scanner lists its names in."""
    return min(finding.cves) if finding.cves else min(finding.aliases or (finding.rule,))


def short_id(keys: tuple[str, ...], finding: Finding) -> str:
    """Return the id by which people name the finding: ten digits of its strongest key."""
    strongest = keys[0] if keys else finding.identity
    return hashlib.blake2b(strongest.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


def _hashed(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGITS_KEPT // 2).hexdigest()
