"""Why a record's body is none of its kind, in words with what was expected."""

from __future__ import annotations

import re
from typing import Final, get_args, get_type_hints

_FIELD: Final = re.compile(r"`\$\.(\w+)`$")


def misfit(body: type, error: Exception) -> str:
    """Return what a body's type says against it; where the field takes one of some words, these.

    Parameters
    ----------
    error
        Of :func:`msgspec.convert`.
    """
    found = _FIELD.search(str(error))
    words = get_args(get_type_hints(body).get(found[1])) if found else ()
    if words and all(isinstance(one, str) for one in words):
        return f"{error}; expected one of {', '.join(words)}"
    return str(error)
