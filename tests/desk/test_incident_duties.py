"""What an incident obliges to: regulators' clocks, the price of waiting, and what stays open after it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from desk.incident_cases import SignIn, opened
from poise.desk import clock, convert
from poise.desk.actions import Actor, dialogue, estate, incidents
from poise.desk.models import OpeningPosition, User
from poise.sample import write_sample
from table.cases import small_ground


def test_clocks_run_from_determinations_of_people(ciso: User, sign_in: SignIn) -> None:
    """An anchor set on the page starts the clock, and a filing stops it."""
    key, client = opened(ciso), sign_in(ciso)
    client.post(
        f"/incidents/{key}/assess", {"regime": "eu-gdpr-33", "reason": "payroll data", "applies": "yes"}
    )
    page = client.get(f"/incidents/{key}/clocks").content.decode()
    assert "Not legal advice" in page
    assert "Waits for" in page
    at = f"{clock.now() - timedelta(hours=1, minutes=1):%Y-%m-%dT%H:%M}"
    fields = {
        "regime": "eu-gdpr-33",
        "anchor": "aware",
        "at": at,
        "reason": "the analyst said so",
        "token": "a",
    }
    assert client.post(f"/incidents/{key}/say/clock.anchored", fields).status_code == 302
    assert "in 2 d 22 h" in client.get(f"/incidents/{key}/clocks").content.decode()


def test_a_stage_rests_is_received_and_need_not_be_due(ciso: User, sign_in: SignIn) -> None:
    """Each by a form on the clocks' page, and only where the rule knows of it."""
    key, client = opened(ciso), sign_in(ciso)
    regime = "us-sec-8k-105"
    client.post(f"/incidents/{key}/assess", {"regime": regime, "reason": "listed", "applies": "yes"})
    at = f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"

    def say(name: str, **fields: str) -> None:
        posted = {"regime": regime, "token": name, **fields}
        assert client.post(f"/incidents/{key}/say/{name}", posted).status_code == 302

    page = client.get(f"/incidents/{key}/clocks").content.decode()
    assert "Let a stage rest lawfully" in page
    assert "Record a receipt" not in page
    say("clock.anchored", anchor="determined-material", at=at, reason="the board said so")
    until = f"{clock.now() + timedelta(days=30):%Y-%m-%dT%H:%M}"
    stage = re.findall(r'<option value="([^"]+)">Form 8-K', page)[0]
    say("clock.suspended", stage=stage, until=until, authority="Attorney General", reference="AG 1")
    assert "rests lawfully until" in client.get(f"/incidents/{key}/clocks").content.decode()
    say("clock.sent", stage=stage, at=at, reference="0001")
    assert "No receipt yet" in client.get(f"/incidents/{key}/clocks").content.decode()
    say("clock.receipt", stage=stage, at=at, receipt="accepted 0001")
    other = next(
        one for one in re.findall(r'<option value="([^"]+)">', page) if one != stage and "amend" in one
    )
    say("clock.stage", stage=other, applies="no", reason="nothing was missing")
    page = client.get(f"/incidents/{key}/clocks").content.decode()
    assert "Receipt: accepted 0001" in page
    assert "Not due here: nothing was missing." in page


