"""Options for what ``sampt segment`` writes besides masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sampt.errors import OutputError

from .option_groups import option_group

if TYPE_CHECKING:
    from sampt.output.outputs import Outputs

_path = click.Path(path_type=Path)


@dataclass(frozen=True)
class ResultOptions:
    """Values of the options; see their help."""

    overlay: bool
    overlay_points: bool
    cutout: Path | None
    cutout_per_object: bool
    matte: Path | None
    background: str | None
    coco: Path | None
    coco_polygons: bool
    export: tuple[str, ...]
    category: tuple[str, ...]

    def outputs(self) -> Outputs:
        """What to write.

        Raises:
            OutputError: a value is invalid, or belongs to an output that is not requested.
        """
        from sampt.output.outputs import Outputs

        return Outputs(
            overlay=self.overlay,
            overlay_points=self.overlay_points,
            cutout=self.cutout,
            cutout_per_object=self.cutout_per_object,
            matte=self.matte,
            background=self.background,
            exports=self._exports(),
            coco_polygons=self.coco_polygons,
            category=self._category(),
        )

    def _exports(self) -> dict[str, Path]:
        exports: dict[str, Path] = {}
        given = [*self.export, *([f"coco={self.coco}"] if self.coco else [])]
        for text in given:
            kind, _, path = text.partition("=")
            if not path:
                raise OutputError(f"--export {text}: give a kind and a path, such as yolo=dataset")
            if kind in exports:
                raise OutputError(f"{kind} is requested twice: {exports[kind]} and {path}; give one of them")
            exports[kind] = Path(path)
        return exports

    def _category(self) -> str | dict[int, str] | None:
        for_all = [text for text in self.category if "=" not in text]
        if len(for_all) > 1 or (for_all and len(self.category) > 1):
            raise OutputError("give --category either once, for all objects, or as ID=NAME for each object")
        if for_all:
            return for_all[0]
        given = {}
        for text in self.category:
            id, _, name = text.partition("=")
            if not id.isdecimal() or not name:
                raise OutputError(
                    f"--category {text}: give a name, or an object's id and a name, such as 1=dog"
                )
            given[int(id)] = name
        return given or None


_OPTIONS = (
    click.option("--overlay/--no-overlay", default=True, help="Whether to draw overlay.mp4."),
    click.option("--overlay-points", is_flag=True, help="Also draw the points there."),
    click.option(
        "--cutout",
        type=_path,
        help="Also write the objects on transparency: a folder for PNGs, or a .mov (ProRes) or .webm (VP9).",
    ),
    click.option("--cutout-per-object", is_flag=True, help="Make one cutout for each object."),
    click.option(
        "--matte",
        type=_path,
        help="Also write each object's mask in white on black: a folder for PNGs, or an .mp4 or .mov.",
    ),
    click.option(
        "--background",
        metavar="COLOUR|blur",
        help="Also write background.mp4: the objects before a colour, or before the blurred scene.",
    ),
    click.option(
        "--coco", type=_path, metavar="FILE", help="Also write COCO JSON; short for --export coco=FILE."
    ),
    click.option("--coco-polygons", is_flag=True, help="Write polygons there instead of run lengths."),
    click.option(
        "--export",
        multiple=True,
        metavar="KIND=PATH",
        help="Also write for datasets: coco or ytvis to a file; yolo, davis or youtube-vos to a dataset's "
        "folder. May be repeated.",
    ),
    click.option(
        "--category",
        multiple=True,
        metavar="NAME|ID=NAME",
        help="Category of all objects, or of one, in what --coco and --export write; may be repeated.  "
        "[default: the objects' names]",
    ),
)


result_options = option_group("results", ResultOptions, _OPTIONS)
"""Decorator that gives a command these options as one argument, ``results``."""
