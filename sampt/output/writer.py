"""Writer of results: masks, trajectories, ``result.json``, and what ``Outputs`` names."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt._internal.closing import Closing
from sampt._internal.environment import versions
from sampt._internal.files import replacing, write_json
from sampt._internal.names import plural
from sampt.errors import OutputError
from sampt.methods.results import FrameResult
from sampt.methods.runs import Segmentation
from sampt.trackers.clip import Clip
from sampt.video.frames import file_name
from sampt.video.reader import Video
from sampt.video.sound import Sound

from .first_look import first_looks
from .folder import prepare_folder
from .frame_writer import RunFacts
from .outputs import Outputs, StrPath
from .review import Reviewer, Stretch
from .signals import FirstLook
from .spool import temporary_is_full

_log = logging.getLogger("sampt.output")

DEFAULT_FPS = 25.0
"""Frames per second of sources without a known rate."""


@dataclass(frozen=True)
class Saved:
    """Summary of what ``save`` has written.

    Attributes:
        folder: folder of the results.
        frames: number of frames.
        worth_checking: stretches of frames that a person should check, object by object.
    """

    folder: Path
    frames: int
    worth_checking: tuple[Stretch, ...]


def save(
    segmentation: Segmentation,
    folder: str | Path,
    *,
    overlay: bool = True,
    overlay_points: bool = False,
    cutout: StrPath | None = None,
    cutout_per_object: bool = False,
    matte: StrPath | None = None,
    background: str | None = None,
    coco: StrPath | None = None,
    coco_polygons: bool = False,
    export: Mapping[str, StrPath] | None = None,
    category: str | Mapping[int, str] | None = None,
    fps: float | None = None,
    overwrite: bool = False,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
    doubtful: Callable[[int, str], None] | None = None,
) -> Saved:
    """Run a segmentation to its end and write each result as it comes, in bounded memory.

    The folder gets ``masks/`` (a palette PNG for each frame), ``overlay.mp4``, ``trajectories.npz``,
    ``points.json`` with the points in use, and ``result.json``. After an exception, including Ctrl-C, what
    was finished by then is readable, and ``result.json`` says ``"finished": false``.

    Args:
        segmentation: the result of ``VideoMethod.stream``, not yet iterated; closed at the end.
        folder: folder for the results; created if it is missing.
        overlay: whether to draw ``overlay.mp4``: masks, outlines and names, with the video's sound.
        overlay_points: also draw points there.
        cutout: also write the objects on transparency: to a folder, as PNGs named like the frames, or to a
            file that ends in .mov (ProRes 4444) or .webm (VP9).
        cutout_per_object: make one cutout for each object, ``cutout/1`` or ``cutout_1.mov``.
        matte: also write each object's mask in white on black: to a folder, as ``matte/1/00000.png``, or to
            a video (.mp4 or .mov), as ``matte_1.mp4``.
        background: also write ``background.mp4``, the objects before a colour such as "green" or "#00ff00",
            or, with "blur", before the blurred scene.
        coco: also write COCO JSON to this file.
        coco_polygons: write polygons there instead of run lengths.
        export: also write for datasets, to paths by kind: "coco" and "ytvis" are JSON files; "yolo", "davis"
            and "youtube-vos" are folders of datasets, to which the video is added.
        category: category of all objects in these, or of some by their ids; by default, their names.
        fps: frames per second of the videos, which then have no sound; by default the video's, or 25 if
            unknown.
        overwrite: replace results that exist already.
        resume: continue an earlier run of the same segmentation; masks that are there and equal stay.
        settings: plain values that are added to ``result.json``.
        request: plain values by which a run that resumes recognises its own, also in ``result.json``.
        progress: called after each frame with the number of finished frames.
        doubtful: called before the run for each object whose first mask is doubtful, with its id and what is
            wrong.

    Raises:
        OutputError: something cannot be written, results exist already and ``overwrite`` is off, or the
            segmentation has handed out frames already.
        PromptError: a category is given for an object that does not exist.
        VideoError: a frame cannot be read.
    """
    outputs = Outputs(
        overlay=overlay,
        overlay_points=overlay_points,
        cutout=cutout,
        cutout_per_object=cutout_per_object,
        matte=matte,
        background=background,
        exports=dict(export or {}) | ({"coco": coco} if coco else {}),
        coco_polygons=coco_polygons,
        category=category,
    )
    return write_results(
        segmentation,
        folder,
        outputs,
        fps=fps,
        overwrite=overwrite,
        resume=resume,
        settings=settings,
        request=request,
        progress=progress,
        doubtful=doubtful,
    )


def write_results(
    segmentation: Segmentation,
    folder: str | Path,
    outputs: Outputs,
    *,
    fps: float | None = None,
    overwrite: bool = False,
    resume: bool = False,
    settings: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
    doubtful: Callable[[int, str], None] | None = None,
) -> Saved:
    """Do what ``save`` does, with what is to be written as one object."""
    if segmentation.done:
        raise OutputError(
            f"{plural(segmentation.done, 'frame')} of this segmentation have been taken already; "
            "save a fresh one, or write each result with ResultWriter"
        )
    source, step = segmentation.clip.source, segmentation.clip.indices.step
    rate = fps or getattr(source, "fps", DEFAULT_FPS) / step
    times = None if fps else getattr(source, "timestamps", None)
    sound = sound_of(segmentation.clip) if outputs.has_sound and not fps else None
    with (
        segmentation,
        ResultWriter(
            folder,
            segmentation,
            rate,
            outputs,
            overwrite=overwrite,
            resume=resume,
            settings=settings,
            request=request,
            sound=sound,
        ) as writer,
    ):
        with segmentation.stopwatch("review"):
            looks = writer.look_first()
        for id, look in looks.items():
            if doubtful and look.doubt:
                doubtful(id, look.doubt)
        for result in segmentation:
            with segmentation.stopwatch("decode"):
                frame = source[result.index]
            with segmentation.stopwatch("write"):
                writer.write(frame, result, None if times is None else float(times[result.index]))
            with segmentation.stopwatch("review"):
                writer.review(frame, result)
            if progress:
                progress(writer.count)
        writer.end()
    return Saved(writer.folder, writer.count, tuple(writer.stretches))


def sound_of(clip: Clip) -> Sound | None:
    """The sound of the file that a clip's frames come from; None if there is none, or frames are left out."""
    source = clip.source
    if not isinstance(source, Video) or source.file_names is not None:
        return None
    sound = Sound(source.path, float(source.timestamps[clip.indices[0]]))
    if not sound.exists:
        return None
    if clip.indices.step != 1:
        _log.warning("the videos have no sound, because frames are left out")
        return None
    return sound


