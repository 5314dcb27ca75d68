"""Deliveries at the desk: two sign one policy, pipelines report, exceptions have an owner and an end."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from gate.build import COMMIT, Desk, result, sarif
from poise.desk import clock
from poise.desk.actions import Actor, gate_policies, gate_reports, key_ends, keys, tokens
from poise.desk.gate import gate_register, trust
from poise.desk.ledger import DeskLedger
from poise.desk.models import DeliveryVerdict, DeployLog, PolicyDraft
from poise.desk.pages.gate_policies import TEMPLATE
from poise.errors import ConflictError, NotAllowedError, PolicyError, SignatureError
from poise.gate.delivery import Request, judge_delivery
from poise.gate.documents import SignedPolicy, verify_policy
from poise.gate.verdict import encode

PHRASE = "five words that nobody says"


@pytest.fixture
def sides(cio: Any, ciso: Any) -> tuple[Any, Any]:
    """Return both leads, with keys on the ledger."""
    keys.enrol(Actor.of(cio), PHRASE)
    keys.enrol(Actor.of(ciso), PHRASE)
    keys.vouch(Actor.of(cio), "ciso", PHRASE)
    return cio, ciso


def text_of(version: int = 1, **changes: str) -> str:
    """Return a policy whose deputy is the CISO."""
    today = clock.now().date()
    text = TEMPLATE.format(
        service="shop",
        first=today.isoformat(),
        last=(today + timedelta(days=300)).isoformat(),
        person="the CISO",
        key=trust().security[0],
    ).replace("version: 1", f"version: {version}", 1)
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


@pytest.fixture
def agreed(sides: tuple[Any, Any]) -> str:
    """Return the record of a policy that both signed."""
    cio, ciso = (Actor.of(one) for one in sides)
    draft = gate_policies.save_draft(cio, None, 0, text_of())
    record = gate_policies.propose(cio, draft, 1, PHRASE)
    gate_policies.agree(ciso, record.hash, PHRASE)
    return record.hash


def verdict_bytes(folder: Path, results: list[dict[str, Any]], *, minutes_ago: int = 1) -> bytes:
    """Return what the pipeline writes when it judges a report by the policy in force."""
    now = clock.now() - timedelta(minutes=minutes_ago)
    entry = gate_register().in_force("shop", clock.now())
    assert entry is not None
    report = sarif(results, invocations=[{"executionSuccessful": True, "endTimeUtc": now.isoformat()}])
    path = Desk(folder).write("report.json", report)
    signed = SignedPolicy(entry.policy, entry.digest, ("a", "b"))
    request = Request("shop", COMMIT, now, [("code", path)], first_run=True)
    return encode(judge_delivery(request, signed)[0])


def test_a_policy_goes_from_draft_to_both_signatures(
    sides: tuple[Any, Any], sign_in: Callable[[Any], Client], tmp_path: Path
) -> None:
    """Written by one, read as sentences, signed by two with own keys; pipelines verify it."""
    anna, bert = (sign_in(one) for one in sides)
    page = anna.post("/deliveries/policies/save", {"text": text_of() + "rulez: 1\n"}, follow=True)
    assert "rulez" in page.content.decode()
    assert "rules" in page.content.decode()
    draft = PolicyDraft.objects.get()
    saved = {"text": text_of(), "version": draft.version}
    page = anna.post(f"/deliveries/drafts/{draft.pk}/save", saved, follow=True)
    assert "Any new secret in the source stops the delivery" in page.content.decode()
    stale = anna.post(f"/deliveries/drafts/{draft.pk}/save", saved)
    assert stale.status_code == 409
    wrong = {"version": 2, "passphrase": "not this one at all"}
    assert anna.post(f"/deliveries/drafts/{draft.pk}/sign", wrong).status_code == 400
    page = anna.post(f"/deliveries/drafts/{draft.pk}/sign", {"version": 2, "passphrase": PHRASE}, follow=True)
    assert "waits for the other side" in page.content.decode()
    [record] = gate_register().policies
    assert not PolicyDraft.objects.exists()
    assert anna.post(f"/deliveries/policies/{record}/sign", {"passphrase": PHRASE}).status_code == 403
    assert "Read and sign, or decline" in bert.get("/").content.decode()
    page = bert.post(f"/deliveries/policies/{record}/sign", {"passphrase": PHRASE}, follow=True)
    assert "in force" in page.content.decode()
    path = tmp_path / "policy.json"
    path.write_bytes(bert.get(f"/deliveries/policies/{record}/json").content)
    found = json.loads(anna.get("/deliveries/trust.json").content)
    assert found == {"operations": list(trust().operations), "security": list(trust().security)}
    assert len(verify_policy(path, trust(), clock.now()).signers) == 2
    assert bert.post(f"/deliveries/policies/{record}/sign", {"passphrase": PHRASE}).status_code == 400


def test_the_next_version_is_told_as_a_difference(agreed: str, sides: tuple[Any, Any], sign_in: Any) -> None:
    """What goes and what comes stand as sentences; an old number is refused; a refusal keeps what holds."""
    cio, ciso = (Actor.of(one) for one in sides)
    again = gate_policies.save_draft(cio, None, 0, text_of())
    with pytest.raises(PolicyError, match="E614"):
        gate_policies.propose(cio, again, 1, PHRASE)
    newer = gate_policies.save_draft(ciso, None, 0, text_of(2, **{"risk_days: 40": "risk_days: 10"}))
    record = gate_policies.propose(ciso, newer, 1, PHRASE)
    page = sign_in(sides[0]).get(f"/deliveries/policies/{record.hash}").content.decode()
    assert "may burn 40 risk-days" in page
    assert "may burn 10 risk-days" in page
    gate_policies.decline(cio, record.hash, "too tight")
    held = gate_register().in_force("shop", clock.now())
    assert held is not None
    assert held.proposed.record == agreed
    with pytest.raises(PolicyError, match="E615"):
        gate_policies.agree(cio, record.hash, PHRASE)


def test_two_edits_of_a_draft_do_not_overwrite_each_other(sides: tuple[Any, Any]) -> None:
    """The second gets a conflict, not silence."""
    cio, ciso = (Actor.of(one) for one in sides)
    draft = gate_policies.save_draft(cio, None, 0, text_of())
    gate_policies.save_draft(ciso, draft, 1, text_of(2))
    with pytest.raises(ConflictError, match="E871"):
        gate_policies.save_draft(cio, draft, 1, text_of(3))


def test_an_exception_is_made_renewed_and_taken_back(
    agreed: str, sides: tuple[Any, Any], sign_in: Callable[[Any], Client], tmp_path: Path
) -> None:
    """By whom the policy names, with an owner and an end; and the pipeline passes with the file from here."""
    cio, ciso = sides
    row, _ = gate_reports.take_verdict(Actor.of(cio), verdict_bytes(tmp_path, [result(snippet="run(cmd)")]))
    finding = json.loads(sign_in(cio).get(f"/deliveries/verdicts/{row.pk}/json").content)["findings"][0]["id"]
    until = (timezone.now() + timedelta(days=20)).date().isoformat()
    given = {"owner": "Lee", "reason": "behind a wall", "until": until, "passphrase": PHRASE}
    accept = f"/deliveries/verdicts/{row.pk}/accept/{finding}"
    assert sign_in(cio).post(accept, given).status_code == 403
    bert = sign_in(ciso)
    for missing in ("owner", "reason", "until"):
        assert bert.post(accept, {**given, missing: ""}).status_code == 400
    assert bert.post(accept, {**given, "until": "2020-01-01"}).status_code == 400
    page = bert.post(accept, given, follow=True)
    assert "Lee answers for the risk" in page.content.decode()
    [record] = gate_register().exceptions
    path = tmp_path / "exception.json"
    path.write_bytes(bert.get(f"/deliveries/exceptions/{record}/json").content)
    entry = gate_register().in_force("shop", clock.now())
    assert entry is not None
    now = clock.now() + timedelta(seconds=2)
    request = Request(
        "shop", COMMIT, now, [("code", tmp_path / "report.json")], first_run=True, exceptions=[path]
    )
    assert judge_delivery(request, SignedPolicy(entry.policy, entry.digest, ("a", "b")))[0].decision == "pass"
    later = {"reason": "the wall still stands", "until": "2199-01-01", "passphrase": PHRASE}
    bert.post(f"/deliveries/exceptions/{record}/renew", later)
    first, second = gate_register().exceptions.values()
    assert (first.state(now), second.state(now)) == ("renewed", "open")
    taken = {"reason": "mended", "passphrase": PHRASE}
    assert bert.post(f"/deliveries/exceptions/{record}/withdraw", taken).status_code == 400
    bert.post(f"/deliveries/exceptions/{second.made.record}/withdraw", taken)
    assert gate_register().exceptions[second.made.record].state(now) == "withdrawn"
    assert "mended" in bert.get(f"/deliveries/exceptions/{second.made.record}").content.decode()


def test_a_pipeline_reports_by_a_token(agreed: str, sides: tuple[Any, Any], tmp_path: Path) -> None:
    """With the scope, once per content; without it nothing is kept, and what is no verdict is told."""
    content = verdict_bytes(tmp_path, [result(snippet="run(cmd)")])
    by = Actor.of(sides[0])
    secret, other = tokens.issue(by, "ci", ["gate.report"], 30), tokens.issue(by, "x", ["gate.read"], 30)
    client = Client()

    def post(body: bytes, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.post("/api/gate/verdicts", body, content_type="application/json", headers=headers)

    assert post(content).status_code == 401
    assert post(content, other).status_code == 403
    assert post(content, secret).status_code == 201
    assert post(content, secret).status_code == 200
    assert DeliveryVerdict.objects.count() == 1
    for body, told in (
        (b"{}", "E613"),
        (b"\xff", "E613"),
        (content.replace(b'"exit_code": 1', b'"exit_code": 0'), "do not go together"),
        (content.replace(b"poise-verdict/1", b"poise-verdict/9"), "schema"),
        (b" " * 5_000_000, "E613"),
    ):
        answer = post(body, secret)
        assert answer.status_code in (400, 413), told
        assert told in answer.content.decode()
    answer = client.get("/api/gate/policy?service=shop", headers={"Authorization": f"Bearer {other}"})
    assert answer.json()["trust"]["security"] == list(trust().security)
    assert answer.json()["policy"]["payloadType"] == "application/vnd.poise.policy+json"


def test_the_budget_and_its_history_show(
    agreed: str, sides: tuple[Any, Any], sign_in: Callable[[Any], Client], tmp_path: Path
) -> None:
    """Burn by day, split into our delay and no fix yet, with a table behind the chart."""
    content = json.loads(verdict_bytes(tmp_path, []))
    for days, by_us, none in ((9, 1.0, 0.5), (4, 3.0, 0.0)):
        content["now"] = (clock.now() - timedelta(days=days)).isoformat()
        content["budget"] |= {"rate_by_us": by_us, "rate_without_fix": none}
        gate_reports.take_verdict(Actor.of(sides[0]), json.dumps(content).encode())
    page = sign_in(sides[1]).get("/deliveries/services/shop").content.decode()
    assert '<span class="figure">17.0</span>' in page
    assert '<span class="figure">2.5</span>' in page
    assert page.count('class="own"') >= 9
    assert "The days as a table" in page


def test_tests_are_planned_within_the_minutes(
    agreed: str, sides: tuple[Any, Any], sign_in: Callable[[Any], Client], tmp_path: Path
) -> None:
    """The history is handed in; what runs inline, what later and why stand on the page."""
    history = tmp_path / "history.json"
    history.write_text(json.dumps({"schema": "poise-test-history/1", "start": "python"}))
    client = sign_in(sides[0])
    with history.open("rb") as file:
        page = client.post(
            "/deliveries/services/shop/tests", {"file": file, "minutes": "1"}, follow=True
        ).content.decode()
    assert "inline" in page
    assert "later" in page
    with history.open("rb") as file:
        assert (
            client.post("/deliveries/services/shop/tests", {"file": file, "minutes": "x"}).status_code == 400
        )


def test_everything_signed_is_on_the_ledger(agreed: str, sides: tuple[Any, Any]) -> None:
    """Proposal and agreement are records, each signed by the person who acted."""
    records = [one for one in DeskLedger().records() if one.statement.kind.startswith("gate.")]
    assert [one.statement.kind for one in records] == ["gate.policy.proposed", "gate.policy.agreed"]
    assert [one.statement.author for one in records] == ["cio", "ciso"]
    assert all(one.signatures for one in records)


def test_staff_may_write_and_only_leads_sign(staff: Any, sides: tuple[Any, Any]) -> None:
    """A draft is anybody's work; a signature is a lead's."""
    draft = gate_policies.save_draft(Actor.of(staff), None, 0, text_of())
    with pytest.raises(NotAllowedError, match="E870"):
        gate_policies.propose(Actor.of(staff), draft, 1, PHRASE)


LOG = """\
time,commit,committed,outcome
{0}T08:00+00:00,aaaaaaa,{0}T02:00+00:00,ok
{0}T10:00+00:00,bbbbbbb,{0}T08:00+00:00,failed
{0}T13:00+00:00,ccccccc,{0}T11:00+00:00,ok
"""


def _hand_in(client: Client, text: str) -> str:
    file = SimpleUploadedFile("log.csv", text.encode(), "text/csv")
    page = client.post("/deliveries/services/shop/deployments", {"file": file}, follow=True)
    return " ".join(page.content.decode().split())


def test_the_four_keys_stand_beside_what_security_counts(
    agreed: str, sides: tuple[Any, Any], sign_in: Callable[[Any], Client], tmp_path: Path
) -> None:
    """Each figure with its definition and its source; what nobody told is unknown and no zero."""
    anna, day = sign_in(sides[0]), (clock.now() - timedelta(days=3)).date().isoformat()
    before = " ".join(anna.get("/deliveries/services/shop").content.decode().split())
    assert "No deployments were handed in" in before
    assert before.count('<span class="quiet">unknown</span>') == 7
    page = _hand_in(anna, LOG.format(day))
    for told in ("4.0 hours", "33.3 %", "3.0 hours", "0.2 a week", "log.csv: 3 deployments"):
        assert told in page, told
    assert "failed deployments among all [DORA]" in page
    by = Actor.of(sides[0])
    two = [result(snippet="a()"), result("other", snippet="b()")]
    for minutes_ago, results in ((60, two), (30, two[:1])):
        gate_reports.take_verdict(by, verdict_bytes(tmp_path, results, minutes_ago=minutes_ago))
    page = _hand_in(anna, LOG.format(day).replace("failed", "unknown"))
    assert "the last 2 verdicts here: 1 gone" in page
    assert "what rests on failures is unknown" in page
    assert "handed in 3 deployments of shop" in anna.get("/ledger").content.decode()


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", LOG.format("yesterday"), 'time,"\n', "\x00"])
def test_a_log_that_cannot_be_read_changes_nothing(
    sides: tuple[Any, Any], sign_in: Callable[[Any], Client], text: str
) -> None:
    """The one that is there stays, and the page says what was expected."""
    day = (clock.now() - timedelta(days=3)).date().isoformat()
    anna = sign_in(sides[0])
    _hand_in(anna, LOG.format(day))
    file = SimpleUploadedFile("new.csv", text.encode(), "text/csv")
    assert anna.post("/deliveries/services/shop/deployments", {"file": file}).status_code == 400
    assert DeployLog.objects.get().name == "log.csv"


def test_the_ledger_shows_what_was_signed_as_people_read_it(agreed: str, sides: Any, sign_in: Any) -> None:
    """An envelope's document stands in plain beside the envelope itself."""
    page = sign_in(sides[0]).get(f"/ledger/{agreed}").content.decode()
    assert "What is signed" in page
    assert "Any new secret in the source stops the delivery" in page
    assert "application/vnd.poise.policy+json" in page


