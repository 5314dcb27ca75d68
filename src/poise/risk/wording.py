"""What scanners say in prose: how titles and remedy texts name updates, products and things to do.

Every function here reads one text and returns plain strings; :mod:`poise.risk.remedy` makes remedies
of them. What a text does not say stays empty.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Longest opening of a remedy text that is searched; the rest is background [characters].
MAX_REMEDY = 1_000

#: Lengths at which a title and an instruction are cut for people [characters].
_MAX_TITLE = 80
_MAX_INSTRUCTION = 100

#: Openings by which scanners say that there is no fix, whatever workaround follows.
_NO_FIX = re.compile(
    r"^\W*(n/?a\W*$|none\W*$|unknown\W*$"
    r"|no (known |official |direct |vendor )*(solution|fix|patch|remedy|update|fixed version)\b"
    r"|there (is|are) (currently |at present )?no (\S+ ){0,3}?(solution|fix(es)?|patch(es)?|updates?)\b"
    r"|we are (currently not|not currently|not) aware of any (\S+ ){0,2}?"
    r"(fix(es)?|solutions?|patch(es)?|updates?)\b"
    r"|(the vendor )?(will not|won't) (be )?fix|willnotfix"
    r"|(the )?vendor has not (yet )?(released|provided|published|issued)\b"
    r"|[^.\n]{0,160}\.\s+(however, )?(updates|patches|fixes) are (awaited|not (yet )?available)"
    r"|information about the fixed version.{0,40}not available)",
    re.IGNORECASE | re.DOTALL,
)

_VERSION = r"\d[\w.+~-]*"
#: "Upgrade to Apache version 2.4.58 or later", "Update OpenSSL to 1.1.1t, 3.0.8 or above".
_UPGRADE = re.compile(
    r"\b(?:upgrade|update)\s+(?:the\s+)?(?:(?P<before>[A-Z][\w./+-]*(?:[ ][\w./+-]+){0,4}?)\s+)?"
    r"to\s+(?:the\s+latest\s+)?"
    r"(?P<name>[A-Za-z][\w./+-]*(?:[ ][A-Za-z][\w./+-]*){0,5}?)?\s*"
    rf"(?:(?:version|release)s?\s+(?P<told>{_VERSION})|v?(?P<version>\d+(?:\.\d+)+[\w.+~-]*))"
    rf"(?P<more>(?:(?:\s*(?:,|/|\bor\b|\band\b))+\s*(?:version\s+)?{_VERSION})*)",
    re.IGNORECASE,
)
#: Words that stand where a product's name would, and are none.
_NOT_A_NAME = frozenset(("version", "versions", "release", "the", "a", "an", "at least"))

#: "Apache 2.4.x < 2.4.58 Multiple Vulnerabilities", "Google Chrome Prior to 112.0 ...".
_TITLED = re.compile(
    r"^(?P<name>[A-Za-z][\w+./()' -]{0,60}?)(?:\s+v?\d[\w.]*)*\s*"
    r"(?:<=?|\bprior to\b|\bbefore\b|\bbelow\b)\s*(?:version\s+)?v?\d",
    re.IGNORECASE,
)

#: Ids of distribution advisories, such as RHSA-2023:1405, USN-5825-1, ALAS2-2023-1934.
_ADVISORY_ID = r"[A-Z][A-Za-z]{1,9}\d?(?:-[A-Za-z]{2,4})?[- ]\d[\w:.-]*"
#: Titles of distribution advisories, as Nessus, Qualys and Greenbone write them.
_ADVISORIES = (
    re.compile(
        r"^(?P<os>[A-Z][\w./ -]{2,40}?):?\s+(?:Security\s+)?(?:Update|Notification|Advisory|Patch)\s+for\s+"
        rf"(?P<name>[\w.+-]+(?:[ /][\w.+-]+)*?)\s*(?:\(|:\s*)(?P<id>{_ADVISORY_ID})\)?\s*$"
    ),
    re.compile(rf"^(?P<os>[A-Z][\w./ -]{{2,40}}?):\s+Security Advisory\s+\((?P<id>{_ADVISORY_ID})\)"),
    re.compile(
        r"^(?P<os>[A-Z][\w./ -]{2,40}?)\s*:\s*(?P<name>[\w.+-]+(?:[ /][\w.+-]+)*)"
        r"\s+\((?P<id>[A-Z]{2,8}-[\w:-]+)\)"
    ),
    re.compile(r"^(?P<os>Debian)\s+(?P<id>D[LS]A-[\d-]+)\s*:\s*(?P<name>[\w.+-]+)"),
)

_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_MONTH = re.compile(
    rf"\(?\b(?:(?P<name>{'|'.join(_MONTHS)})\s+(?P<year>20\d\d)|(?P<iso>20\d\d-\d\d))\b\)?", re.IGNORECASE
)
_KB = re.compile(r"\bKB\s?(\d{6,8})\b", re.IGNORECASE)
_BULLETIN = re.compile(r"\bMS\d\d-\d{3}\b")
_CUMULATIVE = re.compile(
    r"cumulative|monthly rollup|security update|security only|quality rollup", re.IGNORECASE
)

_VERBS = (
    "add|adjust|apply|avoid|block|change|configure|contact|delete|deploy|disable|download|edit|enable|enforce"
    "|ensure|filter|follow|force|generate|install|limit|make sure|migrate|move|obtain|patch|protect|purchase"
    "|rebuild|reconfigure|reissue|remove|rename|replace|require|restart|restrict|return|rotate|run|select|set"
    "|stop|switch|turn|uninstall|update|upgrade|use"
)
_INSTRUCTION = re.compile(
    r"^\W*(?:please\s+|you\s+(?:should|can|must|need to)\s+(?:immediately\s+)?"
    r"|it\s+is\s+(?:strongly\s+)?(?:recommended|advised)\s+(?:to|that\s+you)\s+"
    r"|(?:customers|users|administrators)\s+(?:are\s+advised\s+to|should|must)\s+)?"
    rf"(?P<do>(?:{_VERBS})\b.*)",
    re.IGNORECASE | re.DOTALL,
)
#: Sentences end before a capital letter, but not after "4." or "e.g."; a command word that opens a line
#: begins one.
_SENTENCE_END = re.compile(
    rf"(?<=[^\d\s][.!?])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[^a-z])|\n\s*(?=(?:{_VERBS.title()})\b)"
)
#: Links to downloads that follow the advice proper.
_DOWNLOADS = re.compile(r"(?:^|\n)\s*Patch:\s", re.IGNORECASE)
#: "Updates are available. See the references": all that it says is that there is an update.
_JUST_AN_UPDATE = re.compile(
    r"^\W*(?:vendor |the )?(?:security )?(?:update|patch|fix)(?:e?s)? (?:is|are|has been|have been) (?:now )?"
    r"(?:available|released)|^\W*the vendor has (?:released|issued|published)|^\W*upgrade\W*$"
    r"|^\W*apply (?:the |a )?(?:vendor|security)(?:'s)? (?:patch|update|fix)(?:e?s)?\W*$",
    re.IGNORECASE,
)
#: Sentences that tell nothing to do.
_ASIDE = re.compile(
    r"^\W*(?:note\b|workaround\W*$|solutions? (?:for|are)|(?:please )?(?:refer|see)\b|for more information"
    r"|please first check)",
    re.IGNORECASE,
)


class Advisory(NamedTuple):
    """A distribution's advisory: its system, its package ("" where it names none) and its id."""

    system: str
    name: str
    id: str


