"""The record of a finished sequence, kept beside its masks: scores, times, counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampt._internal.files import read_json, write_json
from sampt.errors import EvaluationError

from ..vos.scoring import FrameScores


@dataclass(frozen=True)
class Doubt:
    """Stretch of one object, ``first`` to ``last`` by the frames' names, that a person should check.

    Attributes:
        object_id: id of the object.
        frames: number of frames.
        reason: main reason for doubt, in words.
        probability: mean probability that the mask is wrong, from 0 to 1.
    """

    object_id: int
    first: str
    last: str
    frames: int
    reason: str
    probability: float


@dataclass(frozen=True)
class SequenceRecord:
    """The record of one sequence, segmented with one seed.

    Attributes:
        frames: number of frames.
        objects: number of objects.
        size: (height, width) of the frames in pixels.
        seconds: seconds per stage, and "all".
        encoder: how many frames were encoded, and how often cached embeddings were used.
        quality: "full", or "preview" for the embedded segmenter.
        scores: scores of every object; None if the dataset has no public annotations.
        doubts: stretches whose masks are probably wrong, judged without ground truth.
    """

    sequence: str
    seed: int
    frames: int
    objects: int
    size: tuple[int, int]
    seconds: Mapping[str, float]
    encoder: Mapping[str, int]
    quality: str
    scores: tuple[FrameScores, ...] | None
    doubts: tuple[Doubt, ...] = ()

    def write(self, path: Path) -> None:
        """Write the record as JSON, whole or not at all."""
        plain: dict[str, Any] = vars(self) | {
            "scores": None if self.scores is None else [s.to_json() for s in self.scores],
            "doubts": [vars(doubt) for doubt in self.doubts],
        }
        write_json(path, plain)

    @classmethod
    def read(cls, path: Path) -> SequenceRecord:
        data = read_json(path, EvaluationError, "run the benchmark again with --overwrite")
        scores, doubts = data.pop("scores"), data.pop("doubts", [])
        return cls(
            **{**data, "size": tuple(data["size"])},
            doubts=tuple(Doubt(**doubt) for doubt in doubts),
            scores=None
            if scores is None
            else tuple(FrameScores.from_json(data["sequence"], s) for s in scores),
        )