def test_a_policy_whose_signer_has_a_new_key_asks_for_its_next_version(
    agreed: str, sides: tuple[Any, Any], sign_in: Any, tmp_path: Path
) -> None:
    """Pipelines that know today's keys refuse it; both leads are told, and the next names the new key."""
    cio, ciso = sides
    client, old = sign_in(ciso), trust().security[0]
    assert "Delivery policies rest on this key (shop-delivery 1)" in client.get("/me").content.decode()
    given = {"passphrase": PHRASE, "new": f"new {PHRASE}", "again": f"new {PHRASE}"}
    told = client.post("/me/key/exchange", given, follow=True).content.decode()
    assert "The delivery policy shop-delivery 1 rests on your old key" in told
    file = tmp_path / "policy.json"
    file.write_bytes(gate_register().policies[agreed].envelope.to_bytes())
    with pytest.raises(SignatureError, match="E780"):
        verify_policy(file, trust(), clock.now())
    for user in sides:
        assert "Write the next version of shop-delivery 1" in sign_in(user).get("/").content.decode()
    shown = client.get(f"/deliveries/policies/{agreed}").content.decode()
    assert "The signature of security is by a key that was exchanged or has ended" in shown
    next_text = html.unescape(client.get(f"/deliveries/policies/new?from={agreed}").content.decode())
    assert trust().security[0] in next_text
    assert f'key: "{old}"' not in next_text
    draft = gate_policies.save_draft(Actor.of(cio), None, 0, text_of(2))
    record = gate_policies.propose(Actor.of(cio), draft, 1, PHRASE)
    gate_policies.agree(Actor.of(ciso), record.hash, f"new {PHRASE}")
    assert "Write the next version" not in client.get("/").content.decode()
    file.write_bytes(gate_register().policies[record.hash].envelope.to_bytes())
    assert verify_policy(file, trust(), clock.now()).signers


