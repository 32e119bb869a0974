"""DAVIS 2016 and 2017 (Perazzi et al., CVPR 2016; Pont-Tuset et al., arXiv 1704.00675).

Masks are given in the first frame, and only the objects in it count.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sampt.errors import DatasetError

from .annotation import read_labels, read_single_object
from .folders import find_root, read_list
from .sequences import FolderDataset

SOURCE_2016 = "https://davischallenge.org/davis2016/code.html"
SOURCE_2017 = "https://davischallenge.org/davis2017/code.html"


def open_davis2016(root: Path, split: str, options: Mapping[str, str]) -> FolderDataset:
    """Open DAVIS 2016, one object per sequence. DAVIS 2017's folders also work: they hold the lists of 2016.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout.
    """
    images, masks = _folders(options["resolution"])
    root = find_root(root, (images, masks), SOURCE_2016)
    lists = [root / "ImageSets" / folder / f"{split}.txt" for folder in ("480p", "2016", "1080p")]
    found = next((path for path in lists if path.is_file()), None)
    if found is None:
        raise DatasetError(f"{root} has no list {lists[0].relative_to(root)}: get it from {SOURCE_2016}")
    return FolderDataset(
        name="davis2016",
        split=split,
        protocol="davis",
        names=read_list(found),
        images=root / images,
        masks=root / masks,
        needed="every",
        late=False,
        read=read_single_object,
    )


def open_davis2017(root: Path, split: str, options: Mapping[str, str]) -> FolderDataset:
    """Open DAVIS 2017, several objects per sequence; only the first annotations of test-dev are public.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout.
    """
    images, masks = _folders(options["resolution"])
    listed = f"ImageSets/2017/{split}.txt"
    root = find_root(root, (images, masks, listed), SOURCE_2017)
    return FolderDataset(
        name="davis2017",
        split=split,
        protocol="davis",
        names=read_list(root / listed),
        images=root / images,
        masks=root / masks,
        needed="first" if split == "test-dev" else "every",
        late=False,
        read=read_labels,
    )


def _folders(resolution: str) -> tuple[str, str]:
    return f"JPEGImages/{resolution}", f"Annotations/{resolution}"
