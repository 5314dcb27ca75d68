"""Delivery policies: written by either side, signed by one lead and then by the other."""

from __future__ import annotations

from poise.desk.actions import keys
from poise.desk.actions.base import Actor, action
from poise.desk.gate import gate_register, unsigned_sides
from poise.desk.models import PolicyDraft
from poise.errors import ConflictError, DeskError, Fault, NotAllowedError, PolicyError
from poise.gate.accepting import checked_text
from poise.gate.documents import POLICY_TYPE, policy_payload
from poise.gate.policyfile import MAX_BYTES, parse_policy
from poise.gate.register import AGREED, ENDED, PROPOSED, PolicyEntry, body_of
from poise.ledger.envelope import Envelope
from poise.ledger.record import Record

_MORE = "Take what is there now and change that."


@action("gate.compose")
def save_draft(by: Actor, draft: PolicyDraft | None, seen_version: int, text: str) -> PolicyDraft:
    """Keep what somebody wrote of a policy, faulty or not.

    Raises
    ------
    ConflictError
        E871 when somebody else changed the draft since `seen_version`.
    DeskError
        E878 when the text is empty or too long.
    """
    text = text.replace("\r\n", "\n")
    if not text.strip() or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = f"has {len(text):,} characters; expected 1 to {MAX_BYTES:,} bytes."
        raise DeskError(Fault("E878", "policy", message))
    assert by.user is not None  # nobody writes drafts but people
    if draft is None:
        return PolicyDraft.objects.create(text=text, changed=by.now, by=by.user)
    held = _locked(draft, seen_version)
    held.text, held.version, held.changed, held.by = text, held.version + 1, by.now, by.user
    held.save()
    return held


@action("gate.compose")
def drop_draft(by: Actor, draft: PolicyDraft, seen_version: int) -> None:
    """Throw a draft away; errors as in :func:`save_draft`."""
    _locked(draft, seen_version).delete()


@action("gate.sign")
def propose(by: Actor, draft: PolicyDraft, seen_version: int, passphrase: str) -> Record:
    """Sign a draft for the actor's side, and put it before the other.

    Raises
    ------
    PolicyError
        With every fault of the draft; E614 when its version is not above all that were signed before.
    ConflictError
        E871 when somebody else changed the draft since `seen_version`.
    """
    held = _locked(draft, seen_version)
    policy = parse_policy(held.text, "policy")
    used = [
        one.policy.version
        for one in gate_register().policies.values()
        if one.policy.id == policy.id and (one.agreed or not one.ended)
    ]
    if used and policy.version <= max(used):
        message = (
            f"Version {policy.version} of {policy.id} is not above {max(used)}, which was signed before."
        )
        raise PolicyError(Fault("E614", "version", message, f"Write version: {max(used) + 1}."))
    key = keys.unlock(by, passphrase)
    envelope = Envelope(POLICY_TYPE, policy_payload(held.text, policy)).signed(key)
    record = by.record(PROPOSED, body_of(envelope), keys=[key])
    held.delete()
    return record


@action("gate.sign")
def agree(by: Actor, proposal: str, passphrase: str) -> Record:
    """Add the other side's signature to a proposal: from then on deliveries are judged by it.

    Raises
    ------
    PolicyError
        E615 when there is no such proposal, it was signed or declined already, or its first signature is by
        a key that counts no more.
    NotAllowedError
        E870 when the actor's own side has signed it.
    """
    entry = _open(proposal)
    if side_of(entry) == by.party:
        message = f"{by.party} has signed this policy; the other side's lead signs it now."
        raise NotAllowedError(Fault("E870", "gate.sign", message))
    if side_of(entry) in unsigned_sides(entry):
        message = "Its first signature is by a key that counts no more: pipelines would refuse it."
        raise PolicyError(Fault("E615", "policy", message, "Decline it; the other side signs a new one."))
    key = keys.unlock(by, passphrase)
    envelope = entry.envelope.signed(key)
    return by.record(AGREED, body_of(envelope), refers=(proposal,), keys=[key])


@action("gate.sign")
def decline(by: Actor, proposal: str, reason: str) -> Record:
    """Say no to a proposal, or take the own side's back; what both signed is replaced, not declined.

    Raises
    ------
    PolicyError
        E615 as in :func:`agree`; E803 without a reason.
    """
    _open(proposal)
    return by.record(ENDED, {"reason": checked_text("reason", reason)}, refers=(proposal,))


def side_of(entry: PolicyEntry) -> str:
    """Return which side proposed a policy: that of the key which signed it, by the ledger's roster."""
    from poise.desk.ledger import DeskLedger

    roster = DeskLedger().roster()
    for signature in entry.envelope.signatures:
        key = roster.keys.get(signature.key_id)
        for party in ("operations", "security"):
            if key is not None and party in key.roles:
                return party
    return ""


def _open(proposal: str) -> PolicyEntry:
    entry = gate_register().policies.get(proposal)
    if entry is None or entry.agreed or entry.ended:
        text = "There is no such proposal." if entry is None else "It was signed or declined already."
        raise PolicyError(Fault("E615", "policy", text, "See the list of policies."))
    return entry


def _locked(draft: PolicyDraft, seen_version: int) -> PolicyDraft:
    held: PolicyDraft | None = PolicyDraft.objects.select_for_update().filter(pk=draft.pk).first()
    if held is None or held.version != seen_version:
        raise ConflictError(Fault("E871", "policy", "Somebody else changed this draft meanwhile.", _MORE))
    return held