@dataclass(frozen=True)
class WrittenFrame:
    """Entry of a frame in ``result.json``: its number, and each object's score and visible share."""

    index: int
    scores: NDArray[np.float32]
    shares: NDArray[np.float32]


class ResultWriter(Closing):
    """Writer of each frame's result as it comes, in bounded memory.

    As a context manager, it completes all files at the end, also after an exception, so that what was
    finished before Ctrl-C stays readable (``result.json`` then says ``"finished": false``).

    If the method keeps overlapping masks, each object's own mask also goes to ``masks/<id>/``.

    Args:
        folder: folder of the results; created if it is missing.
        segmentation: the run that gives the results.
        fps: frames per second of the videos, for frames without time stamps.
        outputs: what to write besides masks, trajectories and the summary; by default, the overlay.
        overwrite: replace results that exist already.
        resume: as for ``save``, as is ``request``.
        settings: plain values that are added to ``result.json``.
        sound: sound for the videos, or None.

    Raises:
        OutputError: something cannot be written, or results exist already and ``overwrite`` is off.
        PromptError: a category is given for an object that does not exist.
    """

    def __init__(
        self,
        folder: str | Path,
        segmentation: Segmentation,
        fps: float,
        outputs: Outputs | None = None,
        *,
        overwrite: bool = False,
        resume: bool = False,
        settings: Mapping[str, Any] | None = None,
        request: Mapping[str, Any] | None = None,
        sound: Sound | None = None,
    ) -> None:
        outputs = outputs or Outputs()
        outputs.check(folder, overwrite or resume, segmentation.queries, segmentation.clip.source)
        self.folder = prepare_folder(folder, overwrite, resume=resume)
        self.segmentation, self.settings, self.request = segmentation, dict(settings or {}), request
        queries = segmentation.queries
        facts = RunFacts.of(segmentation, fps, outputs.categories(queries), sound)
        self._writers = outputs.open(self.folder, queries, facts)
        self._trajectories = TrajectoryFile()
        self._frames: list[WrittenFrame] = []
        self._looks: dict[int, FirstLook] = {}
        self._reviewer = Reviewer(queries, segmentation.method.segmenter.preview)
        self._ended = False
        segmentation.write_prompts(self.folder)
        write_json(self.folder / "result.json", self._summary())  # also for a run that is killed

    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        """Add one frame, (H, W, 3) uint8 RGB, and its result; ``timestamp`` in seconds."""
        for writer in self._writers:
            writer.write(frame, result, timestamp)
        # After what may run out of space: a mask that is there is also listed.
        result.save(self.folder / "masks", each_object=self.segmentation.method.overlapping)
        self._trajectories.write(result)
        # At once, so that a signal finds a frame either complete or absent.
        self._frames.append(WrittenFrame(result.index, result.scores, result.visible_share()))

    def look_first(self) -> dict[int, FirstLook]:
        """Look at the objects' first masks, by id, before the first frame is written."""
        self._looks = first_looks(self.segmentation)
        run = self.segmentation
        self._reviewer = Reviewer(run.queries, run.method.segmenter.preview, self._looks)
        return self._looks

    def review(self, frame: NDArray[np.uint8], result: FrameResult) -> None:
        """Judge how doubtful a frame's masks are, for ``stretches`` and ``result.json``; after ``write``."""
        self._reviewer.see(frame, result)

    def end(self) -> None:
        """Mark the run as finished, which cannot be known for a video without a length."""
        self._ended = True

    @property
    def count(self) -> int:
        """Number of frames that have been written."""
        return len(self._frames)

    @property
    def _indices(self) -> list[int]:
        return [frame.index for frame in self._frames]

    @property
    def stretches(self) -> list[Stretch]:
        """Stretches that are worth checking, object by object."""
        return self._reviewer.stretches()

    def close(self) -> None:
        """Complete all files.

        Raises:
            OutputError: one of them cannot be written.
        """
        with ExitStack() as stack:  # in reverse order, and each even if another fails
            for writer in self._writers:
                stack.callback(writer.close)
            stack.callback(self._trajectories.save, self.folder / "trajectories.npz", self._indices)
            write_json(self.folder / "result.json", self._summary())

    def _summary(self) -> dict[str, Any]:
        run = self.segmentation
        segmenter = run.method.segmenter
        return {
            "finished": self._ended if run.clip.endless else self.count == len(run),
            "quality": "preview" if segmenter.preview else "full",
            **run.method.describe(),
            **({"request": self.request} if self.request else {}),
            "settings": self.settings,
            "versions": versions(),
            "size": {"height": run.size[0], "width": run.size[1]},
            "objects": [self._object(k) for k in range(len(run.queries.objects))],
            "frames": self._indices,
            **self._frame_names(),
            "worth_checking": [vars(s) for s in self.stretches],
            "seconds": {stage: round(s, 3) for stage, s in run.stopwatch.seconds.items()},
            "encoder": run.encoder.counts,
        }

    def _frame_names(self) -> dict[str, list[str]]:
        source = self.segmentation.clip.source
        if getattr(source, "file_names", None) is None:
            return {}
        return {"frame_names": [file_name(source, index) for index in self._indices]}

    def _object(self, k: int) -> dict[str, Any]:
        query = self.segmentation.queries.objects[k]
        scores = [_number(frame.scores[k]) for frame in self._frames]
        known = [s for s in scores if s is not None]
        doubt = self._reviewer.probabilities(query.id)
        look = self._looks.get(query.id, FirstLook())
        return {
            "id": query.id,
            "name": query.name,
            "query_frame": query.frame,
            "lost_at": self.segmentation.lost.get(query.id),
            "mean_score": round(sum(known) / len(known), 4) if known else None,
            "scores": scores,
            "visible_share": [_number(frame.shares[k]) for frame in self._frames],
            "doubt": [None if p is None else round(p, 2) for p in doubt],
            "first_mask_doubt": look.doubt,
        }


