"""Which stretches of a result a person should check: how likely each object's mask is wrong in each frame.

``signals`` measures, and a logistic regression weighs. Wrong means an IoU below 0.5 with the truth. See
docs/review.md for how the weights were fitted, and what the answers are worth.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampt.errors import OutputError
from sampt.methods.results import FrameResult
from sampt.prompts.query_points import QueryPoints

from .signal_stream import Measured, SignalStream
from .signals import INDEX, SIGNALS, FirstLook

SMOOTHED = 7
"""Number of frames over which probabilities are smoothed by their median."""
LONGEST_GAP = 5
"""Maximum number of frames without doubt between two stretches that are merged."""
SHORTEST = 3
"""Minimum number of frames in a row that are worth checking."""


TELLING = {"uprooted": 2.0, "hidden": 1.5, "growth": 0.5, "unsure": 1.0}
"""Weights for choosing a reason, where not the model's, which splits what several signals have in common:
where points are gone tells a person more than that the segmenter is unsure."""
FIRST = ("small", "unstable", "misfit")
"""Signals of the first mask."""


class Weight(NamedTuple):
    """Weight of a signal, and its mean where masks are right: what exceeds it is a reason for doubt."""

    weight: float
    usual: float


@dataclass(frozen=True)
class Model:
    """Logistic regression: probability = 1 / (1 + exp(−bias − Σ weight · signal)).

    Attributes:
        bias: the logit if all signals are 0.
        threshold: probability from which on a frame is worth checking.
        weights: of the signals; others have none.
    """

    bias: float
    threshold: float
    weights: Mapping[str, Weight]

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The weights and the usual values of all signals, in their order."""
        none = Weight(0.0, 0.0)
        pairs = np.array([self.weights.get(name, none) for name in SIGNALS])
        return pairs[:, 0], pairs[:, 1]


RANKED = Model(
    bias=-5.1,
    threshold=0.37,
    weights={
        "unsure": Weight(3.01, 0.39),
        "hidden": Weight(0.3, 0.13),
        "uprooted": Weight(0.3, 0.24),
        "drift": Weight(1.01, 0.01),
        "colours": Weight(1.4, 0.07),
        "jump": Weight(0.3, 0.09),
        "stray": Weight(1.0, 0.0),
        "frayed": Weight(0.71, 0.02),
        "faint": Weight(1.34, 0.2),
        "contradicted": Weight(2.0, 0.0),
        "shared": Weight(0.5, 0.0),
        "gone": Weight(1.0, 0.04),
        "small": Weight(1.54, 0.41),
        "unstable": Weight(3.14, 0.03),
        "misfit": Weight(1.73, 0.31),
        "guessed": Weight(0.41, 0.96),
    },
)
"""For scores that only rank masks, such as grabcut's."""

PREDICTED = Model(
    bias=-4.9,
    threshold=0.38,
    weights={
        "unsure": Weight(6.58, 0.1),
        "hidden": Weight(0.3, 0.13),
        "uprooted": Weight(0.68, 0.24),
        "restarts": Weight(0.04, 0.58),
        "drift": Weight(0.93, 0.01),
        "colours": Weight(1.92, 0.07),
        "growth": Weight(0.1, 0.42),
        "jump": Weight(0.3, 0.09),
        "stray": Weight(1.0, 0.0),
        "faint": Weight(1.33, 0.2),
        "contradicted": Weight(2.0, 0.0),
        "shared": Weight(0.5, 0.0),
        "gone": Weight(1.0, 0.04),
        "small": Weight(1.28, 0.41),
        "unstable": Weight(2.0, 0.03),
        "misfit": Weight(1.53, 0.31),
        "guessed": Weight(0.56, 0.96),
    },
)
"""For scores that predict an IoU, such as SAM's. Fitted with stand-ins for such scores."""


@dataclass(frozen=True)
class Stretch:
    """Stretch of frames, ``first`` to ``last`` inclusive, in which an object's result is doubtful.

    Attributes:
        object_id: id of the object.
        first: number of the first frame.
        last: number of the last frame.
        reason: main reason for doubt, in words.
        probability: mean probability that the mask is wrong, from 0 to 1.
        name: the object's name, if it has one.
    """

    object_id: int
    first: int
    last: int
    reason: str
    probability: float = 1.0
    name: str | None = None

    def __str__(self) -> str:
        name = f" '{self.name}'" if self.name else ""
        frames = f"frames {self.first}–{self.last}" if self.last > self.first else f"frame {self.first}"
        return f"object {self.object_id}{name}, {frames}: {self.reason}"


