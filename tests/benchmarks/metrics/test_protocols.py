"""Scores of frames made into the measures of the benchmarks; the numbers are worked out by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampt.benchmarks.metrics.davis_csv import write_davis_csvs
from sampt.benchmarks.metrics.protocols import MEASURES, SEEN, Summary, summarise
from sampt.benchmarks.vos.scoring import FrameScores
from sampt.errors import EvaluationError


def scores(
    sequence: str,
    object_id: int,
    j: list[float],
    f: list[float] | None = None,
    visible: list[bool] | None = None,
    category: str | None = None,
) -> FrameScores:
    frames = tuple(f"{t:05d}" for t in range(1, len(j) + 1))
    f, visible = j if f is None else f, [True] * len(j) if visible is None else visible
    arrays = np.array(j, float), np.array(f, float), np.array(visible, bool)
    return FrameScores(sequence, object_id, frames, *arrays, category)


def row(summary: Summary, sequence: str, object_id: int) -> dict[str, float]:
    (found,) = summary.table.query("sequence == @sequence and object == @object_id").to_dict("records")
    return found


TWO_AND_ONE = [
    # The last frame does not count; the quarters of eight frames share their borders: 1..3 and 6..8.
    scores("bike", 1, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 1.0]),
    scores("bike", 2, [1.0] * 9, f=[0.5] * 9),
    scores("dog", 1, [0.0] * 9),
]


def test_davis_leaves_out_the_last_frame() -> None:
    summary = summarise("davis", TWO_AND_ONE)
    assert list(summary.means) == list(MEASURES)
    first = row(summary, "bike", 1)
    assert first["J-Mean"] == first["F-Mean"] == first["J&F-Mean"] == pytest.approx(0.55)
    assert (first["J-Recall"], first["J-Decay"]) == (pytest.approx(4 / 8), pytest.approx(0.8 - 0.3))
    assert row(summary, "bike", 2)["J&F-Mean"] == 0.75
    assert row(summary, "bike", 2)["F-Recall"] == 0, "0.5 itself is not recalled"


def test_davis_counts_every_object_the_same() -> None:
    summary = summarise("davis", TWO_AND_ONE)
    assert summary.means["J-Mean"] == pytest.approx((0.55 + 1 + 0) / 3)
    assert summary.means["F-Mean"] == pytest.approx((0.55 + 0.5 + 0) / 3)
    assert summary.means["J&F-Mean"] == pytest.approx((summary.means["J-Mean"] + summary.means["F-Mean"]) / 2)


def test_sequences_are_the_means_of_their_objects_in_the_given_order() -> None:
    per_sequence = summarise("davis", TWO_AND_ONE[::-1]).per_sequence
    assert per_sequence["J-Mean"].to_dict() == {"dog": 0, "bike": pytest.approx((0.55 + 1) / 2)}
    assert list(per_sequence.index) == ["dog", "bike"]


def test_davis_skips_objects_without_a_frame_that_counts() -> None:
    summary = summarise(
        "davis", [scores("bike", 1, [0.5, 1.0]), scores("bike", 2, [1.0]), scores("bike", 3, [])]
    )
    assert summary.table["object"].tolist() == [1]
    with pytest.raises(EvaluationError, match="no object"):
        summarise("davis", [scores("bike", 2, [1.0])])


def test_davis_names_objects_without_a_frame_that_counts() -> None:
    late = [scores("bike", 2, [1.0]), scores("dog", 1, []), scores("bike", 3, [])]
    first, second = summarise("davis", [scores("bike", 1, [0.5, 1.0]), *late]).notes
    assert "bike" in first and first.endswith(": 2, 3.")
    assert "dog" in second and second.endswith(": 1.")
    assert summarise("davis", TWO_AND_ONE).notes == ()


def test_the_official_csv_files_of_davis(tmp_path: Path) -> None:
    files = write_davis_csvs(summarise("davis", TWO_AND_ONE), tmp_path, "val")
    assert [file.name for file in files] == ["global_results-val.csv", "per-sequence_results-val.csv"]
    assert files[0].read_text() == (
        "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay\n0.433,0.517,0.500,0.167,0.350,0.167,0.167\n"
    )
    assert files[1].read_text() == (
        "Sequence,J-Mean,F-Mean\nbike_1,0.550,0.550\nbike_2,1.000,0.500\ndog_1,0.000,0.000\n"
    )


def test_csv_files_of_a_listed_split_are_named_after_the_list(tmp_path: Path) -> None:
    files = write_davis_csvs(summarise("davis", TWO_AND_ONE), tmp_path, "lists/mine.txt")
    assert [file.name for file in files] == ["global_results-mine.csv", "per-sequence_results-mine.csv"]
    assert len(list(tmp_path.iterdir())) == 2


T, N = True, False
ROAD = [
    # Seen in 3 frames after its appearance, so in 4: short. Not seen in one, where J is 1 and F 0.
    scores("road", 1, [0.8, 0.6, 1.0, 0.4], f=[0.8, 0.6, 0.0, 0.4], visible=[T, T, N, T]),
    # Seen in 5 with its appearance: medium.
    scores("road", 2, [0.5, 0.5, 0.5, 0.5]),
    # Seen in 30: long.
    scores("road", 3, [0.25] * 29),
    # It appears in the last frame: right, and seen in 1.
    scores("road", 4, []),
]


def test_bdd100k_scores_all_frames_after_the_first() -> None:
    means = summarise("bdd100k", ROAD).means
    assert means["J-Mean"] == pytest.approx((0.7 + 0.5 + 0.25 + 1) / 4)
    assert means["F-Mean"] == pytest.approx((0.45 + 0.5 + 0.25 + 1) / 4)
    assert list(means)[:7] == list(MEASURES)
    assert list(means)[7:] == [
        f"{name}-Mean-{part}"
        for part in ("Vis", "NonVis", "Short", "Medium", "Long")
        for name in ("J&F", "J", "F")
    ]


def test_bdd100k_scores_visible_and_other_frames_apart() -> None:
    summary = summarise("bdd100k", ROAD)
    first = row(summary, "road", 1)
    assert (first["J-Mean-Vis"], first["J-Mean-NonVis"]) == (pytest.approx(0.6), 1)
    assert (first["F-Mean-Vis"], first["F-Mean-NonVis"]) == (pytest.approx(0.6), 0)
    assert (first["n_frames"], first["visible_frames"], first["nonvisible_frames"]) == (5, 4, 1)
    assert math.isnan(row(summary, "road", 2)["J-Mean-NonVis"])
    assert summary.means["J-Mean-Vis"] == pytest.approx((0.6 + 0.5 + 0.25 + 1) / 4)
    # Objects that are always seen have no such frames; the one without frames counts as right there, too.
    assert summary.means["F-Mean-NonVis"] == pytest.approx((0 + 1) / 2)
    assert summary.means["J&F-Mean-NonVis"] == pytest.approx((1 + 0.5) / 2)


def test_bdd100k_scores_objects_apart_by_how_long_they_are_seen() -> None:
    summary = summarise("bdd100k", ROAD)
    assert summary.table["duration"].tolist() == ["short", "medium", "long", "short"]
    assert summary.means["J-Mean-Short"] == pytest.approx((0.7 + 1) / 2)
    assert summary.means["F-Mean-Short"] == pytest.approx((0.45 + 1) / 2)
    assert summary.means["J&F-Mean-Medium"] == 0.5
    assert summary.means["J&F-Mean-Long"] == 0.25
    assert summary.groups["objects"].to_dict() == {
        "all": 4,
        "visible frames": 4,
        "non-visible frames": 2,
        "short": 2,
        "medium": 1,
        "long": 1,
    }


def test_bdd100k_scores_every_object() -> None:
    assert summarise("bdd100k", ROAD).notes == ()


@pytest.mark.parametrize("seen, duration", [(4, "short"), (5, "medium"), (29, "medium"), (30, "long")])
def test_the_borders_of_short_medium_and_long(seen: int, duration: str) -> None:
    visible = [True] * (seen - 1) + [False] * 10
    summary = summarise("bdd100k", [scores("road", 1, [0.5] * len(visible), visible=visible)])
    assert summary.table["duration"].tolist() == [duration]


def test_bdd100k_has_no_measure_for_what_does_not_occur() -> None:
    means = summarise("bdd100k", ROAD[1:2]).means
    assert math.isnan(means["J&F-Mean-NonVis"]) and math.isnan(means["J-Mean-Long"])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_visible_and_other_frames_make_up_all(frames: list[tuple[float, float, bool]]) -> None:
    j, f, visible = map(list, zip(*frames, strict=True))
    found = row(summarise("bdd100k", [scores("road", 1, j, f, visible)]), "road", 1)
    counts = found["visible_frames"] - 1, found["nonvisible_frames"]
    for name in ("J-Mean", "F-Mean", "J&F-Mean"):
        parts = zip((found[f"{name}-Vis"], found[f"{name}-NonVis"]), counts, strict=True)
        assert sum(mean * count for mean, count in parts if count) == pytest.approx(found[name] * len(j))


ZOO = [
    scores("a", 1, [1.0, 0.5], f=[0.5, 0.5], category="dog"),
    scores("a", 2, [0.25, 0.25], category="dog"),
    scores("b", 1, [0.5], f=[0.0], category="cat"),
    scores("b", 2, [0.1, 0.3], f=[0.4, 0.2], category="flamingo"),
    scores("b", 3, [], category="flamingo"),
]


def test_youtube_vos_averages_over_objects_of_seen_and_of_unseen_categories() -> None:
    means = summarise("youtube-vos", ZOO).means
    assert list(means)[:5] == ["G", "J_seen", "J_unseen", "F_seen", "F_unseen"]
    assert means["J_seen"] == pytest.approx((0.75 + 0.25 + 0.5) / 3)
    assert means["F_seen"] == pytest.approx((0.5 + 0.25 + 0) / 3)
    assert (means["J_unseen"], means["F_unseen"]) == (pytest.approx(0.2), pytest.approx(0.3))
    assert means["G"] == pytest.approx((0.5 + 0.25 + 0.2 + 0.3) / 4)
    assert means["J-Mean"] == pytest.approx((0.75 + 0.25 + 0.5 + 0.2) / 4)


def test_youtube_vos_by_category() -> None:
    groups = summarise("youtube-vos", ZOO).groups
    assert list(groups.index) == ["seen", "unseen", "cat", "dog", "flamingo"]
    assert groups.loc["dog"].to_dict() == {"objects": 2, "J&F-Mean": 0.4375, "J-Mean": 0.5, "F-Mean": 0.375}
    assert groups["objects"].tolist() == [3, 1, 1, 2, 1]


def test_youtube_vos_has_no_g_without_unseen_categories_or_without_categories() -> None:
    means = summarise("youtube-vos", ZOO[:3]).means
    assert means["J_seen"] == 0.5 and math.isnan(means["J_unseen"]) and math.isnan(means["G"])
    unknown = summarise("youtube-vos", [scores("a", 1, [0.5])]).means
    assert math.isnan(unknown["J_seen"]) and math.isnan(unknown["J_unseen"]) and unknown["J-Mean"] == 0.5


def test_youtube_vos_names_objects_that_appear_in_the_last_frame() -> None:
    (note,) = summarise("youtube-vos", ZOO).notes
    assert "b" in note and note.endswith(": 3.")


def test_youtube_vos_has_65_training_categories() -> None:
    assert len(SEEN) == 65


def test_every_column_of_another_protocol_is_in_its_csv(tmp_path: Path) -> None:
    whole, objects = write_davis_csvs(summarise("bdd100k", ROAD), tmp_path, "val")
    assert whole.read_text().startswith("J&F-Mean,J-Mean,")
    assert objects.read_text().splitlines()[1].startswith("road_1,")
    assert objects.read_text().splitlines()[1].endswith(",5,4,1,short")


def test_a_protocol_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"davis, bdd100k, youtube-vos.*'mots'"):
        summarise("mots", ZOO)
