"""What to write besides masks, trajectories and the summary: videos, pictures, and files for datasets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sampt._internal.files import check_file, check_writable
from sampt.errors import OutputError
from sampt.prompts.query_points import QueryPoints

from .categories import category_names
from .folder import WRITTEN_BY_RUNS

if TYPE_CHECKING:
    from .frame_writer import FrameWriter, RunFacts
    from .sequences import SequenceWriter

StrPath: TypeAlias = "str | os.PathLike[str]"

FILES = ("coco", "ytvis")
"""Kinds of export that are one file each."""
DATASETS = ("yolo", "davis", "youtube-vos")
"""Kinds of export that add a video to a dataset's folder."""
BLUR = "blur"
"""The background that is the scene's own, blurred."""

_CUTOUT_VIDEOS = (".mov", ".webm")
_MATTE_VIDEOS = (".mp4", ".mov")
_OTHER_FILES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".gif", ".png", ".jpg", ".jpeg", ".tif")


@dataclass(frozen=True)
class Outputs:
    """What to write besides masks, trajectories and the summary.

    Attributes:
        overlay: whether to draw ``overlay.mp4``.
        overlay_points: whether it shows points.
        cutout: the objects on transparency: a folder for a PNG per frame, or a video (.mov: ProRes 4444,
            .webm: VP9).
        cutout_per_object: make one cutout for each object; the ids are added to the path.
        matte: each object's mask in white on black: a folder for ``ID/NAME.png``, or a video (.mp4, .mov),
            to whose name ``_ID`` is added.
        background: write ``background.mp4``, the objects before this colour or, with "blur", before the
            blurred scene.
        exports: paths by kind: "coco" and "ytvis" are JSON files, "yolo", "davis" and "youtube-vos" folders
            of datasets, to which the video is added.
        coco_polygons: write polygons instead of run lengths into COCO JSON.
        category: category of all objects, or of some by their ids; by default, an object's name is its
            category.

    Raises:
        OutputError: a value is not one of these, or belongs to an output that is not requested.
    """

    overlay: bool = True
    overlay_points: bool = False
    cutout: StrPath | None = None
    cutout_per_object: bool = False
    matte: StrPath | None = None
    background: str | None = None
    exports: Mapping[str, StrPath] = field(default_factory=dict)
    coco_polygons: bool = False
    category: str | Mapping[int, str] | None = None

    def __post_init__(self) -> None:
        for kind in self.exports:
            if kind not in FILES + DATASETS:
                raise OutputError(
                    f"--export {kind}: give one of {', '.join(FILES + DATASETS)}, such as coco=FILE"
                )
        needs = (
            ("--cutout-per-object", self.cutout_per_object, "--cutout", self.cutout),
            ("--overlay-points", self.overlay_points, "--overlay", self.overlay),
            ("--coco-polygons", self.coco_polygons, "--coco", "coco" in self.exports),
            ("--category", self.category, "--coco or --export", self.exports),
        )
        for option, given, needed, there in needs:
            if given and not there:
                raise OutputError(f"{option} needs {needed}; give both or neither")
        for option, path, suffixes in (
            ("--cutout", self.cutout, _CUTOUT_VIDEOS),
            ("--matte", self.matte, _MATTE_VIDEOS),
        ):
            if path and Path(path).suffix.lower() in set(_OTHER_FILES) - set(suffixes):
                raise OutputError(
                    f"{option} {path}: give a folder, or a file that ends in {' or '.join(suffixes)}"
                )
        if self.background is not None and self.background != BLUR:
            parse_colour(self.background)

    @property
    def has_sound(self) -> bool:
        """Whether any of the files can have sound."""
        return self.overlay or self.background is not None

    def categories(self, queries: QueryPoints) -> dict[int, str]:
        """Name of each object's category by its id.

        Raises:
            PromptError: a category is given for an object that does not exist.
        """
        if isinstance(self.category, Mapping):
            return category_names(queries, given=self.category)
        return category_names(queries, self.category)

    def check(self, folder: StrPath, overwrite: bool, queries: QueryPoints, source: object) -> None:
        """Check before any work that everything can be written; nothing is created or removed.

        Args:
            folder: folder of the results.
            overwrite: whether files and folders may be replaced.
            queries: the objects.
            source: the frames.

        Raises:
            OutputError: something cannot be written, exists already, or would replace the video itself.
            PromptError: a category is given for an object that does not exist.
        """
        self.categories(queries)
        results = Path(folder).absolute()
        own = [results / name for name in WRITTEN_BY_RUNS]
        video = getattr(source, "path", None)
        taken: set[Path] = set()
        for option, path, is_file in self._targets(queries, source):
            place = path.absolute()
            if place in taken or any(place == name or name in place.parents for name in own):
                raise OutputError(f"{option}: {path} is the place of another result; choose another")
            taken.add(place)
            if video is not None and _touches(path, Path(video)):
                raise OutputError(f"{option}: {path} would replace the video itself; choose another place")
            if not overwrite and (path.is_file() if is_file else path.is_dir() and any(path.iterdir())):
                raise OutputError(f"{option}: {path} exists already; choose another, or give --overwrite")
            if option in ("--cutout", "--matte") and path.is_dir() and _foreign(path):
                raise OutputError(f"{option}: {path} holds {_foreign(path)}; choose a folder of its own")
            if not is_file and path.exists() and not path.is_dir():
                raise OutputError(f"{option}: {path} is not a folder; choose another")
            if is_file and (path.is_dir() or place.parent != results):  # which is made, and has been checked
                check_file(path)
            elif not is_file and results not in place.parents:
                check_writable(path)
        for kind, root in self._datasets():
            sequence_writer(kind).check_lists(root)

    def _targets(self, queries: QueryPoints, source: object) -> Iterator[tuple[str, Path, bool]]:
        """Option, path, and whether it is a file, of everything outside the folder of the results."""
        ids = [query.id for query in queries.objects]
        for _, path in self._cutouts(ids):
            yield "--cutout", path, is_video(path, _CUTOUT_VIDEOS)
        for _, path in self._mattes(ids):
            yield "--matte", path, is_video(path, _MATTE_VIDEOS)
        for kind in FILES:
            if kind in self.exports:
                yield f"--export {kind}", Path(self.exports[kind]), True
        for kind, root in self._datasets():
            for path in sequence_writer(kind).folders(root, str(getattr(source, "name", "video"))):
                yield f"--export {kind}", path, False

    def _cutouts(self, ids: list[int]) -> list[tuple[int | None, Path]]:
        if not self.cutout:
            return []
        path = Path(self.cutout)
        if not self.cutout_per_object:
            return [(None, path)]
        return [(id, of_object(path, id, _CUTOUT_VIDEOS)) for id in ids]

    def _mattes(self, ids: list[int]) -> list[tuple[int, Path]]:
        return [(id, of_object(Path(self.matte), id, _MATTE_VIDEOS)) for id in ids] if self.matte else []

    def _datasets(self) -> list[tuple[str, Path]]:
        return [(kind, Path(self.exports[kind])) for kind in DATASETS if kind in self.exports]

    def open(self, folder: Path, queries: QueryPoints, facts: RunFacts) -> list[FrameWriter]:
        """The writers of everything; if one cannot be opened, none stays open.

        Args:
            folder: folder of the results, which exists.
            queries: the objects.
            facts: about the run.

        Raises:
            OutputError: something cannot be written.
        """
        with ExitStack() as stack:
            writers = [stack.enter_context(writer) for writer in self._writers(folder, queries, facts)]
            stack.pop_all()
        return writers

    def _writers(self, folder: Path, queries: QueryPoints, facts: RunFacts) -> Iterator[FrameWriter]:
        from . import pictures
        from .coco import CocoExport, CocoWriter
        from .overlay import OverlayPainter, OverlayWriter
        from .ytvis import YtvisWriter

        if self.overlay:
            names = [query.name or f"object {query.id}" for query in queries.objects]
            painter = OverlayPainter(names, points=self.overlay_points)
            yield OverlayWriter(folder / "overlay.mp4", painter, facts)
        if self.background is not None:
            blur = self.background == BLUR
            compose = pictures.before_blur if blur else pictures.before_colour(parse_colour(self.background))
            path = folder / "background.mp4"
            yield pictures.PictureWriter(path, compose, facts, video=True, sound=facts.sound)
        for id, path in self._cutouts(list(facts.ids)):
            video = is_video(path, _CUTOUT_VIDEOS)
            yield pictures.PictureWriter(path, pictures.cutout, facts, id=id, video=video, alpha=True)
        for id, path in self._mattes(list(facts.ids)):
            video = is_video(path, _MATTE_VIDEOS)
            yield pictures.PictureWriter(path, pictures.matte, facts, id=id, video=video)
        if "coco" in self.exports:
            writer = CocoWriter(
                Path(self.exports["coco"]),
                queries,
                categories=facts.categories,
                as_polygons=self.coco_polygons,
                video=facts.name,
            )
            yield CocoExport(writer, facts)
        if "ytvis" in self.exports:
            yield YtvisWriter(Path(self.exports["ytvis"]), facts)
        for kind, root in self._datasets():
            yield sequence_writer(kind)(root, facts)


