"""Settings of proposals."""

from __future__ import annotations

from dataclasses import dataclass, field

from sampt.config import Config

MOST_CROP_LAYERS = 4


@dataclass(frozen=True)
class ProposalSettings:
    """Settings for prompting and filtering; names and defaults are those of SAM's own generator.

    Attributes:
        points_per_side: number of grid points per side.
        points_per_batch: number of grid points decoded at once.
        pred_iou_thresh: masks with a predicted IoU up to this are dropped; 0 keeps all.
        stability_score_thresh: masks with a stability score up to this are dropped; 0 keeps all.
        stability_score_offset: the stability score is the IoU of the masks at logits ± this.
        box_nms_thresh: of two masks whose boxes have a larger IoU, the one with the higher predicted IoU is
            kept.
        crop_n_layers: number of layers of crops; layer n has 4ⁿ crops of the frame, each encoded separately.
        crop_nms_thresh: as ``box_nms_thresh``, between crops; the mask of the smaller crop is kept.
        crop_overlap_ratio: overlap of the crops in the first layer, relative to the frame's short side.
        crop_n_points_downscale_factor: the grid of layer n has this to the power of n times fewer points per
            side.
        min_mask_region_area: holes and islands with fewer pixels are removed; 0 keeps them.
        max_masks: maximum number of masks, the best ones.
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
    """Settings of ``sampt propose``: those of a model, and ``proposals``."""

    proposals: ProposalSettings = field(default_factory=ProposalSettings)


def no_proposals(segmenter: str) -> str:
    """Error message for a segmenter that does not predict the quality of its masks."""
    return (
        f"segmenter {segmenter} does not predict the quality of its masks, so it cannot make proposals; "
        "choose one of the SAM family, such as --segmenter sam-vit-b"
    )
