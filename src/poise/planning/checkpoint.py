"""Checkpoints: what a killed run of the solver goes on from.

A checkpoint is one file about one problem. It holds what is known of each solve, finished or not: the
best plan, the prices, the bound, and the steps of each part; whatever comes of them is confirmed by the
evaluator again. It is written beside the old one and then put in its place, so that whoever is killed at
any moment leaves a whole one behind.

The file is a line ``poise-checkpoint-1 SHA256`` and MessagePack of that hash. The hash guards against
damage, not against a forger: a bound read from a checkpoint is as good as whoever could write the file.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from poise.errors import Fault, ModelError
from poise.planning.arrays import Packed, digest, pack, unpack
from poise.planning.decomposition import PartResult, Prices
from poise.planning.decomposition.lagrangian import Keeper, PricedSolution, join_parts, weighted_value
from poise.planning.decomposition.parts import Part, split
from poise.planning.evaluate import evaluate
from poise.planning.problem import Ints, Plan, Problem, Solution
from poise.planning.solvers import Solver

#: How often a run is written down when nobody says [s].
EVERY_SECONDS = 20.0
#: Writing takes at most one in so many seconds.
_LEAST_SHARE = 20.0
_LOG = logging.getLogger(__name__)
_MAGIC = b"poise-checkpoint-1 "
_OTHER = "name another file, or move this one away to start anew."


class _PartState(msgspec.Struct, frozen=True):
    value: float
    bound: float
    work: int
    facts: str
    prices: dict[str, Packed]


class _SolveState(msgspec.Struct, frozen=True):
    """One solve."""

    window: Packed
    bound: float
    work: int
    stopped_by: Literal["work", "time"]
    parts: list[_PartState]


class _File(msgspec.Struct, frozen=True):
    problem: str
    about: dict[str, str]
    solves: dict[str, _SolveState]


class Checkpoint:
    """A file that keeps what is known about the solves of one problem.

    Parameters
    ----------
    path
        Of the file; it need not exist.
    problem
        That all solves are about.
    about
        What the caller wants to find again, such as the moment of planning.
    every_seconds
        Least time between two writings during one solve [s].

    Raises
    ------
    ModelError
        E320 when the file is of another problem, E321 when it is damaged or no checkpoint, E322 when it
        cannot be read, or nothing can be written beside it.
    """

    def __init__(
        self,
        path: Path,
        problem: Problem,
        *,
        about: Mapping[str, str] | None = None,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self.path, self.problem = path, problem
        self._every_seconds = every_seconds
        self._digest = digest(problem)
        self._parts: list[Part] = split(problem)
        self._about = dict(about or {})
        self._solves: dict[str, _SolveState] = {}
        self._lock = threading.Lock()
        if path.exists():
            found = _read(path)
            if found.problem != self._digest:
                text = f"is of problem {found.problem[:12]}; expected {self._digest[:12]}."
                raise ModelError(Fault("E320", str(path), text, _OTHER))
            self._solves = found.solves
        elif not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise _unwritable(path, "its folder is missing or closed to us")  # now rather than after hours

    def resume(self, weight: float, seed: int) -> tuple[PartResult, ...]:
        """Return what is known of each part at this weight; nothing when it was never solved."""
        state = self._solves.get(_key("solve", weight, seed))
        return () if state is None else self._results(state)

    def keeper(self, weight: float, seed: int) -> Keeper:
        """Return what ``solve`` is to call after every round, to write the state down now and then."""
        next_at = time.monotonic() + self._every_seconds

        def keep(take: Callable[[], tuple[PartResult, ...]]) -> None:
            nonlocal next_at
            begin = time.monotonic()
            if begin < next_at:
                return
            self.keep(weight, seed, take())
            now = time.monotonic()
            next_at = now + max(self._every_seconds, _LEAST_SHARE * (now - begin))

        return keep

    def keep(self, weight: float, seed: int, parts: tuple[PartResult, ...]) -> None:
        """Write down what is known of each part of a solve."""
        window = join_parts(self.problem, self._parts, parts)
        bound, work = sum(part.bound for part in parts), sum(part.work for part in parts)
        self._put(_key("solve", weight, seed), _pack(window, bound, work, "time", parts))

    def remember(self, solver: Solver, is_stopped: Callable[[], bool]) -> Solver:
        """Return a solver that takes a solve from the file where the file has it, and puts it there if not.

        A solve is the same when weight, time, seed and what it starts from are; so a sweep that was
        killed goes on with the first solve that it did not end. What ended because the whole sweep
        ``is_stopped`` is not kept.
        """

        def solve(
            problem: Problem, weight: float, *, seconds: float, seed: int, warm: Plan | None,
            near: Solution | None,
        ) -> Solution:  # fmt: skip
            start = "" if warm is None else hashlib.sha256(warm.window.tobytes()).hexdigest()
            key = _key("sweep", weight, seed, seconds, start, None if near is None else near.weight)
            if (state := self._solves.get(key)) is not None:
                return self._solution(state, weight)
            found = solver(problem, weight, seconds=seconds, seed=seed, warm=warm, near=near)
            parts = found.parts if isinstance(found, PricedSolution) else ()
            if not is_stopped():
                self._put(key, _pack(found.plan.window, found.bound, found.work, found.stopped_by, parts))
            return found

        return solve

    def _solution(self, state: _SolveState, weight: float) -> Solution:
        plan = Plan(self._window(state))
        evaluation = evaluate(self.problem, plan)
        value = weighted_value(evaluation, weight)
        bound = min(state.bound, value)
        if not state.parts:
            return Solution(plan, evaluation, weight, value, bound, state.work, state.stopped_by)
        parts = self._results(state)
        return PricedSolution(plan, evaluation, weight, value, bound, state.work, state.stopped_by, parts)

    def _window(self, state: _SolveState) -> Ints:
        try:
            window = unpack(state.window, self.problem.num_changes).astype(np.int64)
        except ValueError as error:
            raise _damaged(self.path, str(error)) from error
        fits = window.shape == (self.problem.num_changes,)
        if not fits or (len(window) and not -1 <= window.min() <= window.max() < self.problem.num_windows):
            raise _damaged(self.path, "a plan does not fit the problem")
        return window

    def _results(self, state: _SolveState) -> tuple[PartResult, ...]:
        if len(state.parts) != len(self._parts):
            raise _damaged(self.path, f"it has {len(state.parts)} parts, the problem {len(self._parts)}")
        window, most = self._window(state), self._most_prices()
        try:
            return tuple(
                PartResult(
                    window=window[part.changes],
                    value=known.value,
                    bound=known.bound,
                    prices=Prices(**{f.name: unpack(known.prices[f.name], most) for f in fields(Prices)}),
                    work=known.work,
                    facts=known.facts,
                )
                for part, known in zip(self._parts, state.parts, strict=True)
            )
        except (ValueError, KeyError) as error:
            raise _damaged(self.path, str(error)) from error

    def _most_prices(self) -> int:
        """Return more prices of one kind than the problem has."""
        problem = self.problem
        rows = len(problem.link_before) + problem.num_teams + len(problem.exclusion_a) * problem.num_windows
        return rows * problem.num_windows + problem.num_slots

    def _put(self, key: str, state: _SolveState) -> None:
        """Write the file anew. A full disk is told and ends nothing: the run itself is worth more."""
        with self._lock:
            self._solves[key] = state
            body = msgspec.msgpack.encode(_File(self._digest, self._about, self._solves))
            head = _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n"
            try:
                _replace(self.path, head, body)
            except OSError as error:
                _LOG.warning("%s", _unwritable(self.path, error.strerror or str(error)))


def read_about(path: Path) -> dict[str, str]:
    """Return what the run that wrote a checkpoint said about itself; nothing where there is no file.

    Raises
    ------
    ModelError
        E321 or E322 as :class:`Checkpoint` does.
    """
    return _read(path).about if path.exists() else {}


def _key(kind: str, *parts: object) -> str:
    return "|".join([kind, *map(repr, parts)])


def _pack(
    window: Ints, bound: float, work: int, stopped_by: Literal["work", "time"],
    parts: tuple[PartResult, ...],
) -> _SolveState:  # fmt: skip
    return _SolveState(
        window=pack(window.astype(np.int32)),
        bound=bound,
        work=work,
        stopped_by=stopped_by,
        parts=[
            _PartState(part.value, part.bound, part.work, part.facts, _packed(part.prices)) for part in parts
        ],
    )


def _packed(prices: Prices) -> dict[str, Packed]:
    return {name: pack(array) for name, array in vars(prices).items()}


def _read(path: Path) -> _File:
    try:
        content = path.read_bytes()
    except OSError as error:
        text = f"the checkpoint cannot be read: {error.strerror or error}."
        raise ModelError(Fault("E322", str(path), text, _OTHER)) from error
    head, _, body = content.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise _damaged(path, "it does not begin as one")
    if head[len(_MAGIC) :].decode("latin-1") != hashlib.sha256(body).hexdigest():
        raise _damaged(path, "its content does not have its hash")
    try:
        found = msgspec.msgpack.decode(body, type=_File)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    states = found.solves.values()
    bounds = [state.bound for state in states] + [part.bound for state in states for part in state.parts]
    if not all(map(math.isfinite, bounds)):
        raise _damaged(path, "a bound is not finite")
    return found


def _unwritable(path: Path, why: str) -> ModelError:
    hint = "name a place with room."
    return ModelError(Fault("E322", str(path), f"the checkpoint cannot be written: {why}.", hint))


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError(Fault("E321", str(path), f"is no whole checkpoint of this version: {what}.", _OTHER))


def _replace(path: Path, *pieces: bytes) -> None:
    """Write a file beside the old one, then put it in its place; what was there stays whole until then."""
    beside = path.with_name(f".{path.name}.new")  # always the same, so that kills leave no heap of them
    with beside.open("wb") as stream:
        for piece in pieces:
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
