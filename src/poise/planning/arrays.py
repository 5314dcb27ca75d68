"""Arrays and problems as bytes: to keep them in files, and to tell one problem from another."""

from __future__ import annotations

import hashlib
import math
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

#: Types of numbers that a packed array may have.
_DTYPES = ("float64", "float32", "int64", "int32", "int16", "uint8")


class Packed(msgspec.Struct, array_like=True, frozen=True):
    """An array. With ``place``, only what is not zero is held, at these places of the flat array."""

    dtype: str
    shape: tuple[int, ...]
    values: bytes
    place: bytes | None = None


def pack(array: npt.NDArray[Any]) -> Packed:
    """Return an array as bytes, little-endian; mostly zeros take little room."""
    array = np.ascontiguousarray(array)
    if array.dtype.name not in _DTYPES:
        raise TypeError(f"cannot pack {array.dtype}")
    place = np.flatnonzero(array)
    if 2 * len(place) > array.size:
        return Packed(array.dtype.name, array.shape, _bytes(array))
    values = array.reshape(-1)[place]
    return Packed(array.dtype.name, array.shape, _bytes(values), _bytes(place.astype(np.int64)))


def unpack(packed: Packed, most: int) -> npt.NDArray[Any]:
    """Return a packed array.

    Raises
    ------
    ValueError
        When it has more than ``most`` entries, or its parts do not fit together.
    """
    if packed.dtype not in _DTYPES:
        raise ValueError(f"its numbers are {packed.dtype!r}")
    size = math.prod(packed.shape)
    if size > most or min(packed.shape, default=0) < 0:
        raise ValueError(f"an array of {size} entries is too large")
    kind = np.dtype(packed.dtype).newbyteorder("<")
    values = np.frombuffer(packed.values, dtype=kind).astype(packed.dtype)
    if packed.place is None:
        return values.reshape(packed.shape)
    place = np.frombuffer(packed.place, dtype="<i8")
    if len(place) != len(values) or (len(place) and not 0 <= place.min() <= place.max() < size):
        raise ValueError("its places do not fit its values")
    array = np.zeros(size, dtype=packed.dtype)
    array[place] = values
    return array.reshape(packed.shape)


def digest(problem: object) -> str:
    """Return the SHA-256 of a problem, as hex: of the names, types and values of all its arrays."""
    hasher = hashlib.sha256()
    _add(hasher, problem)
    return hasher.hexdigest()


def _add(hasher: hashlib._Hash, value: object) -> None:
    if is_dataclass(value):
        for field in fields(value):
            hasher.update(f"{field.name};".encode())
            _add(hasher, getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        hasher.update(f"{value.dtype.name}{value.shape};".encode())
        hasher.update(_bytes(value))
    else:
        hasher.update(f"{value!r};".encode())


def _bytes(array: npt.NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
