"""Exceptions: accepted for whom, why, until when; renewed or taken back."""

from __future__ import annotations

from datetime import UTC, datetime, time

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from poise.desk.actions import gate_exceptions as actions
from poise.desk.gate import gate_register, verdict_of
from poise.desk.ledger import DeskLedger
from poise.desk.models import DeliveryVerdict
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.errors import DeskError, Fault
from poise.gate.register import ExceptionEntry


def index(request: DeskRequest) -> HttpResponse:
    """List all exceptions, what is open first and what ends soonest."""
    now = request.actor.now
    rows = [(key, one, one.state(now)) for key, one in gate_register().exceptions.items()]
    order = ("open", "coming", "ended", "renewed", "withdrawn")
    rows.sort(key=lambda row: (order.index(row[2]), row[1].document.ends))
    return render(request, "desk/gate_exceptions.html", {"rows": rows})


def show(request: DeskRequest, record: str) -> HttpResponse:
    """Show one exception."""
    entry = _entry(record)
    state = entry.state(request.actor.now)
    roster = DeskLedger().roster()
    context = {
        "record": record,
        "entry": entry,
        "state": state,
        "signer": roster.names.get(entry.made.by, entry.made.by),
        "may_act": state in ("open", "coming", "ended") and may(request.user.role, "gate.except"),
        "is_live": state in ("open", "coming"),
    }
    return render(request, "desk/gate_exception.html", context)


def exception_file(request: DeskRequest, record: str) -> HttpResponse:
    """Return the signed exception, as pipelines verify it."""
    content = _entry(record).envelope.to_bytes() + b"\n"
    response = HttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="exception-{record[:12]}.json"'
    return response


def accept(request: DeskRequest, number: int, finding: str) -> HttpResponse:
    """Sign an exception for a finding of a verdict."""
    row = get_object_or_404(DeliveryVerdict, pk=number)
    given = request.POST
    record = actions.accept_finding(
        request.actor,
        verdict_of(row),
        finding,
        owner=given.get("owner", ""),
        reason=given.get("reason", ""),
        ends=_end(given.get("until", "")),
        meanwhile=given.get("meanwhile", ""),
        passphrase=given.get("passphrase", ""),
    )
    messages.success(request, "The exception is signed and on the ledger.")
    return redirect("gate-exception", record.hash)


def renew(request: DeskRequest, record: str) -> HttpResponse:
    """Sign an exception that takes this one's place."""
    given = request.POST
    made = actions.renew(
        request.actor,
        record,
        reason=given.get("reason", ""),
        ends=_end(given.get("until", "")),
        passphrase=given.get("passphrase", ""),
    )
    messages.success(request, "The exception is renewed.")
    return redirect("gate-exception", made.hash)


def withdraw(request: DeskRequest, record: str) -> HttpResponse:
    """Take an exception back."""
    given = request.POST
    actions.withdraw(
        request.actor, record, reason=given.get("reason", ""), passphrase=given.get("passphrase", "")
    )
    messages.success(request, "The exception is taken back.")
    return redirect("gate-exception", record)


def _entry(record: str) -> ExceptionEntry:
    entry = gate_register().exceptions.get(record)
    if entry is None:
        raise Http404
    return entry


def _end(text: str) -> datetime:
    """Return the last second of a day in the reader's zone."""
    try:
        day = datetime.fromisoformat(text).date()
        local = datetime.combine(day, time(23, 59, 59), timezone.get_current_timezone())
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{text[:40]!r} is no day such as 2026-03-31; an exception has an end."
        raise DeskError(Fault("E878", "until", message)) from error


URLS = [
    page("deliveries/exceptions", index, "gate-exceptions", "gate.read"),
    page("deliveries/exceptions/<str:record>", show, "gate-exception", "gate.read"),
    page("deliveries/exceptions/<str:record>/json", exception_file, "gate-exception-file", "gate.read"),
    page("deliveries/exceptions/<str:record>/renew", renew, "gate-exception-renew", "gate.except", ("POST",)),
    page(
        "deliveries/exceptions/<str:record>/withdraw",
        withdraw,
        "gate-exception-withdraw",
        "gate.except",
        ("POST",),
    ),
    page(
        "deliveries/verdicts/<int:number>/accept/<str:finding>",
        accept,
        "gate-accept",
        "gate.except",
        ("POST",),
    ),
]
