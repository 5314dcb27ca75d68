"""How pages write dates, money and faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Any, Final

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from poise.desk.permissions import PERMISSION_BY_KEY, Role, may
from poise.report.figures import Money

register = template.Library()

#: Days as records write them, with an hour or without, and amounts of money: what a line must not break.
_WHOLE: Final = re.compile(r"\b(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d))?\b|\b[A-Z]{3} \d[\d,.]*\d")


@register.inclusion_tag("desk/dialogue/_contested.html", takes_context=True)
def contested(context: dict[str, Any], kind: str, ref: object) -> dict[str, Any]:
    """Show the disagreements about something, and where to raise one, to whom reads the dialogue."""
    from poise.desk.contested import about

    request = context["request"]
    role = request.user.role
    found = about(request.actor, kind, str(ref)) if may(role, "dialogue.read") else []
    return {"found": found, "kind": kind, "ref": str(ref), "may_raise": may(role, "dialogue.say")}


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """Write a moment in the reader's zone, with the zone's name."""
    return "unknown" if moment is None else _when(moment, timezone.get_current_timezone())


@lru_cache(maxsize=4096)
def _when(moment: datetime, zone: tzinfo) -> SafeString:
    """Write a moment in a zone; a plan's page says the same few hundred again and again."""
    local = timezone.localtime(moment, zone)
    text = f"{local.day} {local:%b %Y, %H:%M} {local:%Z}"
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), text)


@register.filter
def day(value: date | datetime | None) -> SafeString | str:
    """Write a day in the reader's zone."""
    if value is None:
        return "unknown"
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), f"{local.day} {local:%b %Y}")


@register.simple_tag
def span(start: datetime, end: datetime) -> SafeString:
    """Write from when to when in the reader's zone; a day and a zone that both share stand once."""
    local = [timezone.localtime(moment) for moment in (start, end)]
    words = [f"{one.day} {one:%b %Y}, {one:%H:%M}" for one in local]
    if local[0].date() == local[1].date():
        words[1] = f"{local[1]:%H:%M}"
    zones = [f" {one:%Z}" for one in local]
    if zones[0] == zones[1]:
        zones[0] = ""
    times = [
        format_html('<time datetime="{}">{}</time>', moment.isoformat(), f"{word}{zone}")
        for moment, word, zone in zip((start, end), words, zones, strict=True)
    ]
    return format_html("{} to {}", *times)


@register.filter
def unbroken(text: str) -> SafeString:
    """Keep each day and each amount of a text on one line; no character of what was signed changes."""
    return _marked(text, lambda found: found.group())


@register.filter
def plain_dates(text: str) -> SafeString:
    """Write the days of a text as pages write them, each on one line; for what nobody signs."""
    return _marked(text, _day_words)


def _marked(text: str, spell: Callable[[re.Match[str]], str]) -> SafeString:
    kept = '<span class="whole">{}</span>'
    # Escaped before anything is put around: neither a day nor an amount holds what escaping changes.
    marked = _WHOLE.sub(lambda found: kept.format(spell(found)), conditional_escape(text))
    return mark_safe(marked)  # noqa: S308


def _day_words(found: re.Match[str]) -> str:
    written, hour = found.groups()
    if written is None:
        return found.group()
    try:
        moment = date.fromisoformat(written)
    except ValueError:
        return found.group()
    return f"{moment.day} {moment:%b %Y}" + (f", {hour}" if hour else "")


@register.filter
def person(name: str) -> str:
    """Write whom the ledger names, as pages call people."""
    from poise.desk import telling

    return telling.person(name)


@register.filter
def breakable(name: str) -> SafeString:
    """Let a line break after the slashes of a long name, such as an image's, rather than within its words."""
    return mark_safe(conditional_escape(name).replace("/", "/<wbr>"))  # noqa: S308  escaped before


@register.filter
def quarter(value: str) -> str:
    """Write a quarter such as 2026Q2 in words."""
    year, _, number = value.partition("Q")
    names = {"1": "first", "2": "second", "3": "third", "4": "fourth"}
    return f"the {names[number]} quarter of {year}" if number in names else value


@register.filter
def money(value: float | None, currency: str = "") -> str:
    """Write an amount with three digits that count, as the reports do."""
    if value is None:
        return "unknown"
    return Money(currency)(value).strip()


@register.filter
def percentage(value: float | None, digits: int = 0) -> str:
    """Write a share as a percentage."""
    if value is None:
        return "unknown"
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}")


@register.filter
def is_permission(text: str) -> bool:
    """Return whether a word is the key of a permission, which programs read and people need not."""
    return text in PERMISSION_BY_KEY


@register.filter
def unlocalized(value: float) -> str:
    """Write a number as a form's field takes it."""
    return f"{value:.15g}"


@register.filter
def share_bar(value: float | None, party: str) -> SafeString | str:
    """Draw a share as a bar from 0 to 1, in a side's colour; the number stands beside it."""
    if value is None:
        return ""
    width = 120 * min(max(value, 0.0), 1.0)
    return format_html(
        '<svg class="share share-{}" viewBox="0 0 120 10" width="120" height="10" aria-hidden="true">'
        '<rect class="room" x="0.5" y="1.5" width="119" height="7"/>'
        '<rect class="full" y="1" width="{}" height="8"/></svg>',
        party,
        f"{width:.1f}",
    )


@register.filter
def proposal_key(number: int) -> str:
    """Return what the address of a proposal's plan ends in."""
    return f"proposal-{number}"


@register.filter
def wordlist(text: str) -> list[str]:
    """Split words at spaces."""
    return text.split()


@register.filter
def commalist(text: str) -> list[str]:
    """Split words at commas."""
    return text.split(",")


@register.filter
def cut_words(key: str) -> str:
    """Write a key of a document as words: ``set_aside``, ``report:code``."""
    return key.replace("_", " ").replace(":", " ")


@register.filter
def labels(roles: Iterable[Role]) -> str:
    """Name roles, one after the other."""
    return ", ".join(role.label for role in roles)


@register.filter
def assumed(field: str) -> str:
    """Write the name of a service's figure that somebody assumed."""
    words = {"loss_low": "the low end of its loss", "loss_high": "the high end of its loss"}
    return words.get(field, field.replace("_", " "))


@register.filter
def called(name: str, people: dict[str, str]) -> str:
    """Write a person as pages call them; of somebody the desk does not know, what the ledger has."""
    return people.get(name, name)


@register.filter
def at(values: dict[str, Any], key: str) -> Any:
    """Look something up."""
    return values.get(key, "")


@register.filter
def short_hash(text: str) -> str:
    """Write the digits of a hash that people compare."""
    return text.rpartition(":")[2][:12]


@register.simple_tag
def live(url_name: str, version: str, *args: Any) -> SafeString:
    """Write the attributes of a fragment that follows what others do."""
    address = f"{reverse(url_name, args=args)}?seen={version}"
    return format_html('hx-get="{}" hx-trigger="every 1s" hx-swap="outerHTML"', address)