class TrajectoryFile:
    """Writer that collects points of all frames in temporary files; their number may change per frame."""

    FIELDS = (
        ("xy", "points", np.float32),
        ("visibility", "visibility", np.int8),
        ("positive", "positive", bool),
    )

    def __init__(self) -> None:
        names = [name for name, _, _ in self.FIELDS] + ["object_id"]
        self._files = {name: tempfile.TemporaryFile() for name in names}  # noqa: SIM115 - closed in save()
        self._offsets = [0]
        self._names: list[str] = []

    def write(self, result: FrameResult) -> None:
        try:
            for name, attribute, dtype in self.FIELDS:
                self._files[name].write(np.ascontiguousarray(getattr(result, attribute), dtype).tobytes())
            self._files["object_id"].write(np.array(result.object_ids, np.uint8)[result.owners].tobytes())
        except OSError as error:
            raise temporary_is_full(error) from error
        self._offsets.append(self._offsets[-1] + len(result.points))
        self._names.append(result.name or f"{result.index:05d}")

    def save(self, path: Path, indices: list[int]) -> None:
        """Write one npz; frame ``names[i]`` has the rows ``offsets[i]`` to ``offsets[i + 1]``."""
        # After a signal there may be incomplete points of a frame that is not among ``indices``.
        offsets = np.array(self._offsets[: len(indices) + 1])
        count = int(offsets[-1])
        arrays: dict[str, Any] = {
            name: self._map(name, dtype)[: count * (1 + (name == "xy"))] for name, _, dtype in self.FIELDS
        }
        arrays["xy"] = arrays["xy"].reshape(-1, 2)
        arrays["object_id"] = self._map("object_id", np.uint8)[:count]
        arrays |= {"frames": np.array(indices), "offsets": offsets}
        arrays["names"] = np.array(self._names[: len(indices)], str)
        with replacing(path) as temporary:
            np.savez_compressed(temporary, **arrays)
        for file in self._files.values():
            file.close()

    def _map(self, name: str, dtype: type) -> NDArray[Any]:
        file = self._files[name]
        try:
            file.flush()
        except OSError as error:
            raise temporary_is_full(error) from error
        return np.memmap(file, dtype, "r") if file.tell() else np.zeros(0, dtype)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
