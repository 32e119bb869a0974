"""J and F of every frame, in few enough bytes for a page of hundreds of sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..vos.scoring import FrameScores
from .record import SequenceRecord

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
UNKNOWN = "zz"
"""The code of a score that is not a number."""


def frame_scores(records: Iterable[SequenceRecord]) -> dict[str, dict[str, Any]]:
    """The scores of every sequence, as means over seeds.

    ``frames`` are the frames' names, as in ``compact_names``. ``objects`` are ``[id, J, F]``; the scores are
    two characters each, as in ``compact_scores``, and are those of the last frames if they are fewer.

    Args:
        records: the records of all sequences with all seeds.

    Returns:
        Sequence → scores; without sequences that have none.
    """
    found: dict[str, dict[int, list[FrameScores]]] = {}
    for record in records:
        for scores in record.scores or ():
            found.setdefault(record.sequence, {}).setdefault(scores.object_id, []).append(scores)
    made = {name: _sequence(list(objects.values())) for name, objects in found.items()}
    return {name: scores for name, scores in made.items() if scores["objects"]}


def _sequence(objects: Sequence[list[FrameScores]]) -> dict[str, Any]:
    frames = max((seeds[0].frames for seeds in objects), key=len)
    return {
        "frames": compact_names(frames),
        "objects": [_object(seeds) for seeds in objects if seeds[0].frames],
    }


def _object(seeds: list[FrameScores]) -> list[Any]:
    same = [scores for scores in seeds if scores.frames == seeds[0].frames]
    j, f = (np.mean([getattr(scores, name) for scores in same], axis=0) for name in "jf")
    return [seeds[0].object_id, compact_scores(j), compact_scores(f)]


def compact_scores(scores: NDArray[np.float64]) -> str:
    """The scores, (T,) in 0..1, as two digits of base 36 each that count thousandths."""
    return "".join(
        UNKNOWN if np.isnan(score) else "".join(DIGITS[digit] for digit in divmod(round(1000 * score), 36))
        for score in scores.tolist()
    )


def compact_names(names: Sequence[str]) -> list[Any]:
    """The names as ``[first, step, digits, count]`` if they are evenly spaced numbers; else unchanged."""
    if len(names) > 1 and all(name.isascii() and name.isdigit() for name in names):
        steps = {int(b) - int(a) for a, b in pairwise(names)}
        if len({len(name) for name in names}) == len(steps) == 1:
            return [int(names[0]), steps.pop(), len(names[0]), len(names)]
    return list(names)
