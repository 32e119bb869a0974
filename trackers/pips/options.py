"""PIPS' options, in a module without torch, so that they can be checked before it is imported."""

from __future__ import annotations

from dataclasses import dataclass

from ..options import at_least, from_0_to_1

WINDOW = 8
"""Number of frames that the network looks at together."""


@dataclass(frozen=True, kw_only=True)
class PipsOptions:
    """The options of ``pips``.

    Attributes:
        longest_side: longest side that frames are resized to, px; smaller frames are enlarged. 1024 is the
            length of the frames of SAM-PT's evaluation. None keeps the original resolution.
        iterations: number of corrections of a window's positions.
        link_threshold: visibility, from 0 to 1, that a point should have where its next window begins.
        visibility_threshold: visibility, from 0 to 1, above which a point inside the frame is VISIBLE.
        frames_kept: number of feature maps kept, at least the 8 of a window. One takes 32 bytes per pixel in
            float32, 19 MB at 1024×576. The default of 32, 0.6 GB, covers SAM-PT's reinitialisation horizon of
            24 frames and one window.
        reuse_features: if False, every window computes all its feature maps again, as the official chain
            does; only useful for measuring what that costs.

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
