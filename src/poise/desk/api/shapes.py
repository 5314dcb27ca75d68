"""What the API says and takes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from ninja import Field, Schema
from pydantic import AwareDatetime, ConfigDict


class FaultOut(Schema):
    """One thing that is wrong."""

    id: str
    where: str
    message: str
    hint: str = ""


class Refusal(Schema):
    """Why a call was refused."""

    faults: list[FaultOut]


class FindingOut(Schema):
    """A finding as its scanner reports it; its asset's group is empty for none, null while not mapped yet."""

    id: int
    report: int
    vulnerability: str
    title: str
    severity: str
    status: str
    kind: str
    asset: str
    group: str | None
    component: str
    installed: str
    fixed: str


class FindingsOut(Schema):
    """One page of findings; ``after`` asks for the next, null at the end."""

    findings: list[FindingOut]
    after: str | None


class ReportOut(Schema):
    """A report, and what came of it: null until it is read."""

    id: int
    name: str
    sha256: str
    state: str
    formats: str
    findings: int | None
    assets: int | None
    num_faults: int | None
    faults: list[FaultOut]
    uploaded: datetime
    job: int | None


class JobOut(Schema):
    """A job of the worker."""

    id: int
    kind: str
    title: str
    state: str
    percent: int | None
    step: str
    result: dict[str, Any]
    fault: str


class ServiceOut(Schema):
    """A service, with the findings on its assets.

    They are null while no asset is mapped, and where no report shows an asset of it; ``pending`` says what
    they wait for, and is empty once they are whole.
    """

    id: str
    name: str
    owner: str
    tier: int
    assumed: list[str]
    groups: list[str]
    findings: int | None
    critical: int | None
    high: int | None
    pending: str


class LimitOut(Schema):
    """A limit at the table; words and units as in docs/negotiation.md."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    party: str
    rule: str
    class_: str = Field(alias="class")
    owner: str
    reason: str
    until: date | None
    scope: list[str]
    amount: float | None
    start: datetime | None
    end: datetime | None
    affected: str


class ProposalOut(Schema):
    """A plan that somebody put on the table; shares of each side's best, 0 if nobody signs now."""

    number: int
    party: str | None
    label: str
    share_operations: float
    share_security: float
    is_matched: bool


class TableOut(Schema):
    """Where the negotiation stands."""

    ground: str | None
    company: str
    sealed: list[str]
    opened: list[str]
    due: str | None
    limits: list[LimitOut]
    proposals: list[ProposalOut]
    in_force: str | None


class PlanRowOut(Schema):
    """A plan that has a name, and what it costs."""

    key: str
    label: str
    currency: str
    security_cost: float = Field(
        description="Expected loss until the horizon's end plus the cost of late changes, in the currency."
    )
    operations_cost: float = Field(description="Disruption: downtime, labour and visits, in the currency.")
    least_security_cost: float = Field(
        description="Proven: no plan that disrupts no more costs security less, in the currency."
    )
    share_security: float = Field(description="Of security's largest gain; 0 is the default plan's.")
    share_operations: float = Field(description="Of operations' largest gain; 0 is the default plan's.")
    num_done: int = Field(description="Changes that it does within the horizon.")
    num_changes: int
    breaks: list[str] = Field(description="Ids of limits in force that it does not keep.")


class PlanItemOut(Schema):
    """A change of a plan, and when it is done; null for not in this horizon."""

    change: str
    group: str
    start: datetime | None


class PlanOut(Schema):
    """A plan of the table by its changes."""

    key: str
    label: str
    items: list[PlanItemOut]


class RecordOut(Schema):
    """A record of the ledger; ``body`` is null once it was erased."""

    sequence: int
    hash: str
    kind: str
    author: str
    time: datetime
    signers: list[str]
    body: dict[str, Any] | None


class RecordsOut(Schema):
    """Records from a place on; ``next`` is the place to go on at, null at the end."""

    records: list[RecordOut]
    next: int | None


class LimitTerms(Schema):
    """What a limit says; words and units as in docs/negotiation.md. Empty is what its rule does not need."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    rule: Literal["freeze", "hours", "weekends", "services", "deadline", "exposure"]
    class_: Literal["law", "policy", "preference"] = Field("preference", alias="class")
    owner: str = Field("", max_length=200)
    reason: str = Field("", max_length=2000)
    until: date | None = None
    scope: list[str] = Field(default_factory=list, max_length=200)
    amount: float | None = Field(None, ge=0, allow_inf_nan=False)
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    affected: Literal["kev", "ransomware", "critical", "high", "all"] = "all"


class LimitIn(LimitTerms):
    """A limit to post for one's own side."""

    id: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")


class LimitRowOut(LimitOut):
    """A limit as the token's owner knows it."""

    sentence: str = Field(description="What it says, in words; times in UTC.")
    is_sealed: bool = Field(
        description="Whether it stands in the own opening position, which the other side does not see yet."
    )
    version: str = Field(description="Changes with every change; send it along to change the limit.")
