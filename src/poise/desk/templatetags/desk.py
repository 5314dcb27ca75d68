"""How pages write dates, money and faults."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from poise.report.figures import Money

register = template.Library()


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """Write a moment in the reader's zone, with the zone's name."""
    if moment is None:
        return "unknown"
    local = timezone.localtime(moment)
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
def money(value: float | None, currency: str = "") -> str:
    """Write an amount with three digits that count, as the reports do."""
    if value is None:
        return "unknown"
    return Money(currency)(value).strip()


@register.filter
def percentage(value: float | None, digits: int = 0) -> str:
    """Write a share as a percentage."""
    return "unknown" if value is None else f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


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
