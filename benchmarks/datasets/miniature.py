"""Small generated datasets in the exact layouts of the real ones, for tests and for trying the commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.names import unknown_name
from sampt.errors import ConfigError, OutputError
from sampt.prompts.label_maps import palette_image
from sampt.synthetic.scene import SyntheticScene
from sampt.video.resized import Size, resized_frame, resized_labels

from .base import Labels
from .bdd100k_prepare import prepare_bdd100k
from .folders import replacing_folder

HEIGHT, WIDTH = 96, 160
_STEP = 5
"""Number of frames from one annotation of YouTube-VOS to the next."""


@dataclass(frozen=True)
class _Clip:
    """A generated video: frames, (H, W, 3) uint8, and their labels, (H, W) uint8."""

    name: str
    frames: Sequence[NDArray[np.uint8]]
    labels: Sequence[Labels]


def miniature_names() -> tuple[str, ...]:
    """The datasets that ``write_miniature`` can write."""
    return tuple(_WRITERS)


def write_miniature(name: str, folder: Path, *, frames: int = 8, seed: int = 0) -> None:
    """Write a few short sequences of 160×96 pixels in a dataset's own layout.

    DAVIS also has full resolution, 320×192 pixels, and YouTube-VOS the frames in between. The same arguments
    give the same files. In the last sequence of YouTube-VOS, MOSE's training set, BDD100K and the generic
    layout, one object is annotated only from the third annotated frame on.

    Args:
        name: name of the dataset; for "bdd100k", the official files and, in ``vos``, what is prepared from
            them are written.
        folder: the root of the dataset, a new or empty folder.
        frames: number of annotated frames per sequence, at least 4.
        seed: seed of the generated videos.

    Raises:
        ConfigError: there is no such dataset, or ``frames`` is below 4.
        OutputError: ``folder`` is not empty or cannot be written.
    """
    write_new(_WRITERS, name, folder, frames, seed, least=4)


Writer = Callable[[Path, int, int], None]
"""A function that writes a dataset: it takes the folder, the number of frames per video and the seed."""


def write_new(
    writers: Mapping[str, Writer], name: str, folder: Path, frames: int, seed: int, least: int
) -> None:
    """Let a dataset's writer fill a folder, of which nothing remains if it fails.

    Args:
        writers: the writers by the names of their datasets.
        name: which of them to use.
        folder: a new or empty folder.
        frames: number of annotated frames per video.
        seed: seed of the generated videos.
        least: minimum number of frames.

    Raises:
        ConfigError: there is no writer of that name, or there are too few frames.
        OutputError: ``folder`` is not empty or cannot be written.
    """
    if name not in writers:
        raise ConfigError(unknown_name("dataset", name, writers))
    if frames < least:
        raise ConfigError(f"a miniature needs at least {least} frames, not {frames}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is not empty: give a new folder")
    with replacing_folder(folder) as root:
        writers[name](root, frames, seed)


def _davis2016(root: Path, frames: int, seed: int) -> None:
    listed = {"train": ["tin-train"], "val": ["tin-boat", "tin-car"]}
    listed["trainval"] = [*listed["train"], *listed["val"]]
    for n, name in enumerate(listed["trainval"]):
        for resolution, clip in _resolutions("1080p", name, frames, 1, seed + n):
            _write_frames(root / "JPEGImages" / resolution / name, clip.frames)
            binary = [(labels > 0).astype(np.uint8) * 255 for labels in clip.labels]
            _write_pngs(root / "Annotations" / resolution / name, map(Image.fromarray, binary))
    for resolution in ("1080p", "480p"):
        for split, names in listed.items():
            pairs = [
                f"/JPEGImages/{resolution}/{name}/{t:05d}.jpg /Annotations/{resolution}/{name}/{t:05d}.png"
                for name in names
                for t in range(frames)
            ]
            _write_text(root / "ImageSets" / resolution / f"{split}.txt", pairs)


def _davis2017(root: Path, frames: int, seed: int) -> None:
    listed = {"train": ["tin-train"], "val": ["tin-boat", "tin-cars"], "test-dev": ["tin-secret"]}
    for split, names in listed.items():
        _write_text(root / "ImageSets" / "2017" / f"{split}.txt", names)
        for n, name in enumerate(names):
            seeded = seed + 10 * len(split) + n
            for resolution, clip in _resolutions("Full-Resolution", name, frames, n + 1, seeded):
                _write_frames(root / "JPEGImages" / resolution / name, clip.frames)
                given = clip.labels[:1] if split == "test-dev" else clip.labels
                _write_pngs(root / "Annotations" / resolution / name, map(palette_image, given))


def _youtube_vos(root: Path, frames: int, seed: int) -> None:
    categories = ("penguin", "dinosaur")  # the first is a training category, the second is not
    for split, names in (("valid", ("00c0ffee01", "00decade02")), ("train", ("00facade03",))):
        videos: dict[str, Any] = {}
        for n, name in enumerate(names):
            clip = _clip(name, _STEP * (frames - 1) + 1, n + 1, seed + 10 * len(split) + n)
            start = 2 * _STEP if n else 0
            labels = _late(clip.labels, n + 1, start)
            stems = [f"{t:05d}" for t in range(0, len(clip.frames), _STEP)]
            objects = {
                str(id): {
                    "category": categories[id - 1],
                    "frames": stems[2:] if id == n + 1 and start else stems,
                }
                for id in range(1, n + 2)
            }
            videos[name] = {"objects": objects}
            everywhere = range(len(clip.frames))
            _write_frames(root / f"{split}_all_frames" / "JPEGImages" / name, clip.frames)
            sparse = everywhere[::_STEP]
            _write_frames(root / split / "JPEGImages" / name, [clip.frames[t] for t in sparse], sparse)
            given = sparse if split == "train" else sorted({0, start})
            masks = [palette_image(labels[t]) for t in given]
            _write_pngs(root / split / "Annotations" / name, masks, given)
        _write_text(root / split / "meta.json", [json.dumps({"videos": videos}, indent=1)])


def _mose(root: Path, frames: int, seed: int) -> None:
    for split, names in (("valid", ("1a2b3c4d", "5e6f7a8b")), ("train", ("9c0d1e2f",))):
        for n, name in enumerate(names):
            clip = _clip(name, frames, 2, seed + 10 * len(split) + n)
            labels = _late(clip.labels, 2, 2) if split == "train" else clip.labels[:1]
            _write_frames(root / split / "JPEGImages" / name, clip.frames)
            _write_pngs(root / split / "Annotations" / name, map(palette_image, labels))


def _bdd100k(root: Path, frames: int, seed: int) -> None:
    """BDD100K's official files: of four instances, one is ignored, one a crowd, and one appears later."""
    for n, name in enumerate(("b1c66a42-6f7d68ca", "b1c81faa-3df17267")):
        clip = _clip(name, frames, 4, seed + n)
        labels = _late(clip.labels, 2, 2 * n)
        stems = [f"{name}-{t + 1:07d}" for t in range(frames)]
        _write_frames(root / "images" / "seg_track_20" / "val" / name, clip.frames, stems)
        masks = [Image.fromarray(_bitmask(each)) for each in labels]
        _write_pngs(root / "labels" / "seg_track_20" / "bitmasks" / "val" / name, masks, stems)
    prepare_bdd100k(root, root / "vos", copy=True)


