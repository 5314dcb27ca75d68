"""Agreements: composing, reading, signing by two people, what fired since, re-opening, export."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from poise.desk import convert, naming, places, telling
from poise.desk.actions import Actor, agreements
from poise.desk.actions.bargaining import SETTLE_JOB
from poise.desk.actions.evidence import reported
from poise.desk.actions.keys import is_enrolled
from poise.desk.convert import DeskSession
from poise.desk.ledger import DeskLedger
from poise.desk.models import AgreementDraft, Job
from poise.desk.navigation import Entry
from poise.desk.pages import given
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.desk.telling import Need
from poise.desk.trusted import rests_on, trusted
from poise.errors import Fault, LedgerError, TableError
from poise.planning.problem import Plan
from poise.report.figures import plural
from poise.table.agreement import agreed_plan
from poise.table.comparison import beside
from poise.table.ground import Ground, as_plan
from poise.table.negotiation import AGREEMENT, Negotiation
from poise.table.past import num_over_when_signed, past
from poise.table.solving import costs_of
from poise.table.triggers import gravest, triggers_of

#: Rows of a long table that a page shows; the export has all.
_MOST_ROWS = 400


def index(request: DeskRequest) -> HttpResponse:
    """List agreements: in force, on their way, and earlier ones."""
    at = convert.session(request.actor.now)
    state = at.negotiation
    in_force = state.in_force[0] if state.in_force else None
    records = [
        (one, one.body["summary"], one.hash == in_force, one.hash in state.reopened)
        for one in DeskLedger().records_of((AGREEMENT,))
        if one.body is not None
    ]
    drafts = AgreementDraft.objects.filter(ground=state.ground or "")
    context = {"records": records[::-1], "drafts": drafts, "matched": state.matched}
    return render(request, "desk/agreement/list.html", context)


def show(request: DeskRequest, record_hash: str) -> HttpResponse:
    """Show one agreement, and what has fired since while it is in force."""
    record = DeskLedger().find(record_hash)
    if record.statement.kind != AGREEMENT or record.body is None:
        raise TableError(Fault("E554", record_hash[:16], "This record is no agreement."))
    at = convert.session(request.actor.now)
    facts = agreements.facts_since(request.actor)
    is_in_force = facts is not None and facts[0] == record.hash
    found = facts[1] if facts is not None and is_in_force else ()
    ground = _kept_ground(at, agreements.ground_then(record))
    names = naming.names_of(ground, at.ground if at.negotiation.ground else None)
    context = {
        **_content(record.body, ground),
        **_old_and_new(record.body, *_neighbours(at.negotiation, record.hash)),
        "names": names,
        "record": record,
        "is_reopened": record.hash in at.negotiation.reopened,
        "signers": DeskLedger().signers(record),
        "is_in_force": is_in_force,
        "added": [
            (one, telling.sentence(one), naming.told((one.body or {}).get("reasons", ()), names))
            for one in DeskLedger().beside(record.hash)
        ],
        "fired": naming.told([one.fact for one in found], names),
        "may_reopen": gravest(found) in ("reopen", "default") and may(request.user.role, "agreement.reopen"),
        "settlement": _settlement(record.hash) if is_in_force else None,
        "is_of_this_table": is_in_force and at.negotiation.ground is not None,
        "num_over": num_over_when_signed(record.body, record.time),
    }
    if context["is_of_this_table"]:
        context |= _trust(at, agreed_plan(at.ground, record.body))
    return render(request, "desk/agreement/agreement.html", context)


def _settlement(record_hash: str) -> Job | None:
    """Return the search for a plan that both prefer to an agreement's."""
    jobs = Job.objects.filter(kind=SETTLE_JOB).order_by("-id")
    return next((job for job in jobs if job.arguments.get("agreement") == record_hash), None)


def _kept_ground(at: DeskSession, digest: str) -> Ground | None:
    """Return a ground by its digest, for its names; None where its file is gone."""
    try:
        return at.ground_of(digest)
    except TableError:
        return None


