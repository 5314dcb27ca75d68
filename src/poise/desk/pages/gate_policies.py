"""Delivery policies: compose, read as sentences, compare, sign from two sides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from poise.desk import places
from poise.desk.actions import gate_policies as actions
from poise.desk.gate import gate_register, lost_names, trust, unsigned_sides
from poise.desk.ledger import DeskLedger
from poise.desk.models import PolicyDraft
from poise.desk.permissions import may
from poise.desk.routes import DeskRequest, page
from poise.errors import Fault, PolicyError
from poise.gate.policy import Policy
from poise.gate.policyfile import parse_policy
from poise.gate.register import PolicyEntry, Register
from poise.gate.sentences import sentence_diff, sentences

#: Where somebody begins who has no policy yet; dates and keys are filled in.
TEMPLATE: Final = """\
policy: {service}-delivery
version: 1
title: What {service} may ship
valid_from: {first}
valid_until: {last}
services: [{service}]
fix_time: {{critical: 7d, high: 30d, medium: 90d, low: 180d, known_exploited: 3d}}
reports:
  code: {{max_age: 24h, skipped_by: deputy}}
rules:
  - id: no-secrets
    when: {{new: yes, kind: secret}}
    then: block
    lifted_by: deputy
    because: a secret in the source is a secret lost
  - id: new-severe
    when: {{new: yes, severity: [critical, high]}}
    then: block
    lifted_by: deputy
    because: new severe findings are cheapest to mend now
  - id: overdue
    when: {{overdue: yes}}
    then: warn
    because: its fix time is over
roles:
  deputy: {{person: {person}, key: "{key}"}}
budget: {{risk_days: 40, window: 28d}}
break_glass: {{by: deputy, max_time: 24h}}
pipeline_minutes: 10
"""


def rows_of(found: Register, now: datetime) -> list[tuple[str, PolicyEntry, str]]:
    """Return policies with their records and states, what waits first and then the newest."""
    order = ("waits for the other side", "in force", "agreed, not in its dates", "replaced", "declined")
    rows = [(key, one, state_of(one, found, now)) for key, one in found.policies.items()]
    return sorted(rows, key=lambda row: (order.index(row[2]), -row[1].proposed.at.timestamp()))


def state_of(entry: PolicyEntry, found: Register, now: datetime) -> str:
    """Return where a policy stands, in words."""
    if entry.ended:
        return "declined"
    if not entry.agreed:
        return "waits for the other side"
    if not entry.holds(now):
        return "agreed, not in its dates"
    held = [found.in_force(name, now) for name in entry.policy.services]
    return "in force" if entry in held else "replaced"


def show(request: DeskRequest, record: str) -> HttpResponse:
    """Show a policy as sentences, what it changes, and who has signed."""
    found, now = gate_register(), request.actor.now
    entry = found.policies.get(record)
    if entry is None:
        raise Http404
    roster = DeskLedger().roster()
    signers = [
        (roster.names.get(key.person, key.person), ", ".join(sorted(key.roles)), key.id)
        for one in entry.envelope.signatures
        if (key := roster.keys.get(one.key_id)) is not None
    ]
    is_open = not entry.agreed and not entry.ended
    side = actions.side_of(entry)
    lapsed = [one for one in unsigned_sides(entry) if entry.agreed or one == side]
    state = state_of(entry, found, now)
    counts = is_open or state == "in force"
    context = {
        "may_compose": may(request.user.role, "gate.compose"),
        "record": record,
        "entry": entry,
        "state": state,
        "sentences": sentences(entry.policy),
        "changes": _changes(entry.policy, found, now) if is_open else None,
        "signers": signers,
        "is_open": is_open,
        "may_sign": is_open and may(request.user.role, "gate.sign"),
        "is_own": side == request.actor.party,
        "lapsed": lapsed if counts else (),
        "lost_names": lost_names(entry) if counts else (),
    }
    return render(request, "desk/gate_policy.html", context)


def _changes(policy: Policy, found: Register, now: datetime) -> Sequence[tuple[str, str]] | None:
    """Return what a policy would change, as sentences that go or come; None where there is none yet."""
    held = found.in_force(policy.services[0], now)
    if held is None:
        return None
    return [
        ("goes" if line.startswith("-") else "comes", line[1:].strip())
        for line in sentence_diff(held.policy, policy)
        if line[:1] in "+-"
    ]


def policy_file(request: DeskRequest, record: str) -> HttpResponse:
    """Return policy.json, as pipelines verify it."""
    entry = gate_register().policies.get(record)
    if entry is None:
        raise Http404
    return _download(entry.envelope.to_bytes() + b"\n", "policy.json")


def trust_file(request: DeskRequest) -> HttpResponse:
    """Return trust.json: whose signatures count for each side now."""
    keys = trust()
    value = {"operations": keys.operations, "security": keys.security}
    return _download(json.dumps(value, indent=1).encode() + b"\n", "trust.json")


def _download(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def compose(request: DeskRequest) -> HttpResponse:
    """Begin a draft: from the policy in force of a service, or from a template."""
    found, now = gate_register(), request.actor.now
    held = found.policies.get(request.GET.get("from", ""))
    if held is not None:
        text = _with_keys_of_today(
            held.source.replace(f"version: {held.policy.version}", f"version: {held.policy.version + 1}", 1)
        )
    else:
        keys = _keys()
        person, key = (keys[-1][0], keys[-1][2]) if keys else ("NAME", "ed25519:" + "0" * 64)
        text = TEMPLATE.format(
            service="shop",
            first=now.date().isoformat(),
            last=now.date().replace(month=12, day=31).isoformat(),
            person=person,
            key=key,
        )
    return _editor(request, None, text)


def _with_keys_of_today(source: str) -> str:
    """Return a policy's source with the keys that took the place of those it names."""
    keys = DeskLedger().roster().keys.values()
    for old in keys:
        new = next((one for one in keys if one.parent == old.id), None)
        if new is not None:  # in the order of the ledger: one exchanged twice is followed twice
            source = source.replace(old.id, new.id)
    return source


