"""One object in one direction of time: what a model adds by itself to the points that a person gives.

That is what the segmenter has learned about the object, and helper points: sampled from the mask where the
person said something about the object, if the model wants more points than were given, and again where too
few are left, if it reinitialises on loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sampt.segmenters.base import Context
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.clip import FrameSource

from .loop import filled_up
from .pipeline import SamPt
from .point_tracks import Track, Tracker
from .prompting import FramePoints, ObjectMask, Prompting, learn, segment_frame
from .reinitialisation import OnLoss
from .samplers import medoids

NO_POINTS = FramePoints.at_query(np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32))

_CARRIED = 8
"""So many tracked helpers of each sign still count in a frame in which a person gives a point."""

_CONTRADICTED = 0.2
"""A given negative overrules positive helpers within this share of their extent."""


@dataclass(frozen=True)
class Said:
    """What persons' points say about one object in one frame.

    user, given: the object's points, and which of them were given in this very frame.
    others: (M, 2) float32, other objects' points, which are negatives.
    key: whether something was said about the object in this frame; and if so, whether ``anew``, since a
        positive was taken back, and with it what was sampled on its account.
    """

    user: FramePoints
    given: NDArray[np.bool_]
    others: NDArray[np.float32]
    key: bool
    anew: bool


@dataclass(frozen=True)
class Prompt:
    """What prompts the segmenter for one object in one frame: a person's points, then the helpers.

    others: (M, 2) float32, other objects' points.
    """

    user: FramePoints
    helpers: FramePoints
    others: NDArray[np.float32]
    context: Context | None = None

    @property
    def points(self) -> FramePoints:
        return joined(self.user, self.helpers)


@dataclass(frozen=True)
class _Helpers:
    """Helper points that were sampled ``start`` steps from the home frame, and are used from ``first`` on."""

    start: int
    first: int
    track: Track
    positive: NDArray[np.bool_]

    def at(self, step: int) -> FramePoints:
        xy, visibility = self.track.at(step - self.start)
        return FramePoints(xy, self.positive, visibility)


class Lane:
    """One object from its home frame on, in one direction; ``step`` counts frames from there.

    What it remembers of a step depends on all steps before, so those have to come first.
    """

    def __init__(
        self,
        model: SamPt,
        encoder: FrameEncoder,
        source: FrameSource,
        tracker: Tracker,
        object_id: int,
        home: int,
        backward: bool,
    ) -> None:
        self._model, self._encoder, self._source, self._tracker = model, encoder, source, tracker
        self._object_id, self.home, self._backward = object_id, home, backward
        self._helpers: list[_Helpers] = []
        self._contexts: dict[int, Context] = {}
        self.begun = False
        """Whether the home frame was done here, so that it is known what was learned and sampled there."""

    def step(self, frame: int) -> int:
        return self.home - frame if self._backward else frame - self.home

    def forget(self, step: int) -> None:
        """Forget what comes from this step, or a later one."""
        self.begun &= step > 0
        self._helpers = [h for h in self._helpers if h.start < step]
        self._contexts = {s: context for s, context in self._contexts.items() if s < step}

    def knows(self, frame: int) -> bool:
        """Whether it is known where the helpers are in a frame."""
        found = self._in_use(frame)
        return found is None or found.track.known > self.step(frame) - found.start

    def advance(self, frame: int) -> None:
        """Make one more step towards knowing it."""
        found = self._in_use(frame)
        assert found is not None
        found.track.advance()

    def helpers(self, frame: int) -> FramePoints:
        """The helpers in a frame, as far as known."""
        found = self._in_use(frame)
        return found.at(self.step(frame)) if found is not None and self.knows(frame) else NO_POINTS

    def _in_use(self, frame: int) -> _Helpers | None:
        return next((h for h in reversed(self._helpers) if h.first <= self.step(frame)), None)

    def prompt(self, frame: int, said: Said, final: bool) -> Prompt:
        """All that prompts the segmenter in a frame.

        final: whether all earlier steps are done, so that what is made here may be remembered.
        """
        step, helpers = self.step(frame), self.helpers(frame)
        if said.key and not any(h.start == h.first == step for h in self._helpers):
            helpers = self._renewed(frame, said, NO_POINTS if said.anew else helpers)
            if final and (self._helpers or len(helpers.xy)):
                self._add(frame, step, helpers)
        self.begun |= final and step == 0
        prompt = Prompt(said.user, helpers, said.others)
        return replace(prompt, context=self._context(frame, prompt, said.key, final))

    def _renewed(self, frame: int, said: Said, helpers: FramePoints) -> FramePoints:
        """The visible helpers that the given points do not contradict; or fresh ones if more are wanted."""
        user, given, others = said.user, said.given, said.others
        kept = _uncontradicted(helpers, user, given)
        if given.any():
            kept = _fewer(kept, self._rng(frame, 2))
        sampling = self._model.sampling
        if not sampling.from_clicks or len(user.visible_positives) >= sampling.positives:
            return kept
        mask = self._first_mask(frame, joined(user, kept), others)
        if user.positive[given].any() and len(kept.xy):
            # A positive says that something was lacking; among the helpers it would do little about that.
            mask |= self._first_mask(frame, user, others)
        return sampling.points(self._source[frame], mask, self._rng(frame)) if mask.any() else kept

    def _first_mask(self, frame: int, points: FramePoints, others: NDArray[np.float32]) -> NDArray[np.bool_]:
        """The mask, (H, W) bool, that the segmenter makes of points without having learned anything."""
        segmenter, embedding = self._encoder.segmenter, self._encoder(frame)
        once = Prompting(two_pass=False, refinements=0, iou_threshold=None)
        made = segment_frame(segmenter, embedding, {0: points}, {}, once, self._rng(frame), {0: others})
        if made[0].low_res is None:
            return np.zeros(embedding.size, bool)
        logits = segmenter.upscale(made[0].low_res[None], embedding.size)[0]
        return np.asarray((logits > 0).cpu().numpy(), bool)

    def _context(self, frame: int, prompt: Prompt, key: bool, final: bool) -> Context | None:
        """What was learned last; learned here if something was said here, or nothing was learned yet."""
        step = self.step(frame)
        if not self._encoder.segmenter.learns:
            return None
        if step in self._contexts:
            return self._contexts[step]
        earlier = max((s for s in self._contexts if s < step), default=None)
        if (key or earlier is None) and len(prompt.points.visible_positives):
            others = {0: prompt.others}
            learned = learn(self._encoder.segmenter, self._encoder(frame), {0: prompt.points}, others)[0]
            if final:
                self._contexts[step] = learned
            return learned
        return None if earlier is None else self._contexts[earlier]

    def refill(self, frame: int, prompt: Prompt, mask: NDArray[np.bool_], seen: ObjectMask) -> None:
        """Sample other helpers from a frame's final mask, (H, W) bool, if too few points are left.

        Nothing happens the second time: a mask may be made again for another object's sake.
        """
        strategy, step = self._model.reinit, self.step(frame)
        if not isinstance(strategy, OnLoss) or seen.low_res is None:
            return
        since = step - max((h.start for h in self._helpers if h.start <= step), default=0)
        user, helpers = prompt.user, prompt.helpers
        # A person's points that are lost for good would have it sample anew all the time.
        counted = joined(_only(user, user.visible), helpers)
        if not strategy.due(counted, since) or np.count_nonzero(mask) <= strategy.smallest_area:
            return
        fresh = self._model.sampling.points(self._source[frame], mask, self._rng(frame, 1))
        filled = filled_up(counted, fresh)
        sampled = filled.visible_positives[len(user.visible_positives) :]
        self._add(frame, step + 1, FramePoints.at_query(sampled, filled.visible_negatives))

    def _add(self, frame: int, first: int, points: FramePoints) -> None:
        for earlier in self._helpers:
            earlier.track.rest()
        track = self._tracker.track(frame, points.xy, self._backward)
        track.advance()
        self._helpers.append(_Helpers(self.step(frame), first, track, points.positive))

    def _rng(self, frame: int, purpose: int = 0) -> np.random.Generator:
        """The same for a frame whatever was done before, so that results depend on points alone."""
        return np.random.default_rng([self._model.seed, self._object_id, frame, purpose])


def joined(first: FramePoints, second: FramePoints) -> FramePoints:
    """The points of both, in this order."""
    return FramePoints(
        np.concatenate([first.xy, second.xy]),
        np.concatenate([first.positive, second.positive]),
        np.concatenate([first.visibility, second.visibility]),
    )


def _only(points: FramePoints, chosen: NDArray[np.bool_]) -> FramePoints:
    return FramePoints(points.xy[chosen], points.positive[chosen], points.visibility[chosen])


def _fewer(helpers: FramePoints, rng: np.random.Generator) -> FramePoints:
    """A few of each sign, spread out, among which a person's point is not lost."""
    on, off = (
        medoids(xy, min(len(xy), _CARRIED), rng) if len(xy) else xy
        for xy in (helpers.visible_positives, helpers.visible_negatives)
    )
    return FramePoints.at_query(on, off)


def _uncontradicted(helpers: FramePoints, user: FramePoints, given: NDArray[np.bool_]) -> FramePoints:
    """The visible helpers but for positives near a negative that was given in this frame."""
    helpers = _only(helpers, helpers.visible)
    if not helpers.positive.any():
        return helpers
    radius = _CONTRADICTED * float(np.linalg.norm(np.ptp(helpers.xy[helpers.positive], axis=0)))
    negatives = user.xy[given & ~user.positive]
    distance = np.linalg.norm(helpers.xy[:, None] - negatives, axis=2).min(1, initial=np.inf)
    return _only(helpers, ~helpers.positive | (distance > radius))
