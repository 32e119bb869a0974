"""Runs of which the true IoU is known, kept as files, to fit and to measure ``sampt.output.review``.

A kept run holds what a method said about each frame and the true IoU, so that the signals can be computed
again in seconds. Frames are read or generated again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sampt._internal.files import replacing
from sampt.methods.results import FrameResult
from sampt.methods.sam_pt.pipeline import SamPt
from sampt.methods.sam_pt.samplers import KMedoidsSampler, RandomSampler
from sampt.output.first_look import first_looks
from sampt.output.signals import FirstLook
from sampt.prompts.object_query import ObjectQuery
from sampt.prompts.query_points import QueryPoints
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.clip import Clip

from ..datasets.base import VosSequence

PROMPTS = ("mask", "box", "1 click", "2 clicks", "3 clicks")
EDGE = 5
"""Side of the erosion of a mask before clicks are placed in it: nobody clicks exactly on an edge."""
CACHED_FRAMES = 90
"""Number of frames of one scene that are kept, which are all."""


class Scene(Protocol):
    """A clip with the truth: a source of frames, and each frame's label map of ids from 1."""

    name: str
    objects: int

    def __len__(self) -> int: ...
    def __getitem__(self, t: int, /) -> NDArray[np.uint8]: ...
    def label_map(self, t: int) -> NDArray[np.uint8]: ...


class AnnotatedScene:
    """Sequence of a dataset whose frames are all annotated."""

    def __init__(self, sequence: VosSequence) -> None:
        self.name, self._sequence = sequence.name, sequence
        self.objects = len(sequence.appearances)
        self._read = lru_cache(CACHED_FRAMES)(sequence.video.__getitem__)

    def __len__(self) -> int:
        return len(self._sequence.frames)

    def __getitem__(self, t: int, /) -> NDArray[np.uint8]:
        return self._read(t)

    def label_map(self, t: int) -> NDArray[np.uint8]:
        return self._sequence.labels(t)


