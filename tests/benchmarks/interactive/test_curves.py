"""From interactions to curves, on numbers made by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sampt.benchmarks.interactive.curves import held, interaction_table, mean_curve, object_table, plot_curves
from sampt.benchmarks.interactive.outputs import read_curve, write_outputs
from sampt.benchmarks.interactive.walks import Annotation, Interaction
from sampt.benchmarks.running.folder import RunFolder
from sampt.errors import EvaluationError


def annotation(id: int, frames: int, *ious: float) -> Annotation:
    """An object that begins at the first IoU, and comes to the others, one after each interaction."""
    interactions = tuple(
        Interaction(n, 0.95, 0, "add", "positive", n, 1.0, 2.0, 0, 0, 0, 0, before, after, 0, after / 2)
        for n, (before, after) in enumerate(pairwise(ious), 1)
    )
    return Annotation("clip", id, frames, ious[0], 0.0, interactions)


def test_a_value_holds_until_the_next_interaction():
    x = np.array([0, 0.05, 0.1, 0.19, 0.2, 0.9])
    np.testing.assert_array_equal(held([0.0, 0.5, 0.8], 10, x), [0, 0, 0.5, 0.5, 0.8, 0.8])


def test_objects_count_alike_whatever_their_length():
    curve = mean_curve([annotation(1, 10, 0, 0.5, 0.8), annotation(2, 50, 0.2, 0.4)])
    rows = curve.set_index("interactions_per_frame")
    assert rows.index[-1] == 0.2
    assert rows.loc[0, "iou"] == pytest.approx(0.1)
    assert rows.loc[0.02, "iou"] == pytest.approx(0.2)
    assert rows.loc[0.1, "iou"] == pytest.approx(0.45)
    assert rows.loc[0.2, "iou"] == pytest.approx(0.6)
    assert rows.loc[0.2, "f"] == pytest.approx(0.3)
    assert rows["annotating"].tolist() == [1.0] + [0.5] * 9 + [0.0]


def test_an_object_that_needed_nothing_is_a_curve_of_one_row():
    curve = mean_curve([annotation(1, 10, 1.0)])
    assert curve["iou"].tolist() == [1.0]


def test_the_table_of_objects_knows_the_best_moment():
    (row,) = object_table([annotation(3, 10, 0, 0.7, 0.6)]).to_dict("records")
    assert (row["object"], row["interactions"], row["iou"]) == (3, 2, 0.6)
    assert (row["best_iou"], row["best_after"]) == (0.7, 1)
    assert (row["add_positive"], row["remove_negative"]) == (2, 0)


def test_the_table_of_interactions_has_a_row_each():
    table = interaction_table([annotation(1, 10, 0, 0.5, 0.8), annotation(2, 10, 0, 0.4)])
    assert table[["object", "number"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1]]


def test_the_plot_is_an_image_and_the_same_each_time(tmp_path):
    made = [annotation(1, 10, 0, 0.5, 0.8)]
    curves = {"ours $1$": mean_curve(made), "other": mean_curve([annotation(1, 10, 0, 0.3)])}
    first, second = (plot_curves(curves, made, tmp_path / name) for name in ("a", "b"))
    assert Image.open(first[0]).size[0] > 600
    assert first[1].read_bytes() == second[1].read_bytes()


def test_curves_of_folders_of_one_name_are_told_apart(tmp_path):
    made = [annotation(1, 10, 0, 0.5, 0.8)]
    folders = [RunFolder(tmp_path / user / "online", (0,)) for user in ("ours", "theirs")]
    for folder in folders:
        folder.path.mkdir(parents=True)
        write_outputs(folder, made)
    write_outputs(folders[0], made, [folders[1].path])
    drawn = (folders[0].path / "curve.svg").read_text()
    assert "ours/online" in drawn and "theirs/online" in drawn


def test_an_annotator_goes_back_to_the_best_end_of_a_pass():
    made = annotation(1, 10, 0, 0.4, 0.6, 0.5, 0.7, 0.3)
    targets = (0.5, 0.5, 0.9, 0.9, 0.95)
    interactions = tuple(replace(i, target=t) for i, t in zip(made.interactions, targets, strict=True))
    passes = replace(made, interactions=interactions)
    assert passes.kept_ious == [0, 0.4, 0.6, 0.6, 0.7, 0.7]
    assert made.kept_ious == made.ious, "one pass has no earlier end"
    curve = mean_curve([passes])
    assert curve.loc[15, ["iou", "kept_iou"]].tolist() == [0.5, 0.6]
    (row,) = object_table([passes]).to_dict("records")
    assert (row["iou"], row["kept_iou"]) == (0.3, 0.7)


@pytest.mark.parametrize("content", [None, "", "a,b\n1,2\n"])
def test_a_folder_without_a_curve_is_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "curve.csv").write_text(content)
    with pytest.raises(EvaluationError, match=r"curve\.csv"):
        read_curve(tmp_path)


def test_a_curve_can_be_read_back(tmp_path):
    curve = mean_curve([annotation(1, 10, 0, 0.5, 0.8)])
    curve.to_csv(tmp_path / "curve.csv", index=False)
    pd.testing.assert_series_equal(read_curve(tmp_path)["iou"], curve["iou"])
