"""An incident at the desk, and the acts that its tests repeat."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client

from poise.desk import clock
from poise.desk.actions import Actor, incidents
from poise.desk.models import User

SignIn = Callable[[Any], Client]


def opened(ciso: User, **more: Any) -> str:
    """Open an incident and return its id."""
    by = Actor.of(ciso)
    fields = {
        "incident": "payroll",
        "title": "Payroll host encrypts files",
        "lead": ciso.username,
        "detected": by.now.isoformat(),
        **more,
    }
    incidents.act(by, "opened", fields)
    return "payroll"


def said(user: User, text: str = "Files on pay-3 end in .lock", **more: Any) -> str:
    """State a fact and return its record."""
    by = Actor.of(user)
    fields = {
        "incident": "payroll",
        "kind": "fact",
        "text": text,
        "source": "EDR",
        "known_from": by.now.isoformat(),
        "next_update": {"due": (by.now + timedelta(minutes=30)).isoformat()},
        **more,
    }
    return incidents.act(by, "stated", fields).hash


def asked(ciso: User) -> str:
    """Ask operations for a decision and return its record."""
    by = Actor.of(ciso)
    options = [{"id": "option-1", "text": "Cut it off"}, {"id": "option-2", "text": "Wait"}]
    fields = {
        "incident": "payroll", "question": "Cut it off?", "options": options, "recommendation": "option-1",
        "is_reversible": True, "needed_by": (by.now + timedelta(hours=1)).isoformat(), "default": "option-1",
        "cost_low_per_hour": 100, "cost_high_per_hour": 300, "basis": "orders",
    }  # fmt: skip
    return incidents.act(by, "decision.asked", fields).hash


def form(**fields: Any) -> dict[str, Any]:
    """Return a statement's form as a browser sends it, with the fields of all kinds."""
    empty = {"unless": "", "owner": "", "by": "", "matters": "", "low": "", "high": "", "confidence": ""}
    standard = {"kind": "fact", "text": "The host is off the network", "source": "J. of the night shift"}
    times = {"known_from": f"{clock.now():%Y-%m-%dT%H:%M}", "next_minutes": "30", "token": "one"}
    return {**empty, **standard, **times, "tlp": "AMBER", "topic": "containment", **fields}


def only_key() -> str:
    with incidents.looking() as room:
        return next(iter(room.state().by_id))


def plain(response: Any) -> str:
    """Return a page without what differs from one second, one form and one record to the next."""
    text = re.sub(
        r'name="(csrfmiddlewaretoken|token)" value="[^"]*"|"as_of":[^,]*,', "", response.content.decode()
    )
    text = re.sub(r'value="\d{4}-\d\d-\d\dT[^"]*"|as known [^<]* UTC|hx-get="/\?seen=[^"]*"', "", text)
    text = re.sub(r"<time[^>]*>[^<]*</time>", "", text)
    return re.sub(r"[0-9:]+ (ago|UTC)", "", text)
