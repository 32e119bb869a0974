"""The simulated annotator's passes through a video, one object at a time (SAM-PT, Sec. 4.6, supplement)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..metrics.davis import contour_accuracy, region_similarity
from .annotator import Action, Addition, Mask, middle, next_action

if TYPE_CHECKING:
    from sampt.interactive.session import InteractiveSession

OFFLINE_TARGETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.95)


@dataclass(frozen=True)
class Rules:
    """The rules by which the annotator works.

    Attributes:
        mode: "online" for one pass that corrects frames until they reach the target; "offline" for earlier
            passes with the lower targets of ``OFFLINE_TARGETS``.
        target: the IoU that is good enough; None for 0.95, or 1 without tracking.
        actions: maximum actions per frame per pass.
        budget: maximum actions in total; None for 300, or ``actions`` in every frame without tracking.
        tracking: whether points are tracked through the video; otherwise each counts in its own frame only.
    """

    mode: Literal["online", "offline"] = "online"
    target: float | None = None
    actions: int = 3
    budget: int | None = None
    tracking: bool = True

    @property
    def targets(self) -> tuple[float, ...]:
        """The targets of all passes."""
        last = self.target or (0.95 if self.tracking else 1.0)
        lower = [t for t in OFFLINE_TARGETS if t < last] if self.mode == "offline" else []
        return (*lower, last)

    def budget_for(self, frames: int) -> int:
        """Maximum actions in total for an object with this number of annotated frames."""
        return self.budget or (300 if self.tracking else self.actions * frames)

    def to_json(self) -> dict[str, Any]:
        """The rules with all defaults filled in, for ``run.json``."""
        budget = self.budget or (self.budget_for(0) if self.tracking else "actions in every frame")
        return {**asdict(self), "target": self.targets[-1], "budget": budget}


@dataclass(frozen=True)
class Interaction:
    """One action, with IoU and F before and after, in that frame and as means over the video.

    Attributes:
        number: number of the interaction, from 1.
        target: target of the pass.
        frame: position of the frame.
        action: "add" or "remove".
        point: id of the point that was added or removed, from 1.
        x: where the point was in that frame, px.
        y: where the point was in that frame, px.
    """

    number: int
    target: float
    frame: int
    action: str
    sign: str
    point: int
    x: float
    y: float
    iou_before: float
    iou_after: float
    f_before: float
    f_after: float
    video_iou_before: float
    video_iou_after: float
    video_f_before: float
    video_f_after: float


@dataclass(frozen=True)
class Annotation:
    """All interactions with one object.

    Attributes:
        frames: number of annotated frames, which the annotator goes through.
        iou: mean IoU of the video before the first interaction.
        f: mean F of the video before the first interaction.
        tracking: whether points were tracked; otherwise, an interaction changes its own frame only.
    """

    sequence: str
    object_id: int
    frames: int
    iou: float
    f: float
    interactions: tuple[Interaction, ...]
    tracking: bool = True

    @property
    def ious(self) -> list[float]:
        """The video's mean IoU after 0, 1, 2, … interactions.

        Without tracking, frames do not depend on each other. Their first interactions then count before any
        second ones, so that the value after k interactions per frame is that of k in every frame.
        """
        if self.tracking:
            return [self.iou, *(i.video_iou_after for i in self.interactions)]
        return self._by_turns(self.iou, [i.iou_after - i.iou_before for i in self.interactions])

    @property
    def fs(self) -> list[float]:
        """The video's mean F, as ``ious``."""
        if self.tracking:
            return [self.f, *(i.video_f_after for i in self.interactions)]
        return self._by_turns(self.f, [i.f_after - i.f_before for i in self.interactions])

    def _by_turns(self, begin: float, gains: list[float]) -> list[float]:
        turns, seen = [], Counter[int]()
        for interaction in self.interactions:
            turns.append(seen[interaction.frame])
            seen[interaction.frame] += 1
        order = np.argsort(turns, kind="stable")
        values: list[float] = (begin + np.cumsum([0, *np.array(gains)[order]]) / self.frames).tolist()
        return values

    @property
    def kept_ious(self) -> list[float]:
        """The ``ious``, or while they are worse, the best IoU with which an earlier pass ended.

        With tracking, the annotator keeps the masks at the end of each pass, and goes back to the best.
        """
        if not self.tracking:
            return self.ious
        kept, best = [], 0.0
        passes = [i.target for i in self.interactions]
        for done, iou in enumerate(self.ious):
            kept.append(max(iou, best))
            if 0 < done < len(passes) and passes[done] != passes[done - 1]:
                best = max(iou, best)
        return kept

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Annotation:
        return cls(**{**data, "interactions": tuple(Interaction(**i) for i in data["interactions"])})


