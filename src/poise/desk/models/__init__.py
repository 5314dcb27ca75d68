"""What the desk stores: one module per aggregate, one history of migrations."""

from __future__ import annotations

from poise.desk.models.bargaining import AgreementDraft, OpeningPosition
from poise.desk.models.dialogue import JointPage, Letter, SealedAnswers
from poise.desk.models.estate import EstateVersion, Report
from poise.desk.models.finding import AssetRecord, Finding
from poise.desk.models.gate import DeliveryVerdict, DeployLog, PolicyDraft, TestHistory
from poise.desk.models.job import Job
from poise.desk.models.ledger import LedgerContent, LedgerHead, LedgerRecord, LedgerReference
from poise.desk.models.people import KeyEnding, Presence, SigningKeyFile, User
from poise.desk.models.token import ApiToken

__all__ = [
    "AgreementDraft",
    "ApiToken",
    "AssetRecord",
    "DeliveryVerdict",
    "DeployLog",
    "EstateVersion",
    "Finding",
    "Job",
    "JointPage",
    "KeyEnding",
    "LedgerContent",
    "LedgerHead",
    "LedgerRecord",
    "LedgerReference",
    "Letter",
    "OpeningPosition",
    "PolicyDraft",
    "Presence",
    "Report",
    "SealedAnswers",
    "SigningKeyFile",
    "TestHistory",
    "User",
]
