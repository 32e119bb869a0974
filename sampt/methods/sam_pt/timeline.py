"""Timeline of one object in one direction: what the model adds to the points that a person gives.

It adds what the segmenter has learned about the object, and helper points. Helpers are sampled from the mask
in frames where the person edited the object, if the model wants more points than were given; and again where
too few are left, if the model reinitialises on loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sampt.config.schema import OnLoss
from sampt.methods.frame_points import FramePoints
from sampt.segmenters.base import Context
from sampt.segmenters.encoder import FrameEncoder
from sampt.trackers.clip import FrameSource

from .clustering import medoids
from .parts import Parts
from .point_tracks import Track, TrackStarter
from .prompting import ObjectState, first_mask, learn
from .reinitialisation import renewed

_CARRIED = 8
"""Number of tracked helpers of each sign that are kept in a frame where a person gives a point."""

_CONTRADICTED = 0.2
"""Share of the positive helpers' extent within which a given negative overrules them."""


@dataclass(frozen=True)
class UserPoints:
    """A person's points for one object in one frame.

    Attributes:
        points: points of the object.
        given_here: (P,) bool, whether each of them was given in this frame.
        others: (M, 2) float32, points of other objects, which are negatives.
        edited: whether the object was edited in this frame.
        start_afresh: whether a positive was removed here, and with it the helpers that were sampled from it.
    """

    points: FramePoints
    given_here: NDArray[np.bool_]
    others: NDArray[np.float32]
    edited: bool
    start_afresh: bool


@dataclass(frozen=True)
class Prompt:
    """Prompt for one object in one frame: a person's points, then the helpers.

    Attributes:
        user: the person's points.
        helpers: the helper points.
        others: (M, 2) float32, points of other objects.
    """

    user: FramePoints
    helpers: FramePoints
    others: NDArray[np.float32]
    context: Context | None = None

    @property
    def points(self) -> FramePoints:
        return FramePoints.joined(self.user, self.helpers)


@dataclass(frozen=True)
class _Helpers:
    """Helper points that were sampled at step ``start`` and are used from step ``first`` on."""

    start: int
    first: int
    track: Track
    positive: NDArray[np.bool_]

    def at(self, step: int) -> FramePoints:
        xy, visibility = self.track.at(step - self.start)
        return FramePoints(xy, self.positive, visibility)


