"""BDD100K as a set for semi-supervised VOS, as SAM-PT uses it and ``sampt prepare bdd100k`` makes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sampt.errors import DatasetError

from .folders import find_root, sequence_names
from .sequences import FolderDataset

SOURCE = "https://bdd-data.berkeley.edu/ (MOTS 2020 images and labels), then run `sampt prepare bdd100k`"
CHUNK = "-chunk"
"""Between the name of a video and the number of its part, from the second part on."""
META = "meta"
"""The folder of ``VIDEO.json`` files that say which instance each object is, and of which category."""


@dataclass
class Bdd100k(FolderDataset):
    """Objects appear throughout a video, and every frame is annotated."""

    def _categories(self, name: str) -> Mapping[int, str]:
        path = self.masks.parent / META / f"{name.split(CHUNK)[0]}.json"
        if not path.is_file():  # other tools make the same folders without it
            return {}
        try:
            objects = json.loads(path.read_text(encoding="utf-8"))["sequences"][name]
            return {int(id): str(object["category"]) for id, object in objects.items() if object["category"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path} cannot be read: run `sampt prepare bdd100k` again") from error


def open_bdd100k(root: Path, split: str, options: Mapping[str, str]) -> Bdd100k:
    """
    Raises:
        DatasetError: ``root`` is laid out in another way.
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
