"""CoTracker3, 2 and 1 as streaming trackers: windows that slide by half their length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..base import OnlineTracker, Step, Trajectories, Visibility, check_queries
from ..clip import Clip, Source
from ..frames import within
from ..neural import Weights
from .base import CoTrackerBase, Prediction
from .correlation import Pyramid
from .first import CoTracker1Model, build_cotracker1
from .models import CoTracker2Model, CoTracker3Model, build_cotracker2, build_cotracker3
from .options import CoTracker1Options, CoTracker2Options, CoTracker3Options
from .points import groups_of_points

# A grid this many grids old has drifted with the scene and makes room for a new one, so that a long clip with
# a grid every few frames needs no more memory than a short one.
_GRIDS_AT_ONCE = 8


@dataclass
class _Group:
    """P points that attend to each other: some of the queries, in order, then the support grids.

    Attributes:
        queries: (Q,) indices of these queries among all.
        grids: frames of the grids that are still to join, in order.
        begin: the first frame with a query or a grid.
        starts: (P,) int64, query frames.
        given: (P, 2) positions at the queries, in feature pixels.
        ready: (P,) bool, whether the template has been taken.
        templates: as the model returns them.
        xy: positions in the latest window, as the model returns them.
        logits: the same for logits.
    """

    queries: NDArray[np.int64]
    grids: Sequence[int]
    begin: int
    starts: Tensor
    given: Tensor
    ready: Tensor
    templates: Tensor
    xy: Tensor
    logits: Tensor

    def replace(self, change: Callable[[str, Tensor], Tensor]) -> None:
        """Change every tensor that has one entry per point."""
        for name in ("starts", "given", "ready", "templates", "xy", "logits"):
            setattr(self, name, change(name, getattr(self, name)))


class SlidingCoTracker(CoTrackerBase, OnlineTracker):
    """An online CoTracker, whose windows of ``model.window`` frames advance by half their length.

    In the frames that two windows share, the later one refines what the earlier one found. Memory does not
    depend on the clip's length. A step reads up to ``model.window`` - 1 frames ahead. Only the latest eight
    support grids are followed.
    """

    def stream(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Step]:
        starts = queries[:, 0]
        for t, prediction in enumerate(self.predict(clip, queries)):
            xy, visibility = prediction.step(queries, starts == t, self.options.visibility_threshold)
            waits = starts > t
            xy[waits], visibility[waits] = queries[waits, 1:], Visibility.INVISIBLE
            yield xy, visibility

    def track(self, frames: Clip | Source, queries: ArrayLike) -> Trajectories:
        """Track as ``PointTracker.track`` says; backward, the windows begin at the clip's last frame."""
        clip = Clip.of(frames)
        checked = check_queries(queries, clip)
        starts = checked[:, 0]
        steps = list(self.stream(clip, checked))
        if starts.any():
            flipped = checked.copy()
            flipped[:, 0] = len(steps) - 1 - starts
            backward = reversed(list(self.stream(clip[: len(steps)].reversed(), flipped)))
            for t, ((xy, visibility), past) in enumerate(zip(steps, backward, strict=True)):
                early = t < starts
                xy[early], visibility[early] = past[0][early], past[1][early]
        return Trajectories.from_steps(iter(steps))

    def predict(self, clip: Clip, queries: NDArray[np.float32]) -> Iterator[Prediction]:
        """The model's output in every frame of ``clip``, also before queries and at them.

        Frames before the first window with a query are not looked at: the score is 0 there.
        """
        groups = self._groups(clip, queries)
        window, step = self.model.window, self.model.window // 2
        # The windows are where they would be if they had begun at the clip's first frame; those before the
        # first query are left out, as there is nothing to find in them.
        begin = min((group.begin for group in groups), default=len(clip.indices))
        first = max((begin - window) // step + 1, 0) * step if groups else begin
        for _ in clip[:first].positions():
            nowhere = np.zeros(len(queries), bool)
            yield Prediction(queries[:, 1:].copy(), nowhere.astype(np.float32), nowhere)
        while clip.has(first):
            found = self._window(clip, first, groups, queries)
            yield from found[:step]
            # Asked only now, because the next frame may take long to arrive.
            if not clip.has(first + window):
                yield from found[step:]
                return
            first += step

    def _groups(self, clip: Clip, queries: NDArray[np.float32]) -> list[_Group]:
        """All points in groups."""
        starts = queries[:, 0].astype(np.int64)
        groups = []
        for members in groups_of_points(starts, self.options.points_per_batch):
            grids = self.support.frames(clip, starts[members])
            begin = min([*starts[members].tolist(), *grids[:1]])
            own = torch.from_numpy(starts[members]).to(self.device)
            # Their positions in feature pixels are known once the first frame is.
            fields = self._fields(own, torch.zeros(len(own), 2, device=self.device))
            groups.append(_Group(members, grids, begin, **fields))
        return groups

    @torch.inference_mode()
    def _window(
        self, clip: Clip, first: int, groups: list[_Group], queries: NDArray[np.float32]
    ) -> list[Prediction]:
        """Advance all groups to the window that begins at frame ``first``, which exists.

        A window that the clip's end cuts short is filled up with the last frame.

        Returns:
            The model's output in each frame of the window.
        """
        size = self.frames.frame_size(clip, first)
        # One at a time: an endless clip forgets old frames, so each must be encoded soon.
        stop = first + 1
        while stop < first + self.model.window and clip.has(stop):
            self.frames.frame_size(clip, stop)
            stop += 1
        frames = range(first, stop)
        pyramid = self.frames.pyramid(clip, frames, self.model.window)
        xy = np.repeat(queries[None, :, 1:], len(frames), axis=0)
        score = np.zeros(xy.shape[:2], np.float32)
        for group in groups:
            if group.begin >= first + len(pyramid):
                continue
            own = len(group.queries)
            group.given[:own] = self.frames.to_features(queries[group.queries, 1:], size)
            self._advance(group, pyramid, first)
            probability = self.model.probability(group.logits[:own, : len(frames)].float())
            xy[:, group.queries] = self.frames.to_pixels(group.xy[:own, : len(frames)], size).swapaxes(0, 1)
            score[:, group.queries] = probability.cpu().numpy().T
        return [Prediction(here, sure, within(here, size)) for here, sure in zip(xy, score, strict=True)]

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
            if not self.model.fills_windows:
                fresh &= frames < pyramid.clip_length
        with self._autocast():
            group.xy, group.logits = self._refined(group, pyramid, fresh)

    def _refined(self, group: _Group, pyramid: Pyramid, fresh: Tensor) -> tuple[Tensor, Tensor]:
        """The group's new positions and logits; ``fresh`` as in ``CoTrackerModel.refine``."""
        return self.model.refine(
            pyramid, group.templates, group.xy, group.logits, fresh, self.options.iterations
        )

    def _slide(self, group: _Group, first: int) -> None:
        """Start the points where the previous window found them, and new points at their queries."""
        step = self.model.window // 2
        known = (group.starts < first + step)[:, None, None] & (first > 0)
        given = group.given[:, None].expand_as(group.xy)
        initial = torch.full_like(group.logits, self.model.initial_logit)
        group.xy = torch.where(known, _shifted(group.xy, step), given)
        group.logits = torch.where(known, _shifted(group.logits, step), initial)

    def _join_grids(self, group: _Group, stop: int) -> None:
        """Add the next grids, at least those of frames before ``stop``, and drop old ones."""
        own, each = len(group.queries), self.support.side**2
        most = own + _GRIDS_AT_ONCE * each
        while group.grids and (group.grids[0] < stop or len(group.starts) < most):
            starts = torch.full((each,), group.grids[0], device=self.device)
            group.grids = group.grids[1:]
            fields = self._fields(starts, self._support_points())
            group.replace(lambda name, value, new=fields: torch.cat([value, new[name]]))  # type: ignore[misc]
        surplus = max(len(group.starts) - most, 0)
        if surplus:
            group.replace(lambda _, value: torch.cat([value[:own], value[own + surplus :]]))

    def _fields(self, starts: Tensor, given: Tensor) -> dict[str, Tensor]:
        """The fields of a group for new points."""
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

    As in the official online predictor, its visibility score is visibility times confidence, and points whose
    queries are still to come take part as if there was nothing around them.

    Args:
        model: the network, as ``build_cotracker3`` makes it; it is moved to ``device``.
        options: the tracker's options.
        device: where to compute and keep the features.
        dtype: float32, or bfloat16 for mixed precision by autocast.

    Raises:
        ValueError: ``dtype`` is neither.
    """

    name: ClassVar[str] = "cotracker3"
    Options = CoTracker3Options

    @staticmethod
    def build_network(weights: Weights) -> CoTracker3Model:
        return build_cotracker3()


class CoTracker2(SlidingCoTracker):
    """CoTracker 2 (Karaev et al., ECCV 2024): windows of 8 frames, trained on synthetic clips only.

    Points whose queries are still to come do not influence the others.

    Args:
        model: the network, as ``build_cotracker2`` makes it; it is moved to ``device``.
        options: the tracker's options.
        device: where to compute and keep the features.
        dtype: float32, or bfloat16 for mixed precision by autocast.

    Raises:
        ValueError: ``dtype`` is neither, or ``options.size`` is larger than the model can handle.
    """

    name: ClassVar[str] = "cotracker2"
    Options = CoTracker2Options

    @staticmethod
    def build_network(weights: Weights) -> CoTracker2Model:
        return build_cotracker2()


class CoTracker1(SlidingCoTracker):
    """CoTracker's first version (Karaev et al., July 2023), which SAM-PT's final paper tracks with.

    Its windows have 8 frames. Points whose queries are still to come do not influence the others. Attention
    takes time in proportion to the square of the number of points in a group.

    Args:
        model: the network, as ``build_cotracker1`` makes it; it is moved to ``device``.
        options: the tracker's options.
        device: where to compute and keep the features.
        dtype: float32, or bfloat16 for mixed precision by autocast.

    Raises:
        ValueError: ``dtype`` is neither.
    """

    name: ClassVar[str] = "cotracker1"
    Options = CoTracker1Options

    @staticmethod
    def build_network(weights: Weights) -> CoTracker1Model:
        return build_cotracker1()

    def _refined(self, group: _Group, pyramid: Pyramid, fresh: Tensor) -> tuple[Tensor, Tensor]:
        # The model depends on the points' order, and officially gets them in that of their query frames.
        order = group.starts.argsort(stable=True)
        templates, xy, logits = group.templates[order], group.xy[order], group.logits[order]
        xy, logits = self.model.refine(pyramid, templates, xy, logits, fresh[order], self.options.iterations)
        back = order.argsort()
        return xy[back], logits[back]


def _shifted(values: Tensor, step: int) -> Tensor:
    """Values (N, S, ...) of a window ``step`` frames later, with the last known frame repeated at the end."""
    return torch.cat([values[:, step:], values[:, -1:].expand(-1, step, -1)], dim=1)
