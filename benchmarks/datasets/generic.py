"""Any folder with ``JPEGImages/SEQUENCE`` and ``Annotations/SEQUENCE``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sampt.errors import DatasetError

from .folders import find_root, read_list, sequence_names, subfolders
from .sequences import FolderDataset

ALL = "all"
"""The split of all sequences."""


def open_generic(root: Path, split: str, options: Mapping[str, str]) -> FolderDataset:
    """An object is given where it first appears; frames may lack annotations.

    Both folders may hold one of resolutions in between, such as ``480p``; where they hold several, the option
    ``resolution`` says which.

    Args:
        split: ``all``, a list below ``ImageSets`` by its name without suffix, or the path of a list.

    Raises:
        DatasetError: ``root`` is laid out in another way, or there is no such list.
    """
    root = find_root(root, ("JPEGImages", "Annotations"), "its author")
    resolution = options.get("resolution") or _resolution(root / "JPEGImages")
    images, masks = root / "JPEGImages" / resolution, root / "Annotations" / resolution
    names = sequence_names(images) if split == ALL else read_list(_list(root, split))
    return FolderDataset("generic", split, "davis", names, images, masks)


def _resolution(images: Path) -> str:
    """The name of the folder between ``images`` and the sequences, or nothing."""
    between = [folder.name for folder in subfolders(images) if subfolders(folder)]
    if len(between) > 1:
        raise DatasetError(
            f"{images} holds several resolutions: choose one of {', '.join(between)} with -d resolution=…"
        )
    return between[0] if between else ""


def _list(root: Path, split: str) -> Path:
    if split.endswith(".txt") and Path(split).is_file():
        return Path(split)
    found = sorted((root / "ImageSets").rglob(f"{split}.txt"))
    if len(found) != 1:
        several = "several lists" if found else "no list"
        raise DatasetError(
            f"{root / 'ImageSets'} holds {several} {split}.txt: "
            f"give the path of one as the split, or {ALL} for every sequence"
        )
    return found[0]