def draft(request: DeskRequest, number: int) -> HttpResponse:
    """Show a draft with its sentences or its faults."""
    row = get_object_or_404(PolicyDraft, pk=number)
    return _editor(request, row, row.text)


def _editor(request: DeskRequest, row: PolicyDraft | None, text: str) -> HttpResponse:
    faults: Sequence[Fault] = ()
    lines: tuple[str, ...] = ()
    changes: Sequence[tuple[str, str]] | None = None
    try:
        policy = parse_policy(text, "line")
        lines, changes = sentences(policy), _changes(policy, gate_register(), request.actor.now)
    except PolicyError as error:
        faults = places.named_faults(error.faults)
    context: dict[str, Any] = {
        "draft": row,
        "text": text,
        "faults": faults,
        "sentences": lines,
        "changes": changes,
        "keys": _keys(),
        "may_compose": may(request.user.role, "gate.compose"),
        "may_sign": may(request.user.role, "gate.sign"),
    }
    return render(request, "desk/gate_draft.html", context)


def save(request: DeskRequest, number: int = 0) -> HttpResponse:
    """Keep a draft, faulty or not."""
    row = get_object_or_404(PolicyDraft, pk=number) if number else None
    kept = actions.save_draft(request.actor, row, _version(request), request.POST.get("text", ""))
    messages.success(request, "The draft is kept. Nothing holds before both sides have signed.")
    return redirect("gate-draft", kept.pk)


def drop(request: DeskRequest, number: int) -> HttpResponse:
    """Throw a draft away."""
    actions.drop_draft(request.actor, get_object_or_404(PolicyDraft, pk=number), _version(request))
    messages.success(request, "The draft is gone.")
    return redirect("gate")


def propose(request: DeskRequest, number: int) -> HttpResponse:
    """Sign a draft and put it before the other side."""
    row = get_object_or_404(PolicyDraft, pk=number)
    record = actions.propose(request.actor, row, _version(request), request.POST.get("passphrase", ""))
    messages.success(request, "You have signed it. It holds once the other side has signed too.")
    return redirect("gate-policy", record.hash)


def agree(request: DeskRequest, record: str) -> HttpResponse:
    """Add the second signature."""
    actions.agree(request.actor, record, request.POST.get("passphrase", ""))
    messages.success(request, "Both sides have signed. Deliveries are judged by this policy now.")
    return redirect("gate-policy", record)


def decline(request: DeskRequest, record: str) -> HttpResponse:
    """Decline a proposal, or take it back."""
    actions.decline(request.actor, record, request.POST.get("reason", ""))
    messages.success(request, "It is declined.")
    return redirect("gate-policy", record)


def _version(request: DeskRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _keys() -> list[tuple[str, str, str]]:
    """Return name, roles and key id of everybody whose key counts."""
    roster = DeskLedger().roster()
    return [
        (roster.names.get(key.person, key.person), ", ".join(sorted(key.roles)), key.id)
        for key in roster.keys.values()
        if not key.replaced and key.revoked is None
    ]


URLS = [
    page("deliveries/policies/new", compose, "gate-compose", "gate.compose"),
    page("deliveries/policies/save", save, "gate-draft-new", "gate.compose", ("POST",)),
    page("deliveries/drafts/<int:number>", draft, "gate-draft", "gate.read"),
    page("deliveries/drafts/<int:number>/save", save, "gate-draft-save", "gate.compose", ("POST",)),
    page("deliveries/drafts/<int:number>/drop", drop, "gate-draft-drop", "gate.compose", ("POST",)),
    page("deliveries/drafts/<int:number>/sign", propose, "gate-draft-sign", "gate.sign", ("POST",)),
    page("deliveries/trust.json", trust_file, "gate-trust", "gate.read"),
    page("deliveries/policies/<str:record>", show, "gate-policy", "gate.read"),
    page("deliveries/policies/<str:record>/json", policy_file, "gate-policy-file", "gate.read"),
    page("deliveries/policies/<str:record>/sign", agree, "gate-policy-sign", "gate.sign", ("POST",)),
    page("deliveries/policies/<str:record>/decline", decline, "gate-policy-decline", "gate.sign", ("POST",)),
]
