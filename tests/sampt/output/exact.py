"""Exact results of a scene, whose frames may lie in a folder, written as a run writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sampt import ObjectQuery, QueryPoints, SyntheticScene, Video
from sampt.methods.results import FrameResult
from sampt.output.frame_writer import RunFacts
from sampt.output.outputs import Outputs

SCENE = SyntheticScene(frames=4, height=120, width=160, objects=2, seed=3)
QUERIES = QueryPoints((ObjectQuery(1, 0, [(80, 60)], name="dog"), ObjectQuery(7, 0, [(80, 60)], name="ball")))


def frames_in(folder: Path, suffix: str = ".jpg") -> Video:
    """The scene in a folder called like the clip, as frames called shot_0010, shot_0011, …"""
    folder.mkdir(parents=True)
    for t, frame in enumerate(SCENE):
        Image.fromarray(frame).save(folder / f"shot_{10 + t:04d}{suffix}")
    return Video(folder)


def exact(t: int, name: str | None = None) -> FrameResult:
    masks = SCENE.masks(t)
    logits = np.where(masks, 1, -1).astype(np.float32)
    return FrameResult(t, (1, 7), masks, logits, np.float32([0.9, 0.8]), name=name)


def write(outputs: Outputs, video: Video | SyntheticScene, folder: Path, *, overwrite: bool = False) -> None:
    """Write all frames with their exact results, as ``save`` does."""
    folder.mkdir(exist_ok=True)
    outputs.check(folder, overwrite, QUERIES, video)
    facts = RunFacts(video, SCENE.size, 25.0, (1, 7), outputs.categories(QUERIES))
    names = getattr(video, "file_names", None)
    writers = outputs.open(folder, QUERIES, facts)
    for t in range(len(SCENE)):
        result = exact(t, None if names is None else Path(names[t]).stem)
        for writer in writers:
            writer.write(video[t], result)
    for writer in writers:
        writer.close()
