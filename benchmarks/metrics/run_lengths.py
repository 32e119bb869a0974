"""The areas of run-length encoded masks, with a check that they fit their frames.

pycocotools does not check its input: for a mask of another size it reports wrong numbers, and after the end
of a truncated string it reads foreign memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_FIRST = ord("0")
_BITS = 5
"""Number of a number's bits in each character; one more bit says that the number continues."""
_GOES_ON, _SIGN = 0x20, 0x10
_LONGEST = 7
"""Maximum number of characters of a number, enough for 32 bits and a sign."""


class RunLengthError(ValueError):
    """The error for a mask with invalid run lengths.

    Attributes:
        index: index of the mask among those that were given.
    """

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index


def mask_areas(counts: Sequence[bytes | None], pixels: int) -> NDArray[np.int64]:
    """The number of pixels of each mask, (N,); 0 where there is no mask.

    Args:
        counts: COCO's compressed run lengths, None for no mask.
        pixels: number of pixels of a frame, height times width.

    Raises:
        RunLengthError: a string is invalid, or does not cover ``pixels``.
    """
    areas = np.zeros(len(counts), np.int64)
    present = [i for i, text in enumerate(counts) if text is not None]
    if not present:
        return areas
    texts = [counts[i] or b"" for i in present]
    runs, owners = _runs(texts, present)
    starts = np.searchsorted(owners, np.arange(len(texts)))
    order = np.arange(len(runs)) - starts[owners]  # index of a run in its mask
    ones = order % 2 == 1
    runs[ones] = _restarting_sums(runs[ones], owners[ones])
    later_zeros = (order % 2 == 0) & (order > 0)
    runs[later_zeros] = _restarting_sums(runs[later_zeros], owners[later_zeros])
    totals = np.bincount(owners, runs, len(texts))
    for k in owners[runs < 0]:
        raise RunLengthError(present[k], "contains a run of negative length")
    for k in np.flatnonzero(totals != pixels):
        raise RunLengthError(present[k], f"covers {totals[k]:.0f} pixels instead of {pixels}")
    areas[present] = np.bincount(owners[ones], runs[ones], len(texts)).astype(np.int64)
    return areas


def _runs(texts: Sequence[bytes], names: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers in all strings, still as differences to the second last, and the string of each."""
    codes = np.frombuffer(b"".join(texts), np.uint8).astype(np.int64) - _FIRST
    lengths = np.array([len(text) for text in texts])
    owners = np.repeat(np.arange(len(texts)), lengths)
    for k in owners[(codes < 0) | (codes >= 2 * _GOES_ON)]:
        raise RunLengthError(names[k], "contains a character that run lengths do not have")
    last = (codes & _GOES_ON) == 0
    for k in np.flatnonzero(~last[np.cumsum(lengths)[lengths > 0] - 1]):
        raise RunLengthError(names[np.flatnonzero(lengths)[k]], "breaks off")
    ends = np.flatnonzero(last)
    begins = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    sizes = ends - begins + 1
    for k in owners[begins[sizes > _LONGEST]]:
        raise RunLengthError(names[k], "contains a number that is too large")
    places = np.arange(len(codes)) - np.repeat(begins, sizes)
    values = np.bincount(np.repeat(np.arange(len(ends)), sizes), (codes & ~_GOES_ON) << (_BITS * places))
    runs = values.astype(np.int64)
    below_zero = (codes[ends] & _SIGN) > 0
    runs[below_zero] -= 1 << (_BITS * sizes[below_zero])
    return runs, owners[ends]


def _restarting_sums(values: NDArray[np.int64], owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """The running sums that start over with every owner."""
    sums = np.cumsum(values)
    firsts = np.flatnonzero(np.diff(owners, prepend=-1))
    before = sums[firsts] - values[firsts]
    return sums - np.repeat(before, np.diff(firsts, append=len(owners)))
