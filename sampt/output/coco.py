"""Writer of masks as COCO JSON, with one annotation per object and frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampt._internal.closing import Closing
from sampt._internal.files import replacing
from sampt.methods.results import FrameResult
from sampt.prompts.query_points import QueryPoints

from .categories import category_ids, category_list, category_names
from .frame_writer import FrameWriter, RunFacts
from .polygons import polygons
from .spool import Place, Spool


class CocoWriter(Closing):
    """Writer that collects run-length encoded masks in a temporary file, so memory does not grow with them.

    ``images`` are the frames (``id`` is the frame's number), and ``videos`` has one entry, to which they
    belong. An annotation also carries its object's id as ``track_id`` and its predicted IoU as ``score``.

    Args:
        path: the file.
        queries: the objects; by default, each object's category is its name.
        categories: name of each object's category by its id. A category's id is the lowest id of its objects.
        as_polygons: write polygons instead of run lengths; they leave a mask's border by up to half a pixel.
        video: name of the video.
    """

    def __init__(
        self,
        path: str | Path,
        queries: QueryPoints,
        *,
        categories: Mapping[int, str] | None = None,
        as_polygons: bool = False,
        video: str = "video",
    ) -> None:
        self.path = Path(path)
        self._categories = dict(categories or category_names(queries))
        self._ids = category_ids(self._categories)
        self._as_polygons, self._video = as_polygons, video
        self._frames: list[tuple[dict[str, Any], Place]] = []
        self._annotations = Spool()
        self._count = 0

    def write(self, result: FrameResult, file_name: str) -> None:
        """Add a frame's result; ``file_name`` is the name of its image."""
        height, width = result.masks.shape[1:]
        found = result.to_coco(first_id=self._count + 1)
        for annotation in found:
            annotation["category_id"] = self._ids[annotation["track_id"]]
            if self._as_polygons:
                mask = result[annotation["track_id"]].mask
                annotation["segmentation"] = [[float(v) for v in part.flat] for part in polygons(mask)]
        image = {"id": result.index, "file_name": file_name, "width": width, "height": height}
        image |= {"video_id": 1, "frame_id": len(self._frames)}
        place = self._annotations.add(",\n".join(map(json.dumps, found)))
        self._count += len(found)
        self._frames.append((image, place))  # at once, so that a signal finds a frame complete or absent

    def close(self) -> None:
        """Write the file.

        Raises:
            OutputError: it cannot be written.
        """
        tables = {
            "videos": [{"id": 1, "name": self._video}],
            "images": [image for image, _ in self._frames],
            "categories": category_list(self._categories),
        }
        blocks = (self._annotations.read(place) for _, place in self._frames if place[1])
        with replacing(self.path) as temporary, temporary.open("w", encoding="utf-8") as out:
            out.write("{" + "".join(f"{json.dumps(key)}: {json.dumps(tables[key])},\n" for key in tables))
            out.write('"annotations": [\n')
            for k, block in enumerate(blocks):
                out.write(",\n" * (k > 0) + block)
            out.write("\n]}\n")
        self._annotations.close()


class CocoExport(FrameWriter):
    """Writer of COCO JSON as one of a run's writers: frames are called as in their folder."""

    def __init__(self, writer: CocoWriter, facts: RunFacts) -> None:
        self._writer, self._facts = writer, facts

    def write(self, frame: NDArray[np.uint8], result: FrameResult, timestamp: float | None = None) -> None:
        self._writer.write(result, self._facts.file_name(result.index))

    def close(self) -> None:
        """Write the file.

        Raises:
            OutputError: it cannot be written.
        """
        self._writer.close()
