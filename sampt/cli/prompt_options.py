"""Options that say what to segment, and in which frames of the video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from sampt._internal.names import first_few, plural
from sampt.errors import PromptError
from sampt.prompts.prompts import Prompts, SavedSession
from sampt.prompts.query_points import QueryPoints
from sampt.trackers.clip import Clip

from .option_groups import option_group

_SHOWN = 8
"""Number of objects that are described at the start."""


@dataclass(frozen=True)
class PromptChoice:
    """Values of ``--points``, ``--point``, ``--box``, ``--mask``, ``--span`` and ``--session``."""

    points: Path | None
    clicks: tuple[str, ...]
    boxes: tuple[str, ...]
    mask: Path | None
    spans: tuple[str, ...]
    session: Path | None

    def check(self) -> None:
        """Check that the options can be combined.

        Raises:
            PromptError: nothing says what to segment, or several options do.
        """
        first = [name for name, given in (("--points", self.points), ("--mask", self.mask)) if given]
        others = [*first, *(["--point"] if self.clicks else []), *(["--box"] if self.boxes else [])]
        if not others and not self.session:
            raise PromptError(
                "nothing says what to segment: give --points, --mask, --session, or --point and --box"
            )
        if self.session and (others or self.spans):
            raise PromptError(f"--session already says everything; leave out {[*others, '--span'][0]}")
        if len(first) > 1:
            raise PromptError("--points and --mask both say what to segment first; give one of them")

    def check_not_a_frame(self, paths: tuple[str, ...], files: tuple[Path, ...] | None = ()) -> None:
        """Check that the mask is not one of the frames.

        Args:
            paths: the video as it was given.
            files: its images, if it has been opened and consists of some.

        Raises:
            PromptError: it is one.
        """
        if self.mask is None:
            return
        mask = self.mask.resolve()
        folders = [path for path in map(Path, paths) if path.is_dir() and path.resolve() == mask.parent]
        if folders or mask in (file.resolve() for file in files or ()):
            where = folders[0] if folders else "the images that were given"
            raise PromptError(f"--mask {self.mask} is among the frames of {where}; keep it apart from them")

    def read(self, clip: Clip, size: tuple[int, int]) -> Prompts | SavedSession:
        """What the options say, checked against a clip with frames of ``size`` (height, width).

        Raises:
            PromptError: a file cannot be read, a value is malformed, or something does not fit the clip.
        """
        if self.session:
            if clip.endless:
                raise PromptError("--session needs a video with an end, not a camera or stream; use --point")
            return SavedSession.read(self.session, len(clip), size)
        first = None
        if self.points:
            first = QueryPoints.read(self.points)
        elif self.mask:
            first = QueryPoints.from_mask_file(self.mask, clip.indices[0])
        prompts = Prompts.from_options(self.clicks, self.boxes, first)
        prompts = Prompts(prompts.queries.with_spans(self.spans), prompts.clicks)
        prompts.validate(clip.indices, size)
        if clip.endless:
            _check_first(prompts, clip.indices[0])
        return prompts


_path = click.Path(path_type=Path)

prompt_options = option_group(
    "prompts",
    PromptChoice,
    (
        click.option(
            "--points",
            type=_path,
            help="File of query points: JSON (docs/points.md) or the official text format.",
        ),
        click.option(
            "--point",
            "clicks",
            multiple=True,
            metavar="OBJ:T:X,Y:+",
            help="Point on (+) or off (-) object OBJ in frame T; may be repeated, in any frames.",
        ),
        click.option(
            "--box",
            "boxes",
            multiple=True,
            metavar="OBJ:T:X0,Y0,X1,Y1",
            help="Box around object OBJ in frame T; may be repeated.",
        ),
        click.option(
            "--mask", type=_path, help="Mask of the first frame used; docs/inputs.md says how it is read."
        ),
        click.option(
            "--span",
            "spans",
            multiple=True,
            metavar="OBJ:FIRST-LAST",
            help="First and last frame in which to segment object OBJ; may be repeated.",
        ),
        click.option(
            "--session", type=_path, help="Session that was saved on the page: all its clicks are made again."
        ),
    ),
)
"""Decorator that gives a command these options as one argument, ``prompts``."""


def _check_first(prompts: Prompts, first: int) -> None:
    """Check that everything is given in the first frame, since frames that arrive cannot be seen again."""
    given = [(query.id, query.frame) for query in prompts.queries.objects]
    given += [(click.object_id, click.frame) for click in prompts.clicks]
    for id, frame in given:
        if frame != first:
            raise PromptError(
                f"object {id} is given in frame {frame}, but what comes from a camera or stream has to be "
                f"marked in frame {first}, the first one"
            )


def told(asked: Prompts | SavedSession, size: tuple[int, int]) -> str:
    """One line that says what was understood: the objects, with their points or their share of the frame.

    Args:
        asked: what was read from the options.
        size: (height, width) of the frames.
    """
    parts = _told_session(asked) if isinstance(asked, SavedSession) else _told_prompts(asked, size)
    shown = "; ".join(parts[:_SHOWN]) + (f"; and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else "")
    return f"{plural(len(parts), 'object')}: {shown}."


def _told_prompts(prompts: Prompts, size: tuple[int, int]) -> list[str]:
    shares, parts = prompts.queries.shares(size), []
    for query in prompts.queries.objects:
        by = [plural(count, "point") for count in [len(query.positives) + len(query.negatives)] if count]
        if query.id in shares:
            kind = "box" if query.mask is None else "mask"
            by.append(f"a {kind} of {100 * shares[query.id]:.2g} % of the frame")
        text = f"{_named(query.id, query.name)} by {' and '.join(by)} in frame {query.frame}"
        later = sorted({click.frame for click in prompts.corrections if click.object_id == query.id})
        parts.append(text + (f", corrected in {_frames(later)}" if later else ""))
    return parts


def _told_session(session: SavedSession) -> list[str]:
    parts = []
    for known in session.document.objects:
        points = session.document.of(known.id)
        if points:
            frames = sorted({point.frame for point in points})
            parts.append(
                f"{_named(known.id, known.name)} by {plural(len(points), 'point')} in {_frames(frames)}"
            )
    return parts


def _named(id: int, name: str | None) -> str:
    return f"{id} {name!r}" if name else str(id)


def _frames(frames: list[int]) -> str:
    return f"frame{'s' if len(frames) > 1 else ''} {first_few(frames)}"
