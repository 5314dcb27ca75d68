"""The table of the sample company's year: opened on its reports, positions sealed, a plan signed by both.

The solver finds the plan; what each side gives stands in ``year.yaml`` and in the limits below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from poise.bargain.rounds import Party
from poise.dialogue.base import PARTIES
from poise.dialogue.outlook import Prospect, prospect
from poise.dialogue.year import SIGNERS
from poise.estate import load_estate
from poise.ledger.book import Book
from poise.ledger.keys import SigningKey
from poise.patching.planner import Settings, estate_inputs
from poise.sample import write_sample
from poise.sample.feeds import fill_store
from poise.scans import read_scan
from poise.table.agreement import AcceptedRisk, Terms
from poise.table.limits import Limit
from poise.table.negotiation import Position
from poise.table.opening import open_ground
from poise.table.session import Session
from poise.table.solving import Effort
from poise.threats.store import ThreatStore

#: Two of the sample's reports: enough of a backlog for a quarrel, solved in seconds.
REPORTS: Final = ("greenbone-network.xml", "trivy-images.zip")
EFFORT: Final = Effort(30.0, 2, 2, 0)
POSITIONS: Final[dict[Party, Position]] = {
    "operations": Position(
        party="operations",
        limits=(
            Limit(
                id="weekends",
                party="operations",
                rule="weekends",
                amount=16,
                owner="Head of Platforms",
                reason="People need rest",
            ),
        ),
        importance={"edge": 5, "wan": 3, "cms": 0.2},
    ),
    "security": Position(
        party="security",
        limits=(
            Limit(
                id="edge-risk",
                party="security",
                rule="exposure",
                amount=9000,
                scope=("edge",),
                class_="policy",
                owner="CISO",
                reason="All passes there",
            ),
            Limit(
                id="kev-30",
                party="security",
                rule="deadline",
                affected="kev",
                amount=30,
                owner="CISO",
                reason="Exploited now",
            ),
        ),
        importance={"edge": 5, "api": 3, "wan": 0.3},
    ),
}
SHORT_SALE: Final = Limit(
    id="short-sale",
    party="operations",
    rule="freeze",
    class_="policy",
    owner="Head of E-commerce",
    reason="The first days of the winter sale",
    scope=("shop", "checkout", "login", "app", "edge"),
    start=datetime(2026, 1, 7, 23, 0, tzinfo=UTC),
    end=datetime(2026, 1, 12, 23, 0, tzinfo=UTC),
)
TERMS: Final = Terms(
    exceptions=(
        AcceptedRisk(
            what="Old catalogue archive",
            owner="Head of Data",
            until=datetime(2026, 7, 31, tzinfo=UTC).date(),
            reason="Switched off in summer",
        ),
    )
)


class YearTable:
    """Plays the two steps at the table.

    Parameters
    ----------
    folder
        A workspace: the table goes to ``folder/table``, the company to ``folder/company``.
    ledger, keys, signers
        As for the year.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Book,
        keys: Mapping[Party, SigningKey],
        signers: Mapping[Party, str] = SIGNERS,
    ) -> None:
        self.folder, self.ledger, self.keys, self.signers = folder, ledger, keys, signers

    def __call__(self, step: str, now: datetime) -> Prospect:
        """Play a step; return what lies ahead after it."""
        at = Session(self.folder / "table", self.ledger, now)
        if step == "open":
            self._open(at)
        else:
            self._sign(at)
        in_force = at.negotiation.in_force
        return prospect(at.ground, in_force[1] if in_force else None)

    def _open(self, at: Session) -> None:
        company = self.folder / "company"
        sample = write_sample(company)
        fill_store(company / "threats")
        estate = load_estate(sample.estate)
        reports = [
            report for path in sample.reports if path.name in REPORTS for report in read_scan(str(path))
        ]
        settings = Settings(now=at.now, horizon_days=182.0, seed=0, points=3, threads=2)
        ground, _ = open_ground(
            estate,
            reports,
            ThreatStore(company / "threats"),
            settings,
            inputs=estate_inputs(sample.estate, estate),
        )
        at.open(ground, [self.keys["operations"]], self.signers["operations"])
        kept = {
            party: at.seal(POSITIONS[party], [self.keys[party]], self.signers[party]) for party in PARTIES
        }
        for party in PARTIES:
            at.reveal(json.loads(kept[party]), [self.keys[party]], self.signers[party])

    def _sign(self, at: Session) -> None:
        """Each gives what the other needs most; the plan with the largest product of gains is signed."""
        operations, security = ([self.keys[party]] for party in PARTIES)
        at.drop_limit(
            "winter-sale", "Only its first days make the margin", operations, self.signers["operations"]
        )
        at.add_limit(SHORT_SALE, operations, self.signers["operations"])
        at.drop_limit(
            "edge-risk", "What is exploited is closed within 30 days", security, self.signers["security"]
        )
        point = next(one for one in at.after(EFFORT).points if one.key == "nash")
        at.propose("operations", point.label, point.plan, operations, self.signers["operations"])
        for party in PARTIES:
            at.answer(party, 1, "accept")
        draft = at.draft_agreement(1, TERMS, self.signers["operations"])
        for party in PARTIES:
            draft = draft.signed(self.keys[party])
        self.ledger.add(draft, now=at.now)
        at.__dict__.pop("negotiation", None)
