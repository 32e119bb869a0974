"""Settings: frozen dataclasses with defaults, documentation and checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from sampt.trackers.filters import PatchFilter


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of the point tracker.

    Attributes:
        name: tracker, one of those that ``sampt info`` lists.
        checkpoint: a file, or a name from ``sampt weights list``; None for the tracker's own.
        dtype: float32, or bfloat16 to trade exactness for speed.
        joint_objects: number of objects whose points are tracked together; None for all.
        whole_clip_frames: maximum number of frames for a tracker that needs all of them at once; in longer
            clips, its online variant is used instead. None for no limit.
        options: options of this tracker; its page in docs/trackers lists them.
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
    """Settings of the segmenter.

    Attributes:
        name: segmenter, one of those that ``sampt info`` lists.
        checkpoint: a checkpoint file; None for the official one, which is downloaded.
        options: options of this segmenter.
    """

    name: str = MISSING
    checkpoint: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SamplerConfig:
    """Settings of a point sampler.

    Attributes:
        name: sampler, one of those that ``sampt info`` lists.
        points: number of points per object.
        options: options of this sampler.
    """

    name: str = "k-medoids"
    points: int = 16
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _at_least("points", self.points, 0)


@dataclass(frozen=True)
class SamplingConfig:
    """Settings for sampling query points from a mask.

    Attributes:
        positive: sampler for points on the object.
        negative: sampler for points off the object.
        from_clicks: if an object has fewer clicks than ``positive.points``, also sample points from the mask
            that the segmenter predicts from the clicks.
    """

    positive: SamplerConfig = field(default_factory=SamplerConfig)
    negative: SamplerConfig = field(default_factory=lambda: SamplerConfig(name="mixed", points=1))
    from_clicks: bool = False

    def __post_init__(self) -> None:
        _at_least("sampling.positive.points", self.positive.points, 1)


@dataclass(frozen=True)
class Prompting:
    """Settings for prompting the segmenter with points (SAM-PT, Sec. 3.3).

    Attributes:
        two_pass: if an object has negatives, first prompt with its positives alone.
        other_objects_as_negatives: use the other objects' visible positives as negatives of each object.
        max_other_points: maximum number of such negatives, drawn at random; None for all.
        refinements: number of times that the mask and its box are fed back.
        iou_threshold: masks with a lower predicted IoU are dropped; None keeps all.
        negatives_alone: prompt with the negatives even if no positive is visible, as the reference
            implementation does; otherwise the object has no mask in that frame.
        later_objects_as_negatives: count an object among the others even in frames before its query frame in
            which it is not segmented. It is tracked backward for that, unless points are reinitialised.
        joint_objects: number of objects, in the order given, that are prompted, tracked and reinitialised
            together; the next ones know nothing of them. None for all.
    """

    two_pass: bool = True
    other_objects_as_negatives: bool = True
    max_other_points: int | None = None
    refinements: int = 12
    iou_threshold: float | None = 0.7
    negatives_alone: bool = False
    later_objects_as_negatives: bool = False
    joint_objects: int | None = None

    def __post_init__(self) -> None:
        _at_least("refinements", self.refinements, 0)
        _at_least("prompting.joint_objects", self.joint_objects, 1)
        _at_least("max_other_points", self.max_other_points, 0)
        if self.iou_threshold is not None and self.iou_threshold > 1:
            raise ValueError(f"iou_threshold must be at most 1, not {self.iou_threshold}")


@dataclass(frozen=True)
class OnLoss:
    """Reinitialisation E: resample an object's points as soon as too few of them are visible.

    Unlike A to D, it keeps the positives that are still visible and only samples the missing ones. It decides
    per frame and per object, so it has no horizon. It is meant for trackers that lose points for good
    (``dis``, ``lucas-kanade``), with a segmenter whose masks stay on the object.

    Attributes:
        visible_share: resample if the share of visible positives is below this.
        least_visible: minimum number of visible positives for the mask to be trusted.
        patience: minimum number of frames between two starts.
        smallest_area: masks with this many pixels or fewer are not sampled from.
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
        """Whether to restart an object with ``visible`` of ``total`` positives, given a large enough mask."""
        few = self.least_visible <= visible < self.visible_share * total
        return few and frames_since_start >= self.patience


