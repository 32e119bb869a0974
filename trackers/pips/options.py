"""PIPS' options; without torch, so that they can be checked before it is imported."""

from __future__ import annotations

from dataclasses import dataclass

from ..options import at_least, from_0_to_1

WINDOW = 8
"""Frames that the network looks at together."""


@dataclass(frozen=True, kw_only=True)
class PipsOptions:
    """Options of ``pips``.

    Attributes:
        longest_side: frames are brought to this longest side, px, smaller ones too, as SAM-PT's evaluation
            does; None keeps each frame's resolution.
        iterations: how often a window's positions are corrected.
        link_threshold: visibility, 0 to 1, that a window should begin with.
        visibility_threshold: visibility, 0 to 1, above which a point is VISIBLE.
        frames_kept: feature maps kept, at least the 8 of a window. One takes 32 bytes a pixel in float32,
            19 MB at 1024×576. 32 of them, 0.6 GB, are SAM-PT's reinitialisation horizon of 24 frames and
            one window.
        reuse_features: off, every window computes all its feature maps, as the official chain does; only
            good for measuring what that costs.

    Raises:
        ValueError: an option is out of its range.
    """

    longest_side: int | None = 1024
    iterations: int = 6
    link_threshold: float = 0.9
    visibility_threshold: float = 0.5
    frames_kept: int = 32
    reuse_features: bool = True

    def __post_init__(self) -> None:
        at_least(1, longest_side=self.longest_side, iterations=self.iterations)
        at_least(WINDOW, frames_kept=self.frames_kept)
        from_0_to_1(link_threshold=self.link_threshold, visibility_threshold=self.visibility_threshold)
