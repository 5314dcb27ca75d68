"""A disagreement leads to what it is about, and what it is about shows the disagreement."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client

from gate.build import DEPUTY, NOW
from poise.desk import clock
from poise.desk.ledger import DeskLedger
from poise.gate.documents import EXCEPTION_TYPE, Exemption, payload_of
from poise.gate.register import EXCEPTION, body_of
from poise.ledger.envelope import Envelope


def say(client: Client, kind: str, **fields: Any) -> Any:
    response = client.post(f"/dialogue/say/{kind}", fields)
    assert response.status_code == 302, response.content.decode()
    return list(DeskLedger().records(kind=kind))[-1].body


def main_of(response: Any) -> str:
    assert response.status_code == 200
    return re.findall(r"<main.*</main>", response.content.decode(), re.DOTALL)[0]


def test_links_lead_there_and_back(cio: Any, ciso: Any, sign_in: Callable[[Any], Client]) -> None:
    """A request, an exception of ours, one of the gate; what is no more stands as words."""
    operations, security = sign_in(cio), sign_in(ciso)
    asked = say(
        security, "decision.asked", question="Patch?", needed_by="2030-01-01T12:00", option_text_1="Yes"
    )
    noted = say(security, "exception.noted", what="Old tills", owner="Head of Stores", until="2030-01-01")
    ends = NOW + timedelta(days=3000)
    document = Exemption("x", "shop", "rule", ("c:1",), "CVE in shop", "Lee", "why", NOW, ends)
    signed = Envelope(EXCEPTION_TYPE, payload_of(document)).signed(DEPUTY)
    gate = DeskLedger().append(EXCEPTION, "ciso", body_of(signed), now=clock.now()).hash
    links = [f"request:{asked['id']}", f"exception:{noted['id']}", f"exception:{gate}"]
    links += ["verdict:99", "limit:gone", "change:x", "agreement:none"]
    raised = say(operations, "disagreement.raised", title="About all of it", type="interests", link=links)
    page = main_of(operations.get(f"/dialogue/disagreements/{raised['id']}"))
    targets = [
        f"/dialogue/decisions/{asked['id']}",
        f"/dialogue/exceptions/{noted['id']}",
        f"/deliveries/exceptions/{gate}",
    ]
    for target in targets:
        assert f'href="{target}"' in page
        there = main_of(security.get(target))
        assert f'href="/dialogue/disagreements/{raised["id"]}"' in there
        assert "contested" in there
    assert "verdict 99" in page
    assert "/verdicts/99" not in page


def test_one_is_raised_from_what_it_is_about(cio: Any, staff: Any, sign_in: Callable[[Any], Client]) -> None:
    """The button of an object fills the link in; staff reads and raises nothing."""
    client = sign_in(cio)
    noted = say(client, "exception.noted", what="Old tills", owner="Head of Stores", until="2030-01-01")
    page = main_of(client.get(f"/dialogue/exceptions/{noted['id']}"))
    (address,) = re.findall(r'href="(/dialogue/disagreements\?about=[^"#]+)', page)
    form = main_of(client.get(address))
    assert f'name="link" value="exception:{noted["id"]}"' in form
    assert "About the exception Old tills<" in form
    assert "about=" not in main_of(sign_in(staff).get(f"/dialogue/exceptions/{noted['id']}"))


def test_a_decision_is_made_where_it_stands(cio: Any, ciso: Any, sign_in: Callable[[Any], Client]) -> None:
    """Who asked takes it back, the other side decides; both in the meeting too, whose minutes say so."""
    operations, security = sign_in(cio), sign_in(ciso)
    asked = say(
        security, "decision.asked", question="Patch?", needed_by="2030-01-01T12:00", option_text_1="Yes"
    )
    path = f"/dialogue/decisions/{asked['id']}"
    assert "Your decision" in main_of(operations.get(path))
    assert "Your decision" not in main_of(security.get(path))
    meeting = operations.post("/dialogue/meetings").url
    assert "Your decision" in main_of(operations.get(meeting))
    say(operations, "decision.made", decision=asked["id"], option="option-1", next=meeting)
    say(operations, "promise.made", what="Windows named", due="2030-01-01T12:00", next=meeting)
    page = main_of(operations.get(meeting))
    assert "Operations decided: Patch? Yes" in page
    assert "promised by 1 Jan 2030: Windows named" in page
    assert "done meanwhile" in page


def test_a_contested_matter_names_the_goal_it_serves(
    cio: Any, ciso: Any, sign_in: Callable[[Any], Client]
) -> None:
    """On the agenda and on its page; where none is named that is said, and can be mended later."""
    operations, security = sign_in(cio), sign_in(ciso)
    goal = say(operations, "goal.proposed", title="Grow online sales")
    raised = say(security, "disagreement.raised", title="Freeze", type="values")
    assert "names no goal of both" in main_of(operations.get("/dialogue"))
    say(security, "goal.endorsed", goal=goal["id"])
    say(operations, "disagreement.serves", disagreement=raised["id"], goal=goal["id"])
    assert "Serves: <b>Grow online sales</b>" in main_of(operations.get("/dialogue"))
    assert "Grow online sales" in main_of(operations.get(f"/dialogue/disagreements/{raised['id']}"))
