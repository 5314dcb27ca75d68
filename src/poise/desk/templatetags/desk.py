"""How pages write dates, money and faults."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from poise.desk.permissions import PERMISSION_BY_KEY, may
from poise.report.figures import Money

register = template.Library()


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