class Upgrade(NamedTuple):
    """What "upgrade to X version n" names: X ("" where it names none) and the fixed versions."""

    product: str
    versions: tuple[str, ...]


class MicrosoftUpdate(NamedTuple):
    """What a Microsoft title says: KB numbers, bulletin, cumulative family and month (``2024-01``)."""

    numbers: tuple[str, ...]
    bulletin: str
    family: str
    month: str


def says_no_fix(remedy: str) -> bool:
    """Return whether a remedy text opens by saying that there is no fix."""
    return bool(_NO_FIX.match(" ".join(remedy[:MAX_REMEDY].split())))


def upgrade(remedy: str) -> Upgrade | None:
    """Return the product and versions of an "upgrade to ..." sentence, None where there is none."""
    match = _UPGRADE.search(" ".join(remedy[:MAX_REMEDY].split()))
    if not match:
        return None
    versions = [match["told"] or match["version"], *re.findall(_VERSION, match["more"])]
    cleaned = tuple(version.rstrip(".,;)-") for version in versions)
    names = (match["name"] or "", match["before"] or "")
    stripped = (re.sub(r"\s+(version|release|v)$", "", name.strip(), flags=re.IGNORECASE) for name in names)
    product = next((name for name in stripped if name and name.lower() not in _NOT_A_NAME), "")
    return Upgrade(product, cleaned)