@dataclass(frozen=True)
class ReinitConfig:
    """Settings of reinitialisation: when points are dropped and sampled again (SAM-PT, Sec. 3.4).

    Attributes:
        strategy: None, or horizon, median-area, similar-area, similar-area-sync, on-loss.
        horizon: frames between two decisions, for all strategies but on-loss.
        tracker_horizon: frames that are tracked for each decision; None means ``horizon``.
        on_loss: settings of the strategy on-loss.
    """

    strategy: str | None = None
    horizon: int = 8
    tracker_horizon: int | None = None
    on_loss: OnLoss = field(default_factory=OnLoss)


@dataclass(frozen=True)
class PatchFilterConfig:
    """Settings of the filter that rejects points whose patch changed (SAM-PT, WACV 2025, supplement).

    Attributes:
        size: side of the compared patches in pixels, an odd number.
        threshold: points with a similarity, 0 to 1, up to this are rejected.
    """

    enabled: bool = False
    size: int = 3
    threshold: float = 0.01

    def __post_init__(self) -> None:
        PatchFilter(self.size, self.threshold)


@dataclass(frozen=True)
class CacheBudget:
    """Memory budget for cached embeddings.

    Attributes:
        device_bytes: bytes on a GPU.
        host_bytes: bytes of pinned host memory, which takes the overflow of a GPU and is the only tier of a
            segmenter on the CPU.
        disk_bytes: bytes in temporary files, which helps if a video is processed several times.
    """

    device_bytes: int = 2 << 30
    host_bytes: int = 1 << 30
    disk_bytes: int = 0

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            _at_least(key, value, 0)


@dataclass(frozen=True)
class WorkingSize:
    """Size that frames are brought to, up or down, before anything is done with them.

    Clicks, boxes and masks are given, and results are returned, at the frames' own size. SAM-PT's published
    numbers were made with a longest side of 1024 (VOS) and a shortest side of 360 (UVO), so all its lengths
    in pixels refer to such frames. At most one side may be set; without any, frames keep their size.

    Attributes:
        longest_side: pixels of the longer side.
        shortest_side: pixels of the shorter side.
    """

    longest_side: int | None = None
    shortest_side: int | None = None

    def __post_init__(self) -> None:
        _at_least("working_size.longest_side", self.longest_side, 8)
        _at_least("working_size.shortest_side", self.shortest_side, 8)
        if self.longest_side and self.shortest_side:
            raise ValueError(
                "working_size.longest_side and working_size.shortest_side contradict each other; set one"
            )

    def of(self, size: tuple[int, int]) -> tuple[int, int]:
        """The working (height, width) of frames of ``size`` (height, width); sides are rounded half up."""
        if self.longest_side:
            scale = self.longest_side / max(size)
        elif self.shortest_side:
            scale = self.shortest_side / min(size)
        else:
            return size
        height, width = (max(1, int(side * scale + 0.5)) for side in size)
        return height, width


@dataclass(frozen=True, repr=False)
class Config:
    """All settings, filled by ``configs/*.yaml`` and ``-o key=value``.

    Attributes:
        method: segmentation method, one of those that ``sampt info`` lists.
        working_size: size that frames are brought to.
        reference: do as the reference implementation of SAM-PT where ours differs, for published numbers.
            Objects are prompted with negatives alone, and with positives of objects that are given in a later
            frame; reinitialisation A to D restarts from any mask, even an empty one; K-Medoids alternates;
            Shi-Tomasi erodes small masks, too. docs/method.md has the whole list.
        overlapping: keep overlapping masks; otherwise each pixel goes to the object with the highest logit.
        cache: memory budget for embeddings of frames.
        frames_per_batch: number of frames encoded together; None means 4 on CUDA and 1 elsewhere.
        compile: ``torch.compile`` the segmenter, which takes a minute once and speeds up every frame.
        device: "auto", "cpu", "cuda", "cuda:1", …; "auto" uses CUDA if available.
        dtype: "auto", "float32" or "bfloat16"; "auto" is bfloat16 on CUDA and float32 elsewhere.
        seed: seed of all randomness, restarted for each video.
    """

    method: str = "sam-pt"
    working_size: WorkingSize = field(default_factory=WorkingSize)
    reference: bool = False
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
