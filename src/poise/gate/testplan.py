"""Which security tests run inline and which later, within the minutes that delivery grants.

**Model.** A *ground* is a set of weaknesses that are alike in who finds them: all that Bandit and Semgrep
both find, all that only Semgrep finds. Test `t` belongs to ground `g` when it finds it. Running a set `S`
in a pipeline yields

    yield(S) = sum over grounds g that some test of S finds: weight(g)

and costs the sum of its minutes. The plan is the set of the largest yield within the minutes; of equal sets
the one that costs least, then the one whose names come first. What two tests both find counts once, so the
*marginal* yield decides: a tool that finds much that is found already is worth little.

The optimum is exact: depth-first search over the tests, cut where even all remaining tests, fractionally by
yield per minute, cannot beat the best set (the bound of the fractional knapsack holds, as marginal yields
only fall).

**Exploration.** A share of the minutes goes to the test that has gone longest without running inline, so
that what never runs keeps data; a test that has no history has no yield yet and can only come in that way.

Start values are of the OWASP Benchmark (Java 1.2 and Python 0.1; see docs/gate.md), where a project has no
history.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from poise.errors import Fault, PolicyError
from poise.gate.policyfile import read_text
from poise.gate.verdict import Untested

SCHEMA: Final = "poise-test-history/1"
#: Most tests that are planned exactly; pipelines have a handful.
MAX_TESTS: Final = 24
#: Part of the minutes kept for the test that ran inline longest ago.
EXPLORATION_SHARE: Final = 0.1

#: True positives by who found them, and minutes, from the OWASP Benchmark scorecards and our own runs on it.
START_GROUNDS: Final = {
    "java": (
        (("findsecbugs", "semgrep"), 1_248.0),
        (("findsecbugs",), 122.0),
    ),
    "python": (
        (("bandit", "semgrep"), 38.0),
        (("bandit",), 74.0),
        (("semgrep",), 93.0),
    ),
}
START_MINUTES: Final = {
    "java": {"findsecbugs": 122 / 60, "semgrep": 326 / 60, "sonarqube": 330 / 60, "zap": 300.0},
    "python": {"bandit": 2.7 / 60, "semgrep": 103 / 60},
}


class Ran(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run of one test: how long it took, and which confirmed findings it had."""

    test: str
    at: datetime
    minutes: float
    #: Ids of findings that somebody confirmed; what was dismissed is no yield.
    confirmed: tuple[str, ...] = ()
    inline: bool = True


class RunHistory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project's own history of security tests."""

    schema: str
    runs: tuple[Ran, ...] = ()
    #: Weight of a finding by id; 1 where none is given.
    weights: dict[str, float] = msgspec.field(default_factory=dict)
    #: For a project without history: ``java`` or ``python``.
    start: str = ""
    #: When tests that do not run inline will run, by name, as people say it: "tonight 02:00".
    later: dict[str, str] = msgspec.field(default_factory=dict)


class SecurityTest(msgspec.Struct, frozen=True):
    """One test as the plan sees it."""

    name: str
    minutes: float
    #: Numbers of the grounds that it finds.
    grounds: frozenset[int]
    last_inline: datetime | None = None


class Choice(msgspec.Struct, frozen=True):
    """One test of the plan, with what it adds."""

    test: str
    minutes: float
    inline: bool
    #: What it adds to the tests above it, and that per minute.
    marginal: float
    per_minute: float
    why: str


class PlanOfTests(msgspec.Struct, frozen=True):
    """Which tests run inline, which later, and what that leaves untested."""

    minutes: float
    used_minutes: float
    yield_inline: float
    yield_of_all: float
    choices: tuple[Choice, ...]


def read_history(path: Path) -> RunHistory:
    """Return a history of tests.

    Raises
    ------
    PolicyError
        E807.
    """
    return parse_history(read_text(path).encode(), str(path))