def test_what_waiting_costs_is_computed_by_the_desk(ciso: User, sign_in: SignIn, tmp_path: Path) -> None:
    """A form can be forged; the price comes from the estate's services and the judgement alone."""
    company = write_sample(tmp_path / "company")
    files = [company.estate, *(company.estate.parent / "calendars").glob("*.ics")]
    estate.adopt(Actor.of(ciso), {path.name: path.read_bytes() for path in files})
    service = next(iter(convert.estate_of(convert.latest_estate()).services.values()))
    key, client = opened(ciso), sign_in(ciso)
    needed = f"{clock.now() + timedelta(days=1):%Y-%m-%dT%H:%M}"
    fields = {
        "question": "Cut it off?", "option_1": "Cut", "option_2": "Wait", "recommendation": "option-1",
        "is_reversible": "yes", "needed_by": needed, "tlp": "AMBER", "token": "q",
        "down": service.id, "cost_low_per_hour": "1", "cost_high_per_hour": "1", "basis": "forged",
    }  # fmt: skip
    assert client.post(f"/incidents/{key}/ask/now", fields).status_code == 302
    bare = {**{name: value for name, value in fields.items() if name != "down"}, "token": "r"}
    assert client.post(f"/incidents/{key}/ask/now", bare).status_code == 302
    with incidents.looking() as room:
        priced, unpriced = room.incident(key).decisions.values()
    there = priced.asked.time.astimezone(ZoneInfo(service.timezone))
    expected = float(service.downtime_cost_per_hour[there.weekday(), there.hour])
    assert expected > 1
    assert (priced.act.cost_low_per_hour, priced.act.cost_high_per_hour) == (expected, expected)
    assert "forged" not in priced.act.basis
    assert unpriced.act.cost_low_per_hour is None
    wrong = {**fields, "down": "", "reachable": service.id, "low": "x", "high": "3", "token": "w"}
    assert client.post(f"/incidents/{key}/ask/now", wrong).status_code == 400


def test_what_stays_open_becomes_a_goal_and_an_exception(
    ciso: User, security_staff: User, sign_in: SignIn
) -> None:
    """One press makes the real thing in the dialogue, linked both ways; once, and only by who may say it."""
    key = opened(ciso)
    records = {}
    for becomes in ("goal", "exception"):
        fields = {"incident": key, "text": f"Logs of {becomes}", "becomes": becomes, "owner": "SOC"}
        records[becomes] = incidents.act(Actor.of(ciso), "followed", {**fields, "due": "2030-01-31"}).hash
    paths = {name: f"/incidents/{key}/after/{record}" for name, record in records.items()}
    assert sign_in(security_staff).post(paths["goal"]).status_code == 403
    client = sign_in(ciso)
    for path in paths.values():
        assert client.post(path).status_code == 302
        assert client.post(path).status_code == 400
    state = dialogue.state_of(Actor.of(ciso))
    goal, risk = (
        state.goals[f"after-{records['goal'][:10]}"],
        state.exceptions[f"after-{records['exception'][:10]}"],
    )
    assert (goal.act.title, risk.act.owner) == ("Logs of goal", "SOC")
    assert key in goal.act.measure
    assert key in risk.act.what
    page = client.get(f"/incidents/{key}/after").content.decode()
    assert f'href="/dialogue/goals#after-{records["goal"][:10]}"' in page
    assert "Make it" not in page


def test_what_stays_open_becomes_a_limit_on_the_table(ciso: User, sign_in: SignIn) -> None:
    """The limit goes the way of every limit; when the table refuses it, the follow-up stays open."""
    key = opened(ciso)
    fields = {"incident": key, "text": "Web hosts get fixes in a week", "becomes": "limit", "owner": "SOC"}
    record = incidents.act(Actor.of(ciso), "followed", {**fields, "due": "2030-01-31"}).hash
    path, client = f"/incidents/{key}/after/{record}", sign_in(ciso)
    terms = {"rule": "deadline", "amount": "7", "affected": "critical", "services": ["shop"]}
    assert client.post(path, terms).status_code == 400, "no table is open"
    convert.session(clock.now()).open(small_ground(11), author="ciso")
    assert client.post(path, {**terms, "services": ["none such"]}).status_code == 400
    with incidents.looking() as room:
        assert room.incident(key).follow_ups[record].done is None
    assert client.post(path, terms).status_code == 302
    assert client.post(path, terms).status_code == 400, "it was made"
    position = OpeningPosition.objects.get(party="security")
    (limit,) = position.limits
    name = f"after-{record[:10]}"
    assert (limit["id"], limit["amount"], limit["affected"]) == (name, 7, "critical")
    assert (limit["scope"], limit["owner"], limit["until"]) == (["shop"], "SOC", "2030-01-31")
    assert key in limit["reason"]
    page = client.get(f"/incidents/{key}/after").content.decode()
    assert f'href="/table/limits/{name}"' in page
    assert client.get(f"/table/limits/{name}").status_code == 200
