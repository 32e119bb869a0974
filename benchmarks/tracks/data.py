"""Videos with true point tracks: TAP-Vid's pickles, and generated ones in the same layouts."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.files import replacing
from sampt.errors import EvaluationError
from sampt.synthetic.scene import SyntheticScene
from sampt.trackers.clip import FrameSource

from .array_pickle import load_arrays

Layout = Literal["davis", "rgb-stacking", "kinetics"]
"""The layouts of files: a dict of videos by name; a list of videos; a folder of such lists of JPEG frames."""

_FARTHEST = 1.5
"""Largest coordinate of a visible point in shares of the frame; pixels are larger."""


@dataclass(frozen=True)
class AnnotatedVideo:
    """T frames and the true tracks of N points.

    Attributes:
        name: name of the video.
        group: name of the videos that it is averaged with.
        frames: the frames.
        size: (height, width) in pixels.
        xy: (T, N, 2) float32, pixels of the frames, integer = pixel centre; anything where not visible.
        visible: (T, N) bool.
    """

    name: str
    group: str
    frames: FrameSource
    size: tuple[int, int]
    xy: NDArray[np.float32]
    visible: NDArray[np.bool_]

    @classmethod
    def from_scene(
        cls, scene: SyntheticScene, group: str, points_per_object: int, rng: np.random.Generator
    ) -> AnnotatedVideo:
        """A generated scene with the tracks of random points on its objects in the first frame."""
        queries, _ = scene.sample_queries(points_per_object, rng)
        truth = scene.trajectories(queries)
        return cls(f"{group} {scene.name}", group, scene, scene.size, truth.xy, truth.visible)


class PickledVideos:
    """The videos of a TAP-Vid pickle, or of a folder of such pickles (the shards of Kinetics), file by file.

    Only one file's contents are in memory at a time. Nothing in the files is executed (``load_arrays``).

    Args:
        path: a pickle of a dict or list of {"video", "points", "occluded"}, or a folder of ``*.pkl``.
            ``video`` is a (T, H, W, 3) uint8 array, or T JPEG files as bytes; ``points`` (N, T, 2), x and y
            as shares of width and height; ``occluded`` (N, T) bool.

    Attributes:
        count: number of videos; None until the last file has been opened.

    Raises:
        EvaluationError: there is nothing at ``path``, or, on iteration, a file cannot be read or does not
            contain videos as above.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.resolve().stem
        self._files = sorted(path.glob("*.pkl")) if path.is_dir() else [path]
        if not self._files or not path.exists():
            problem = "contains no .pkl file" if path.exists() else "does not exist"
            raise EvaluationError(f"{path} {problem}: give a TAP-Vid pickle, or the folder of its shards")
        self.count: int | None = None

    def __iter__(self) -> Iterator[AnnotatedVideo]:
        seen = 0
        for number, file in enumerate(self._files, start=1):
            videos = _named(file, load_arrays(file))
            seen += len(videos)
            self.count = seen if number == len(self._files) else None
            for name, content in videos.items():
                yield _annotated(file, name, self.name, content)


class StoredFrames:
    """Frames from a (T, H, W, 3) uint8 array or from T encoded images, decoded when they are needed.

    Reading a frame raises an ``EvaluationError`` if it is not an image.

    Args:
        stored: the array or the images.
        origin: what the error calls them.
    """

    def __init__(self, stored: NDArray[np.uint8] | Sequence[bytes], origin: str) -> None:
        self._stored, self._origin = stored, origin

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        frame = self._stored[index]
        if isinstance(frame, bytes):
            try:
                with Image.open(io.BytesIO(frame)) as image:
                    return np.array(image.convert("RGB"))
            except (OSError, SyntaxError, Image.DecompressionBombError) as error:
                raise EvaluationError(
                    f"frame {index} of {self._origin} is not an image: download or write the file again"
                ) from error
        return np.array(frame)


class ResizedFrames:
    """A source's frames, squeezed to ``side``×``side`` px with a Lanczos filter, as in TAP-Vid's reader."""

    def __init__(self, frames: FrameSource, side: int) -> None:
        self._frames, self._size = frames, (side, side)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        return np.array(Image.fromarray(self._frames[index]).resize(self._size, Image.Resampling.LANCZOS))