class Reviewer:
    """Review of one run, which sees each frame once, in the clip's order, and keeps a few bytes of it.

    Args:
        queries: the objects with the points in use.
        preview: whether the segmenter's scores only rank masks, instead of predicting their IoU.
        looks: what is known of the first masks, by object id.
    """

    def __init__(
        self, queries: QueryPoints, preview: bool, looks: Mapping[int, FirstLook] | None = None
    ) -> None:
        self._queries, self._looks = queries.objects, dict(looks or {})
        self._model = RANKED if preview else PREDICTED
        self._weights, self._usual = self._model.arrays()
        self._telling = np.array([TELLING.get(name, self._weights[INDEX[name]]) for name in SIGNALS])
        self._telling[INDEX["guessed"]] = 0
        self._signals = SignalStream(queries, self._looks)
        self._frames: list[int] = []
        self._logits: list[list[float]] = [[] for _ in self._queries]
        self._reasons: list[list[str]] = [[] for _ in self._queries]

    def see(self, frame: NDArray[np.uint8], result: FrameResult) -> None:
        """Take in the next frame, (H, W, 3) uint8 RGB, and its result."""
        self._frames.append(result.index)
        for logits, reasons in zip(self._logits, self._reasons, strict=True):
            logits.append(float("nan"))
            reasons.append("")
        for measured in self._signals.see(frame, result):
            self._weigh(measured)

    def _weigh(self, measured: Measured) -> None:
        row, position, values, plain = measured
        self._logits[row][position] = self._model.bias + float(self._weights @ values)
        self._reasons[row][position] = plain or self._reason(self._queries[row].id, values)

    def _reason(self, object_id: int, values: NDArray[np.float32]) -> str:
        name = list(SIGNALS)[int((self._telling * (values - self._usual)).argmax())]
        look = self._looks.get(object_id)
        doubt = look.doubt if look else None
        return doubt if doubt and name in FIRST else SIGNALS[name]

    def probabilities(self, object_id: int) -> list[float | None]:
        """Smoothed probability that an object's mask is wrong in each frame; None where it has none to make.

        Raises:
            KeyError: there is no such object.
        """
        rows = [k for k, q in enumerate(self._queries) if q.id == object_id]
        if not rows:
            raise KeyError(f"there is no object {object_id}, only {[q.id for q in self._queries]}")
        for measured in self._signals.rest():
            self._weigh(measured)
        logits = smoothed(np.array(self._logits[rows[0]]))
        return [None if np.isnan(logit) else float(1 / (1 + np.exp(-logit))) for logit in logits]

    def stretches(self) -> list[Stretch]:
        """Stretches that are worth checking, object by object."""
        return [
            stretch
            for k, query in enumerate(self._queries)
            for stretch in stretches(
                query.id,
                self._frames,
                self.probabilities(query.id),
                self._reasons[k],
                self._model.threshold,
                query.name,
            )
        ]


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of each value, (T,), and its neighbours within ``SMOOTHED`` frames; NaNs stay."""
    if not len(values):
        return values
    half = SMOOTHED // 2
    padded = np.pad(values, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED)
    known = ~np.isnan(values)
    result = np.full(len(values), np.nan)
    result[known] = np.nanmedian(windows[known], axis=1)
    return result


def stretches(
    object_id: int,
    frames: Sequence[int],
    probabilities: Sequence[float | None],
    reasons: Sequence[str],
    threshold: float,
    name: str | None = None,
) -> list[Stretch]:
    """Doubtful stretches of one object: short gaps are closed, then short stretches are dropped.

    Args:
        object_id: id of the object.
        frames: numbers of the frames.
        probabilities: that its mask is wrong, frame by frame.
        reasons: for doubt, frame by frame.
        threshold: probability from which on a frame is doubtful.
        name: the object's name.
    """
    doubtful = [p is not None and p >= threshold for p in probabilities]
    runs = [[i for i, _ in run] for on, run in groupby(enumerate(doubtful), key=lambda x: x[1]) if on]
    merged: list[list[int]] = []
    for run in runs:
        gap = range(merged[-1][-1] + 1, run[0]) if merged else range(0)
        if merged and len(gap) <= LONGEST_GAP and all(probabilities[i] is not None for i in gap):
            merged[-1] += [*gap, *run]
        else:
            merged.append(run)
    found = []
    for run in merged:
        if len(run) >= min(SHORTEST, len(frames)):
            reason = Counter(reasons[i] for i in run).most_common(1)[0][0]
            probability = float(np.mean([probabilities[i] or 0.0 for i in run]))
            found.append(
                Stretch(object_id, frames[run[0]], frames[run[-1]], reason, round(probability, 2), name)
            )
    return found


def read_doubts(folder: str | Path) -> dict[int, dict[int, float]]:
    """Doubts per object and frame of a folder of results: object id → frame number → probability.

    Frames in which an object is not segmented are left out, as are objects of results without doubts.

    Raises:
        OutputError: there is no readable ``result.json`` in the folder.
    """
    path = Path(folder) / "result.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        frames, objects = summary["frames"], summary["objects"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path} cannot be read; give a folder that sampt segment has written") from error
    return {
        entry["id"]: {
            frame: doubt
            for frame, doubt in zip(frames, entry.get("doubt", ()), strict=False)
            if doubt is not None
        }
        for entry in objects
    }
