"""The switch ``reference``: what it sets, and what a whole run then does as the reference implementation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sampt import ObjectQuery, QueryPoints, SamPt
from sampt.config import load_config
from sampt.config.schema import Config, Prompting, ReinitConfig, SegmenterConfig, TrackerConfig
from sampt.errors import ConfigError
from sampt.methods.sam_pt.checks import check
from sampt.methods.sam_pt.parts import Parts
from sampt.methods.sam_pt.reinitialisation import AtHorizon
from sampt.methods.sam_pt.samplers import KMedoidsSampler, MixedSampler, RandomSampler, ShiTomasiSampler
from sampt.segmenters.base import Prompts
from sampt.trackers.base import Visibility
from tests.sampt.parts import GREEN, RED, ColourSegmenter, SteadyTracker, squares, truth
from tests.sampt.runs import green, masks_of, red, segment


def parts(*overrides: str, reference: bool = True) -> Parts:
    return Parts.of(load_config("quick", [f"reference={str(reference).lower()}", *overrides]))


class TestSettings:
    def test_samplers_find_medoids_and_erode_as_the_reference_does(self):
        made = parts("sampling.positive.name=shi-tomasi", "sampling.negative.name=mixed")
        assert made.sampling.positive == ShiTomasiSampler("alternating", 3)
        assert made.sampling.negative == MixedSampler("alternating", 3)

    def test_a_sampler_keeps_its_other_options(self):
        assert parts().sampling.positive == KMedoidsSampler(erosion=5, algorithm="alternating")

    def test_a_sampler_without_such_options_is_unchanged(self):
        assert parts("sampling.positive.name=random").sampling.positive == RandomSampler()
        assert parts().sampling.negative == parts(reference=False).sampling.negative

    def test_an_option_that_is_set_wins(self):
        made = parts("sampling.positive.name=mixed", "sampling.positive.options.zero_erosion=0")
        assert made.sampling.positive == MixedSampler("alternating", 0)
        made = parts("sampling.positive.options.algorithm=fasterpam")
        assert made.sampling.positive == KMedoidsSampler(erosion=5)

    def test_an_unknown_sampler_is_still_an_error_that_names_the_closest(self):
        with pytest.raises(ConfigError, match=r"sampling.positive: .*'mixt'.*'mixed'"):
            check(load_config("quick", ["reference=true", "sampling.positive.name=mixt"]))

    def test_strategies_restart_from_any_mask(self):
        assert parts("reinit.strategy=horizon").reinit == AtHorizon(8, 8, reference=True)

    def test_prompting(self):
        ours, theirs = parts(reference=False).prompting, parts().prompting
        assert theirs == replace(ours, negatives_alone=True, later_objects_as_negatives=True)
        assert not ours.negatives_alone and not ours.later_objects_as_negatives

    def test_off_by_default(self):
        config = load_config("quick")
        assert not config.reference
        assert not Parts.of(config).sampling.corner_if_empty


class TakesNegativesAlone(ColourSegmenter):
    """Without a positive, it finds the white pixels, of which there are none."""

    def _mask(self, frame: np.ndarray, prompts: Prompts, i: int) -> np.ndarray:
        return super()._mask(frame, prompts, i) if prompts.labels[i].any() else (frame == 255).all(-1)


def model(reinit: str | None = None, reference: bool = True, **settings: object) -> SamPt:
    """The method as a configuration with these settings makes it, with small parts."""
    config = Config(
        tracker=TrackerConfig("dis"),
        segmenter=SegmenterConfig("grabcut"),
        prompting=Prompting(refinements=0, iou_threshold=None, **settings),
        reinit=ReinitConfig(reinit, horizon=4),
        reference=reference,
    )
    return SamPt.from_config(config, segmenter=TakesNegativesAlone(), tracker=SteadyTracker())


class TestEmptyMasks:
    """The green object is painted out of the frames from the tenth on."""

    CLIP = squares(24, gone=range(10, 24))

    @pytest.mark.parametrize("reinit", ["horizon", "median-area", "similar-area", "similar-area-sync"])
    def test_points_in_the_corner_follow_and_nothing_is_lost(self, reinit):
        given = [ObjectQuery(k, 0, mask=truth(self.CLIP, c)[0]) for k, c in ((1, RED), (2, GREEN))]
        stream = model(reinit).stream(self.CLIP, QueryPoints(tuple(given)))
        results = list(stream)
        assert stream.lost == {}
        np.testing.assert_array_equal(masks_of(results, 1), truth(self.CLIP, RED))
        np.testing.assert_array_equal(masks_of(results, 2), truth(self.CLIP, GREEN))
        own = results[-1].points[results[-1].owners == 1]
        positive = results[-1].positive[results[-1].owners == 1]
        # They were sampled at (0, 0) and moved with everything else, at most the 3 frames of a stretch.
        assert (own[positive][:, 1] == 0).all() and (own[positive][:, 0] <= 3).all()
        assert (own[~positive] != 0).all(1).any()
        assert np.isfinite(results[-1].scores[1])  # its negatives prompt

    def test_by_default_it_is_lost(self):
        given = [ObjectQuery(k, 0, mask=truth(self.CLIP, c)[0]) for k, c in ((1, RED), (2, GREEN))]
        stream = model("horizon", reference=False).stream(self.CLIP, QueryPoints(tuple(given)))
        list(stream)
        assert set(stream.lost) == {2}

    def test_a_mask_of_the_whole_frame_has_its_negatives_in_the_corner(self):
        whole = ObjectQuery(1, 0, mask=np.ones((48, 64), bool))
        (result,) = segment(model(), squares(1), whole)
        assert result.points[~result.positive].tolist() == [[0, 0]]
        assert (result.visibility[~result.positive] == Visibility.OUTSIDE_FRAME).all()

    def test_it_is_prompted_in_two_passes_all_the_same(self):
        made = model()
        segment(made, squares(1), ObjectQuery(1, 0, mask=np.ones((48, 64), bool)))
        first, second = made.segmenter.prompted
        assert (first.masks is None, second.masks is None) == (True, False)
        assert first.labels.tolist() == second.labels.tolist() == [[1] * 16]


class TestLaterObjects:
    """The red object is given in frame 0, the green one in frame 6, and only later frames are segmented."""

    def negatives_of_red(self, made: SamPt, frames: Sequence[int]) -> list[list[float]]:
        """The x of red's negatives in these frames; everything moves by 1 px from frame to frame."""
        assert isinstance(made.segmenter, ColourSegmenter)
        results = segment(made, squares(12), red(), green(6), backward=False)
        assert [bool(np.isfinite(r.scores[1])) for r in results] == [False] * 6 + [True] * 6
        of_red = [p for p in made.segmenter.prompted for row in p.points if row[0].tolist()[1] == 10]
        return [of_red[t].points[0][of_red[t].labels[0] == 0][:, 0].tolist() for t in frames]

    def test_they_are_negatives_before_their_query_frames(self):
        assert self.negatives_of_red(model(two_pass=False), [0, 3, 6, 9]) == [[8], [11], [14], [17]]

    def test_not_by_default(self):
        made = model(reference=False, two_pass=False)
        assert self.negatives_of_red(made, [0, 3, 6, 9]) == [[], [], [14], [17]]

    def test_frames_before_all_query_frames_are_not_encoded(self):
        made = model()
        segment(made, squares(12), red(4), green(6), backward=False)
        assert isinstance(made.segmenter, ColourSegmenter)
        assert made.segmenter.encoded == 8

    def test_nor_if_points_are_reinitialised(self):
        """The reference tracks only what starts in the same frame, in the backward pass alone."""
        made = model("horizon", two_pass=False)
        segment(made, squares(12), red(), green(6), backward=False)
        assert isinstance(made.segmenter, ColourSegmenter)
        assert made.segmenter.prompted[0].labels.tolist() == [[1, 1]]
