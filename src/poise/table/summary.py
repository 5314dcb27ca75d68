"""An agreement in words: one plain sentence first, then what each side gave and got, and when it re-opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poise.table.agreement import Trigger, terms_of

_KINDS = {
    "kev": "a vulnerability in scope becomes known-exploited",
    "exposure": "the expected loss of the agreed plan grows by more than {threshold:.0%}",
    "window": "an agreed window is cancelled",
    "team": "a team with work in the plan is lost",
    "data": "a feed or report is older than {threshold:.0f} days",
    "exception": "an exception's end has come",
}
_ACTIONS = {
    "notify": "both sides are told",
    "reopen": "the agreement re-opens",
    "default": "the default plan takes over until there is a new one",
}


@dataclass(frozen=True)
class SideGain:
    """What one side's cost becomes by the agreement, against nobody signing [money]."""

    otherwise: float
    agreed: float

    @property
    def saved(self) -> float:
        """Return by how much the cost falls; negative where it grows."""
        return self.otherwise - self.agreed


@dataclass(frozen=True)
class Summary:
    """What signers read first.

    Parameters
    ----------
    sentence
        The agreement in one sentence.
    security, operations
        Expected loss with lateness, and disruption [money].
    given
        Limits that the plan keeps, by side: ids.
    """

    sentence: str
    security: SideGain
    operations: SideGain
    given: Mapping[str, tuple[str, ...]]


def summarise(body: Mapping[str, Any]) -> Summary:
    """Return an agreement's body in words."""
    default = body["default"]
    security = SideGain(
        default["expected_loss"] + default["late_cost"], body["expected_loss"] + body["late_cost"]
    )
    operations = SideGain(default["disruption"], body["disruption"])
    planned = sum(start is not None for start in body["plan"].values())
    starts = sorted(window["start"] for window in body["windows"])
    currency = body["currency"]
    when = f" from {_day(starts[0])} to {_day(starts[-1])}" if starts else ""
    sentence = (
        f"{body['company']} makes {planned:,} of {len(body['plan']):,} changes in {len(body['windows']):,} "
        f"visits{when}: {_change('expected loss', security, currency)} and "
        f"{_change('disruption', operations, currency)} against what happens if nobody signs."
    )
    given = {
        party: tuple(limit["id"] for limit in body["limits"] if limit["party"] == party)
        for party in ("operations", "security")
    }
    return Summary(sentence, security, operations, given)


def trigger_words(trigger: Trigger) -> str:
    """Return a trigger as a sentence."""
    fact = _KINDS[trigger.kind].format(threshold=trigger.threshold or 0.0)
    return f"When {fact}, {_ACTIONS[trigger.action]}."


def triggers_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the triggers of an agreement's body as sentences."""
    return tuple(trigger_words(trigger) for trigger in terms_of(dict(body)).triggers)


def _change(what: str, gain: SideGain, currency: str) -> str:
    verb = "falls" if gain.saved >= 0 else "grows"
    return f"{what} {verb} by {currency} {_short(abs(gain.saved))} to {currency} {_short(gain.agreed)}"


def _short(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.10g}"


def _day(moment: str) -> str:
    day = datetime.fromisoformat(moment)
    return f"{day.day} {day:%B %Y}"
