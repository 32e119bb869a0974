"""Results on disk: masks, overlay video, trajectories, ``result.json``, and COCO JSON on request."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt._internal.environment import versions
from sampt._internal.files import replacing
from sampt.methods.base import FrameResult, Segmentation
from sampt.prompts.palette import write_label_map
from sampt.video.writer import VideoWriter

from .coco import CocoWriter
from .overlay import OverlayPainter
from .review import Stretch, doubts, stretches


class ResultWriter:
    """Writes each frame's result as it comes, so that memory does not grow with the video.

    Used as a context manager it completes all files at the end; also after an exception, so that what was
    finished before Ctrl-C stays readable (``result.json`` then says ``"finished": false``).

    folder: made by ``sampt.output.folder.prepare_folder``.
    fps: of the overlay video, for frames without time stamps.
    overlay: whether to draw ``overlay.mp4``.
    coco: a path for COCO JSON, or None.
    settings: goes into ``result.json`` as it is.

    If the model keeps overlapping masks, each object's own also goes to ``masks/<id>/``.
    """

    def __init__(
        self,
        folder: Path,
        segmentation: Segmentation,
        fps: float,
        *,
        overlay: bool = True,
        coco: Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder, self.segmentation, self.settings = folder, segmentation, dict(settings or {})
        queries = segmentation.queries
        self._painter = OverlayPainter([q.name or f"object {q.id}" for q in queries.objects])
        self._video = VideoWriter(folder / "overlay.mp4", fps, segmentation.size) if overlay else None
        self._coco = CocoWriter(coco, queries) if coco else None
        self._trajectories = TrajectoryFile()
        self._indices: list[int] = []
        self._scores: list[NDArray[np.float32]] = []
        self._shares: list[NDArray[np.float32]] = []
        self._doubts: list[list[str]] = []
        queries.write(folder / "points.json")

    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        """Add one frame, (H, W, 3) uint8 RGB, and its result; ``timestamp`` in seconds."""
        name = f"{result.index:05d}.png"
        write_label_map(self.folder / "masks" / name, result.label_map())
        if self.segmentation.method.overlapping:
            for k, object_id in enumerate(result.object_ids):
                own = self.folder / "masks" / str(object_id)
                own.mkdir(exist_ok=True)
                write_label_map(own / name, result.masks[k] * np.uint8(object_id))
        if self._video:
            self._video.write(self._painter(frame, result), timestamp)
        if self._coco:
            self._coco.write(result, name)
        self._trajectories.write(result)
        self._indices.append(result.index)
        self._scores.append(result.scores)
        self._shares.append(result.visible_share())
        self._doubts.append(doubts(result))

    @property
    def stretches(self) -> list[Stretch]:
        """What is worth checking, object by object."""
        ids = [q.id for q in self.segmentation.queries.objects]
        return [
            s for k, i in enumerate(ids) for s in stretches(i, self._indices, [d[k] for d in self._doubts])
        ]

    def close(self) -> None:
        """Complete all files.

        Raises:
            OutputError: one of them cannot be written.
        """
        with ExitStack() as stack:  # in reverse order, and each even if another fails
            if self._coco:
                stack.callback(self._coco.close)
            if self._video:
                stack.callback(self._video.close)
            stack.callback(self._trajectories.save, self.folder / "trajectories.npz", self._indices)
            with replacing(self.folder / "result.json") as path:
                path.write_text(json.dumps(self._summary(), indent=1) + "\n", encoding="utf-8")

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _summary(self) -> dict[str, Any]:
        run = self.segmentation
        segmenter = run.method.segmenter
        return {
            "finished": len(self._indices) == len(run),
            "quality": "preview" if segmenter.preview else "full",
            **run.method.describe(),
            "settings": self.settings,
            "versions": versions(),
            "size": {"height": run.size[0], "width": run.size[1]},
            "objects": [self._object(k) for k in range(len(run.queries.objects))],
            "frames": self._indices,
            "worth_checking": [vars(s) for s in self.stretches],
            "seconds": {stage: round(s, 3) for stage, s in run.stopwatch.seconds.items()},
            "encoder": run.encoder.counts,
        }

    def _object(self, k: int) -> dict[str, Any]:
        query = self.segmentation.queries.objects[k]
        scores = [_number(frame[k]) for frame in self._scores]
        known = [s for s in scores if s is not None]
        return {
            "id": query.id,
            "name": query.name,
            "query_frame": query.frame,
            "lost_at": self.segmentation.lost.get(query.id),
            "mean_score": round(sum(known) / len(known), 4) if known else None,
            "scores": scores,
            "visible_share": [_number(frame[k]) for frame in self._shares],
        }


class TrajectoryFile:
    """Collects points of all frames in temporary files; their number may differ from frame to frame."""

    FIELDS = (
        ("xy", "points", np.float32),
        ("visibility", "visibility", np.int8),
        ("positive", "positive", bool),
    )

    def __init__(self) -> None:
        names = [name for name, _, _ in self.FIELDS] + ["object_id"]
        self._files = {name: tempfile.TemporaryFile() for name in names}  # noqa: SIM115 - closed in save()
        self._offsets = [0]

    def write(self, result: FrameResult) -> None:
        for name, attribute, dtype in self.FIELDS:
            self._files[name].write(np.ascontiguousarray(getattr(result, attribute), dtype).tobytes())
        self._files["object_id"].write(np.array(result.object_ids, np.uint8)[result.owners].tobytes())
        self._offsets.append(self._offsets[-1] + len(result.points))

    def save(self, path: Path, indices: list[int]) -> None:
        """Write one npz: the points of the i-th frame are rows ``offsets[i]`` to ``offsets[i + 1]``."""
        arrays: dict[str, Any] = {name: self._map(name, dtype) for name, _, dtype in self.FIELDS}
        arrays["xy"] = arrays["xy"].reshape(-1, 2)
        arrays["object_id"] = self._map("object_id", np.uint8)
        arrays |= {"frames": np.array(indices), "offsets": np.array(self._offsets)}
        with replacing(path) as temporary:
            np.savez_compressed(temporary, **arrays)
        for file in self._files.values():
            file.close()

    def _map(self, name: str, dtype: type) -> NDArray[Any]:
        file = self._files[name]
        file.flush()
        return np.memmap(file, dtype, "r") if file.tell() else np.zeros(0, dtype)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
