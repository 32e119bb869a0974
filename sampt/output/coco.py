"""Writer of masks as COCO JSON, with one annotation per object and frame."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from sampt._internal.closing import Closing
from sampt._internal.files import replacing
from sampt.methods.results import FrameResult
from sampt.prompts.query_points import QueryPoints


class CocoWriter(Closing):
    """Writer that collects run-length encoded masks in a temporary file, so memory does not grow with them.

    ``images`` are the frames (``id`` is the frame's number), ``categories`` the objects; an annotation also
    carries its object's id as ``track_id`` and its predicted IoU as ``score``.
    """

    def __init__(self, path: str | Path, queries: QueryPoints) -> None:
        self.path = Path(path)
        self._categories = [{"id": q.id, "name": q.name or f"object {q.id}"} for q in queries.objects]
        self._images: list[dict[str, Any]] = []
        self._annotations = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed in close()
        self._count = 0

    def write(self, result: FrameResult, file_name: str) -> None:
        height, width = result.masks.shape[1:]
        self._images.append({"id": result.index, "file_name": file_name, "width": width, "height": height})
        for annotation in result.to_coco(first_id=self._count + 1):
            self._annotations.write((",\n" if self._count else "") + json.dumps(annotation))
            self._count += 1

    def close(self) -> None:
        """Write the file.

        Raises:
            OutputError: it cannot be written.
        """
        self._annotations.seek(0)
        with replacing(self.path) as temporary, temporary.open("w", encoding="utf-8") as out:
            out.write(
                f'{{"images": {json.dumps(self._images)},\n"categories": {json.dumps(self._categories)},\n'
            )
            out.write('"annotations": [\n')
            while block := self._annotations.read(1 << 16):
                out.write(block)
            out.write("\n]}\n")
        self._annotations.close()
