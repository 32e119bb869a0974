import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampt.benchmarks.metrics.tapvid import TapVidScores, choose_queries, tapvid_scores

MODES = ("first", "strided")


def scores_of(
    offsets: list[float], visible: list[int], claimed: list[int], query: int, mode: str
) -> TapVidScores:
    """One point that stays at (100, 50), predicted ``offsets`` px to its right."""
    truth = np.full((len(offsets), 1, 2), (100.0, 50.0))
    predicted = truth + np.array(offsets)[:, None, None] * (1, 0)
    shown, said = (np.array(v, bool)[:, None] for v in (visible, claimed))
    return tapvid_scores(truth, shown, predicted, said, np.array([query]), mode)


def test_the_first_query_of_a_track_is_its_first_visible_frame() -> None:
    visible = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0]], bool)
    frames, tracks = choose_queries(visible, "first")
    assert (frames.tolist(), tracks.tolist()) == ([1, 0], [0, 1])


def test_strided_queries_are_every_fifth_frame_where_visible() -> None:
    visible = np.ones((12, 2), bool)
    visible[5, 0] = False
    frames, tracks = choose_queries(visible, "strided")
    assert list(zip(frames.tolist(), tracks.tolist(), strict=True)) == [
        (0, 0),
        (0, 1),
        (5, 1),
        (10, 0),
        (10, 1),
    ]


def test_delta_by_hand() -> None:
    # After the query: 0, 1.5, 3 and 20 px off, so within 1, 2, 4, 8, 16 px are 1, 2, 3, 3, 3 of 4.
    scores = scores_of([0, 0, 1.5, 3, 20], [1] * 5, [1] * 5, 0, "first")
    assert scores.within.tolist() == [0.25, 0.5, 0.75, 0.75, 0.75]
    assert scores.delta_average == pytest.approx(0.6)


def test_delta_asks_for_the_position_of_a_point_predicted_hidden() -> None:
    scores = scores_of([0, 0, 0], [1, 1, 1], [1, 0, 1], 0, "first")
    assert scores.delta_average == 1
    assert scores.average_jaccard == 0.5


def test_jaccard_counts_a_visible_point_in_the_wrong_place_twice() -> None:
    # One hit; one 20 px off, which is a false positive and a miss: 1 of 1 + 1 + 1.
    scores = scores_of([0, 0, 20], [1, 1, 1], [1, 1, 1], 0, "first")
    assert scores.jaccard.tolist() == pytest.approx([1 / 3] * 5)


def test_jaccard_counts_a_hidden_point_predicted_visible_wherever_it_is() -> None:
    scores = scores_of([0, 0, 0], [1, 1, 0], [1, 1, 1], 0, "first")
    assert scores.average_jaccard == 0.5


def test_jaccard_does_not_mind_a_hidden_point_predicted_hidden() -> None:
    scores = scores_of([0, 0, 100], [1, 1, 0], [1, 1, 0], 0, "first")
    assert scores.average_jaccard == 1


def test_occlusion_accuracy_by_hand() -> None:
    # Right in 1 (visible) and 4 (hidden), wrong in 2 and 3.
    scores = scores_of([0, 50, 50, 50, 50], [1, 1, 1, 0, 0], [1, 1, 0, 1, 0], 0, "first")
    assert scores.occlusion_accuracy == 0.5


@pytest.mark.parametrize("threshold, within", [(0, 0.8), (1, 0.6), (2, 0.4), (4, 0.2), (8, 0.0)])
def test_a_point_exactly_at_the_threshold_is_not_within_it(threshold: int, within: float) -> None:
    offset = 2.0 * threshold or 1.0
    scores = scores_of([0, offset], [1, 1], [1, 1], 0, "first")
    assert scores.delta_average == pytest.approx(within)


def test_first_ignores_what_comes_before_the_query_and_strided_does_not() -> None:
    arguments = ([20, 20, 0, 0, 0], [1] * 5, [1] * 5, 2)
    assert scores_of(*arguments, "first").delta_average == 1
    assert scores_of(*arguments, "strided").delta_average == 0.5