def parse_history(content: bytes, where: str) -> RunHistory:
    """Return the history of tests in a JSON text; errors as in :func:`read_history`."""
    try:
        history = msgspec.json.decode(content, type=RunHistory)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise PolicyError(Fault("E807", where, f"This is no history of tests: {error}.")) from error
    problem = ""
    if history.schema != SCHEMA:
        problem = f"Its schema is {history.schema[:40]!r}; this Poise reads {SCHEMA!r}."
    elif history.start and history.start not in START_GROUNDS:
        problem = f"The start {history.start[:40]!r} is none of {', '.join(START_GROUNDS)}."
    elif any(not 0 <= run.minutes < 10**5 or run.at.tzinfo is None for run in history.runs):
        problem = "A run has no time with an offset, or impossible minutes."
    elif any(not 0 <= weight < 10**9 for weight in history.weights.values()):
        problem = "A weight is below zero or too large."
    elif len({run.test for run in history.runs}) > MAX_TESTS:
        problem = f"It names more than {MAX_TESTS} tests."
    if problem:
        raise PolicyError(Fault("E807", where, problem))
    return history


def tests_of(history: RunHistory) -> tuple[list[SecurityTest], list[float]]:
    """Return the tests and the weights of their grounds.

    A finding's ground is the set of tests that ever confirmed it; minutes are the mean of the last ten runs.
    """
    if not history.runs and history.start:
        return _start(history.start)
    finders: dict[str, set[str]] = {}
    minutes: dict[str, list[float]] = {}
    last: dict[str, datetime] = {}
    for run in sorted(history.runs, key=lambda run: run.at):
        minutes.setdefault(run.test, []).append(run.minutes)
        if run.inline:
            last[run.test] = run.at
        for finding in run.confirmed:
            finders.setdefault(finding, set()).add(run.test)
    sums: dict[frozenset[str], float] = {}
    for finding, tests in finders.items():
        ground = frozenset(tests)
        sums[ground] = sums.get(ground, 0.0) + history.weights.get(finding, 1.0)
    grounds = sorted(sums, key=sorted)
    made = [
        SecurityTest(
            name,
            sum(spent[-10:]) / len(spent[-10:]),
            frozenset(number for number, ground in enumerate(grounds) if name in ground),
            last.get(name),
        )
        for name, spent in sorted(minutes.items())
    ]
    return made, [sums[ground] for ground in grounds]


def _start(language: str) -> tuple[list[SecurityTest], list[float]]:
    grounds = START_GROUNDS[language]
    tests = [
        SecurityTest(name, minutes, frozenset(n for n, (names, _) in enumerate(grounds) if name in names))
        for name, minutes in sorted(START_MINUTES[language].items())
    ]
    return tests, [weight for _, weight in grounds]


def best_set(tests: Sequence[SecurityTest], weights: Sequence[float], minutes: float) -> tuple[int, ...]:
    """Return the numbers of the tests of the best set, by the module's model; exact.

    Parameters
    ----------
    minutes
        What they may cost together, above or equal to 0.
    """
    alone = [sum(weights[g] for g in test.grounds) for test in tests]
    order = sorted(range(len(tests)), key=lambda n: (-_rate(alone[n], tests[n].minutes), tests[n].name))
    best: tuple[float, float, list[str], tuple[int, ...]] = (0.0, 0.0, [], ())

    def better(value: float, cost: float, chosen: tuple[int, ...]) -> bool:
        names = sorted(tests[n].name for n in chosen)
        if abs(value - best[0]) > 1e-9:
            return value > best[0]
        return (round(cost, 9), names) < (round(best[1], 9), best[2])

    def bound(place: int, left: float, covered: frozenset[int]) -> float:
        """Return more than any completion adds: remaining tests by rate, the last one in part."""
        rest = sorted(
            ((sum(weights[g] for g in tests[n].grounds - covered), tests[n].minutes) for n in order[place:]),
            key=lambda pair: -_rate(*pair),
        )
        total = 0.0
        for gain, cost in rest:
            if cost <= left:
                total, left = total + gain, left - cost
            else:
                return total + (gain * left / cost if cost else 0.0)
        return total

    def visit(
        place: int, cost: float, value: float, covered: frozenset[int], chosen: tuple[int, ...]
    ) -> None:
        nonlocal best
        if better(value, cost, chosen):
            best = (value, cost, sorted(tests[n].name for n in chosen), chosen)
        if place == len(order) or value + bound(place, minutes - cost, covered) < best[0] - 1e-9:
            return
        test = tests[order[place]]
        gain = sum(weights[g] for g in test.grounds - covered)
        if gain > 0 and cost + test.minutes <= minutes + 1e-9:
            grown = covered | test.grounds
            visit(place + 1, cost + test.minutes, value + gain, grown, (*chosen, order[place]))
        visit(place + 1, cost, value, covered, chosen)

    visit(0, 0.0, 0.0, frozenset(), ())
    return best[3]


