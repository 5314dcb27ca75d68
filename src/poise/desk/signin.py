"""Sign-in: administrators make local accounts; others come from the company's provider, without a role."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody makes an account by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: an administrator lets people in."""
        return False


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Whoever the company's provider knows may sign in, and sees nothing until given a role."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Return True: the provider has said who it is."""
        return True
