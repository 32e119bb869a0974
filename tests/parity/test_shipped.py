"""The configuration that is shipped, against a plain loop around the package's own predictor.

Objects decoded together, attention fused, points drawn by a real sampler, frames that are resized: what the
recorded goldens leave out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from sampt import QueryPoints, SamPt
from sampt.config.schema import Prompting
from sampt.methods.sam_pt.parts import Sampling
from sampt.methods.sam_pt.samplers import create_sampler
from sampt.segmenters.attention import fuse_attention
from sampt.segmenters.sam import SamSegmenter

from .micro_sam import LinearTracker, micro_sam

GOLDEN = Path(os.environ.get("SAMPT_GOLDEN_DIR", Path(__file__).parent / "golden"))
SETTINGS = json.loads((GOLDEN / "sampt_micro.json").read_text())


@pytest.fixture(scope="module")
def weights(stand_ins: Any) -> dict[str, torch.Tensor]:
    return stand_ins.stand_in_state_dict(SETTINGS["shapes"], SETTINGS["seed"], SETTINGS["gain"])


def model_with(weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    model = micro_sam(SETTINGS["shapes"])
    model.load_state_dict(weights)
    return model


def label_map(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    labels = np.zeros((height, width), np.uint8)
    labels[(y - 0.4) ** 2 + (x - 0.3) ** 2 < 0.03] = 1
    labels[(y - 0.6) ** 2 + (x - 0.7) ** 2 < 0.02] = 2
    return labels


class PlainLoop:
    """SAM-PT's prompting as its paper tells it (Sec. 3.3), one object after the other."""

    def __init__(self, model: torch.nn.Module, refinements: int) -> None:
        self.predictor, self.refinements = SamPredictor(model), refinements

    def __call__(self, frame: np.ndarray, points: list[np.ndarray], labels: list[np.ndarray]) -> np.ndarray:
        """Masks (K, H, W) of objects from their visible points and labels in a frame."""
        self.predictor.set_image(frame)
        return np.stack([self._mask(frame, xy, sign) for xy, sign in zip(points, labels, strict=True)])

    def _mask(self, frame: np.ndarray, xy: np.ndarray, sign: np.ndarray) -> np.ndarray:
        _, low_res = self._predict(xy[sign == 1], sign[sign == 1])
        logits, low_res = self._predict(xy, sign, low_res)
        for _ in range(self.refinements):
            rows, columns = np.nonzero(logits > 0)
            if len(rows) < 2:
                break
            box = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float32)
            logits, low_res = self._predict(xy, sign, low_res, box)
        return logits > 0

    def _predict(
        self,
        xy: np.ndarray,
        sign: np.ndarray,
        low_res: np.ndarray | None = None,
        box: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        logits, _, low_res = self.predictor.predict(
            xy, sign, box, low_res, multimask_output=False, return_logits=True
        )
        return logits[0], low_res


@pytest.mark.parametrize(
    ("height", "width", "refinements"),
    [(192, 256, 0), (192, 256, 2), (90, 160, 0), (400, 300, 0), (400, 300, 1)],
)
def test_masks_are_those_of_the_plain_loop(
    height: int, width: int, refinements: int, weights: dict[str, torch.Tensor], stand_ins: Any
) -> None:
    video = stand_ins.stand_in_video(4, height, width, SETTINGS["video_args"][3])
    fused = model_with(weights)
    fuse_attention(fused)
    model = SamPt(
        LinearTracker(),
        SamSegmenter(fused),
        Sampling(create_sampler("k-medoids"), create_sampler("mixed"), positives=6, negatives=2),
        Prompting(refinements=refinements, iou_threshold=None),
        overlapping=True,
    )
    plain = PlainLoop(model_with(weights), refinements)
    with model.stream(video, QueryPoints.from_masks(label_map(height, width))) as segmentation:
        results = list(segmentation)
    same = []
    for frame, result in zip(video[1:], results[1:], strict=True):  # the first shows the given masks
        points, labels = [], []
        for row in range(2):
            seen = result.visibility == 1
            own = result.points[seen & result.positive & (result.owners == row)]
            off = result.points[seen & ~result.positive & (result.owners == row)]
            others = result.points[seen & result.positive & (result.owners != row)]
            points.append(np.concatenate([own, off, others]))
            labels.append(np.arange(len(points[-1])) < len(own))
        same.append(plain(frame, points, [label.astype(int) for label in labels]) == result.masks)
    assert np.mean(same) >= 0.999
