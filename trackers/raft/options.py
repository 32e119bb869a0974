"""RAFT's options, in a module without torch, so that they can be checked before it is imported."""

from __future__ import annotations

from dataclasses import dataclass

from ..flow import ChainingOptions
from ..options import at_least


@dataclass(frozen=True, kw_only=True)
class RaftOptions(ChainingOptions):
    """The options of ``raft``, including those of ``ChainingOptions``.

    SAM-PT's baseline (WACV 2025, Table 2) is ``occlusion=False`` with 32 iterations of the large model
    trained on FlyingThings, at the original resolution, with an infinite margin.

    Attributes:
        iterations: number of updates of each flow; fewer are faster and coarser.
        max_side: longest side of the frames that the flow is computed on, px; smaller frames are not
            enlarged, and None keeps the original resolution. Memory grows with its fourth power.

    Raises:
        ValueError: an option is out of its range.
    """

    iterations: int = 12
    max_side: int | None = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, iterations=self.iterations, max_side=self.max_side)
