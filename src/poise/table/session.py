"""A table on disk: its ground in a file, all that was said in the ledger, and what was computed, kept.

Hidden answers stand in a file of their own that only this user may read, and never in the ledger: only
matches become records.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from poise.bargain.rounds import Answer, Party
from poise.errors import Fault, NoFeasiblePlanError, TableError
from poise.ledger.book import Book
from poise.ledger.canonical import canonical, digest
from poise.ledger.keys import SigningKey
from poise.ledger.record import Draft, Record
from poise.planning.evaluate import evaluate
from poise.planning.problem import Plan, Problem
from poise.table.agreement import Terms, agreed_plan, agreement_body, check_review, proven, terms_of
from poise.table.answers import Answers, bundle_key, stays_matched
from poise.table.binding import bind
from poise.table.files import landmarks_file, read_ground, read_landmarks, write_private
from poise.table.ground import Ground, as_plan, encode
from poise.table.landmarks import (
    DraftPlan,
    Landmarks,
    ideals,
    landmarks_after,
    landmarks_before,
    shares_of,
)
from poise.table.limits import Limit, check_importance, check_kept, check_limits
from poise.table.negotiation import (
    AGREEMENT,
    DROPPED,
    LIMIT,
    MATCH,
    OPENED,
    PROPOSAL,
    REOPENED,
    REVEALED,
    SEALED,
    Negotiation,
    Position,
    advance,
    kept_file,
    read_kept,
    replay,
    seal,
)
from poise.table.solving import Costs, Effort, Progress, costs_of

#: Who a record without a signature is by, where no side is.
DESK = "desk"


class Session:
    """One table, at one time.

    Parameters
    ----------
    folder
        The workspace's folder of tables; made when something is written.
    ledger
        The workspace's, open.
    now
        The time that counts.
    """

    def __init__(self, folder: Path, ledger: Book, now: datetime) -> None:
        self.folder, self.ledger, self.now = folder, ledger, now

    # What there is ----------------------------------------------------------------------------------

    @cached_property
    def negotiation(self) -> Negotiation:
        """Where the negotiation stands, by the ledger."""
        return replay(
            (record.statement.kind, record.hash, record.body)
            for record in self._records
            if record.body is not None
        )

    @property
    def _records(self) -> Iterable[Record]:
        """The records that the negotiation follows from; others may be among them."""
        return self.ledger.records()

    @cached_property
    def ground(self) -> Ground:
        """The ground that the table stands on.

        Raises
        ------
        TableError
            E555 without a table, E556 when its file is damaged.
        """
        if self.negotiation.ground is None:
            hint, web = "poise table open starts one.", "Open one under Table."
            raise TableError(Fault("E555", self.folder.name, "There is no table here.", hint, web))
        return self.ground_of(self.negotiation.ground)

    def ground_of(self, content_digest: str) -> Ground:
        """Return the ground with a digest; errors as in :attr:`ground`."""
        return read_ground(self.folder / f"ground-{content_digest[:16]}.json", content_digest)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits in force today."""
        return tuple(limit for limit in self.negotiation.limits if limit.is_in_force(self.today))

    @property
    def today(self) -> date:
        """The day where the company is."""
        return self.now.astimezone(ZoneInfo(self.ground.timezone)).date()

    @property
    def default(self) -> tuple[str, Plan]:
        """What happens if nobody signs: the last signed plan on this data, else the standing policy."""
        last = self.negotiation.goes_on
        if last is None:
            return self.ground.default_sentence, self.ground.default_plan
        plan = agreed_plan(self.ground, last[1])
        return "The last signed agreement goes on, on today's data.", plan

    @cached_property
    def before(self) -> Landmarks:
        """Fair points before negotiable limits."""
        return landmarks_before(self.ground, self.default[1])

    def after(self, effort: Effort | None = None, progress: Progress | None = None) -> Landmarks:
        """Return the fair points after limits, computed once for each set of limits.

        Raises
        ------
        NoFeasiblePlanError
            When no plan keeps them all.
        """
        effort = effort or Effort()
        path = self.after_path(effort)
        if path.exists():
            return read_landmarks(path)
        found = landmarks_after(self.ground, self.limits, self.before, self.default[1], effort, progress)
        write_private(path, landmarks_file(found))
        return found

    def after_path(self, effort: Effort | None = None) -> Path:
        """Return where the fair points after these limits are kept, once they are computed."""
        effort = effort or Effort()
        parts = {
            "ground": self.negotiation.ground,
            "default": self.default[1].window.tolist(),
            "limits": [msgspec.to_builtins(limit) for limit in self.limits],
            "effort": [effort.rounds, effort.seed],
        }
        return self.folder / f"landmarks-{digest(canonical(parts))[:16]}.json"

    def draft(self, effort: Effort | None = None, progress: Progress | None = None) -> DraftPlan:
        """Return the plan under talk."""
        if proposals := self.negotiation.proposals:
            last = proposals[-1]
            plan = as_plan(last.windows)
            label = f"proposal {last.number}" + (f" of {last.party}" if last.party else "")
            return DraftPlan(label, plan, self.costs(plan))
        try:
            fair, when = self.after(effort, progress).point("kalai-smorodinsky"), "after limits"
        except NoFeasiblePlanError:
            fair, when = self.before.point("kalai-smorodinsky"), "before limits"
        return DraftPlan(f"equal share of the best, {when}", fair.plan, fair.costs)

    def breaks(self, plan: Plan) -> tuple[str, ...]:
        """Return the ids of limits in force that a plan does not keep."""
        return tuple(name for name, under in self._bound_alone if not evaluate(under, plan).is_feasible)

    @cached_property
    def _bound_alone(self) -> list[tuple[str, Problem]]:
        return [(limit.id, bind(self.ground, [limit]).problem) for limit in self.limits]

    # What is said -----------------------------------------------------------------------------------

    def open(self, ground: Ground, keys: Sequence[SigningKey] = (), author: str = DESK) -> Record:
        """Start a table on a ground; its estate's negotiable freezes are its first limits."""
        content = encode(ground)
        known = {"limits": [msgspec.to_builtins(limit) for limit in ground.estate_limits]}
        body = {"ground": digest(content), "inputs": ground.digest, "company": ground.company, **known}
        write_private(self.folder / f"ground-{digest(content)[:16]}.json", content)
        return self._say(OPENED, author, body, keys)

    def seal(
        self,
        position: Position,
        keys: Sequence[SigningKey] = (),
        author: str = "",
        keep: Callable[[bytes], None] = lambda _: None,
    ) -> bytes:
        """Put the digest of a position on the ledger; return the file that its owner keeps.

        Parameters
        ----------
        keep
            Writes that file, before the digest is on the ledger: a seal that nothing opens is for ever.

        Raises
        ------
        SignatureError
            E743 when a key is the other side's.
        TableError
            When a limit or an importance makes no sense, or the side has sealed already.
        """
        where = f"position of {position.party}"
        check_limits(position.limits, self.ground.names, where, self.today)
        check_importance(position.importance, [service.id for service in self.ground.services], where)
        salt = secrets.token_hex(32)
        body = {"party": position.party, "digest": seal(position, salt)}
        self._allow(SEALED, body, keys, position.party)
        content = kept_file(position, salt)
        keep(content)
        self._say(SEALED, author or position.party, body, keys, position.party)
        return content

    def reveal(self, kept: Mapping[str, Any], keys: Sequence[SigningKey] = (), author: str = "") -> Record:
        """Open a sealed position, once both are sealed."""
        position, salt = read_kept(kept)
        check_limits(position.limits, self.ground.names, f"position of {position.party}")
        body = {"position": msgspec.to_builtins(position), "salt": salt}
        return self._say(REVEALED, author or position.party, body, keys, position.party)

    def add_limit(self, limit: Limit, keys: Sequence[SigningKey] = (), author: str = "") -> Record:
        """Post a limit."""
        check_limits([limit], self.ground.names, "table", self.today)
        body = {"limit": msgspec.to_builtins(limit)}
        return self._say(LIMIT, author or limit.party, body, keys, limit.party)

    def drop_limit(self, name: str, reason: str, keys: Sequence[SigningKey] = (), author: str = "") -> Record:
        """Take a limit off the table; a law stays."""
        found = next((limit for limit in self.negotiation.limits if limit.id == name), None)
        if found is not None and not found.may_give_way:
            raise TableError(Fault("E557", f"limit {name}", "A limit of class law cannot be dropped."))
        party = found.party if found else None
        return self._say(DROPPED, author or party or DESK, {"id": name, "reason": reason}, keys, party)

    def propose(
        self,
        party: Party | None,
        label: str,
        plan: Plan,
        keys: Sequence[SigningKey] = (),
        author: str = "",
    ) -> Record:
        """Put a plan on the table; it has to keep the limits in force.

        Raises
        ------
        TableError
            E557 when it breaks one.
        """
        self._forget()  # who looked for the plan took time, in which limits may have come
        check_kept(self.breaks(plan), "proposal")
        costs = self.costs(plan)
        security, operations = shares_of(costs, self.before.default, self._ideal(costs))
        body = {
            "party": party,
            "label": label,
            "windows": plan.window.tolist(),
            "share_operations": operations,
            "share_security": security,
        }
        return self._say(PROPOSAL, author or party or DESK, body, keys, party)

    def answer(self, party: Party, proposal: int, answer: Answer) -> bool:
        """Answer a proposal, hidden; return whether both sides now accept it, which becomes a record."""
        self.negotiation.proposal(proposal)
        if proposal in self.negotiation.matched:
            return stays_matched(proposal, answer)
        if not self.answers.note(party, str(proposal), answer):
            return False
        self._say(MATCH, DESK, {"proposal": proposal})
        return True

    def answer_bundle(self, party: Party, label: str, plan: Plan, answer: Answer) -> bool:
        """Answer a plan that the desk found, hidden; only when both accept it, it becomes a proposal."""
        if not self.answers.note(party, bundle_key(plan), answer):
            return False
        self.propose(None, label, plan)
        self._say(MATCH, DESK, {"proposal": len(self.negotiation.proposals)})
        return True

    @property
    def answers(self) -> Answers:
        """The hidden answers at this table."""
        return Answers(self.folder / "answers.json", self.negotiation.opened)

    def costs(self, plan: Plan) -> Costs:
        """Return the costs of a plan."""
        return costs_of(self.ground.problem, plan)

    def shares(self, costs: Costs) -> tuple[float, float]:
        """Return (security's, operations') share of its largest gain before limits; proposed, at most 1."""
        return shares_of(costs, self.before.default, self.ideal)

    @cached_property
    def ideal(self) -> Costs:
        """Each side's least cost among known plans that leave neither worse off than the default."""
        return self._ideal()

    def _ideal(self, *more: Costs) -> Costs:
        talked_of = (self.costs(as_plan(one.windows)) for one in self.negotiation.proposals)
        return ideals(self.ground, self.before.default, [*talked_of, *more])

    # Agreement --------------------------------------------------------------------------------------

    def compose(self, proposal: int, terms: Terms) -> dict[str, Any]:
        """Return the body of the agreement on a matched proposal: the same for whoever composes it.

        Raises
        ------
        TableError
            E557 when the two sides have not both accepted the proposal.
        """
        if proposal not in self.negotiation.matched:
            hint = "Each side answers with poise agree answer; only matches are told."
            web = "A lead of each side answers it under Table; only matches are told."
            text = f"Proposal {proposal} is not accepted by both."
            raise TableError(Fault("E557", "agreement", text, hint, web))
        return self._body(self.ground, self.limits, proposal, terms)

    def _body(self, ground: Ground, limits: Sequence[Limit], proposal: int, terms: Terms) -> dict[str, Any]:
        plan = as_plan(self.negotiation.proposal(proposal).windows)
        body = agreement_body(
            ground, limits, plan, terms, default=self.default[1], bound=proven(ground, plan)
        )
        return {**body, "proposal": proposal}

    def draft_agreement(self, proposal: int, terms: Terms, author: str) -> Draft:
        """Return the draft that two people sign; E557 also when its review is past, or it breaks a limit."""
        check_review(terms, self.today)
        check_kept(self.breaks(as_plan(self.negotiation.proposal(proposal).windows)), "agreement")
        return self.ledger.draft(AGREEMENT, author, self.compose(proposal, terms), now=self.now)

    def recompose(self, record_hash: str) -> tuple[bytes, bytes]:
        """Return an agreement as recorded and as replaying the ledger up to it composes it anew."""
        record = self.ledger.record(record_hash)
        if record.statement.kind != AGREEMENT or record.body is None:
            raise TableError(Fault("E554", record_hash[:16], "This record is no agreement."))
        seen = record.statement.seen
        earlier = Session(self.folder, self.ledger, record.statement.made)
        earlier.negotiation = replay(
            (one.statement.kind, one.hash, one.body)
            for one in self._records
            if one.body is not None and seen is not None and one.sequence <= seen.sequence
        )
        body = earlier.compose(int(record.body["proposal"]), terms_of(record.body))
        return canonical(record.body), canonical(body)

    def reopen(self, record_hash: str, reasons: Sequence[str], action: str) -> Record:
        """Re-open an agreement; the record stands beside it and names the facts."""
        body = {"agreement": record_hash, "reasons": list(reasons), "action": action}
        return self._say(REOPENED, DESK, body, refers=(record_hash,))

    def _allow(
        self, kind: str, body: dict[str, Any], keys: Sequence[SigningKey], party: Party | None
    ) -> None:
        """Raise what stands against a record: its time, or E743 where a key is not of the side it is of."""
        if party is not None and keys:
            roster = self.ledger.roster()
            for key in keys:
                roster.check_side(key.id, party, self.now)
        advance(self.negotiation, kind, "", body)

    def _say(
        self,
        kind: str,
        author: str,
        body: dict[str, Any],
        keys: Sequence[SigningKey] = (),
        party: Party | None = None,
        refers: tuple[str, ...] = (),
    ) -> Record:
        """Put a record on the ledger, if it is possible at its place: others may have come before."""

        def still() -> None:
            self._forget()
            self._allow(kind, body, keys, party)

        record = self.ledger.append(kind, author, body, now=self.now, keys=keys, refers=refers, unless=still)
        self._forget()
        return record

    def _forget(self) -> None:
        for name in ("negotiation", "ground", "before", "ideal", "_bound_alone"):
            self.__dict__.pop(name, None)