class HardScene:
    """Generated scene that is made harder: faster, blurred along its motion, with colours more alike.

    Args:
        seed: seed of the scene.
        objects: number of objects.
        speed: factor of all motion.
        blur: number of moments of a frame's exposure that are averaged; 1 is no blur.
        grey: share of the colours that is taken away, from 0 to 1; objects then look like the background.
        frames: length in frames.
    """

    def __init__(
        self, seed: int, objects: int, speed: float, blur: int, grey: float, frames: int = 50
    ) -> None:
        self.name = f"scene {seed}, speed {speed:g}, blur {blur}, grey {grey:g}"
        self.objects, self._blur, self._grey, self._frames = objects, blur, grey, frames
        # An exposure of half the time between frames.
        self._scene = SyntheticScene(2 * blur * frames, 240, 426, objects, seed, speed=speed / (2 * blur))
        self._read = lru_cache(CACHED_FRAMES)(self._render)

    def __len__(self) -> int:
        return self._frames

    def __getitem__(self, t: int, /) -> NDArray[np.uint8]:
        if not 0 <= t < self._frames:
            raise IndexError(t)
        return self._read(t)

    def label_map(self, t: int) -> NDArray[np.uint8]:
        return self._scene.label_map(2 * self._blur * t + self._blur // 2)

    def _render(self, t: int) -> NDArray[np.uint8]:
        moments = [self._scene[2 * self._blur * t + i].astype(np.float32) for i in range(self._blur)]
        frame = np.mean(moments, axis=0)
        muted = frame + self._grey * (frame.mean(-1, keepdims=True) - frame)
        return np.asarray(np.rint(muted), np.uint8)


def generated_scenes() -> list[HardScene]:
    """The scenes that the review is fitted on: easy to hard, one to four objects."""
    rng = np.random.default_rng(0)
    return [
        HardScene(100 + i, int(rng.integers(1, 5)), [0.5, 1.0, 2.0, 3.0][i % 4], [1, 1, 3][i % 3], grey)
        for i, grey in enumerate([0.0, 0.4, 0.7, 0.85, 0.95, 0.9, 0.8, 0.6, 0.97, 0.9, 0.5, 0.95])
    ]


def asked(scene: Scene, prompt: str, seed: int) -> QueryPoints:
    """The objects of a scene's first frame, prompted by one of ``PROMPTS``."""
    labels, rng = scene.label_map(0), np.random.default_rng(seed)
    queries = []
    for id in range(1, scene.objects + 1):
        mask = labels == id
        if np.count_nonzero(mask) < 50:
            continue
        if prompt == "mask":
            queries.append(ObjectQuery(id, 0, mask=mask))
        elif prompt == "box":
            x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
            slack = rng.normal(0, 0.03 * seed, 4) * [width, height, width, height]
            box = np.array([x, y, x + width - 1, y + height - 1]) + slack
            highest = np.tile(np.array(mask.shape[::-1]) - 1, 2)
            queries.append(ObjectQuery(id, 0, box=np.clip(box, 0, highest)))
        else:
            sampler = RandomSampler() if seed % 2 else KMedoidsSampler(erosion=EDGE)
            inside = cv2.erode(mask.astype(np.uint8), np.ones((EDGE, EDGE))) > 0 if seed % 2 else mask
            area = inside if inside.any() else mask
            queries.append(ObjectQuery(id, 0, sampler.sample(scene[0], area, int(prompt[0]), rng)))
    return QueryPoints(tuple(queries), scene.name)


@dataclass(frozen=True)
class KeptRun:
    """A run in memory.

    Attributes:
        scene: name of its scene.
        prompt: one of ``PROMPTS``.
        seed: seed of the prompts.
        queries: the objects with the points in use.
        looks: what was known of the first masks before the run, by object id.
        results: what the method said about each frame; their logits are only signs.
        iou: (T, K) float32 true IoU; an object that is neither there nor segmented has 1.
    """

    scene: str
    prompt: str
    seed: int
    queries: QueryPoints
    looks: dict[int, FirstLook]
    results: list[FrameResult]
    iou: NDArray[np.float32]


def kept_run(folder: Path, model: SamPt, scene: Scene, prompt: str, seed: int) -> KeptRun:
    """The run with these prompts: read from ``folder``, or made and written there."""
    path = folder / f"{model.segmenter.name} {scene.name} {prompt} {seed}.npz".replace(" ", "_")
    queries = asked(scene, prompt, seed)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        arrays = _made(model, scene, queries)
        with replacing(path) as temporary:
            np.savez_compressed(temporary, **arrays)
    return _read(path, scene.name, prompt, seed, queries)


def _made(model: SamPt, scene: Scene, queries: QueryPoints) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {name: [] for name in ("masks", "iou", "scores", "counts", *_PER_POINT)}
    with model.stream(Clip(scene), queries) as run:
        used = run.queries
        looks = first_looks(run)
        for result in run:
            truth = scene.label_map(result.index)
            pairs = [(m, truth == id) for id, m in zip(result.object_ids, result.masks, strict=True)]
            columns["iou"].append([_iou(mask, true) for mask, true in pairs])
            columns["masks"].append(np.packbits(result.masks, axis=-1))
            columns["scores"].append(result.scores)
            columns["counts"].append(len(result.points))
            for name in _PER_POINT:
                columns[name].append(getattr(result, name))
    arrays = {
        name: np.concatenate(values) if name in _PER_POINT else np.array(values)
        for name, values in columns.items()
    }
    arrays["width"] = np.array(run.size[1])
    for q in used.objects:
        arrays[f"positives_{q.id}"], arrays[f"negatives_{q.id}"] = q.positives, q.negatives
        look = looks[q.id]
        arrays[f"look_{q.id}"] = np.array([look.guessed, look.unstable, look.misfit])
    return arrays


_PER_POINT = ("points", "visibility", "positive", "owners", "placed")


def _read(path: Path, scene: str, prompt: str, seed: int, queries: QueryPoints) -> KeptRun:
    with np.load(path) as stored:
        arrays = dict(stored)
    ids = tuple(q.id for q in queries.objects)
    ends = np.cumsum(arrays["counts"])
    results = []
    for t, end in enumerate(ends):
        mine = slice(end - arrays["counts"][t], end)
        masks = np.unpackbits(arrays["masks"][t], axis=-1, count=int(arrays["width"])).astype(bool)
        results.append(
            FrameResult(
                t,
                ids,
                masks,
                np.where(masks, np.float32(1), np.float32(-1)),
                arrays["scores"][t],
                **{name: arrays[name][mine] for name in _PER_POINT},
            )
        )
    used = tuple(
        ObjectQuery(q.id, q.frame, arrays[f"positives_{q.id}"], arrays[f"negatives_{q.id}"])
        for q in queries.objects
    )
    looks = {}
    for id in ids:
        guessed, unstable, misfit = arrays[f"look_{id}"].tolist()
        looks[id] = FirstLook(bool(guessed), unstable, misfit)
    return KeptRun(scene, prompt, seed, replace(queries, objects=used), looks, results, arrays["iou"])


def _iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 1.0
