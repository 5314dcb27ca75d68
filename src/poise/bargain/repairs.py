"""When limits cannot all hold: which ones could give way, all smallest sets of them, least give first.

A set of limits is a *repair* when a plan exists that meets all others, and no part of the set is one. It
is found from conflicts: a *conflict* is a smallest set of limits that no plan meets, and a repair takes at
least one limit from each. Repairs and conflicts are enumerated together [1]_: the cheapest set that hits
all conflicts known so far either is a repair, or what it leaves holds a conflict that is still unknown.

References
----------
.. [1] R. Reiter, A theory of diagnosis from first principles, Artificial Intelligence 32(1), 1987, 57-95.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from poise.bargain.value import Limits

#: Whether any plan meets these limits: True with a plan in hand, False when proven, None when not known.
Feasible = Callable[[Limits], bool | None]

#: Most repairs listed; a reader chooses among few.
MOST_REPAIRS = 20


@dataclass(frozen=True, slots=True)
class Repairs:
    """All smallest repairs and the conflicts behind them.

    Parameters
    ----------
    repairs
        By growing give; each a set of limits to give way. ``[frozenset()]`` when nothing must.
    conflicts
        Smallest sets that no plan meets, proven; as many as the search needed.
    is_complete
        Whether no other repair exists. False after ``most`` repairs, when something could not be
        decided, or when the hard rules alone leave no plan.
    undecided
        Sets of limits that would be repairs if what they leave is possible, which was not decided.
    """

    repairs: tuple[Limits, ...]
    conflicts: tuple[Limits, ...]
    is_complete: bool
    undecided: tuple[Limits, ...] = ()


def find_repairs(
    limits: Sequence[str],
    is_feasible: Feasible,
    *,
    is_proven: Feasible | None = None,
    give: Mapping[str, float] | None = None,
    most: int = MOST_REPAIRS,
) -> Repairs:
    """Find every smallest set of limits whose giving way makes the others possible.

    Parameters
    ----------
    limits
        Those that may give way; everything hard belongs into ``is_feasible``.
    is_feasible
        Asked once for each set.
    is_proven
        Asked instead while a conflict is made smaller, where only a proof helps: it may look less hard.
    give
        How much it is to give up each limit, > 0 [1]; by default 1 each, so fewest first.
    most
        Stop after so many repairs.
    """
    known: dict[Limits, bool | None] = {}
    in_brief: dict[Limits, bool | None] = known if is_proven is None else {}

    def asked(kept: Limits) -> bool | None:
        if kept not in known:
            known[kept] = in_brief.get(kept)
            if known[kept] is None:
                known[kept] = is_feasible(kept)
        return known[kept]

    def briefly(kept: Limits) -> bool | None:
        if kept in known:
            return known[kept]
        if kept not in in_brief:
            in_brief[kept] = (is_proven or is_feasible)(kept)
        return in_brief[kept]

    every = frozenset(limits)
    weight = {limit: 1.0 if give is None else give[limit] for limit in limits}
    repairs: list[Limits] = []
    conflicts: list[Limits] = []
    undecided: list[Limits] = []
    while len(repairs) < most:
        chosen = _least_hitting(conflicts, [*repairs, *undecided], weight)
        if chosen is None:
            return Repairs(tuple(repairs), tuple(conflicts), not undecided, tuple(undecided))
        answer = asked(every - chosen)
        if answer:
            repairs.append(chosen)
        elif answer is None:
            undecided.append(chosen)
        else:
            conflict = _shrink(every - chosen, limits, briefly)
            if not conflict:
                return Repairs((), tuple(conflicts), is_complete=False, undecided=tuple(undecided))
            conflicts.append(conflict)
    return Repairs(tuple(repairs), tuple(conflicts), is_complete=False, undecided=tuple(undecided))


def _shrink(kept: Limits, order: Sequence[str], asked: Callable[[Limits], bool | None]) -> Limits:
    """Return a part of an impossible set from which nothing can go without losing the proof."""
    for limit in order:
        if limit in kept and asked(kept - {limit}) is False:
            kept = kept - {limit}
    return kept


def _least_hitting(
    conflicts: Sequence[Limits], blocked: Sequence[Limits], weight: Mapping[str, float]
) -> Limits | None:
    """Return the lightest set that meets every conflict and contains no blocked set; None without one."""
    best: list[Limits] = []
    least = float("inf")

    def grow(chosen: Limits, total: float) -> None:
        nonlocal least
        if total >= least or any(block <= chosen for block in blocked):
            return
        missed = next((conflict for conflict in conflicts if not conflict & chosen), None)
        if missed is None:
            least = total
            best[:] = [chosen]
            return
        for limit in sorted(missed, key=lambda name: (weight[name], name)):
            grow(chosen | {limit}, total + weight[limit])

    grow(frozenset(), 0.0)
    return best[0] if best else None
