"""What somebody can do: permission, transaction, ledger record; for pages, API and commands alike."""

from __future__ import annotations

from poise.desk.actions.base import ACTIONS, Action, Actor, action, writing

__all__ = ["ACTIONS", "Action", "Actor", "action", "writing"]