def _content(body: Mapping[str, Any], ground: Ground | None) -> dict[str, Any]:
    """Return what an agreement says; what costs most a day while it is open comes first."""
    words = naming.names_of(ground)
    names = {one.id: one.name for one in ground.services} if ground else {}
    windows = [
        {**one, "start": datetime.fromisoformat(one["start"]), "end": datetime.fromisoformat(one["end"])}
        for one in body["windows"][:_MOST_ROWS]
    ]
    dearest = sorted(body["residual"], key=lambda one: -one["exposure_per_day"])[:_MOST_ROWS]
    residual = [
        {
            **one,
            "words": words.get(one["change"], ""),
            "service": names.get(one["service"], one["service"]),
            "until": date.fromisoformat(one["until"]),
        }
        for one in dearest
    ]
    basis = {name: datetime.fromisoformat(body["basis"][name]) for name in ("now", "horizon_end")}
    return {
        "body": body,
        "basis": basis,
        "currency": body["currency"],
        "triggers": triggers_of(dict(body)),
        "teams": naming.teams_of(ground),
        "residual": residual,
        "residual_left": max(0, len(body["residual"]) - _MOST_ROWS),
        "windows": windows,
        "windows_left": max(0, len(body["windows"]) - _MOST_ROWS),
    }


def _old_and_new(body: Mapping[str, Any], earlier: str | None, later: str | None) -> dict[str, Any]:
    """Return an agreement beside the one before it and the one after it, where there are such."""
    found: dict[str, Any] = {}
    for name, other in (("earlier", earlier), ("later", later)):
        if other is None:
            continue
        record = DeskLedger().record(other)
        if record.body is not None:
            pair = (record.body, body) if name == "earlier" else (body, record.body)
            both = beside(*pair)
            found[name] = {"record": record, "both": both, "moved": both.moved[:_MOST_ROWS]}
    return found


def _neighbours(state: Negotiation, record_hash: str) -> tuple[str | None, str | None]:
    """Return the agreements before and after one, by their records."""
    hashes = [one for one, _ in state.agreements]
    place = hashes.index(record_hash) if record_hash in hashes else len(hashes)
    earlier = hashes[place - 1] if place else None
    return earlier, hashes[place + 1] if place + 1 < len(hashes) else None


def _trust(at: DeskSession, plan: Plan) -> dict[str, Any]:
    """Return what the last simulation says of a plan of this table."""
    played = trusted(at.negotiation.ground)
    return {"trust": played.figure(plan) if played else None, "rests": rests_on(played, at.ground)}


def _past(request: DeskRequest, at: DeskSession, plan: Plan) -> dict[str, Any]:
    """Return which visits of a plan are over, with what was recorded under the agreement in force."""
    goes_on = at.negotiation.goes_on
    recorded = reported(goes_on[0]) if goes_on else {}
    return {
        "past": past(at.ground, plan, at.now, recorded),
        "teams": naming.teams_of(at.ground),
        "may_open": may(request.user.role, "table.open"),
    }


def compose(request: DeskRequest, number: int) -> HttpResponse:
    """Compose the agreement on a matched proposal, or lead to the draft that there is."""
    at = convert.session(request.actor.now)
    if request.method == "POST":
        review = request.POST.get("review", "")
        made = agreements.draft(request.actor, number, given.day(review, "review") if review else None)
        return redirect("agreement-draft", made.pk)
    draft = agreements.draft_on(at, number)
    if draft is not None and agreements.why_stale(at, draft) is None:
        return redirect("agreement-draft", draft.pk)
    one = at.negotiation.proposal(number)
    costs = costs_of(at.ground.problem, as_plan(one.windows))
    context = {
        "one": one,
        "costs": costs,
        "currency": at.ground.currency,
        "is_matched": number in at.negotiation.matched,
        **_past(request, at, as_plan(one.windows)),
        **_trust(at, as_plan(one.windows)),
        "may_sign": may(request.user.role, "agreement.sign"),
    }
    return render(request, "desk/agreement/compose.html", context)


