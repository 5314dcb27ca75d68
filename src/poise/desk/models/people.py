"""People: who signs in, with which role, where they are looking, and their signing keys."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models

from poise.desk.permissions import OUTSIDER, ROLE_BY_KEY, ROLES, Role
from poise.ledger.keyrecords import PERSON


class User(AbstractUser):
    """Somebody who can sign in. The user name is what the ledger calls the person."""

    username = models.CharField(
        max_length=64,
        unique=True,
        validators=[RegexValidator(f"^{PERSON.pattern}$", "Use a-z, 0-9, dot, dash, underscore and @ only.")],
        error_messages={"unique": "Somebody has this name already."},
    )
    role = models.CharField(
        max_length=32, blank=True, choices=[(role.key, role.label) for role in ROLES], default=OUTSIDER.key
    )
    timezone = models.CharField(max_length=64, blank=True)
    #: The desk's time when this person last left the home page: what came later is new.
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractUser.Meta):
        ordering: ClassVar = ["username"]

    @property
    def standing(self) -> Role:
        """The role, with its side of the table."""
        return ROLE_BY_KEY.get(self.role, OUTSIDER)

    @property
    def shown(self) -> str:
        """What pages call the person."""
        return self.get_full_name() or self.username


class SigningKeyFile(models.Model):
    """A person's signing key, locked with a passphrase that the desk never keeps."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="signing_key")
    key_id = models.CharField(max_length=80, unique=True)
    #: The encrypted key in OpenSSH's form.
    content = models.BinaryField()
    made = models.DateTimeField()
    #: The enrolment on its way to the ledger, until enough people have vouched; None once it is there.
    draft = models.BinaryField(null=True)


class KeyEnding(models.Model):
    """A key that somebody asks to end, until enough people have signed the revocation."""

    kept = models.OneToOneField(SigningKeyFile, on_delete=models.CASCADE, related_name="ending")
    #: The key as it was when asked: one that took its place since then ends with it.
    key_id = models.CharField(max_length=80)
    reason = models.CharField(max_length=200)
    #: From when its signatures are to count no more.
    since = models.DateTimeField()
    asked_by = models.CharField(max_length=64)
    #: The revocation with the signatures so far; None before the first.
    draft = models.BinaryField(null=True)


class Presence(models.Model):
    """Where a person was last seen: a heartbeat that pages send while they are open."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    place = models.CharField(max_length=64)
    seen = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("user", "place", name="one_heartbeat_per_place")]
