"""What a year of dialogue leaves empty on a desk: a table, an agreement, deliveries, findings, an incident.

Everything is said by the two leads of the sample's cast, so that a page of any feature holds words of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from desk.test_evidence import work
from desk.test_gate import result, text_of, verdict_bytes
from desk.test_incidents_browser import PLAY
from desk.test_negotiation import FREEZE, post
from poise.desk import clock, convert, storing
from poise.desk.actions import Actor, findings, gate_policies, gate_reports
from poise.desk.models import AgreementDraft, DeliveryVerdict, Job, PolicyDraft, User
from poise.desk.pages.outcomes import windows_over
from poise.desk.sample import CAST
from table.cases import small_ground, with_risk

#: One finding, as a file that people write themselves.
REPORT = b"cve,host,severity,component,fixed_version\nCVE-2024-2961,web-a1,high,glibc,2.39\n"


@dataclass(frozen=True)
class Filled:
    """What stands for the varying parts of addresses, by their names, and what some are asked for."""

    keys: dict[str, tuple[str, ...]]
    asked: dict[str, str]


def fill(sign_in: Callable[[Any], Client], folder: Path) -> Filled:
    """Fill what the year leaves empty; the clock stands at its end and does not move.

    Jobs run in the caller's transaction, so their heartbeat has to be silent.
    """
    anna, bert = (User.objects.get(username=one.username) for one in CAST[:2])
    clients = sign_in(anna), sign_in(bert)
    keys: dict[str, tuple[str, ...]] = {}
    keys |= _deliveries(Actor.of(anna), Actor.of(bert), folder)
    kept = storing.keep("hosts.csv", iter([REPORT]), convert.folder("reports"))
    keys["findings-report"] = (str(findings.take_report(Actor.of(bert), kept).pk),)
    keys |= _table(*clients)
    keys |= _incident()
    change = convert.session(clock.now()).ground.changes[0].id
    over = windows_over(convert.session(clock.now()))[0]
    visit = {"group": over.group, "start": over.start.isoformat()}
    keys["job"] = tuple(str(job.pk) for job in Job.objects.order_by("id"))
    return Filled(keys, {"plan-why": urlencode({"change": change}), "outcomes-visit": urlencode(visit)})


def _table(anna: Client, bert: Client) -> dict[str, tuple[str, ...]]:
    """Negotiate a small company's plan to an agreement, a second one up to its draft, a third to a yes."""
    convert.session(clock.now()).open(with_risk(small_ground(8)), author="anna")
    post(anna, "/table/limits", FREEZE)
    for client in (anna, bert):
        post(client, "/table/seal")
    work()
    for number, plan in enumerate((_planned(), "default", "default"), 1):
        post(bert, "/table/propose", {"plan": plan})
        for client in (anna, bert):
            post(client, f"/table/proposals/{number}", {"answer": "accept"})
        if number < 3:
            post(bert, f"/agreements/compose/{number}")
        if number == 1:
            draft = AgreementDraft.objects.get().pk
            for client, one in zip((anna, bert), CAST, strict=False):
                post(client, f"/agreements/drafts/{draft}/sign", {"passphrase": one.password})
            work()
    post(anna, "/trust/simulate", {"ground": convert.session(clock.now()).negotiation.ground})
    work()
    at = convert.session(clock.now())
    assert at.negotiation.in_force is not None
    agreement = (at.negotiation.in_force[0],)
    limit = (FREEZE["id"],)
    return {
        "agreement": agreement,
        "agreement-export": agreement,
        "agreement-draft": (str(AgreementDraft.objects.get().pk),),
        "agreement-compose": ("3",),
        "plan": ("default", *list(at.known_plans())[:2]),
        "table-limit-page": limit,
        "table-limit-change": limit,
    }


def _planned() -> str:
    """Return a plan on offer that opens some window."""
    at = convert.session(clock.now())
    return next(name for name, (_, windows) in at.known_plans().items() if max(windows) >= 0)


def _deliveries(anna: Actor, bert: Actor, folder: Path) -> dict[str, tuple[str, ...]]:
    """Sign a policy, hand in a verdict by it, and leave a draft of the next version."""
    draft = gate_policies.save_draft(anna, None, 0, text_of())
    policy = gate_policies.propose(anna, draft, 1, CAST[0].password).hash
    gate_policies.agree(bert, policy, CAST[1].password)
    content = verdict_bytes(folder, [result(snippet="run(cmd)")])
    gate_reports.take_verdict(anna, content)
    gate_policies.save_draft(bert, None, 0, text_of(2))
    verdict = (str(DeliveryVerdict.objects.get().pk),)
    return {
        "gate-policy": (policy,),
        "gate-policy-file": (policy,),
        "gate-verdict": verdict,
        "gate-verdict-file": verdict,
        "gate-service": ("shop",),
        "gate-draft": (str(PolicyDraft.objects.get().pk),),
    }


def _incident() -> dict[str, tuple[str, ...]]:
    """Play an incident and a drill."""
    said: list[str] = []
    exec(PLAY, {"print": lambda _, record: said.append(record)})
    both = ("shop", "drill-1")
    known = ("incident", "incident-clocks", "incident-ask", "incident-after", "incident-after-json")
    return dict.fromkeys(known, both) | {
        "incident-after-stix": ("shop",),
        "incident-brief": ("shop/operations", "shop/board"),
        "incident-statement": (f"shop/{said[0]}",),
    }
