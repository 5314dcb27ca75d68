"""Conditions in CEL, for what the policy's words cannot say. An extra: ``pip install poise[cel]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from poise.errors import Fault, PolicyError

#: Longest condition [characters].
MAX_CHARACTERS: Final = 1_000
_TEXTS: Final = (
    *("kind", "severity", "known_exploited", "reachable", "rule", "path", "report", "title"),
    *("component", "version", "ecosystem", "vulnerability"),
)


def compile_condition(text: str, where: str) -> Callable[[dict[str, object]], bool]:
    """Return a condition as a function of :func:`poise.gate.rules.cel_variables`.

    Raises
    ------
    PolicyError
        E806 when the engine is not installed, or the condition cannot be read or is not true or false. The
        function raises it too, when the condition fails on a finding.
    """
    try:
        from cel_expr_python import cel
    except ImportError as error:
        hint = "Install it with: pip install 'poise[cel]'."
        raise PolicyError(Fault("E806", where, "The engine for CEL is not installed.", hint)) from error
    if len(text) > MAX_CHARACTERS:
        message = f"The condition has {len(text):,} characters, expected at most {MAX_CHARACTERS:,}."
        raise PolicyError(Fault("E806", where, message))
    kinds: dict[str, Any] = dict.fromkeys(_TEXTS, cel.Type.STRING)
    kinds |= dict.fromkeys(("new", "overdue", "fixable"), cel.Type.BOOL)
    kinds |= dict.fromkeys(("epss", "cvss"), cel.Type.DOUBLE)
    kinds["cwes"] = cel.Type.List(cel.Type.STRING)
    environment = cel.NewEnv(variables=kinds)
    hint = f"It may use: {', '.join(sorted(kinds))}."
    try:
        program = environment.compile(text)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise PolicyError(Fault("E806", where, f"The condition cannot be read: {reason}.", hint)) from error
    if program.return_type() != cel.Type.BOOL:
        message = f"The condition gives {program.return_type().name()}, expected bool."
        raise PolicyError(Fault("E806", where, message, hint))

    def holds(variables: dict[str, object]) -> bool:
        try:
            found = program.eval(data=variables).value()
        except (RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise PolicyError(Fault("E806", where, f"The condition fails: {reason}.")) from error
        if not isinstance(found, bool):
            reason = " ".join(str(found).split())[:300]
            raise PolicyError(Fault("E806", where, f"The condition fails on a finding: {reason}.", hint))
        return found

    return holds
