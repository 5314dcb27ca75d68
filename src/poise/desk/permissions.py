"""Who may do what: one table, from which docs/permissions.md and its tests are made.

Roles decide who may act. What was agreed may be known by everybody who has a role; whoever has none sees
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from poise.errors import Fault, NotAllowedError


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody is at the desk.

    Parameters
    ----------
    key
        As it is stored.
    label
        As people say it.
    party
        Which side of the table; empty for neither.
    """

    key: str
    label: str
    party: str = ""


OPERATIONS_LEAD: Final = Role("operations-lead", "Operations lead (CIO)", "operations")
SECURITY_LEAD: Final = Role("security-lead", "Security lead (CISO)", "security")
OPERATIONS_STAFF: Final = Role("operations-staff", "Operations staff", "operations")
SECURITY_STAFF: Final = Role("security-staff", "Security staff", "security")
CHAIR: Final = Role("chair", "Chair")
AUDITOR: Final = Role("auditor", "Auditor")
ADMINISTRATOR: Final = Role("administrator", "Administrator")
#: Somebody who can sign in but was given no role yet.
OUTSIDER: Final = Role("", "No role")

ROLES: Final = (
    OPERATIONS_LEAD,
    SECURITY_LEAD,
    OPERATIONS_STAFF,
    SECURITY_STAFF,
    CHAIR,
    AUDITOR,
    ADMINISTRATOR,
)
ROLE_BY_KEY: Final = {role.key: role for role in (*ROLES, OUTSIDER)}

_LEADS: Final = (OPERATIONS_LEAD, SECURITY_LEAD)
_STAFF: Final = (OPERATIONS_STAFF, SECURITY_STAFF)
_SIDES: Final = (*_LEADS, *_STAFF)


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that somebody may do.

    Parameters
    ----------
    key
        Room and verb, such as ``estate.read``.
    sentence
        What it allows, after "may".
    roles
        Who may.
    """

    key: str
    sentence: str
    roles: tuple[Role, ...]


#: Grouped by feature; a feature adds its rows as one block.
PERMISSIONS: Final = (
    Permission("desk.read", "see the home page, their own account, jobs and who is present", ROLES),
    Permission("account.own", "keep their own time zone, tokens and signing key", ROLES),
    Permission("work.retry", "have a failed job tried again", (*_SIDES, ADMINISTRATOR)),
    Permission("people.manage", "let people in, give roles and new passwords", (ADMINISTRATOR,)),
    # Estate and findings
    Permission("estate.read", "see services, assets and findings", ROLES),
    Permission("estate.write", "replace the estate's description", (*_SIDES, ADMINISTRATOR)),
    Permission("findings.import", "upload scanner reports", (*_SIDES, ADMINISTRATOR)),
    # The table
    Permission("table.read", "see the table: plans, limits, prices, proposals", ROLES),
    Permission("table.open", "open a table on today's estate and findings", _SIDES),
    Permission("table.limit", "post and drop limits of their own side", _SIDES),
    Permission("table.solve", "start a computation at the table", _SIDES),
    Permission("table.propose", "seal a position, propose a plan, answer a proposal", _LEADS),
    # The plan
    Permission("plan.read", "see a plan, its windows and its reasons", ROLES),
    Permission("plan.comment", "comment on an item of a plan", (*_SIDES, CHAIR)),
    Permission("plan.outcomes", "say what became of a window", (*_SIDES,)),
    # Agreements
    Permission("agreement.read", "see agreements and what they rest on", ROLES),
    Permission("agreement.sign", "compose and sign an agreement", _LEADS),
    Permission("agreement.reopen", "re-open an agreement by its triggers", (*_LEADS, CHAIR)),
    # The dialogue: signals, survey and profiles are the pair's, and nobody else's
    Permission("dialogue.read", "see the agenda, disagreements and goals", (*_SIDES, CHAIR)),
    Permission("dialogue.say", "say something in the dialogue for their own side", _LEADS),
    Permission("dialogue.pair", "see signals, survey, profiles and the digest, and answer", _LEADS),
    Permission("dialogue.escalate", "write and sign a page that goes up", _LEADS),
    Permission("dialogue.board", "see the board's page", (*_LEADS, CHAIR, AUDITOR)),
    # Incidents: what may be seen there is decided by each statement's mark as well
    Permission("incident.read", "see incidents, up to the marks that are for them", ROLES),
    Permission("incident.act", "state, promise, ask and decide in an incident for their own side", _SIDES),
    # Deliveries
    Permission("gate.read", "see delivery policies, verdicts, exceptions and risk budgets", ROLES),
    Permission("gate.compose", "write drafts of delivery policies", _SIDES),
    Permission("gate.sign", "sign a delivery policy for their side, or decline one", _LEADS),
    Permission(
        "gate.except", "accept a finding for a time, where the policy names their key", (*_LEADS, CHAIR)
    ),
    Permission("gate.report", "hand in verdicts, histories of tests and deployments", _SIDES),
    # The ledger
    Permission("ledger.read", "search and verify the ledger", ROLES),
    Permission("ledger.export", "export the ledger", ROLES),
    Permission("key.enrol", "make an own signing key, vouch for others', end lost ones", (*_LEADS, CHAIR)),
)
PERMISSION_BY_KEY: Final = {permission.key: permission for permission in PERMISSIONS}


def may(role: str, permission: str) -> bool:
    """Return whether a role, by its key, has a permission."""
    return any(one.key == role for one in PERMISSION_BY_KEY[permission].roles)


def require(role: str, permission: str) -> None:
    """Refuse what a role may not do.

    Raises
    ------
    NotAllowedError
        E870, with the roles that may.
    """
    if not may(role, permission):
        entry = PERMISSION_BY_KEY[permission]
        who = ROLE_BY_KEY[role].label if role else "Whoever has no role"
        allowed = ", ".join(one.label for one in entry.roles)
        message = f"{who} may not {entry.sentence}."
        raise NotAllowedError(Fault("E870", permission, message, f"These may: {allowed}."))


def table() -> str:
    """Return the permission table as docs/permissions.md shows it."""
    head = "| may | " + " | ".join(role.label for role in ROLES) + " |"
    rule = "| --- |" + " :-: |" * len(ROLES)
    rows = [
        f"| {one.sentence} (`{one.key}`) | "
        + " | ".join("yes" if role in one.roles else "" for role in ROLES)
        + " |"
        for one in PERMISSIONS
    ]
    return "\n".join([head, rule, *rows]) + "\n"
