"""MOSE 2023 (Ding et al., ICCV 2023); only the first annotations of its validation set are public."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .folders import find_root, sequence_names
from .sequences import FolderDataset

SOURCE = "https://henghuiding.github.io/MOSE/"


def open_mose(root: Path, split: str, options: Mapping[str, str]) -> FolderDataset:
    """Open MOSE.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout.
    """
    images, masks = f"{split}/JPEGImages", f"{split}/Annotations"
    root = find_root(root, (images, masks), SOURCE)
    return FolderDataset(
        name="mose",
        split=split,
        protocol="davis",
        names=sequence_names(root / images),
        images=root / images,
        masks=root / masks,
        needed="every" if split == "train" else "first",
    )
