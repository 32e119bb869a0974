"""Small generated datasets for video instance segmentation, in the layouts of the real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sampt._internal.run_lengths import box, encode
from sampt.synthetic.scene import SyntheticScene
from sampt.video.writer import VideoWriter

from ..datasets.base import Labels
from ..datasets.miniature import Writer, write_new
from .uvo_prepare import VIDEOS, prepare_uvo

HEIGHT, WIDTH = 96, 160
_LATE = 2
"""The first frame in which the last object of the last video is annotated."""


@dataclass(frozen=True)
class _Style:
    """The conventions of a dataset's files.

    Attributes:
        file: name of a frame, with "{n}" for its number.
        plain: whether run lengths are lists of numbers.
    """

    file: str
    plain: bool
    categories: tuple[str, ...]


_UVO = _Style("{n}.png", False, ("object",))
_YOUTUBE = _Style("{n:05d}.jpg", True, ("person", "giant_panda", "lizard"))
_OVIS = _Style("img_{n:07d}.jpg", False, ("Person", "Bird", "Cat"))


def vis_miniature_names() -> tuple[str, ...]:
    """The datasets that ``write_vis_miniature`` can write."""
    return tuple(_WRITERS)


def write_vis_miniature(name: str, folder: Path, *, frames: int = 8, seed: int = 0) -> None:
    """Write a few short videos of 160×96 pixels in a dataset's own layout.

    The same arguments give the same annotations. As published, only the training sets of YouTube-VIS and OVIS
    are annotated, and UVO's training and validation sets. The last object of each set's last video is
    annotated from the third frame on.

    Args:
        name: name of the dataset; for "uvo", the videos and, as ``sampt prepare uvo`` makes them, the frames
            are written.
        folder: the root of the dataset, a new or empty folder.
        frames: number of frames per video, at least 3.
        seed: seed of the generated videos.

    Raises:
        ConfigError: there is no such dataset, or ``frames`` is below 3.
        OutputError: ``folder`` is not empty or cannot be written.
    """
    write_new(_WRITERS, name, folder, frames, seed, least=_LATE + 1)


def _uvo(root: Path, frames: int, seed: int) -> None:
    (root / VIDEOS).mkdir()
    for split, names in (("val", ("-tin_boat01", "tin_cars-02")), ("train", ("tin_train03",))):
        scenes = _scenes(names, frames, seed + 10 * len(split))
        for name, scene in scenes.items():
            with VideoWriter(root / VIDEOS / f"{name}.mp4", scene.fps, scene.size) as writer:
                for frame in scene:
                    writer.write(frame)
        _write_json(root / "VideoDenseSet" / f"UVO_video_{split}_dense.json", scenes, _UVO, True)
        prepare_uvo(root, split)


def _youtube_vis(annotations: str, root: Path, frames: int, seed: int) -> None:
    for split, names in (("valid", ("00c0ffee01", "00decade02")), ("train", ("00facade03", "00ce1e5704"))):
        scenes = _scenes(names, frames, seed + 10 * len(split))
        _write_frames(root / split / "JPEGImages", scenes, _YOUTUBE)
        _write_json(root / annotations.format(split=split), scenes, _YOUTUBE, split == "train")


def _ovis(root: Path, frames: int, seed: int) -> None:
    for split, names in (("valid", ("1a2b3c4d", "5e6f7a8b")), ("train", ("9c0d1e2f", "0a1b2c3d"))):
        scenes = _scenes(names, frames, seed + 10 * len(split))
        _write_frames(root / split, scenes, _OVIS)
        _write_json(root / f"annotations_{split}.json", scenes, _OVIS, split == "train")


_WRITERS: dict[str, Writer] = {
    "uvo": _uvo,
    "ytvis2019": lambda root, frames, seed: _youtube_vis("{split}.json", root, frames, seed),
    "ytvis2021": lambda root, frames, seed: _youtube_vis("{split}/instances.json", root, frames, seed + 5),
    "ovis": _ovis,
}


def _scenes(names: Sequence[str], frames: int, seed: int) -> dict[str, SyntheticScene]:
    """The scenes by name; the first has two objects, and each later one has one more."""
    return {
        name: SyntheticScene(frames, HEIGHT, WIDTH, n + 2, seed + n, leaving=False)
        for n, name in enumerate(names)
    }


def _write_frames(folder: Path, scenes: dict[str, SyntheticScene], style: _Style) -> None:
    for name, scene in scenes.items():
        (folder / name).mkdir(parents=True)
        for n, frame in enumerate(scene):
            Image.fromarray(frame).save(folder / name / style.file.format(n=n), quality=95)


def _write_json(path: Path, scenes: dict[str, SyntheticScene], style: _Style, annotated: bool) -> None:
    videos: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for video, (name, scene) in enumerate(scenes.items(), start=1):
        size = {"height": HEIGHT, "width": WIDTH}
        files = [f"{name}/{style.file.format(n=n)}" for n in range(len(scene))]
        videos.append({"id": video, **size, "length": len(scene), "file_names": files})
        labels = [scene.label_map(t) for t in range(len(scene))]
        for k in range(scene.objects):
            late = _LATE if video == len(scenes) and k == scene.objects - 1 else 0
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "video_id": video,
                    "category_id": k % len(style.categories) + 1,
                    "iscrowd": 0,
                    **size,
                    "length": len(scene),
                    **_shapes(labels, k + 1, late, style.plain),
                }
            )
    categories = [{"id": n, "name": name} for n, name in enumerate(style.categories, start=1)]
    content = {"info": {"description": "generated"}, "videos": videos, "categories": categories}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content | ({"annotations": annotations} if annotated else {})) + "\n")


def _shapes(labels: Sequence[Labels], id: int, late: int, plain: bool) -> dict[str, list[Any]]:
    shapes: dict[str, list[Any]] = {"segmentations": [], "bboxes": [], "areas": []}
    for t, each in enumerate(labels):
        mask = each == id
        shown = t >= late and bool(mask.any())
        encoded = encode(mask)
        counts = _plain_counts(mask) if plain else encoded["counts"]
        shapes["segmentations"].append({"size": [HEIGHT, WIDTH], "counts": counts} if shown else None)
        shapes["bboxes"].append(box(encoded) if shown else None)
        shapes["areas"].append(int(mask.sum()) if shown else None)
    return shapes


def _plain_counts(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
    """The lengths of runs down the columns, beginning with background."""
    pixels = mask.ravel(order="F").astype(np.int8)
    changes = np.flatnonzero(np.diff(pixels, prepend=0, append=1 - pixels[-1]))
    return [int(n) for n in np.diff(changes, prepend=0)]