def test_a_proposal_by_a_key_that_counts_no_more_is_not_signed(
    sides: tuple[Any, Any], chair: Any, sign_in: Any
) -> None:
    """Else it would be in force here, and refused in every pipeline."""
    cio, ciso = sides
    keys.enrol(Actor.of(chair), PHRASE)
    for user in sides:
        keys.vouch(Actor.of(user), "chair", PHRASE)
    draft = gate_policies.save_draft(Actor.of(ciso), None, 0, text_of())
    record = gate_policies.propose(Actor.of(ciso), draft, 1, PHRASE)
    asked = key_ends.ask(Actor.of(chair), "ciso", "stolen")
    for user in (cio, chair):
        key_ends.sign(Actor.of(user), asked.pk, PHRASE)
    shown = sign_in(cio).get(f"/deliveries/policies/{record.hash}").content.decode()
    assert "Decline it, and sign a new one" in shown
    assert "Sign for your side" not in shown
    with pytest.raises(PolicyError, match="E615"):
        gate_policies.agree(Actor.of(cio), record.hash, PHRASE)
    gate_policies.decline(Actor.of(cio), record.hash, "its key was stolen")


@pytest.mark.parametrize(
    "changes",
    [
        {"now": "9999-12-31T23:59:59Z"},
        {"now": "2999-01-01T00:00:00Z"},
        {"now": "0001-01-01T00:00:00+14:00"},
        {"new": 2**70},
        {"new": 2**40},
        {"counts": {"block": 2**63}},
    ],
)
def test_a_verdict_of_no_time_or_size_is_refused(
    agreed: str, ciso: Any, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """One of a time ahead would hide every later one; others could not be shown to anybody."""
    given = json.loads(verdict_bytes(tmp_path, [])) | changes
    with pytest.raises(PolicyError, match="E613"):
        gate_reports.take_verdict(Actor.of(ciso), json.dumps(given).encode())
    assert not DeliveryVerdict.objects.exists()
