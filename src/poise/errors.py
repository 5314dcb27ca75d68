"""The error tree, and the form in which every fault is told.

::

    PoiseError
    ├── InputError (also a ValueError)   the input is at fault: exit 2
    │   ├── EstateError      E1xx  estate.yaml, its tables, its calendars, outcomes
    │   ├── ThreatFeedError  E2xx  KEV, EPSS, SSVC tables and their downloads
    │   ├── ModelError       E3xx  a problem or plan whose arrays contradict each other; checkpoints E32x
    │   ├── ScanFormatError  E4xx  a scanner report
    │   ├── TableError       E55x  limits, and steps of a negotiation
    │   ├── IncidentError    E82x-E84x  an act of an incident, a clock's rule, a drill, a message
    │   ├── PolicyError      E80x  a policy, an exception, a baseline or a log of the gate
    │   ├── DialogueError    E85x  an act of the dialogue
    │   ├── DeskError        E87x  a setting, upload or form of the desk
    │   ├── NotAllowedError  E870  a role may not do this
    │   ├── ConflictError    E871  somebody else was first
    │   └── LedgerError      E70x  a file, key or request of the ledger
    ├── ClusterError         E32x  machines to compute on: exit 2
    ├── NoFeasiblePlanError  E5xx  no plan meets the hard limits: exit 1
    ├── EvidenceError        E6xx  evidence is missing, stale or for something else: exit 3
    ├── ChainError           E72x  the ledger is not the one that was written: exit 1
    ├── SignatureError       E74x  a signature is false, missing or not entitled: exit 4
    └── InternalError        E9xx  our own fault: exit 5

A :class:`Fault` is one thing that is wrong, said as ``where: id message`` and a
hint.  An error carries every fault that was found, so that a file is mended in one
round and not in ten.  ``docs/errors.md`` lists every id; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from poise.faultids import FAULT_IDS as FAULT_IDS


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input.

    Parameters
    ----------
    id
        A key of :data:`FAULT_IDS`, such as ``"E103"``.
    where
        File and place: ``"estate.yaml:17"``, ``"scan.nessus:host db1, item 4"``.
    message
        What is wrong with the value seen and what was expected; a sentence.
    hint
        What the reader can do about it; a sentence, or empty.
    web
        The hint for who reads it in a browser, where `hint` names a command or a file; else empty.
    """

    id: str
    where: str
    message: str
    hint: str = ""
    web: str = ""

    def __post_init__(self) -> None:
        if self.id not in FAULT_IDS:
            raise KeyError(f"Fault id {self.id!r} is not in poise.errors.FAULT_IDS.")

    def __str__(self) -> str:
        text = f"{self.where}: {self.id} {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text

    def as_dict(self) -> dict[str, str]:
        """Return the fault as the JSON object that ``--json`` prints."""
        return {"id": self.id, "where": self.where, "message": self.message, "hint": self.hint}


class PoiseError(Exception):
    """Base of every error that Poise raises on purpose.

    Parameters
    ----------
    faults
        One fault or several; never none.
    """

    exit_code = 2

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        if not self.faults:
            raise ValueError("A PoiseError needs at least one fault.")
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error pass from one process to another with its faults."""
        return type(self), (self.faults,)


class InputError(PoiseError, ValueError):
    """The input is at fault."""


class EstateError(InputError):
    """The description of services, groups, teams or calendars is at fault."""


class ThreatFeedError(InputError):
    """A table of threat evidence, or its download, is at fault."""


class ModelError(InputError):
    """A planning problem or a plan contradicts itself."""


class ScanFormatError(InputError):
    """A scanner report cannot be read."""


class TableError(InputError):
    """A limit, a file or a step at the table is at fault."""


class IncidentError(InputError):
    """An act of an incident, a clock's rule, a drill or a message is at fault."""


class LedgerError(InputError):
    """A file, a key or a request of the ledger is at fault."""


class PolicyError(InputError):
    """A policy or another file of the gate is at fault."""


class DialogueError(InputError):
    """An act of the dialogue, or a file of one, is at fault."""


class DeskError(InputError):
    """A setting, an upload or a form of the desk is at fault."""


class NotAllowedError(InputError):
    """A role may not do this."""


class ConflictError(InputError):
    """Somebody else was first: the change was made on what is not there any more."""


class ClusterError(PoiseError):
    """There are no machines to compute on, or they are lost."""


@dataclass(frozen=True, slots=True)
class MissedDate:
    """A hard date that cannot be met.

    Parameters
    ----------
    change
        Index of the change.
    due_days
        When it must be done [d].
    possible_days
        When it can be done at the earliest [d]; None for never within the horizon.
    """

    change: int
    due_days: float
    possible_days: float | None


class NoFeasiblePlanError(PoiseError):
    """No plan meets the hard limits.

    Parameters
    ----------
    dates
        The date behind each fault, where the faults are about dates; else empty.
    """

    exit_code = 1

    def __init__(self, faults: Fault | Iterable[Fault], dates: Iterable[MissedDate] = ()) -> None:
        super().__init__(faults)
        self.dates = tuple(dates)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error pass from one process to another with its faults and dates."""
        return type(self), (self.faults, self.dates)


class EvidenceError(PoiseError):
    """Evidence is missing, stale, or for something else."""

    exit_code = 3


class ChainError(PoiseError):
    """The ledger is not the one that was written."""

    exit_code = 1


class SignatureError(PoiseError):
    """A signature is false, missing, or not entitled to what it signs."""

    exit_code = 4


class InternalError(PoiseError):
    """Poise itself is at fault."""

    exit_code = 5
