"""The weekly digest: one source for both sides, each in the form that it asked for.

:func:`week` makes the facts; :func:`write` orders and folds them for a reader. The form may never change what
is said: every fact of the source stands in both digests, and a test counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from poise.bargain.rounds import Party
from poise.dialogue.agenda import Agenda, Item
from poise.dialogue.base import PARTIES, other
from poise.dialogue.rules import RunWarning, warnings
from poise.dialogue.state import Dialogue
from poise.dialogue.wording import Fact, Telling, arrange
from poise.dialogue.working import profile_of
from poise.incident.moments import day

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Digest:
    """What happened and what comes, for both.

    Parameters
    ----------
    since, at
        The week.
    news
        What was put down in it: (time, party or "", sentence).
    promises
        Open ones: (party, what, due).
    """

    since: datetime
    at: datetime
    agenda: Agenda
    news: tuple[tuple[datetime, str, str], ...]
    promises: tuple[tuple[Party, str, datetime], ...]
    warnings: tuple[RunWarning, ...]

    @property
    def facts(self) -> frozenset[str]:
        """Every fact that a digest has to tell, as text."""
        told = {text for item in self.agenda.all for text in facts_of(item, self.agenda.currency)}
        told |= {text for _, _, text in self.news} | {what for _, what, _ in self.promises}
        return frozenset(told | {one.text for one in self.warnings} | {one.talk for one in self.warnings})


def week(state: Dialogue, now: datetime, agenda: Agenda) -> Digest:
    """Return the source of both sides' digests."""
    since = now - WEEK
    return Digest(
        since,
        now,
        agenda,
        tuple(sorted(one for one in news(state) if since < one[0] <= now)),
        tuple((one.act.party, one.act.what, one.expected) for one in state.promises.values() if one.is_open),
        warnings(state, now),
    )


def news(state: Dialogue) -> list[tuple[datetime, str, str]]:
    """Return what was put down: when, by which side ("" for both), and what."""
    found: list[tuple[datetime, str, str]] = []
    for goal in state.goals.values():
        found += [
            (time, party, f"endorsed the goal: {goal.act.title}") for party, time in goal.endorsed.items()
        ]
    for promise in state.promises.values():
        found.append(
            (
                promise.time,
                promise.act.party,
                f"promised by {day(promise.dues[0][1])}: {promise.act.what}",
            )
        )
        if promise.kept is not None:
            found.append((promise.kept, promise.act.party, f"kept: {promise.act.what}"))
    for decision in state.decisions.values():
        if decision.made is not None and decision.ended is not None:
            texts = {one.id: one.text for one in decision.act.options}
            answer = texts.get(decision.made.option, decision.made.option)
            found.append((decision.ended, decision.made.party, f"decided: {decision.act.question} {answer}"))
    for accepted in state.exceptions.values():
        what = accepted.act.what
        found += [
            (time, "", f"exception renewed until {day(until)}: {what}") for time, until in accepted.renewed
        ]
        if accepted.closed is not None:
            found.append((accepted.closed, "", f"exception over: {what}"))
    for one in state.disagreements.values():
        found.append((one.time, one.act.party, f"raised: {one.act.title}"))
        found += [(end.time, "", f"settled: {one.act.title}. {end.proposed.outcome}") for end in one.settled]
        found += [(at, act.party, f"re-opened: {one.act.title}. {act.reason}") for at, act in one.reopened]
        found += [
            (page.time, page.party, f"escalated ({page.kind}): {one.act.title}") for page in one.escalations
        ]
    for signed in state.agreements.values():
        found.append((signed.time, "", "a plan was signed"))
        if signed.reopened is not None:
            found.append((signed.reopened, "", f"the signed plan was re-opened: {'; '.join(signed.reasons)}"))
    return found


def facts_of(item: Item, currency: str) -> tuple[str, ...]:
    """Return the facts of an agenda item, each as it is printed."""
    return telling_of(item, currency).texts


def telling_of(item: Item, currency: str) -> Telling:
    """Return an agenda item as facts."""
    facts = [Fact(item.decision, "decision"), Fact(price_words(item, currency), "price")]
    if item.why in ("asked", "contested"):
        facts.append(Fact(f"serves: {item.serves}" if item.serves else "names no goal of both"))
    facts += [Fact(text, "reason") for text in item.facts]
    if item.due is not None:
        facts.append(Fact(f"due {day(item.due)}"))
    for party in PARTIES:
        side = item.sides.get(party)
        if side is not None:
            said = {
                "says": side.position,
                "needs": side.interest,
                "would think again after": side.change_my_mind,
            }
            name = party.capitalize()
            facts += [Fact(f"{name} {word}: {text}", "words", party) for word, text in said.items() if text]
    for choice in item.choices:
        price = "" if choice.price is None else f" ({money(choice.price, currency)})"
        facts.append(Fact(f"option: {choice.text}{price}", "option"))
    return Telling(item.title, tuple(facts))


def price_words(item: Item, currency: str) -> str:
    """Return what a day of delay costs, with its basis, or that nobody priced it."""
    if item.cost_per_day is None:
        return "waiting is not priced"
    basis = f"; {item.basis}" if item.basis else ""
    return f"a day of waiting costs {money(item.cost_per_day, currency)}{basis}"


def money(value: float, currency: str) -> str:
    """Return an amount for a text."""
    return f"{currency} {value:,.0f}".strip()


def write(digest: Digest, state: Dialogue, reader: Party) -> tuple[str, str]:
    """Return (subject, text) of a reader's digest.

    The reader's profile decides which facts of an item come first and how much stands before the fold; what
    stands behind it follows under "In full" in the same mail.
    """
    profile = profile_of(state, reader)
    folded: list[str] = []
    lines = [f"Week to {digest.at:%A} {day(digest.at)}", ""]
    lines += _promises(digest, reader)
    lines += [f"To talk about ({len(digest.agenda.items)}, {digest.agenda.minutes} minutes)"]
    for number, item in enumerate(digest.agenda.all, 1):
        telling = telling_of(item, digest.agenda.currency)
        kept, rest = arrange(telling, profile)
        lines += [f"{number}. {telling.headline}", *(f"   {text}" for text in kept)]
        if rest:
            folded += [f"{number}. {telling.headline}", *(f"   {text}" for text in rest)]
        if number == len(digest.agenda.items) and digest.agenda.waiting:
            lines += ["", "Waiting for another time"]
    lines += ["", "What happened"]
    lines += [f"- {_who(party, reader)}{text}" for _, party, text in digest.news] or [
        "- Nothing was put down."
    ]
    if digest.warnings:
        lines += ["", "Patterns to look at together (both of you read the same)"]
        for one in digest.warnings:
            lines += [f"- {one.text} ({'; '.join(one.titles)})", f"  {one.talk}"]
    if folded:
        lines += ["", "In full", *folded]
    count = len(digest.agenda.items) or "nothing"
    return f"Poise: {count} to talk about this week", "\n".join(lines) + "\n"


def _promises(digest: Digest, reader: Party) -> list[str]:
    lines = []
    for heading, party in (("You promised", reader), ("You were promised", other(reader))):
        mine = [(due, what) for owner, what, due in digest.promises if owner == party]
        if mine:
            lines += [heading, *(f"- by {day(due)}: {what}" for due, what in sorted(mine)), ""]
    return lines


def _who(party: str, reader: Party) -> str:
    return "" if not party else "You " if party == reader else f"{party.capitalize()} "
