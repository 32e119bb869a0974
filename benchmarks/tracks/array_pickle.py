"""Safe reading of pickles of NumPy arrays: no code that a file names is ever run.

A pickle is a program that may import and call anything. Here it may name only the functions with which NumPy
1 and 2 write arrays, and it gets stand-ins for them that accept only plain numbers and bytes.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt.errors import EvaluationError

_PLAIN = re.compile(r"(b1|[iu][1248]|f[248]|S[0-9]+)")
"""The types of arrays that are read: bool, integers, floats, byte strings."""


def load_arrays(path: Path) -> Any:
    """The contents of a pickle: arrays, bytes, strings, numbers, and lists, tuples and dicts of these.

    Arrays contain bool, integers, floats or byte strings, and are read-only.

    Raises:
        EvaluationError: the file cannot be opened, is damaged, or asks for anything else, in which case
            nothing of it was run.
    """
    try:
        with path.open("rb") as file:
            return _unwrapped(_ArrayUnpickler(file).load())
    except _ForbiddenError as error:
        raise EvaluationError(
            f"{path} was not read, because it asks for {error}, but may only contain NumPy arrays: get the "
            "file from a source you trust, or write it again as plain arrays"
        ) from error
    except OSError as error:
        raise EvaluationError(
            f"{path} cannot be opened ({error.strerror or error}): give a pickle file"
        ) from error
    except Exception as error:  # a damaged pickle can raise almost any error
        raise EvaluationError(
            f"{path} is damaged, or is not a pickle of arrays: download or write it again"
        ) from error


class _ForbiddenError(Exception):
    """The error for a pickle that asks for something other than an array, which the message names."""


class _Dtype:
    """A stand-in for ``numpy.dtype``."""

    def __init__(self, code: str, align: object = False, copy: object = False) -> None:
        if not _PLAIN.fullmatch(code):
            raise _ForbiddenError(f"an array of type {code!r}")
        self.real = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.real = self.real.newbyteorder(state[1])


class _Array:
    """A stand-in for ``numpy.ndarray`` until all of it is read."""

    value: NDArray[Any]

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Dtype, bool, bytes]) -> None:
        _, shape, dtype, fortran, data = state
        self.value = _from_buffer(data, dtype, shape, "F" if fortran else "C")


def _reconstruct(kind: type[_Array], shape: object, code: object) -> _Array:
    return _Array()


def _from_buffer(data: bytes, dtype: _Dtype, shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    array = np.frombuffer(data, dtype.real).reshape(shape, order=order)
    array.flags.writeable = False
    return array


def _encode(text: str, encoding: str) -> bytes:
    """A stand-in for ``codecs.encode``, with which protocols 0 to 2 write bytes."""
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """A stand-in for ``bytes``, with which protocols 0 to 2 write empty bytes."""
    return b""


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _ForbiddenError(f"{module}.{name}")
        return _ALLOWED[module, name]


def _unwrapped(value: Any) -> Any:
    """A value with its stand-ins replaced by real arrays."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_unwrapped, value))
    return value
