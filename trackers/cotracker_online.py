"""CoTracker3 and CoTracker 2 as streaming trackers: windows that slide by half their length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .base import OnlineTracker, Step, Visibility
from .clip import Clip
from .cotracker_base import CoTrackerBase, finished_step
from .cotracker_correlation import Pyramid
from .cotracker_frames import FrameSize
from .cotracker_models import CoTracker2Model, CoTracker3Model
from .cotracker_points import groups_of_points

# A grid that lies so many grids back has drifted with the scene and makes room for a new one, so that a long
# clip with a grid every few frames needs no more memory than a short one.
_GRIDS_AT_ONCE = 8


@dataclass
class _Group:
    """Points that attend to each other, P of them: some of the queries, in order, then the support grids.

    queries: (Q,) which of all queries these are.
    grids: frames of the grids that have yet to join, in order.
    begin: the first frame with a query or a grid.
    starts: (P,) int64, query frames.
    given: (P, 2) positions at the queries, in feature pixels.
    ready: (P,) bool, whether the template has been taken.
    templates, xy, logits: as the model has them, for the latest window.
    """

    queries: NDArray[np.int64]
    grids: list[int]
    begin: int
    starts: Tensor
    given: Tensor
    ready: Tensor
    templates: Tensor
    xy: Tensor
    logits: Tensor

    def replace(self, change: Callable[[str, Tensor], Tensor]) -> None:
        """Change everything that has one entry a point."""
        for name in ("starts", "given", "ready", "templates", "xy", "logits"):
            setattr(self, name, change(name, getattr(self, name)))


class SlidingCoTracker(CoTrackerBase, OnlineTracker):
    """Tracks in windows of ``model.window`` frames, each starting half a window after the one before.

    In the frames that two windows share, the later one refines what the earlier one found. Memory does not
    depend on the clip's length. A step reads up to ``model.window`` - 1 frames beyond its own. Of the support
    grids, the latest eight are followed.
    """

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        if len(queries) == 0:
            yield from (_waiting(queries) for _ in range(len(clip)))
            return
        starts = queries[:, 0].astype(np.int64)
        members = list(groups_of_points(starts, self.points_per_batch))
        grids = [self.support.frames(clip, starts[group]) for group in members]
        begins = [
            min([*starts[group].tolist(), *frames]) for group, frames in zip(members, grids, strict=True)
        ]
        # The windows lie where they would if they had begun at the clip's first frame; those before the first
        # query, in which there is nothing to find, are left out.
        window, step = self.model.window, self.model.window // 2
        first = max((min(begins) - window) // step + 1, 0) * step
        yield from (_waiting(queries) for _ in range(first))
        size = self.frames.frame_size(clip, first)
        groups = [
            self._group(group, frames, begin, queries[group], size)
            for group, frames, begin in zip(members, grids, begins, strict=True)
        ]
        while first < len(clip):
            stop = min(first + window, len(clip))
            xy, seen = self._window(clip, range(first, stop), groups, queries, size)
            finished = stop if stop == len(clip) else first + step
            for t in range(first, finished):
                found, visibility = finished_step(
                    queries, starts == t, xy[:, t - first], seen[:, t - first], size
                )
                waits = starts > t
                found[waits], visibility[waits] = queries[waits, 1:], Visibility.INVISIBLE
                yield found, visibility
            first = finished

    @torch.inference_mode()
    def _window(
        self, clip: Clip, frames: range, groups: list[_Group], queries: NDArray[np.float32], size: FrameSize
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Advance all groups to the window of ``frames``: where the queries are, (N, S, 2) px, and seen."""
        pyramid = self.frames.pyramid(clip, frames, self.model.window)
        xy = np.repeat(queries[:, None, 1:], len(pyramid), axis=1)
        seen = np.zeros(xy.shape[:2], bool)
        for group in groups:
            if group.begin < frames.start + len(pyramid):
                self._advance(group, pyramid, frames.start)
                own = len(group.queries)
                score = self.model.probability(group.logits[:own].float())
                xy[group.queries] = self.frames.to_pixels(group.xy[:own], size)
                seen[group.queries] = (score > self.visibility_threshold).cpu().numpy()
        return xy, seen

    def _advance(self, group: _Group, pyramid: Pyramid, first: int) -> None:
        """Track the group's points in the window that starts at frame ``first``."""
        window = len(pyramid)
        self._join_grids(group, first + window)
        self._slide(group, first)
        starting = ~group.ready & (group.starts < first + window)
        group.templates[starting] = self.model.templates(
            pyramid, group.starts[starting] - first, group.given[starting]
        )
        group.ready |= starting
        frames = first + torch.arange(window, device=self.device)
        fresh = group.starts[:, None] <= frames
        if first > 0:
            fresh &= frames >= first + window // 2
        part = torch.ones_like(group.ready) if self.model.waiting_points_take_part else group.ready
        xy, logits = group.xy[part], group.logits[part]
        with self._autocast():
            xy, logits = self.model.refine(
                pyramid, group.templates[part], xy, logits, fresh[part], self.iterations
            )
        group.xy[part], group.logits[part] = xy, logits

    def _slide(self, group: _Group, first: int) -> None:
        """Start where the window before found the points, and stay there; new points from their queries."""
        step = self.model.window // 2
        known = (group.starts < first + step)[:, None, None] & (first > 0)
        given = group.given[:, None].expand_as(group.xy)
        initial = torch.full_like(group.logits, self.model.initial_logit)
        group.xy = torch.where(known, _shifted(group.xy, step), given)
        group.logits = torch.where(known, _shifted(group.logits, step), initial)

    def _join_grids(self, group: _Group, stop: int) -> None:
        """Add the grids at frames before ``stop``, and let go of old ones."""
        own, each = len(group.queries), self.support.side**2
        while group.grids and group.grids[0] < stop:
            starts = torch.full((each,), group.grids.pop(0), device=self.device)
            fields = self._fields(starts, self._support_points())
            group.replace(lambda name, value, new=fields: torch.cat([value, new[name]]))  # type: ignore[misc]
        surplus = max((len(group.starts) - own) - _GRIDS_AT_ONCE * each, 0)
        if surplus:
            group.replace(lambda _, value: torch.cat([value[:own], value[own + surplus :]]))

    @torch.inference_mode()
    def _group(
        self,
        members: NDArray[np.int64],
        grids: list[int],
        begin: int,
        queries: NDArray[np.float32],
        size: FrameSize,
    ) -> _Group:
        starts = torch.from_numpy(queries[:, 0].astype(np.int64)).to(self.device)
        fields = self._fields(starts, self.frames.to_features(queries[:, 1:], size))
        return _Group(members, list(grids), begin, **fields)

    def _fields(self, starts: Tensor, given: Tensor) -> dict[str, Tensor]:
        """What a group holds of new points."""
        points, window = len(starts), self.model.window
        return {
            "starts": starts,
            "given": given,
            "ready": torch.zeros_like(starts, dtype=torch.bool),
            "templates": self.model.empty_templates(points),
            "xy": given[:, None].expand(-1, window, -1).clone(),
            "logits": torch.full((points, window, self.model.logits), self.model.initial_logit).to(given),
        }


