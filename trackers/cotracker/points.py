"""The points that CoTracker follows together: groups of queries, and the grids that support them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..clip import Clip


@dataclass(frozen=True)
class SupportGrid:
    """A grid of points that is followed beside the queries, because CoTracker's points help each other.

    Attributes:
        side: number of points per side; 0 for no grid.
        every: number of frames from one grid to the next, counted from the clip's earliest frame, even when
            the clip runs backward; None for a grid at each query frame.
    """

    side: int
    every: int | None

    def frames(self, clip: Clip, starts: NDArray[np.int64]) -> Sequence[int]:
        """The frames of ``clip`` with a grid, in order, for points with the query frames ``starts``, (N,).

        In an endless clip, grids at regular intervals continue as if it never ended.
        """
        if self.side == 0:
            return []
        if self.every is None:
            return [int(start) for start in np.unique(starts)]
        frames = len(clip.indices)
        first = (frames - 1) % self.every if clip.indices.step < 0 else 0
        return range(first, frames, self.every)

    def points(self, size: tuple[int, int]) -> Tensor:
        """The grid in an image of ``size``, (height, width): (side², 2) float32 of (x, y) px, row by row.

        It keeps a 64th of the width away from the borders.
        """
        height, width = size
        if self.side == 1:
            return torch.tensor([[width / 2, height / 2]])
        margin = width / 64
        y, x = torch.meshgrid(
            torch.linspace(margin, height - margin, self.side),
            torch.linspace(margin, width - margin, self.side),
            indexing="ij",
        )
        return torch.stack([x.flatten(), y.flatten()], dim=1)


def groups_of_points(starts: NDArray[np.int64], most: int) -> Iterator[NDArray[np.int64]]:
    """The groups of points with the query frames ``starts``, (N,), as indices, early ones first.

    A group has at most ``most`` points. If all fit into one group, they keep their order.
    """
    if len(starts) <= most:
        if len(starts):
            yield np.arange(len(starts))
        return
    order = np.argsort(starts, kind="stable")
    yield from (order[first : first + most] for first in range(0, len(order), most))
