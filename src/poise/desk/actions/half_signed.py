"""What one side has signed and the other not yet, when the key of the first signature ends meanwhile."""

from __future__ import annotations

from poise.desk.models import AgreementDraft, JointPage, KeyEnding, SigningKeyFile, User
from poise.ledger.record import read_draft


def forget(key_id: str) -> None:
    """Take a key's signatures off whatever waits for a second one: its holder signs that again.

    The ledger would refuse the whole with a signature that counts no more, after the second side has signed.
    """
    for kept in SigningKeyFile.objects.filter(draft__isnull=False):
        draft = read_draft(bytes(kept.draft or b""), f"key of {kept.user.username}")
        if draft.is_signed_by(key_id):
            kept.draft = draft.without(key_id).to_bytes()
            kept.save()
    for ending in KeyEnding.objects.filter(draft__isnull=False):
        # Who signs first is its author: without that signature it is written anew.
        if read_draft(bytes(ending.draft or b""), f"end of {ending.key_id}").is_signed_by(key_id):
            ending.draft = None
            ending.save()
    for row in AgreementDraft.objects.exclude(signed=""):
        draft = read_draft(bytes(row.content), f"draft on proposal {row.proposal}")
        if draft.is_signed_by(key_id):
            row.content, row.signed = draft.without(key_id).to_bytes(), ""
            row.save()
    for page in JointPage.objects.exclude(signed=""):
        draft = read_draft(bytes(page.draft), "joint page")
        if draft.is_signed_by(key_id):
            page.draft, page.signed = draft.without(key_id).to_bytes(), ""
            page.save()


def drop_of(author: User) -> None:
    """Drop what somebody composed whose key has ended: without its author's signature it could never count.

    Whoever is there composes it anew.
    """
    AgreementDraft.objects.filter(by=author).delete()
    for page in JointPage.objects.all():
        if read_draft(bytes(page.draft), "joint page").statement.author == author.username:
            page.delete()