def product_in_title(title: str) -> str:
    """Return the product of a title such as "Apache 2.4.x < 2.4.58 ...", "" where it is built otherwise."""
    match = _TITLED.match(" ".join(title.split()))
    return match["name"].strip() if match else ""


def advisory(title: str) -> Advisory | None:
    """Return the distribution advisory that a title names, None where it names none."""
    text = " ".join(title.split())
    for pattern in _ADVISORIES:
        match = pattern.match(text)
        if match:
            name = match.groupdict().get("name") or ""
            name = re.sub(r"\s+(vulnerability|vulnerabilities|regression)$", "", name, flags=re.IGNORECASE)
            return Advisory(match["os"].strip(), name.strip(), match["id"].replace(" ", "-"))
    return None


def microsoft_update(title: str, remedy_ids: tuple[str, ...]) -> MicrosoftUpdate:
    """Return what a title and the ids beside it say of a Microsoft update; empty fields otherwise.

    The title's own number goes before others, which may be those of other systems or of an article
    that the check refers to.
    """
    joined = " ".join(remedy_ids)
    numbers = _KB.findall(title) or _KB.findall(joined)
    bulletin = _BULLETIN.search(title) or _BULLETIN.search(joined)
    month = _MONTH.search(title)
    told = ""
    if month:
        told = month["iso"] or f"{month['year']}-{_MONTHS.index(month['name'].lower()) + 1:02d}"
    return MicrosoftUpdate(
        tuple(f"KB{number}" for number in dict.fromkeys(numbers)),
        bulletin[0] if bulletin else "",
        _family(title) if _CUMULATIVE.search(title) else "",
        told,
    )


def _family(title: str) -> str:
    """Return a cumulative update's title without its number and month."""
    text = _MONTH.sub(" ", _KB.sub(" ", title))
    return re.sub(r"\s+for$", "", re.sub(r"\s+", " ", text).strip(" :-()"))


def instruction(title: str, component: str, remedy: str) -> str:
    """Return what to do in a line: what is wrong, then the first sentence that tells to do something.

    A remedy text alone ("Disable these methods in your configuration file.") often does not say what
    it is about, so the check's title stands before it.
    """
    subject = _cut(" ".join(title.split()), _MAX_TITLE)
    if component and component.lower() not in title.lower():
        subject = f"{subject} ({component})"
    return f"{subject}: {_what_to_do(remedy)}"


def _what_to_do(remedy: str) -> str:
    advice, *downloads = _DOWNLOADS.split(remedy[:MAX_REMEDY], maxsplit=1)
    sentences = [" ".join(part.split()) for part in _SENTENCE_END.split(advice)]
    if _JUST_AN_UPDATE.match(sentences[0]):
        return "Apply the vendor's update"
    for sentence in sentences:
        found = _INSTRUCTION.match(sentence)
        if found:
            return _line(found["do"])
    if downloads:
        return "Apply the vendor's update"
    told = next((sentence for sentence in sentences if sentence and not _ASIDE.match(sentence)), "")
    return _line(told) if told else "See the scanner's advice"


def _line(sentence: str) -> str:
    text = re.split(r",?\s+(?:please\s+)?(?:refer to|see the)\b", sentence, maxsplit=1)[0].rstrip(" .:")
    return _cut(text[:1].upper() + text[1:], _MAX_INSTRUCTION)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3].rstrip() + "..."