def _rate(gain: float, minutes: float) -> float:
    return gain / minutes if minutes > 0 else float("inf") if gain else 0.0


def plan_tests(history: RunHistory, minutes: float) -> PlanOfTests:
    """Return the plan for a pipeline that grants some minutes."""
    tests, weights = tests_of(history)
    explorer = _explorer(tests, minutes)
    kept = tests[explorer].minutes if explorer is not None else 0.0
    others = [n for n in range(len(tests)) if n != explorer]
    chosen = [others[n] for n in best_set([tests[n] for n in others], weights, minutes - kept)]
    whole = list(best_set(tests, weights, minutes))
    if explorer is None or explorer in whole:
        chosen, explorer = whole, None
    choices: list[Choice] = []
    covered: frozenset[int] = frozenset()
    for number in _by_marginal(tests, weights, chosen):
        choice, covered = _choice(tests[number], weights, covered, True, "")
        choices.append(choice)
    if explorer is not None:
        why = "it ran inline longest ago; its turn keeps its data alive"
        choice, covered = _choice(tests[explorer], weights, covered, True, why)
        choices.append(choice)
    inline = sum(weights[g] for g in covered)
    used = sum(choice.minutes for choice in choices)
    rest = [n for n in range(len(tests)) if n not in chosen and n != explorer]
    for number in _by_marginal(tests, weights, rest, covered):
        choices.append(
            _choice(tests[number], weights, covered, False, history.later.get(tests[number].name, ""))[0]
        )
    return PlanOfTests(minutes, round(used, 6), inline, sum(weights), tuple(choices))


def _explorer(tests: Sequence[SecurityTest], minutes: float) -> int | None:
    """Return the test that has not run inline for longest and fits the share that is kept for it."""
    fitting = [n for n, test in enumerate(tests) if 0 < test.minutes <= minutes * EXPLORATION_SHARE]
    never = datetime.min.replace(tzinfo=UTC)
    if not fitting or not any(test.last_inline for test in tests):
        return None  # without a history nothing has waited longer than anything else
    return min(fitting, key=lambda n: (tests[n].last_inline or never, tests[n].name))


def _by_marginal(
    tests: Sequence[SecurityTest],
    weights: Sequence[float],
    numbers: Sequence[int],
    covered: frozenset[int] = frozenset(),
) -> list[int]:
    """Return tests in the order in which each adds most per minute to those before it."""
    left, order = list(numbers), []
    while left:
        number = max(
            left,
            key=lambda n: (
                _rate(sum(weights[g] for g in tests[n].grounds - covered), tests[n].minutes),
                [-ord(sign) for sign in tests[n].name],
            ),
        )
        left.remove(number)
        order.append(number)
        covered |= tests[number].grounds
    return order


def _choice(
    test: SecurityTest, weights: Sequence[float], covered: frozenset[int], inline: bool, why: str
) -> tuple[Choice, frozenset[int]]:
    gain = sum(weights[g] for g in test.grounds - covered)
    per_minute = gain / test.minutes if test.minutes else 0.0
    if inline:
        why = why or f"adds {gain:g} for {test.minutes:.2f} minutes"
    elif not test.grounds:
        why = f"later{f' ({why})' if why else ''}: it has confirmed nothing yet"
    elif gain:
        why = f"later{f' ({why})' if why else ''}: it would add {gain:g}, and does not fit the minutes"
    else:
        why = f"later{f' ({why})' if why else ''}: the tests above find all that it has found"
    return Choice(
        test.name, round(test.minutes, 6), inline, gain, round(per_minute, 6), why
    ), covered | test.grounds


def untested_of(path: Path) -> tuple[Untested, ...]:
    """Return what a written plan left for later, for a verdict."""
    try:
        plan = msgspec.json.decode(read_text(path).encode(), type=PlanOfTests)
    except (msgspec.MsgspecError, RecursionError) as error:
        message = f"This is no plan of tests: {error}."
        raise PolicyError(
            Fault("E807", str(path), message, "Make it with: poise gate plan-tests --json.")
        ) from error
    rest = [choice for choice in plan.choices if not choice.inline]
    return tuple(Untested(one.test, "until it runs", one.why) for one in rest)
