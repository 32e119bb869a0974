"""The settings of video instance segmentation: the method's, and how it is used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

from sampt.config import Config
from sampt.errors import ConfigError
from sampt.proposals.settings import ProposalSettings

FIRST_MASKS = ("given", "predicted")
SCORE_FRAMES = ("seen", "all")


@dataclass(frozen=True)
class Redetect:
    """The settings for finding new objects later in the video, which the paper does not do.

    Attributes:
        every: number of frames from one search for objects to the next; None to search only the first frame.
        overlap: maximum IoU of a new proposal with every masklet in its frame.
    """

    every: int | None = None
    overlap: float = 0.5

    def __post_init__(self) -> None:
        if self.every is not None and self.every < 1:
            raise ValueError(f"every must be at least 1, not {self.every}")
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"overlap must be from 0 to 1, not {self.overlap}")


@dataclass(frozen=True)
class VisSettings:
    """The settings for finding, scoring and tracking everything in a video.

    Attributes:
        proposals: how objects are found.
        redetect: how new objects are found later in the video.
        first_mask: the mask in the frame that an object begins in: "given", its proposal, or "predicted", the
            method's own.
        score_frames: the frames whose mean predicted IoU is a masklet's score: "seen", those in which it has
            a mask, or "all", from the one that it begins in. With "all", frames whose mask was dropped count,
            and one frame in which no point is visible makes the score −inf; frames after a failed
            reinitialisation do not count.
        proposal_score: multiply a masklet's score by the predicted IoU of the proposal that it began with.
        objects_per_batch: number of objects that are tracked and segmented together, as each other's
            negatives; None for as many as 2 GiB of masks allow.
    """

    proposals: ProposalSettings = field(default_factory=ProposalSettings)
    redetect: Redetect = field(default_factory=Redetect)
    first_mask: str = "given"
    score_frames: str = "seen"
    proposal_score: bool = True
    objects_per_batch: int | None = None

    def __post_init__(self) -> None:
        _one_of(FIRST_MASKS, first_mask=self.first_mask)
        _one_of(SCORE_FRAMES, score_frames=self.score_frames)
        if self.objects_per_batch is not None and self.objects_per_batch < 1:
            raise ValueError(f"objects_per_batch must be at least 1, not {self.objects_per_batch}")


@dataclass(frozen=True)
class VisConfig(Config, VisSettings):
    """The configuration for ``sampt vis``, as its file and ``-o`` set it; see ``load_config``.

    It has all of the method's settings and, beside them, those of ``VisSettings``.
    """

    def __post_init__(self) -> None:
        Config.__post_init__(self)
        VisSettings.__post_init__(self)


def _one_of(allowed: tuple[str, ...], **given: str) -> None:
    for name, value in given.items():
        if value not in allowed:
            raise ValueError(f"{name} must be {' or '.join(allowed)}, not {value}")


C = TypeVar("C", bound=Config)


def vis_config(config: C) -> C:
    """The configuration with masks that may overlap, as proposals do.

    Raises:
        ConfigError: its segmenter makes no proposals.
    """
    if config.segmenter.name == "grabcut":
        raise ConfigError(
            f"segmenter {config.segmenter.name} cannot say how good its masks are, so it makes no proposals; "
            "choose one of the SAM family, such as --segmenter mobile-sam"
        )
    return replace(config, overlapping=True)
