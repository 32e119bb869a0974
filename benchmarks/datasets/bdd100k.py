"""BDD100K as a dataset for semi-supervised VOS, as SAM-PT uses it and ``sampt prepare bdd100k`` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sampt._internal.files import read_json
from sampt.errors import DatasetError

from .folders import find_root, sequence_names
from .sequences import FolderDataset

SOURCE = "https://bdd-data.berkeley.edu/ (MOTS 2020 images and labels), then run `sampt prepare bdd100k`"
CHUNK = "-chunk"
"""What separates a video's name from the number of its part, from the second part on."""
META = "meta"
"""The folder of ``VIDEO.json`` files, which give each object's instance and category."""


@dataclass
class Bdd100k(FolderDataset):
    """BDD100K, whose objects appear throughout a video, and whose frames are all annotated."""

    def _categories(self, name: str) -> Mapping[int, str]:
        path = self.masks.parent / META / f"{name.split(CHUNK)[0]}.json"
        if not path.is_file():  # other tools make the same folders without this file
            return {}
        try:
            objects = read_json(path, DatasetError, "run `sampt prepare bdd100k` again")["sequences"][name]
            return {int(id): str(object["category"]) for id, object in objects.items() if object["category"]}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path} cannot be read: run `sampt prepare bdd100k` again") from error


def open_bdd100k(root: Path, split: str, options: Mapping[str, str]) -> Bdd100k:
    """Open BDD100K as prepared for semi-supervised VOS.

    Raises:
        DatasetError: ``root`` does not have the dataset's layout.
    """
    images, masks = f"{split}/JPEGImages", f"{split}/Annotations"
    root = find_root(root, (images, masks), SOURCE)
    return Bdd100k(
        name="bdd100k",
        split=split,
        protocol="bdd100k",
        names=sequence_names(root / masks),
        images=root / images,
        masks=root / masks,
        needed="every",
    )