def annotate(
    session: InteractiveSession,
    truth: Mapping[int, Mask],
    rules: Rules,
    rng: np.random.Generator,
    sequence: str = "",
    object_id: int = 1,
) -> Annotation:
    """Simulate a person who annotates one object in a new session of its video.

    Args:
        session: the session.
        truth: position → the object's mask, (H, W) bool, in all annotated frames from its first one on.
        rules: how the annotator works.
        rng: the source of randomness.
        sequence: name of the sequence, for the result.
        object_id: id of the object, for the result.
    """
    walker = _Walker(session, truth, rules, rng)
    iou, f = walker.means
    if rules.tracking:
        walker.begin()
    for target in rules.targets:
        walker.walk(target)
    made = tuple(walker.interactions)
    return Annotation(sequence, object_id, len(truth), iou, f, made, rules.tracking)


class _Walker:
    """The state between two interactions: the current IoU and F of every frame."""

    def __init__(
        self, session: InteractiveSession, truth: Mapping[int, Mask], rules: Rules, rng: np.random.Generator
    ) -> None:
        self.session, self.truth, self.rules, self.rng = session, truth, rules, rng
        self.object_id = session.add_object()
        self.interactions: list[Interaction] = []
        self.scores = {frame: self._score(frame) for frame in truth}

    @property
    def means(self) -> tuple[float, float]:
        iou, f = np.mean(list(self.scores.values()), 0).tolist()
        return iou, f

    def begin(self) -> None:
        """Give the point that SAM-PT starts from; it counts as an interaction, but not in its frame."""
        first = min(self.truth)
        action = Addition(*middle(self.truth[first], self.rng), positive=True)
        self._interact(first, self.rules.targets[0], action)

    def walk(self, target: float) -> None:
        budget = self.rules.budget_for(len(self.truth))
        for frame in sorted(self.truth):
            for _ in range(self.rules.actions):
                if self.scores[frame][0] >= target or len(self.interactions) >= budget:
                    break
                points = self.session.points_at(frame)
                action = next_action(points, self._mask(frame), self.truth[frame], self.rng)
                assert action is not None, "a mask below the target differs from the truth"
                self._interact(frame, target, action)

    def _interact(self, frame: int, target: float, action: Action) -> None:
        before, video_before = self.scores[frame], self.means
        if isinstance(action, Addition):
            x, y, positive = action.x, action.y, action.positive
            point = self.session.add_point(self.object_id, frame, (x, y), positive)
        else:
            point, positive = action.point.id, action.point.positive
            seen = self.session.points_at(frame)
            x, y = next(p.xy for p in seen if p.point.id == point).tolist()
            self.session.remove_point(point, frame)
        self._update(frame)
        after, video_after = self.scores[frame], self.means
        self.interactions.append(
            Interaction(
                len(self.interactions) + 1,
                target,
                frame,
                "add" if isinstance(action, Addition) else "remove",
                "positive" if positive else "negative",
                point,
                x,
                y,
                *(before[0], after[0], before[1], after[1]),
                *(video_before[0], video_after[0], video_before[1], video_after[1]),
            )
        )

    def _update(self, frame: int) -> None:
        """Update the masks that have changed, and their scores."""
        # Without tracking, no other frame can have changed.
        changed = [t for t in self.truth if not self.session.finished(t)] if self.rules.tracking else [frame]
        for _ in self.session.run(set(changed)):
            pass
        self.scores |= {t: self._score(t) for t in changed}

    def _mask(self, frame: int) -> Mask:
        return np.asarray(self.session.frame(frame).masks[0])

    def _score(self, frame: int) -> tuple[float, float]:
        mask, truth = self._mask(frame), self.truth[frame]
        return region_similarity(mask, truth), contour_accuracy(mask, truth)
