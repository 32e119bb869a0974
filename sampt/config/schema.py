"""Everything that can be set: frozen dataclasses with their defaults, their meaning and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from sampt.trackers.filters import PatchFilter


@dataclass(frozen=True)
class TrackerConfig:
    """The point tracker.

    Attributes:
        name: one of ``sampt info``'s trackers.
        checkpoint: a file, or another name of ``sampt weights list``; None for the tracker's own.
        dtype: float32, or bfloat16 to trade exactness for speed.
        joint_objects: how many objects' points are tracked together; None for all.
        whole_clip_frames: in longer clips a tracker that needs all frames at once gives way to its online
            relative; None: never.
        options: of this tracker; its page in docs/trackers lists them.
    """

    name: str = MISSING
    checkpoint: str | None = None
    dtype: str = "float32"
    joint_objects: int | None = None
    whole_clip_frames: int | None = 300
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _at_least("joint_objects", self.joint_objects, 1)


@dataclass(frozen=True)
class SegmenterConfig:
    """The segmenter.

    Attributes:
        name: one of ``sampt info``'s segmenters.
        checkpoint: a file; None for the official one, which is downloaded.
        options: of this segmenter.
    """

    name: str = MISSING
    checkpoint: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SamplerConfig:
    """A point sampler, and how many points it draws for each object."""

    name: str = "k-medoids"
    points: int = 16
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _at_least("points", self.points, 0)


@dataclass(frozen=True)
class SamplingConfig:
    """How query points are drawn from a mask.

    Attributes:
        positive, negative: for points on the object and off it.
        from_clicks: also draw points where an object was given fewer clicks than ``positive.points``, from
            the mask that the segmenter makes of the clicks.
    """

    positive: SamplerConfig = field(default_factory=SamplerConfig)
    negative: SamplerConfig = field(default_factory=lambda: SamplerConfig(name="mixed", points=1))
    from_clicks: bool = False

    def __post_init__(self) -> None:
        _at_least("sampling.positive.points", self.positive.points, 1)


@dataclass(frozen=True)
class Prompting:
    """How points become prompts (SAM-PT, Sec. 3.3).

    Attributes:
        two_pass: prompt with the positives alone first, where an object has negatives.
        other_objects_as_negatives: every other object's visible positives are negatives of this one.
        max_other_points: how many of those at most, drawn at random; None for all.
        refinements: how often the mask is fed back with its box.
        iou_threshold: a mask whose predicted IoU is lower is dropped; None keeps all.
        negatives_alone: also prompt with negatives where no positive is visible, as the reference
            implementation does; otherwise such an object has no mask in that frame.
    """

    two_pass: bool = True
    other_objects_as_negatives: bool = True
    max_other_points: int | None = None
    refinements: int = 12
    iou_threshold: float | None = 0.7
    negatives_alone: bool = False

    def __post_init__(self) -> None:
        _at_least("refinements", self.refinements, 0)
        _at_least("max_other_points", self.max_other_points, 0)
        if self.iou_threshold is not None and self.iou_threshold > 1:
            raise ValueError(f"iou_threshold must be at most 1, not {self.iou_threshold}")


@dataclass(frozen=True)
class OnLoss:
    """Reinitialisation E: as soon as too few of an object's points are visible, from that frame's mask.

    Unlike A to D it keeps the positives that are still visible, and samples only what is lacking. It decides
    frame by frame, object by object, so it has no horizon. Made for trackers that lose points for good
    (``dis``, ``lucas-kanade``) with a segmenter whose masks stay on the object.

    Attributes:
        visible_share: a smaller share of visible positives is too few.
        least_visible: with fewer visible positives the mask is not trusted.
        patience: frames since the last start before there can be another.
        smallest_area: masks of so many pixels or fewer are not sampled from.
    """

    visible_share: float = 0.6
    least_visible: int = 3
    patience: int = 2
    smallest_area: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.visible_share <= 1:
            raise ValueError(
                f"reinitialisation on loss: visible_share must be from 0 to 1, not {self.visible_share}"
            )
        _at_least("reinitialisation on loss: least_visible", self.least_visible, 1)
        _at_least("reinitialisation on loss: patience", self.patience, 1)
        _at_least("reinitialisation on loss: smallest_area", self.smallest_area, 0)

    def due(self, visible: int, total: int, frames_since_start: int) -> bool:
        """Whether to restart an object with ``visible`` of ``total`` positives, if its mask is large."""
        few = self.least_visible <= visible < self.visible_share * total
        return few and frames_since_start >= self.patience


@dataclass(frozen=True)
class ReinitConfig:
    """When points are dropped and sampled again (SAM-PT, Sec. 3.4).

    Attributes:
        strategy: None, or horizon, median-area, similar-area, similar-area-sync, on-loss.
        horizon: frames between two looks, for all but on-loss.
        tracker_horizon: frames that are tracked for each of them; None means ``horizon``.
        on_loss: settings of that strategy.
    """

    strategy: str | None = None
    horizon: int = 8
    tracker_horizon: int | None = None
    on_loss: OnLoss = field(default_factory=OnLoss)


@dataclass(frozen=True)
class PatchFilterConfig:
    """Whether points that no longer look alike are rejected (SAM-PT, WACV 2025, supplement).

    Attributes:
        size: side of the compared patches, odd, pixels.
        threshold: similarity, 0..1, up to which a point is rejected.
    """

    enabled: bool = False
    size: int = 3
    threshold: float = 0.01

    def __post_init__(self) -> None:
        PatchFilter(self.size, self.threshold)


@dataclass(frozen=True)
class CacheBudget:
    """How many bytes of embeddings are kept.

    Attributes:
        device_bytes: on a GPU.
        host_bytes: in the host's memory, pinned: where a GPU's budget overflows to, and the only tier of a
            segmenter on the CPU.
        disk_bytes: in temporary files, which pays where a video is gone through several times.
    """

    device_bytes: int = 2 << 30
    host_bytes: int = 1 << 30
    disk_bytes: int = 0

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            _at_least(key, value, 0)


@dataclass(frozen=True, repr=False)
class Config:
    """Everything that can be set; ``configs/*.yaml`` and ``-o key=value`` fill it.

    Attributes:
        method: how a video is segmented; one of ``sampt info``'s methods.
        overlapping: keep masks that overlap; otherwise each pixel goes to the object with the highest
            logit.
        cache: memory for embeddings of frames.
        frames_per_batch: frames encoded together; None: 4 on CUDA, 1 elsewhere.
        compile: ``torch.compile`` the segmenter, which takes a minute and then saves time with every frame.
        device: "auto" takes CUDA if there is one.
        dtype: "auto" is bfloat16 on CUDA, float32 elsewhere.
        seed: everything random is drawn from it, once for each video.
    """

    method: str = "sam-pt"
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    prompting: Prompting = field(default_factory=Prompting)
    reinit: ReinitConfig = field(default_factory=ReinitConfig)
    patch_filter: PatchFilterConfig = field(default_factory=PatchFilterConfig)
    overlapping: bool = False
    cache: CacheBudget = field(default_factory=CacheBudget)
    frames_per_batch: int | None = None
    compile: bool = False
    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0

    def __repr__(self) -> str:
        return f"<Config: {self.method}, {self.tracker.name} + {self.segmenter.name} on {self.device}>"

    def __post_init__(self) -> None:
        _at_least("frames_per_batch", self.frames_per_batch, 1)
        _at_least("seed", self.seed, 0)


def _at_least(key: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise ValueError(f"{key} must be at least {least}, not {value}")
