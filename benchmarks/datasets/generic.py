"""The generic dataset: any folder with ``JPEGImages/SEQUENCE`` and ``Annotations/SEQUENCE``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sampt.errors import DatasetError

from .folders import find_root, read_list, sequence_names, subfolders
from .sequences import FolderDataset

ALL = "all"
"""The split that contains all sequences."""


def open_generic(root: Path, split: str, options: Mapping[str, str]) -> FolderDataset:
    """Open a generic dataset, in which an object is given where it first appears.

    Frames may lack annotations. Between both folders and the sequences there may be folders for resolutions,
    such as ``480p``; if there are several, the option ``resolution`` chooses one.

    Args:
        root: the dataset's folder.
        split: ``all``, the name without suffix of a list below ``ImageSets``, or the path of a list.
        options: ``resolution``.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout, or there is no such list.
    """
    root = find_root(root, ("JPEGImages", "Annotations"), "its author")
    resolution = options.get("resolution") or _resolution(root / "JPEGImages")
    images, masks = root / "JPEGImages" / resolution, root / "Annotations" / resolution
    names = sequence_names(images) if split == ALL else read_list(_list(root, split))
    return FolderDataset("generic", split, "davis", names, images, masks)


def _resolution(images: Path) -> str:
    """The name of the folder between ``images`` and the sequences, or an empty string."""
    between = [folder.name for folder in subfolders(images) if subfolders(folder)]
    if len(between) > 1:
        raise DatasetError(
            f"{images} contains several resolutions: choose one of {', '.join(between)} with -d resolution=…"
        )
    return between[0] if between else ""


def _list(root: Path, split: str) -> Path:
    if split.endswith(".txt") and Path(split).is_file():
        return Path(split)
    found = sorted((root / "ImageSets").rglob(f"{split}.txt"))
    if len(found) != 1:
        several = "several lists" if found else "no list"
        raise DatasetError(
            f"{root / 'ImageSets'} contains {several} {split}.txt: "
            f"give the path of one as the split, or {ALL} for every sequence"
        )
    return found[0]
