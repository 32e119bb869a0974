"""J and F of every object in every annotated frame of a sequence; what is made of them is the protocol's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FrameScores:
    """One object in every annotated frame after the one in which its mask was given, in order; T frames.

    frames: their names, without suffix.
    j, f: (T,) float64, region similarity and contour accuracy in 0..1.
    visible: (T,) bool, whether the annotation shows any of the object.
    category: of the object, where the dataset knows it.
    """

    sequence: str
    object_id: int
    frames: tuple[str, ...]
    j: NDArray[np.float64]
    f: NDArray[np.float64]
    visible: NDArray[np.bool_]
    category: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "object": self.object_id,
            "category": self.category,
            "frames": list(self.frames),
            "J": self.j.tolist(),
            "F": self.f.tolist(),
            "visible": self.visible.tolist(),
        }

    @classmethod
    def from_json(cls, sequence: str, data: Mapping[str, Any]) -> FrameScores:
        return cls(
            sequence,
            int(data["object"]),
            tuple(data["frames"]),
            np.array(data["J"], np.float64),
            np.array(data["F"], np.float64),
            np.array(data["visible"], bool),
            data["category"],
        )