def _bitmask(labels: Labels) -> NDArray[np.uint8]:
    """The bitmask of labels, (H, W, 4): category, attributes, and the instance's number in two bytes."""
    category = np.array([0, 3, 1, 3, 1], np.uint8)
    attributes = np.array([0, 0b0000, 0b0100, 0b0001, 0b0010], np.uint8)  # none, occluded, ignored, crowd
    number = np.array([0, 700, 28, 31, 4000], np.uint16)
    high, low = (number >> 8).astype(np.uint8), (number & 255).astype(np.uint8)
    return np.stack([table[labels] for table in (category, attributes, high, low)], axis=-1)


def _generic(root: Path, frames: int, seed: int) -> None:
    """The generic layout: two sequences, the second with two frames without annotations."""
    for n, name in enumerate(("boat", "cars")):
        clip = _clip(name, frames, n + 1, seed + n)
        labels = _late(clip.labels, 2, 2) if n else clip.labels
        given = [t for t in range(frames) if not n or t not in (1, frames - 2)]
        _write_frames(root / "JPEGImages" / name, clip.frames)
        _write_pngs(root / "Annotations" / name, [palette_image(labels[t]) for t in given], given)
    _write_text(root / "ImageSets" / "late.txt", ["cars"])


_WRITERS: dict[str, Writer] = {
    "davis2016": _davis2016,
    "davis2017": _davis2017,
    "youtubevos2018": _youtube_vos,
    "youtubevos2019": lambda root, frames, seed: _youtube_vos(root, frames, seed + 5),
    "mose": _mose,
    "bdd100k": _bdd100k,
    "generic": _generic,
}


def _clip(name: str, frames: int, objects: int, seed: int, scale: int = 1) -> _Clip:
    scene = SyntheticScene(frames, scale * HEIGHT, scale * WIDTH, objects, seed, leaving=False)
    return _Clip(name, list(scene), [scene.label_map(t) for t in range(frames)])


def _resolutions(large: str, name: str, frames: int, objects: int, seed: int) -> list[tuple[str, _Clip]]:
    """The same video in DAVIS's two resolutions, of which the smaller is made from the larger."""
    clip = _clip(name, frames, objects, seed, scale=2)
    size: Size = (HEIGHT, WIDTH)
    shrunk = [resized_frame(frame, size) for frame in clip.frames]
    labels = [np.asarray(resized_labels(each, size), np.uint8) for each in clip.labels]
    return [(large, clip), ("480p", _Clip(name, shrunk, labels))]


def _late(labels: Sequence[Labels], id: int, start: int) -> list[Labels]:
    """The labels with an object annotated only from ``start`` on."""
    return [
        np.where(each == id, 0, each).astype(np.uint8) if t < start else each for t, each in enumerate(labels)
    ]


def _write_frames(
    folder: Path, frames: Sequence[NDArray[np.uint8]], names: Sequence[int | str] | None = None
) -> None:
    folder.mkdir(parents=True)
    for frame, name in zip(frames, names or range(len(frames)), strict=True):
        Image.fromarray(frame).save(folder / f"{_stem(name)}.jpg", quality=95)


def _write_pngs(folder: Path, masks: Iterable[Image.Image], names: Sequence[int | str] | None = None) -> None:
    folder.mkdir(parents=True)
    images = list(masks)
    for image, name in zip(images, names or range(len(images)), strict=True):
        image.save(folder / f"{_stem(name)}.png", compress_level=3)


def _stem(name: int | str) -> str:
    return name if isinstance(name, str) else f"{name:05d}"


def _write_text(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
