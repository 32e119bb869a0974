"""A small dataset for semi-supervised VOS, made by hand, and results that differ from it in known ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sampt.benchmarks.datasets.annotation import read_labels
from sampt.benchmarks.datasets.base import VosSequence
from sampt.prompts.label_maps import write_label_map

SHAPE = (40, 60)
FRAMES = 6
LATE = 2
"""The frame in which object 2 of every sequence appears."""


@dataclass
class HandMade:
    """Sequences by name."""

    sequences: Mapping[str, VosSequence]
    name: str = "davis2017"
    split: str = "val"
    protocol: str = "davis"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.sequences)

    def __getitem__(self, name: str, /) -> VosSequence:
        return self.sequences[name]


def labels(frame: int, offset: int = 0, late: int = LATE) -> np.ndarray:
    """Two boxes, objects 1 and (from frame ``late`` on) 2, that move right; ``offset`` shifts them down."""
    array = np.zeros(SHAPE, np.uint8)
    array[5 + offset : 17 + offset, 4 + 2 * frame : 16 + 2 * frame] = 1
    if frame >= late:
        array[22 + offset : 32 + offset, 30 - frame : 44 - frame] = 2
    return array


def make_sequence(
    root: Path,
    name: str = "car",
    annotated: range = range(FRAMES),
    saved: range = range(FRAMES),
    late: int = LATE,
) -> VosSequence:
    """Frames and annotations on disk, under ``root/JPEGImages`` and ``root/Annotations``."""
    frames = tuple(root / "JPEGImages" / name / f"{t:05d}.jpg" for t in range(FRAMES))
    masks = {t: root / "Annotations" / name / f"{t:05d}.png" for t in annotated}
    for folder in (frames[0].parent, masks[0].parent):
        folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        Image.new("RGB", SHAPE[::-1]).save(frame)
    for t, path in masks.items():
        write_label_map(path, labels(t, late=late))
    appearances = {1: 0, 2: late}
    return VosSequence(name, frames, appearances, masks, tuple(saved), read_labels, {1: "dog", 2: "flamingo"})


def write_results(
    folder: Path, sequence: VosSequence, offset: int = 0, late: int = LATE, frames: range | None = None
) -> Path:
    """Predictions in ``folder/NAME``; returns that folder."""
    results = folder / sequence.name
    results.mkdir(parents=True, exist_ok=True)
    for t in sequence.saved if frames is None else frames:
        write_label_map(results / f"{sequence.frames[t].stem}.png", labels(t, offset, late))
    return results