def write_tapvid_miniature(path: Path, layout: Layout) -> Path:
    """Write a few small generated videos in one of TAP-Vid's layouts, for trying a setup.

    Args:
        path: the file or, for "kinetics", the folder to make.
        layout: which layout.

    Returns:
        ``path``.

    Raises:
        OutputError: it cannot be written.
    """
    videos = {}
    for seed in range(3):
        scene = SyntheticScene(frames=12, height=90, width=120, objects=2, seed=seed)
        video = AnnotatedVideo.from_scene(scene, "miniature", 4, np.random.default_rng(seed))
        frames = list(scene)
        videos[f"scene-{seed}"] = {
            "video": np.array([_jpeg(f) for f in frames]) if layout == "kinetics" else np.stack(frames),
            "points": ((video.xy + 0.5) / np.array(scene.size[::-1], np.float32)).swapaxes(0, 1),
            "occluded": ~video.visible.T,
        }
    if layout == "kinetics":
        path.mkdir(parents=True, exist_ok=True)
        shards = [list(videos.values())[:2], list(videos.values())[2:]]
        for number, shard in enumerate(shards):
            _dump(path / f"{number:04d}_of_{len(shards):04d}.pkl", shard)
    else:
        _dump(path, videos if layout == "davis" else list(videos.values()))
    return path


def _dump(path: Path, content: object) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(pickle.dumps(content))


def _jpeg(frame: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _named(file: Path, content: Any) -> dict[str, Any]:
    """The videos of a file by name; those of a list are numbered."""
    if isinstance(content, list):
        content = {f"{file.stem}-{number}": video for number, video in enumerate(content)}
    if not isinstance(content, dict) or not content:
        raise EvaluationError(f"{file} contains no dict or list of videos: give a pickle in TAP-Vid's layout")
    return {str(name): video for name, video in content.items()}


def _annotated(file: Path, name: str, group: str, content: Any) -> AnnotatedVideo:
    problem = _problem(content)
    if problem:
        raise EvaluationError(f"video {name!r} of {file} {problem}: give a pickle in TAP-Vid's layout")
    points, visible = np.asarray(content["points"], np.float64), ~content["occluded"].astype(bool)
    length = points.shape[1]
    # Kinetics' clips may continue for a few frames after their annotations.
    frames = StoredFrames(content["video"][:length], f"video {name!r} of {file}")
    height, width = frames[0].shape[:2]
    # TAP-Vid's 0 and 1 are the outer edges of the frame; here the first pixel's centre is 0.
    xy = (points * [width, height] - 0.5).swapaxes(0, 1).astype(np.float32)
    return AnnotatedVideo(name, group, frames, (height, width), xy, visible.T)


def _problem(content: Any) -> str | None:
    """The problem with a video of a pickle, if any."""
    if not isinstance(content, dict) or (missing := {"video", "points", "occluded"} - content.keys()):
        return "is not a dict" if not isinstance(content, dict) else f"lacks {', '.join(sorted(missing))}"
    video, points, occluded = content["video"], content["points"], content["occluded"]
    encoded = isinstance(video, list | tuple | np.ndarray) and all(isinstance(f, bytes) for f in video)
    decoded = (
        isinstance(video, np.ndarray) and video.dtype == np.uint8 and video.ndim == 4 and video.shape[3] == 3
    )
    if not (encoded or decoded):
        return "has frames that are neither (T, H, W, 3) uint8 nor encoded images"
    if not (isinstance(points, np.ndarray) and isinstance(occluded, np.ndarray)):
        return "has points or occlusions that are not arrays"
    if points.ndim != 3 or points.shape[2] != 2 or points.shape[:2] != occluded.shape:
        return f"has points of shape {points.shape} with occlusions of shape {occluded.shape}"
    if not 1 <= points.shape[1] <= len(video):
        return f"has tracks of {points.shape[1]} frames, but {len(video)} frames"
    if not np.isfinite(points[~occluded.astype(bool)]).all():
        return "has a visible point without a position"
    farthest = np.abs(points[~occluded.astype(bool)]).max(initial=0)
    if farthest > _FARTHEST:
        return (
            f"has visible points at {farthest:.4g}, but x must be divided by the width, and y by the height, "
            "to lie from 0 to 1"
        )
    return None