def parse_colour(text: str) -> tuple[int, int, int]:
    """RGB colour of a name, such as "green", or of "#00ff00" or "rgb(0, 255, 0)".

    Raises:
        OutputError: it is not a colour.
    """
    from PIL import ImageColor

    try:
        red, green, blue, *_ = ImageColor.getrgb(text)
    except ValueError as error:
        raise OutputError(
            f"--background {text}: give blur, or a colour such as green, #00ff00 or rgb(0,255,0)"
        ) from error
    return red, green, blue


def is_video(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether a path is one of a video file of these types; otherwise it is a folder's."""
    return path.suffix.lower() in suffixes


def of_object(path: Path, id: int, videos: tuple[str, ...]) -> Path:
    """The path for one object: ``cut.mov`` becomes ``cut_1.mov``, and ``folder`` becomes ``folder/1``."""
    return path.with_name(f"{path.stem}_{id}{path.suffix}") if is_video(path, videos) else path / str(id)


def sequence_writer(kind: str) -> type[SequenceWriter]:
    """The writer of a kind of dataset, one of ``DATASETS``."""
    from .sequences import DavisWriter, YoloWriter, YouTubeVosWriter

    return {"yolo": YoloWriter, "davis": DavisWriter, "youtube-vos": YouTubeVosWriter}[kind]


def _foreign(folder: Path) -> str:
    """Name of something in a folder that is not a PNG, so that the folder is not one of earlier pictures."""
    return next((path.name for path in sorted(folder.iterdir()) if path.suffix.lower() != ".png"), "")


def _touches(path: Path, video: Path) -> bool:
    """Whether replacing ``path`` would replace the video: it is the same place, or the video is inside."""
    place, source = path.resolve(), video.resolve()
    return place == source or place in source.parents
