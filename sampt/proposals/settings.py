"""What proposals are prompted with, and which are kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from sampt.config import Config

MOST_CROP_LAYERS = 4


@dataclass(frozen=True)
class ProposalSettings:
    """What to prompt with and what to keep; names and defaults are those of SAM's own generator.

    points_per_side: the grid has so many points a side, ``points_per_batch`` of which are decoded at once.
    pred_iou_thresh: masks with a predicted IoU up to this are dropped; 0 keeps all.
    stability_score_thresh: likewise for the IoU of the masks at logits ± ``stability_score_offset``.
    box_nms_thresh: of two masks whose boxes have a larger IoU, the one with the higher predicted IoU stays.
    crop_n_layers: layer n also looks at 4ⁿ crops of the frame, each encoded on its own. Crops of the first
        layer overlap by ``crop_overlap_ratio`` of the frame's short side; the grid in layer n has
        ``crop_n_points_downscale_factor``ⁿ times fewer points a side.
    crop_nms_thresh: as ``box_nms_thresh``, between crops; the mask of the smaller crop stays.
    min_mask_region_area: holes and islands with fewer pixels are removed; 0 leaves them.
    max_masks: at most so many are given, the best first.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    min_mask_region_area: int = 0
    max_masks: int = 100

    def __post_init__(self) -> None:
        for name in ("points_per_side", "points_per_batch", "crop_n_points_downscale_factor", "max_masks"):
            self._check(name, 1, float("inf"))
        for name in ("stability_score_offset", "min_mask_region_area"):
            self._check(name, 0, float("inf"))
        for name in (
            "pred_iou_thresh",
            "stability_score_thresh",
            "box_nms_thresh",
            "crop_nms_thresh",
            "crop_overlap_ratio",
        ):
            self._check(name, 0, 1)
        self._check("crop_n_layers", 0, MOST_CROP_LAYERS)
        if self.crop_n_points_downscale_factor**self.crop_n_layers > self.points_per_side:
            raise ValueError(
                "crop_n_points_downscale_factor leaves no point in the smallest crops; "
                "lower it, or raise points_per_side"
            )

    def _check(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if not least <= value <= most:
            allowed = f"from {least} to {most}" if most < float("inf") else f"at least {least}"
            raise ValueError(f"{name} must be {allowed}, not {value}")


@dataclass(frozen=True)
class ProposeConfig(Config):
    """What a file for ``sampt propose`` and its ``-o`` may hold: a model's settings, and ``proposals``."""

    proposals: ProposalSettings = field(default_factory=ProposalSettings)


def no_proposals(segmenter: str) -> str:
    """What to say of a segmenter that does not judge its own masks."""
    return (
        f"segmenter {segmenter} cannot say how good its masks are, so it makes no proposals; "
        "choose one of the SAM family, such as --segmenter sam-vit-b"
    )
