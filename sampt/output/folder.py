"""Output folders: checked and created without importing the writers."""

from __future__ import annotations

import shutil
from pathlib import Path

from sampt._internal.files import check_writable
from sampt.errors import OutputError

WRITTEN_BY_RUNS = (
    *("masks", "overlay.mp4", "trajectories.npz", "result.json", "points.json", "session.json"),
    *("background.mp4", "overlays", "proposals.json", "tracks.mp4"),
)
"""Names of all commands' results in an output folder; a new run replaces these and nothing else."""

PARTIAL = ".*." + 8 * "[0-9a-f]" + ".*"
"""Names of files that are not complete yet, as ``replacing`` and ``VideoWriter`` make them."""


def check_folder(folder: str | Path, overwrite: bool) -> None:
    """Check before any work that results can go into ``folder``, without creating or removing anything.

    Raises:
        OutputError: it cannot be written, or it holds results already and ``overwrite`` is off.
    """
    path = Path(folder)
    try:
        if _earlier(path) and not overwrite:
            raise OutputError(f"{path} already holds results; choose another --output, or give --overwrite")
    except OSError as error:
        raise OutputError(_cannot_write(path, error.strerror or error)) from error
    check_writable(path, "choose another --output")


def prepare_folder(folder: str | Path, overwrite: bool, inside: str = "masks", resume: bool = False) -> Path:
    """Create an output folder, without earlier results, and the folder ``inside`` it.

    With ``resume``, earlier results stay, and only what a killed run left half-written is removed.

    Raises:
        OutputError: it cannot be written, or it holds results already and ``overwrite`` is off.
    """
    path = Path(folder)
    check_folder(path, overwrite or resume)
    try:
        for partial in path.rglob(PARTIAL) if resume else ():
            partial.unlink()
        for old in () if resume else _earlier(path):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        (path / inside).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(_cannot_write(path, error.strerror or error)) from error
    return path


def _earlier(path: Path) -> list[Path]:
    # A run that ended before its first frame leaves an empty masks folder.
    places = [path / name for name in WRITTEN_BY_RUNS]
    return [place for place in places if place.is_file() or any(place.glob("*"))]


def _cannot_write(path: Path, reason: object) -> str:
    return f"cannot write to {path} ({reason}); choose another --output"