@pytest.mark.parametrize("mode", MODES)
def test_the_query_frame_is_not_scored(mode: str) -> None:
    right = scores_of([0, 0, 0], [1, 1, 1], [1, 1, 1], 1, mode)
    wrong = scores_of([0, 99, 0], [1, 1, 1], [1, 0, 1], 1, mode)
    assert right.average_jaccard == wrong.average_jaccard == 1
    assert wrong.occlusion_accuracy == 1


def test_all_points_of_a_video_are_pooled() -> None:
    """One point is scored in 3 frames and followed; the other in 1 frame and lost: 3 of 4, not 1 of 2."""
    truth = np.zeros((4, 2, 2))
    predicted = truth.copy()
    predicted[3, 1] = 90
    seen = np.ones((4, 2), bool)
    scores = tapvid_scores(truth, seen, predicted, seen, np.array([0, 2]), "first")
    assert scores.delta_average == 0.75


def test_nothing_to_measure_is_nan() -> None:
    scores = scores_of([0, 0, 0], [1, 1, 1], [1, 1, 1], 2, "first")
    assert np.isnan([scores.average_jaccard, scores.delta_average, scores.occlusion_accuracy]).all()


def test_truth_may_be_nan_where_it_is_hidden() -> None:
    truth = np.zeros((3, 1, 2))
    truth[1] = np.nan
    visible = np.array([[1], [0], [1]], bool)
    scores = tapvid_scores(truth, visible, np.zeros((3, 1, 2)), visible, np.array([0]), "first")
    assert scores.average_jaccard == scores.delta_average == 1


def test_shapes_that_do_not_fit_are_refused() -> None:
    seen = np.ones((3, 2), bool)
    with pytest.raises(ValueError, match=r"\(3, 2, 2\).*\(3, 1, 2\)"):
        tapvid_scores(np.zeros((3, 2, 2)), seen, np.zeros((3, 1, 2)), seen, np.zeros(2, int), "first")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'last'"):
        choose_queries(np.ones((3, 2), bool), "last")


def slowly(truth, shown, predicted, said, queries, mode) -> list[float]:
    """The definition, one point and frame at a time: AJ, delta, OA, or None where undefined."""
    within, jaccard = [], []
    agree = scored = 0
    for threshold in (1, 2, 4, 8, 16):
        tp = fp = fn = hits = visible = agree = scored = 0
        for q, start in enumerate(queries):
            for t in range(len(truth)):
                if t == start or (mode == "first" and t < start):
                    continue
                dx, dy = predicted[t][q] - truth[t][q]
                near = dx * dx + dy * dy < threshold * threshold
                scored += 1
                agree += bool(shown[t][q]) == bool(said[t][q])
                if shown[t][q]:
                    visible += 1
                    hits += near
                    if said[t][q] and near:
                        tp += 1
                    else:
                        fn += 1
                if said[t][q] and not (shown[t][q] and near):
                    fp += 1
        within.append(hits / visible if visible else None)
        jaccard.append(tp / (tp + fp + fn) if tp + fp + fn else None)
    averages = [None if None in values else sum(values) / 5 for values in (jaccard, within)]
    return [*averages, agree / scored if scored else None]


@given(
    st.integers(1, 8),
    st.integers(0, 5),
    st.sampled_from(MODES),
    st.integers(0, 2**32 - 1),
)
def test_scores_are_those_of_the_definition(frames: int, points: int, mode: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 256, (frames, points, 2)).astype(np.float32)
    predicted = truth + rng.integers(-12, 13, truth.shape) / rng.choice([1, 4, 8])
    shown, said = rng.random((2, frames, points)) < rng.random()
    queries = rng.integers(0, frames, points)
    scores = tapvid_scores(truth, shown, predicted, said, queries, mode)
    expected = slowly(truth, shown, predicted, said, queries, mode)
    ours = [scores.average_jaccard, scores.delta_average, scores.occlusion_accuracy]
    assert ours == pytest.approx([np.nan if v is None else v for v in expected], nan_ok=True)