class ObjectTimeline:
    """Timeline of one object from its home frame on, in one direction; ``step`` counts frames from there.

    What it stores for a step depends on all earlier steps, so those must come first.
    """

    def __init__(
        self,
        parts: Parts,
        seed: int,
        encoder: FrameEncoder,
        source: FrameSource,
        starter: TrackStarter,
        object_id: int,
        home: int,
        backward: bool,
    ) -> None:
        self._parts, self._seed, self._encoder, self._source = parts, seed, encoder, source
        self._starter, self._object_id, self.home, self._backward = starter, object_id, home, backward
        self._helpers: list[_Helpers] = []
        self._contexts: dict[int, Context] = {}
        self.begun = False
        """Whether the home frame was processed, so that it is known what was learned and sampled there."""

    def step(self, frame: int) -> int:
        return self.home - frame if self._backward else frame - self.home

    def forget(self, step: int) -> None:
        """Drop everything from this step on."""
        self.begun &= step > 0
        self._helpers = [h for h in self._helpers if h.start < step]
        self._contexts = {s: context for s, context in self._contexts.items() if s < step}

    def knows(self, frame: int) -> bool:
        """Whether the helpers' positions in a frame are known."""
        found = self._in_use(frame)
        return found is None or found.track.known > self.step(frame) - found.start

    def advance(self, frame: int) -> None:
        """Track the helpers one more step towards a frame."""
        found = self._in_use(frame)
        assert found is not None
        found.track.advance()

    def helpers(self, frame: int) -> FramePoints:
        """The helpers in a frame, as far as known."""
        found = self._in_use(frame)
        return found.at(self.step(frame)) if found is not None and self.knows(frame) else FramePoints.none()

    def _in_use(self, frame: int) -> _Helpers | None:
        return next((h for h in reversed(self._helpers) if h.first <= self.step(frame)), None)

    def prompt(self, frame: int, user: UserPoints, final: bool) -> Prompt:
        """Prompt for the segmenter in a frame.

        Args:
            frame: number of the frame.
            user: the person's points.
            final: whether all earlier steps are done, so that what is made here may be stored.
        """
        step, helpers = self.step(frame), self.helpers(frame)
        if user.edited and not any(h.start == h.first == step for h in self._helpers):
            helpers = self._renewed(frame, user, FramePoints.none() if user.start_afresh else helpers)
            if final and (self._helpers or len(helpers.xy)):
                self._add(frame, step, helpers)
        self.begun |= final and step == 0
        prompt = Prompt(user.points, helpers, user.others)
        return replace(prompt, context=self._context(frame, prompt, user.edited, final))

    def _renewed(self, frame: int, user: UserPoints, helpers: FramePoints) -> FramePoints:
        """The visible helpers that the given points do not contradict, or fresh ones if more are needed."""
        given = user.given_here
        kept = _uncontradicted(helpers, user.points, given)
        if given.any():
            kept = fewer(kept, self._rng(frame, 2))
        sampling = self._parts.sampling
        if not sampling.from_clicks or len(user.points.visible_positives) >= sampling.positives:
            return kept
        mask = self._first_mask(frame, FramePoints.joined(user.points, kept), user.others)
        if user.points.positive[given].any() and len(kept.xy):
            # A positive marks a missing part; among the helpers it would have little effect.
            mask |= self._first_mask(frame, user.points, user.others)
        return sampling.points(self._source[frame], mask, self._rng(frame)) if mask.any() else kept

    def _first_mask(self, frame: int, points: FramePoints, others: NDArray[np.float32]) -> NDArray[np.bool_]:
        return first_mask(self._encoder.segmenter, self._encoder(frame), points, others)

    def _context(self, frame: int, prompt: Prompt, edited: bool, final: bool) -> Context | None:
        """The context learned last, or learned here if the object was edited here or never learned before."""
        step = self.step(frame)
        if not self._encoder.segmenter.learns:
            return None
        if step in self._contexts:
            return self._contexts[step]
        earlier = max((s for s in self._contexts if s < step), default=None)
        if (edited or earlier is None) and len(prompt.points.visible_positives):
            others = {0: prompt.others}
            learned = learn(self._encoder.segmenter, self._encoder(frame), {0: prompt.points}, others)[0]
            if final:
                self._contexts[step] = learned
            return learned
        return None if earlier is None else self._contexts[earlier]

    def refill(self, frame: int, prompt: Prompt, mask: NDArray[np.bool_], state: ObjectState) -> None:
        """Sample new helpers from a frame's final mask, (H, W) bool, if too few points are left.

        The second call does nothing: a mask may be made again because of another object.
        """
        strategy, step, user = self._parts.reinit, self.step(frame), prompt.user
        if not isinstance(strategy, OnLoss) or state.low_res is None:
            return
        filled = renewed(
            strategy,
            # Points of a person that are lost for good would make it sample again all the time.
            FramePoints.joined(user.only(user.visible), prompt.helpers),
            step - max((h.start for h in self._helpers if h.start <= step), default=0),
            lambda: mask,
            lambda seen: self._parts.sampling.points(self._source[frame], seen, self._rng(frame, 1)),
        )
        if filled is not None:
            sampled = filled.visible_positives[len(user.visible_positives) :]
            self._add(frame, step + 1, FramePoints.at_query(sampled, filled.visible_negatives))

    def _add(self, frame: int, first: int, points: FramePoints) -> None:
        for earlier in self._helpers:
            earlier.track.rest()
        track = self._starter.track(frame, points.xy, self._backward)
        track.advance()
        self._helpers.append(_Helpers(self.step(frame), first, track, points.positive))

    def _rng(self, frame: int, purpose: int = 0) -> np.random.Generator:
        """Generator that is the same for a frame whatever was done before: results depend on points alone."""
        return np.random.default_rng([self._seed, self._object_id, frame, purpose])


def fewer(helpers: FramePoints, rng: np.random.Generator) -> FramePoints:
    """A few points of each sign, spread out, so that they do not outweigh a person's point."""
    on, off = (
        medoids(xy, min(len(xy), _CARRIED), rng) if len(xy) else xy
        for xy in (helpers.visible_positives, helpers.visible_negatives)
    )
    return FramePoints.at_query(on, off)


def _uncontradicted(helpers: FramePoints, user: FramePoints, given: NDArray[np.bool_]) -> FramePoints:
    """The visible helpers without positives near a negative that was given in this frame."""
    helpers = helpers.only(helpers.visible)
    if not helpers.positive.any():
        return helpers
    radius = _CONTRADICTED * float(np.linalg.norm(np.ptp(helpers.xy[helpers.positive], axis=0)))
    negatives = user.xy[given & ~user.positive]
    distance = np.linalg.norm(helpers.xy[:, None] - negatives, axis=2).min(1, initial=np.inf)
    return helpers.only(~helpers.positive | (distance > radius))
