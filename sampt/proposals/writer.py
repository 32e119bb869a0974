"""Writer of proposals: label maps, overlays, and a JSON file of run-length encoded masks."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sampt._internal.closing import Closing
from sampt._internal.files import replacing
from sampt._internal.run_lengths import box
from sampt.output.drawing import tinted
from sampt.output.folder import prepare_folder
from sampt.prompts.label_maps import davis_palette, write_label_map

from .generator import Proposal

MOST_LABELS = 255


def label_map(proposals: Sequence[Proposal], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Label map, (H, W) uint8: each pixel's proposal by its rank, from 1; 0 if it has none.

    Smaller masks are drawn over larger ones, so that parts stay visible on their whole. Of more than 255
    proposals, the best are shown.
    """
    labels = np.zeros(size, np.uint8)
    ranked = list(enumerate(proposals[:MOST_LABELS], 1))
    for rank, proposal in sorted(ranked, key=lambda pair: -pair[1].area):
        labels[proposal.mask] = rank
    return labels


def draw_labels(
    frame: NDArray[np.uint8], labels: NDArray[np.uint8], opacity: float = 0.5
) -> NDArray[np.uint8]:
    """A copy of ``frame``, (H, W, 3) uint8 RGB, tinted with the colours of ``labels``, (H, W) uint8."""
    mixed = tinted(np.ascontiguousarray(frame), labels, davis_palette(), opacity)
    edge = np.zeros(labels.shape, bool)
    edge[1:] |= labels[1:] != labels[:-1]
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    mixed[edge] = 255
    return mixed


class ProposalWriter(Closing):
    """Writer of each frame's proposals as they come: ``masks/``, ``overlays/`` and ``proposals.json``.

    As a context manager, it completes ``proposals.json`` at the end, also after an exception, so that
    the frames that were finished stay usable.

    Raises:
        OutputError: the folder cannot be written, or it holds results already and ``overwrite`` is off.
    """

    def __init__(self, folder: str | Path, overwrite: bool = False) -> None:
        self.folder = Path(folder)
        prepare_folder(self.folder, overwrite)
        self.count = 0
        self._records = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed in close()

    def write(
        self,
        index: int,
        frame: NDArray[np.uint8],
        proposals: Sequence[Proposal],
        name: str | None = None,
    ) -> None:
        """Add frame number ``index``, (H, W, 3) uint8 RGB, and its proposals, best first.

        The files are named ``name``.png, or by the frame's number.
        """
        labels = label_map(proposals, (frame.shape[0], frame.shape[1]))
        file = f"{index:05d}.png" if name is None else f"{name}.png"
        (self.folder / "overlays").mkdir(exist_ok=True)
        write_label_map(self.folder / "masks" / file, labels)
        with replacing(self.folder / "overlays" / file) as temporary:
            Image.fromarray(draw_labels(frame, labels)).save(temporary, format="PNG", compress_level=3)
        for rank, proposal in enumerate(proposals, 1):
            self._records.write(",\n" if self.count else "")
            json.dump(_record(index, rank, proposal), self._records, allow_nan=False)
            self.count += 1

    def close(self) -> None:
        """Write ``proposals.json``.

        Raises:
            OutputError: it cannot be written.
        """
        self._records.seek(0)
        with (
            self._records,
            replacing(self.folder / "proposals.json") as temporary,
            temporary.open("w", encoding="utf-8") as out,
        ):
            out.write("[\n")
            shutil.copyfileobj(self._records, out)
            out.write("\n]\n")


def _record(frame: int, rank: int, proposal: Proposal) -> dict[str, object]:
    """Entry of ``proposals.json``; its boxes are x, y, width and height, as in COCO."""
    x0, y0, x1, y1 = proposal.crop_box
    return {
        "frame": frame,
        "id": rank,
        "segmentation": proposal.rle,
        "area": proposal.area,
        "bbox": box(proposal.rle),
        "predicted_iou": proposal.predicted_iou,
        "stability_score": proposal.stability,
        "point_coords": [list(proposal.point)],
        "crop_box": [x0, y0, x1 - x0, y1 - y0],
    }
