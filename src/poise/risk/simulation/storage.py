"""The model of a simulation as a file, ``risk.json``: written beside a plan, read with every check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

import msgspec
import numpy as np

from poise.errors import Fault, InputError
from poise.risk.simulation.model import Bools, Events, Floats, Inputs, Ints, Plans, RiskModel, Work

SCHEMA = "poise-risk/1"
_PARTS = {"inputs": Inputs, "events": Events, "work": Work, "plans": Plans}
_KINDS: dict[Any, Any] = {Floats: np.float64, Ints: np.int64, Bools: np.bool_}
#: What each array's entries may be: below the length of another list (an index), or a plain range.
_INDEX = {
    "vulnerability": "names",
    "zone": "zones",
    "entry_event": "probability",
    "entry_change": "service",
    "service": "services",
    "team": "teams",
}
_LENGTHS = {
    **dict.fromkeys(("vulnerability", "zone", "is_kev", "is_ransomware"), "probability"),
    **dict.fromkeys(("entry_change", "entry_share"), "entry_event"),
    **dict.fromkeys(
        ("team", "available_days", "recovery_hours", "recovery_cost", "deferral_per_day"), "service"
    ),
    **dict.fromkeys(("failed", "done"), "teams"),
    **dict.fromkeys(("labels", "open_days", "is_done", "fixed_cost", "late_cost"), "keys"),
    **dict.fromkeys(("loss_low", "loss_high"), "services"),
    "zone_factor": "zones",
}
_HINT = "Name the folder that poise plan wrote, or its risk.json."
_MATRICES = ("open_days", "is_done")
_AT_LEAST_ZERO = (
    *("entry_share", "recovery_hours", "recovery_cost", "deferral_per_day", "open_days", "late_cost"),
    *("zone_factor", "calibration", "base_rate_per_year", "kev_floor", "ransomware_loss_factor"),
    *("failure_prior_failed", "failure_prior_done", "early_failure_factor", "probability"),
)


class _File(msgspec.Struct, kw_only=True):
    """The shape of the file: words and lists; what they hold is checked after."""

    schema: Literal["poise-risk/1"]
    company: str
    currency: str
    horizon_days: float
    seed: int
    services: tuple[str, ...]
    loss_low: list[float]
    loss_high: list[float]
    teams: tuple[str, ...]
    zones: tuple[str, ...]
    inputs: dict[str, Any]
    events: dict[str, Any]
    work: dict[str, Any]
    plans: dict[str, Any]


def encode(model: RiskModel) -> bytes:
    """Return ``risk.json``: the same model gives the same bytes."""
    plain = {field.name: _plain(getattr(model, field.name)) for field in fields(RiskModel)}
    return msgspec.json.encode({"schema": SCHEMA, **plain}) + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Inputs | Events | Work | Plans):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def read_model(path: Path) -> RiskModel:
    """Read a ``risk.json``.

    Raises
    ------
    InputError
        E580 when it is none, or an array of it cannot be: with all that is wrong.
    """
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(Fault("E580", str(path), f"It cannot be read: {error.strerror}.", _HINT)) from error


def parse(content: bytes, where: str) -> RiskModel:
    """Return the model of a ``risk.json``'s bytes; errors as in :func:`read_model`."""
    try:
        told = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(Fault("E580", where, f"This is no risk.json: {error}.", _HINT)) from error
    wrong: list[str] = []
    parts = {name: _part(kind, getattr(told, name), name, wrong) for name, kind in _PARTS.items()}
    if not wrong:
        own = {name: getattr(told, name) for name in ("company", "currency", "horizon_days", "seed")}
        names = {name: getattr(told, name) for name in ("services", "teams", "zones")}
        low, high = np.array(told.loss_low), np.array(told.loss_high)
        model = RiskModel(**own, **names, loss_low=low, loss_high=high, **parts)
        wrong = list(_faults(model)) or list(_contradictions(model))
    if wrong:
        raise InputError([Fault("E580", where, text, _HINT) for text in wrong])
    return model


def _part(kind: Any, told: dict[str, Any], name: str, wrong: list[str]) -> Any:
    """Return one part of a model, or note what is wrong with it."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        value: Any = told.get(field.name)
        try:
            if hints[field.name] in _KINDS:
                values[field.name] = np.array(value, dtype=_KINDS[hints[field.name]])
                if values[field.name].ndim != 1 + (field.name in _MATRICES):
                    raise ValueError(field.name)
            elif hints[field.name] is float:
                values[field.name] = float(value)
            else:
                values[field.name] = tuple(str(item) for item in value)
        except (TypeError, ValueError, OverflowError):
            wrong.append(f"{name}.{field.name} holds {str(value)[:40]!r}; expected {hints[field.name]}.")
    return kind(**values) if not wrong else None


def _faults(model: RiskModel) -> Iterator[str]:
    """Yield what is wrong with the arrays of a model."""
    found: dict[str, Any] = {field.name: getattr(model, field.name) for field in fields(RiskModel)}
    for part in _PARTS:
        found |= {field.name: getattr(found[part], field.name) for field in fields(found[part])}
    if not (0 < model.horizon_days < 1e5 and 0 <= model.seed < 2**63 and model.inputs.settle_days > 0):
        yield "horizon_days, settle_days or seed is out of range."
    for name, other in _LENGTHS.items():
        if len(found[name]) != len(found[other]):
            yield f"{name} has {len(found[name])} entries; expected {len(found[other])}, as many as {other}."
    for name, value in found.items():
        if isinstance(value, np.ndarray) and value.dtype == np.float64 and not np.isfinite(value).all():
            yield f"{name} holds a number that is not finite."
    for name in _AT_LEAST_ZERO:
        if not np.all(np.asarray(found[name]) >= 0):
            yield f"{name} holds a number below zero, or none."
    for name, other in _INDEX.items():
        if len(found[name]) and not (found[name].min() >= 0 and found[name].max() < len(found[other])):
            yield f"{name} points outside {other}."


def _contradictions(model: RiskModel) -> Iterator[str]:
    """Yield how arrays that are sound by themselves contradict each other."""
    matrix = (len(model.plans), len(model.work.service))
    if model.plans.open_days.shape != matrix or model.plans.is_done.shape != matrix:
        yield f"open_days and is_done must have the shape {matrix}."
    elif np.any(model.plans.open_days > model.horizon_days * (1 + 1e-9)):
        yield "open_days holds a change that stays open beyond the horizon."
    if not np.all((model.loss_low > 0) & (model.loss_low <= model.loss_high)):
        yield "loss_low and loss_high are no ranges above zero."
    if not (np.all(model.events.probability < 1) and model.inputs.kev_floor < 1):
        yield "probability or kev_floor holds a chance of 1 or more."
    if np.any(np.diff(model.events.entry_event) < 0):
        yield "entry_event is not sorted."
    elif np.any(
        np.bincount(model.events.entry_event, model.events.entry_share, len(model.events.probability))
        > 1 + 1e-9
    ):
        yield "entry_share adds up to more than 1 for an event."
