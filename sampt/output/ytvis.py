"""Writer of masklets in the layout of YouTube-VIS, with one annotation per object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt._internal import run_lengths
from sampt._internal.files import replacing
from sampt.methods.results import FrameResult

from .categories import category_ids, category_list
from .frame_writer import FrameWriter, RunFacts
from .spool import Place, Spool


class YtvisWriter(FrameWriter):
    """Writer of one video's masklets; run-length encoded masks wait in a temporary file.

    ``videos`` has one entry, whose ``file_names`` are below a folder of its name. An annotation's id is its
    object's, and objects that are never seen have none.

    Args:
        path: the file.
        facts: about the run.
    """

    def __init__(self, path: Path, facts: RunFacts) -> None:
        self.path, self._facts = path, facts
        self._frames: list[tuple[str, list[Place | None]]] = []
        self._masks = Spool()

    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        places = [
            self._masks.add(json.dumps(run_lengths.encode(mask))) if mask.any() else None
            for mask in result.masks
        ]
        self._frames.append((self._facts.file_name(result.index), places))

    def close(self) -> None:
        """Write the file.

        Raises:
            OutputError: it cannot be written.
        """
        facts, (height, width) = self._facts, self._facts.size
        size = {"width": width, "height": height, "length": len(self._frames)}
        names = [f"{facts.name}/{name}" for name, _ in self._frames]
        tables = {
            "videos": [{"id": 1, **size, "file_names": names}],
            "categories": category_list(facts.categories),
        }
        with replacing(self.path) as temporary, temporary.open("w", encoding="utf-8") as out:
            out.write("{" + "".join(f"{json.dumps(key)}: {json.dumps(tables[key])},\n" for key in tables))
            out.write('"annotations": [\n')
            rows = [k for k in range(len(facts.ids)) if any(places[k] for _, places in self._frames)]
            for n, k in enumerate(rows):
                out.write(",\n" * (n > 0) + json.dumps(self._annotation(k) | size))
            out.write("\n]}\n")
        self._masks.close()

    def _annotation(self, k: int) -> dict[str, Any]:
        """One object's; only its own masks are in memory."""
        id, places = self._facts.ids[k], [places[k] for _, places in self._frames]
        masks = [None if place is None else json.loads(self._masks.read(place)) for place in places]
        return {
            "id": id,
            "video_id": 1,
            "category_id": category_ids(self._facts.categories)[id],
            "iscrowd": 0,
            "segmentations": masks,
            "bboxes": [mask and run_lengths.box(mask) for mask in masks],
            "areas": [mask and run_lengths.area(mask) for mask in masks],
        }