def draft_page(request: DeskRequest, draft_id: int, faults: Sequence[Fault] = ()) -> HttpResponse:
    """Show a draft as it would be agreed, and let a side sign it; with what kept it from being signed."""
    row = AgreementDraft.objects.filter(pk=draft_id).first()
    if row is None:
        messages.info(request, "This draft was signed by both, or is gone.")
        return redirect("agreements")
    is_own = request.actor.party in row.signed_parties
    body = agreements.content_of(row).body
    at = convert.session(request.actor.now)
    state = at.negotiation
    ground, stale = _kept_ground(at, row.ground), agreements.why_stale(at, row)
    context = {
        **_content(body, ground),
        "names": naming.names_of(ground),
        **_old_and_new(body, state.agreements[-1][0] if state.agreements else None, None),
        "row": row,
        "has_key": is_enrolled(request.actor),
        "has_signed": is_own,
        "may_sign": may(request.user.role, "agreement.sign") and not is_own and stale is None,
        "stale": stale,
        "is_of_this_table": state.ground is not None and row.ground == state.ground,
        "may_compose": may(request.user.role, "agreement.sign"),
        "faults": faults,
    }
    if at.negotiation.ground is not None and row.ground == at.negotiation.ground:
        plan = as_plan(at.negotiation.proposal(row.proposal).windows)
        context |= _trust(at, plan) | _past(request, at, plan)
    return render(request, "desk/agreement/draft.html", context, status=400 if faults else 200)


def sign(request: DeskRequest, draft_id: int) -> HttpResponse:
    """Sign a draft; a passphrase that opens nothing is asked for again on the same page."""
    try:
        record = agreements.sign(request.actor, draft_id, request.POST.get("passphrase", ""))
    except LedgerError as error:
        if any(fault.id != "E706" for fault in error.faults):
            raise
        return draft_page(request, draft_id, places.named_faults(error.faults))
    if record is None:
        messages.success(request, "You have signed. The agreement stands once the other side has signed too.")
        return redirect("agreement-draft", draft_id)
    messages.success(request, "Both sides have signed: the agreement is in force.")
    return redirect("agreement", record.hash)


def reopen(request: DeskRequest) -> HttpResponse:
    """Re-open the agreement in force."""
    agreements.reopen(request.actor)
    messages.success(request, "The agreement is open again; the record stands beside it and names the facts.")
    return redirect("table")


def export(request: DeskRequest, record_hash: str) -> HttpResponse:
    """Give the agreement as JSON, as it was signed."""
    record = DeskLedger().find(record_hash)
    if record.statement.kind != AGREEMENT:
        raise TableError(Fault("E554", record_hash[:16], "This record is no agreement."))
    content = json.dumps({"record": record.hash, "body": record.body}, indent=1, ensure_ascii=False)
    answer = HttpResponse(content + "\n", content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="agreement-{record.sequence}.json"'
    return answer


def needs(by: Actor) -> Iterator[Need]:
    """Yield drafts that wait for this person's signature, and facts that touch the agreement in force."""
    if not may(by.role, "agreement.sign"):
        return
    ground = convert.session(by.now).negotiation.ground
    for row in AgreementDraft.objects.filter(ground=ground or ""):
        if by.party not in row.signed_parties:
            yield Need("An agreement waits for your signature.", reverse("agreement-draft", args=[row.pk]))
    try:
        facts = agreements.facts_since(by)
    except TableError:
        text = "Facts cannot be held against the agreement: the file of its table is gone or damaged."
        yield Need(text, reverse("agreements"))
        return
    if facts is not None and facts[1]:
        first, *more = naming.told([one.fact for one in facts[1]], {})
        rest = f", and {plural(len(more), 'more fact')}" if more else ""
        text = f"Facts have changed since the agreement: {first.text}{rest}."
        yield Need(text, reverse("agreement", args=[facts[0]]))


URLS = [
    page("agreements", index, "agreements", "agreement.read"),
    page(
        "agreements/compose/<int:number>",
        compose,
        "agreement-compose",
        "agreement.read",
        ("GET", "HEAD", "POST"),
    ),
    page("agreements/drafts/<int:draft_id>", draft_page, "agreement-draft", "agreement.read"),
    page("agreements/drafts/<int:draft_id>/sign", sign, "agreement-sign", "agreement.sign", ("POST",)),
    page("agreements/reopen", reopen, "agreement-reopen", "agreement.reopen", ("POST",)),
    page("agreements/<str:record_hash>", show, "agreement", "agreement.read"),
    page("agreements/<str:record_hash>/export", export, "agreement-export", "agreement.read"),
]
NAV = (Entry("Agreements", "agreements", "agreement.read", "agreement"),)
