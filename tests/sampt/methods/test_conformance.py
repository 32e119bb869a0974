"""What every video method must do, whichever it is. A new method is one line in ``CASES``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sampt import InteractiveSession, QueryPoints, SamPt
from sampt.config.schema import CacheBudget, Prompting
from sampt.errors import ConfigError, PromptError, VideoError
from sampt.methods.base import VideoMethod
from sampt.methods.registry import METHODS, build_method
from sampt.methods.results import FrameResult
from sampt.methods.sam_pt.parts import Sampling
from sampt.methods.sam_pt.samplers import RandomSampler
from tests.sampt.parts import RED as RED_COLOUR
from tests.sampt.parts import ColourSegmenter, SteadyTracker, squares, truth


def sam_pt() -> SamPt:
    sampling = Sampling(RandomSampler(), RandomSampler(), 5, 2)
    return SamPt(SteadyTracker(), ColourSegmenter(), sampling, Prompting(refinements=1))


CASES: dict[str, Callable[[], VideoMethod]] = {"sam-pt": sam_pt}

RED = QueryPoints.click(1, frame=0, xy=(10, 10)) + QueryPoints.click(1, frame=0, xy=(15, 15))
GREEN = QueryPoints.click(2, frame=4, xy=(12, 30))


@pytest.fixture(params=CASES)
def method(request: pytest.FixtureRequest) -> VideoMethod:
    return CASES[request.param]()


def segmented(method: VideoMethod, video: object, queries: QueryPoints, **how: bool) -> list[FrameResult]:
    with method.stream(video, queries, **how) as segmentation:  # type: ignore[arg-type]
        return list(segmentation)


def test_every_method_has_a_case() -> None:
    assert CASES.keys() == METHODS.keys()


def test_an_unknown_method_is_refused_by_its_closest_name() -> None:
    with pytest.raises(ConfigError, match="'sam-pt'"):
        build_method("quick", ["method=sampt"])


def test_results_come_in_order_with_all_objects(method: VideoMethod) -> None:
    results = segmented(method, squares(), RED + GREEN)
    assert [r.index for r in results] == list(range(len(squares())))
    for result in results:
        assert result.object_ids == (1, 2)
        assert result.masks.shape == result.logits.shape == (2, *squares().shape[1:3])
        assert result.masks.dtype == bool and result.scores.shape == (2,)
        assert len(result.points) == len(result.visibility) == len(result.positive) == len(result.owners)


def test_masks_lie_on_the_object(method: VideoMethod) -> None:
    for result, mask in zip(segmented(method, squares(), RED), truth(squares(), RED_COLOUR), strict=True):
        assert (result[1].mask & mask).sum() > 0.9 * (result[1].mask | mask).sum()


def test_no_pixel_has_two_objects(method: VideoMethod) -> None:
    for result in segmented(method, squares(), RED + GREEN):
        assert result.masks.sum(0).max() <= 1
        assert set(np.unique(result.label_map())) <= {0, 1, 2}


def test_before_its_query_frame_an_object_is_absent_in_vos(method: VideoMethod) -> None:
    results = segmented(method, squares(), GREEN, backward=False)
    assert [bool(r[2].mask.any()) for r in results[:5]] == [False] * 4 + [True]
    assert segmented(method, squares(), GREEN)[0][2].mask.any()


def test_the_same_seed_gives_the_same_masks(method: VideoMethod) -> None:
    given = QueryPoints.from_masks(truth(squares(), RED_COLOUR)[0].astype(int))
    one, other = (segmented(method, squares(), given) for _ in range(2))
    assert all((a.masks == b.masks).all() for a, b in zip(one, other, strict=True))


def test_frames_that_come_one_after_the_other_give_the_same(method: VideoMethod) -> None:
    expected = segmented(method, squares(), RED)
    found = segmented(method, iter(squares()), RED)
    assert all((a.masks == b.masks).all() for a, b in zip(expected, found, strict=True))


def test_of_an_endless_clip_only_the_first_frame_can_be_a_query_frame(method: VideoMethod) -> None:
    with pytest.raises(PromptError, match="object 2"):
        method.stream(iter(squares()), GREEN)


def test_an_endless_clip_is_segmented_as_it_comes(method: VideoMethod) -> None:
    def endless():
        while True:
            yield from squares()[:1]

    with method.stream(endless(), RED) as segmentation:
        assert [next(segmentation).index for _ in range(200)] == list(range(200))


def test_an_encoder_is_shared_and_not_closed(method: VideoMethod) -> None:
    method.cache = CacheBudget(host_bytes=1 << 30)
    encoder = method.encoder(squares())
    for _ in range(2):
        with method.stream(squares(), RED, encoder=encoder) as segmentation:
            list(segmentation)
    assert encoder.counts["frames"] == len(squares())
    encoder.close()


def test_it_says_what_is_used(method: VideoMethod) -> None:
    said = method.describe()
    assert said["method"] == method.name
    assert {"segmenter", "device"} <= said.keys()


def test_a_video_without_frames_is_refused(method: VideoMethod) -> None:
    with pytest.raises(VideoError, match="frames"):
        method.stream(iter(()), RED)


class TestInteractive:
    @pytest.fixture
    def session(self, method: VideoMethod) -> InteractiveSession:
        session = InteractiveSession(method, squares())
        session.add_object()
        session.add_point(1, 0, (10, 10))
        return session

    def test_a_run_finishes_every_frame(self, session: InteractiveSession) -> None:
        list(session.run())
        assert session.pending() == []
        assert all(session.frame(t)[1].mask.any() for t in range(len(squares())))

    def test_a_mask_depends_on_the_edits_alone(self, session: InteractiveSession) -> None:
        list(session.run())
        before = [session.frame(t).masks for t in range(len(squares()))]
        session.add_point(1, 3, (60, 40), positive=False)
        list(session.run())
        session.undo()
        list(session.run())
        after = [session.frame(t).masks for t in range(len(squares()))]
        assert all((a == b).all() for a, b in zip(before, after, strict=True))

    def test_a_frame_is_there_at_once(self, session: InteractiveSession) -> None:
        assert session.frame(0)[1].mask.any()
        assert [seen.point.id for seen in session.points_at(0)] == [1]

    def test_an_endless_clip_is_refused(self, method: VideoMethod) -> None:
        with pytest.raises(PromptError):
            InteractiveSession(method, iter(squares()))
