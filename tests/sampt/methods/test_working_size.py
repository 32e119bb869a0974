"""A method that works at another size than that of the frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sampt import InteractiveSession, QueryPoints, SamPt
from sampt.config.schema import WorkingSize
from sampt.methods.results import FrameResult
from sampt.prompts.object_query import ObjectQuery
from sampt.video.resized import moved_points, resized_frame, resized_mask
from tests.sampt.methods.test_conformance import GREEN, RED, sam_pt
from tests.sampt.parts import RED as RED_COLOUR
from tests.sampt.parts import squares, truth

HALF = WorkingSize(longest_side=32)
"""Of the squares' 48 by 64 pixels."""


def at(working: WorkingSize) -> SamPt:
    method = sam_pt()
    method.working_size = working
    return method


def run(method: SamPt, video: object, queries: QueryPoints, **how: object) -> list[FrameResult]:
    with method.stream(video, queries, **how) as segmentation:  # type: ignore[arg-type]
        return list(segmentation)


def halved() -> np.ndarray:
    frames = squares()
    return np.stack([resized_frame(frame, (24, 32)) for frame in frames])


def test_results_have_the_frames_size_and_places() -> None:
    for result in run(at(HALF), squares(), RED + GREEN):
        assert result.masks.shape == (2, 48, 64)
    with at(HALF).stream(squares(), RED) as segmentation:
        assert segmentation.size == (48, 64)
        assert segmentation.clip[0].shape == (48, 64, 3)
        np.testing.assert_allclose(segmentation.queries.objects[0].positives, [[10, 10], [15, 15]], atol=1e-4)


def test_it_is_the_run_on_resized_frames_brought_back() -> None:
    points = moved_points(np.array([[10, 10], [15, 15]], np.float32), (48, 64), (24, 32))
    small = run(sam_pt(), halved(), QueryPoints((ObjectQuery(1, 0, points),)))
    for ours, inner in zip(run(at(HALF), squares(), RED), small, strict=True):
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(inner.logits)[None], (48, 64), mode="bilinear", align_corners=False
        )[0].numpy()
        expected[~np.isfinite(expected)] = -np.inf
        assert np.array_equal(ours.logits, expected)
        assert np.array_equal(ours.masks, expected > 0)
        assert np.array_equal(ours.scores, inner.scores, equal_nan=True)
        np.testing.assert_allclose(ours.points, moved_points(inner.points, (24, 32), (48, 64)), atol=1e-4)


def test_results_may_have_a_third_size() -> None:
    with at(HALF).stream(squares(), RED, size=(20, 30)) as segmentation:
        results = list(segmentation)
    assert segmentation.size == (20, 30)
    assert all(result.masks.shape == (1, 20, 30) for result in results)
    overlap = results[0].masks[0] & resized_mask(truth(squares(), RED_COLOUR)[0], (20, 30))
    assert overlap.sum() > 0.8 * results[0].masks[0].sum() > 0


@pytest.mark.parametrize("working", [WorkingSize(), HALF])
def test_a_given_mask_comes_back_unchanged_unless_its_prediction_is_wanted(working: WorkingSize) -> None:
    mask = truth(squares(), RED_COLOUR)[0]
    mask[:, ::3] = False
    queries = QueryPoints((ObjectQuery(1, 0, mask=mask),))
    assert np.array_equal(run(at(working), squares(), queries)[0].masks[0], mask)
    assert not np.array_equal(run(at(working), squares(), queries, given_masks=False)[0].masks[0], mask)


def test_a_given_mask_at_another_size_is_what_the_method_saw_of_it() -> None:
    mask = truth(squares(), RED_COLOUR)[0]
    first = run(at(HALF), squares(), QueryPoints((ObjectQuery(1, 0, mask=mask),)), size=(20, 30))[0]
    assert np.array_equal(first.masks[0], resized_mask(resized_mask(mask, (24, 32)), (20, 30)))


def test_a_stream_without_a_length_is_resized_too() -> None:
    expected = run(at(HALF), squares(), RED)
    streamed = run(at(HALF), iter(squares()), RED)
    assert [r.index for r in streamed] == [r.index for r in expected]
    assert all(np.array_equal(a.masks, b.masks) for a, b in zip(streamed, expected, strict=True))


def test_an_encoder_is_for_the_working_size() -> None:
    method = at(HALF)
    encoder = method.encoder(squares())
    try:
        assert encoder.source[0].shape == (24, 32, 3)
        run(method, squares(), RED, encoder=encoder)
        assert encoder.calls == len(squares())
    finally:
        encoder.close()


def test_an_interactive_session_gives_the_same_masks_as_a_run() -> None:
    expected = run(at(HALF), squares(), QueryPoints.click(1, frame=0, xy=(10, 10)))
    with InteractiveSession(at(HALF), squares()) as session:
        session.add_object()
        session.add_point(1, 0, (10, 10))
        list(session.run())
        result = session.frame(5)
        assert result.masks.shape == (1, 48, 64)
        (seen,) = session.points_at(0)
        assert (seen.point.x, seen.point.y) == (10, 10)
        np.testing.assert_allclose(seen.xy, [10, 10], atol=1e-4)
    np.testing.assert_array_equal(result.masks, expected[5].masks)


def test_a_click_at_the_frames_edge_stays_inside() -> None:
    queries = QueryPoints((ObjectQuery(1, 0, np.array([[63.49, 47.49], [10, 10]], np.float32)),))
    assert run(at(WorkingSize(longest_side=77)), squares(), queries)