class CoTracker3(SlidingCoTracker):
    """CoTracker3 online (Karaev et al., 2024): windows of 16 frames, memory independent of the clip's length.

    Its visibility score is visibility times confidence, as in the official online predictor. Points whose
    queries are still to come take part as if there was nothing around them, as there, too.

    Args: see ``CoTrackerBase``. The model is of ``build_cotracker3``.
    """

    name: ClassVar[str] = "cotracker3"

    def __init__(
        self,
        model: CoTracker3Model,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        iterations: int = 6,
        visibility_threshold: float = 0.6,
        support_grid: int = 6,
        support_grid_every: int | None = None,
        points_per_batch: int = 1024,
        size: Sequence[int] = (384, 512),
        frames_kept: int = 48,
    ) -> None:
        super().__init__(
            model,
            device,
            dtype,
            iterations,
            visibility_threshold,
            support_grid,
            support_grid_every,
            points_per_batch,
            size,
            frames_kept,
        )


class CoTracker2(SlidingCoTracker):
    """CoTracker 2 (Karaev et al., ECCV 2024): windows of 8 frames, trained on synthetic clips alone.

    Points whose queries are still to come do not influence the others.

    Args: see ``CoTrackerBase``. The model is of ``build_cotracker2``.
    """

    name: ClassVar[str] = "cotracker2"

    def __init__(
        self,
        model: CoTracker2Model,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        iterations: int = 6,
        visibility_threshold: float = 0.9,
        support_grid: int = 6,
        support_grid_every: int | None = None,
        points_per_batch: int = 1024,
        size: Sequence[int] = (384, 512),
        frames_kept: int = 48,
    ) -> None:
        super().__init__(
            model,
            device,
            dtype,
            iterations,
            visibility_threshold,
            support_grid,
            support_grid_every,
            points_per_batch,
            size,
            frames_kept,
        )


def _waiting(queries: NDArray[np.float32]) -> Step:
    return queries[:, 1:].copy(), np.full(len(queries), Visibility.INVISIBLE, np.int8)


def _shifted(values: Tensor, step: int) -> Tensor:
    """(N, S, ...) moved ``step`` frames on; at the end, the last known frame is repeated."""
    return torch.cat([values[:, step:], values[:, -1:].expand(-1, step, -1)], dim=1)
