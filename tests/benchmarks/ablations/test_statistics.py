"""Means, deviations and bootstrap intervals, by hand where that is possible."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sampt.benchmarks.ablations.statistics import (
    complete,
    intervals,
    mean_intervals,
    run_means,
    sequence_medians,
    summary,
)
from sampt.errors import EvaluationError

from .conftest import long_table


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("default", ResourceWarning)  # whatever is collected meanwhile is not ours
        yield


class TestSummary:
    def test_mean_and_deviation_of_the_runs_means(self):
        table = long_table({"b": [[0.2, 0.4], [0.4, 0.6]], "a": [[0.5, 0.5], [0.5, 0.5]]})
        found = summary(table, ["J&F"])
        assert list(found.index) == ["b", "a"]
        np.testing.assert_allclose(found["J&F", "mean"], [0.4, 0.5])
        np.testing.assert_allclose(found["J&F", "std"], [np.sqrt(0.02), 0], atol=1e-12)

    def test_one_seed_has_no_deviation(self):
        found = summary(long_table({"a": [[0.2, 0.4]]}), ["J&F"])
        assert found.loc["a", ("J&F", "mean")] == pytest.approx(0.3)
        assert np.isnan(found.loc["a", ("J&F", "std")])

    def test_sequences_count_as_many_objects_as_they_have(self):
        table = long_table({"a": [[0.2, 0.8]]}).assign(objects=[3, 1])
        assert run_means(table, ["J&F"]).loc[("a", 0), "J&F"] == pytest.approx((3 * 0.2 + 0.8) / 4)

    def test_sequences_with_nothing_to_measure_do_not_count(self):
        table = long_table({"a": [[0.2, np.nan]]}).assign(objects=[1, 7], J=np.nan)
        found = run_means(table, ["J&F", "J"])
        assert found.loc[("a", 0), "J&F"] == pytest.approx(0.2)
        assert np.isnan(found.loc[("a", 0), "J"])


class TestMedians:
    def test_median_of_every_sequence(self):
        table = long_table({"x": [[0.1, 0.9], [0.3, 0.9], [0.2, 0.6]], "y": [[0, 1], [0, 1], [1, 1]]})
        found = sequence_medians(table, "J&F").set_index(["setting", "sequence"])["value"]
        assert found.to_dict() == {("x", "a"): 0.2, ("x", "b"): 0.9, ("y", "a"): 0, ("y", "b"): 1}

    def test_one_run_has_an_interval_of_no_width(self):
        found = sequence_medians(long_table({"x": [[0.25, 0.75]]}), "J&F")
        np.testing.assert_array_equal(found[["value", "low", "high"]], [[0.25] * 3, [0.75] * 3])

    def test_identical_runs_have_an_interval_of_no_width(self):
        found = sequence_medians(long_table({"x": [[0.1, 0.7]] * 4}), "J&F")
        np.testing.assert_array_equal(found["low"], found["high"])
        np.testing.assert_array_equal(found["value"], [0.1, 0.7])

    def test_a_setting_has_the_same_interval_whatever_it_is_compared_with(self):
        runs = np.random.default_rng(0).random((5, 3)).tolist()
        alone = sequence_medians(long_table({"x": runs}), "J&F")
        beside = sequence_medians(long_table({"w": runs[::-1], "x": runs}), "J&F")
        pd.testing.assert_frame_equal(alone, beside[beside["setting"] == "x"].reset_index(drop=True))

    def test_sequences_with_nothing_to_measure_are_left_out(self):
        found = sequence_medians(long_table({"x": [[0.5, np.nan]] * 2}), "J&F")
        assert list(found["sequence"]) == ["a"]


class TestIntervals:
    def test_three_runs_against_all_their_resamples(self):
        """Of the 27 resamples of three runs 7 have the least as their median: far more than 2.5 %."""
        runs = np.array([[0.1, 0.5, 0.6]])
        medians = sorted(np.median(sample) for sample in product(runs[0], repeat=3))
        assert medians.count(0.1) == 7
        np.testing.assert_allclose(intervals(runs, np.median, 0), [[0.5, 0.1, 0.6]])

    def test_means_of_many_runs_agree_with_the_normal_interval(self):
        runs = np.random.default_rng(1).normal(0.5, 0.1, (1, 400))
        half = 1.96 * runs.std(ddof=1) / 20
        expected = [runs.mean(), runs.mean() - half, runs.mean() + half]
        np.testing.assert_allclose(intervals(runs, np.mean, 0)[0], expected, atol=half / 8)

    def test_of_the_datasets_mean(self):
        found = mean_intervals(long_table({"x": [[0.2, 0.4], [0.6, 0.8]], "y": [[0.5, 0.5]] * 2}), "J&F")
        np.testing.assert_allclose(found.loc["x"], [0.5, 0.3, 0.7])
        np.testing.assert_allclose(found.loc["y"], [0.5] * 3)

    @settings(max_examples=30, deadline=None)
    @given(
        arrays(
            float,
            st.tuples(st.integers(0, 4), st.integers(1, 6)),
            elements=st.integers(0, 1000).map(lambda n: n / 1000),
        )
    )
    def test_they_lie_within_the_runs_and_hold_the_value(self, runs):
        value, low, high = intervals(runs, np.median, 0).T
        if len(runs):
            assert (runs.min(1) <= low).all() and (low <= value).all()
            assert (value <= high).all() and (high <= runs.max(1)).all()


class TestComplete:
    def test_a_sequence_that_one_run_lacks_counts_in_none(self):
        table = long_table({"x": [[0.1, 0.2], [0.1, 0.2]], "y": [[0.3], [0.3, 0.4]]})
        found, left_out = complete(table, ["a", "b"], 4)
        assert left_out == ["b"]
        assert list(found["sequence"]) == ["a"] * 4

    def test_a_sequence_that_all_runs_lack_is_left_out_too(self):
        table = long_table({"x": [[0.1, 0.2]], "y": [[0.3, 0.4]]})
        found, left_out = complete(table, ["z", "a", "b"], 2)
        assert left_out == ["z"]
        pd.testing.assert_frame_equal(found, table)

    def test_a_sequence_of_an_earlier_part_of_the_sweep_counts(self):
        table = long_table({"x": [[0.1, 0.2]], "y": [[0.3, 0.4]]})
        found, left_out = complete(table, ["b"], 2)
        assert left_out == []
        pd.testing.assert_frame_equal(found, table)

    def test_nothing_is_left_out_of_full_runs(self):
        table = long_table({"x": [[0.1, 0.2]] * 2, "y": [[0.3, 0.4]] * 2})
        found, left_out = complete(table, ["b", "a"], 4)
        assert left_out == []
        pd.testing.assert_frame_equal(found, table)

    def test_a_setting_without_any_result_is_not_passed_over(self):
        """Two settings of two runs, one of which failed altogether."""
        with pytest.raises(EvaluationError, match="no sequence"):
            complete(long_table({"x": [[0.1, 0.2]] * 2}), ["a", "b"], 4)

    def test_no_scores(self):
        with pytest.raises(EvaluationError, match="no sequence"):
            complete(long_table({}), ["a"], 1)

    def test_a_sequence_twice_in_a_run(self):
        table = pd.concat([long_table({"x": [[0.1, 0.2]]})] * 2)
        with pytest.raises(EvaluationError, match=r"'x'.*'a'.*seed 0"):
            complete(table, ["a", "b"], 1)

    def test_runs_without_a_sequence_in_common(self):
        table = long_table({"x": [[0.1]], "y": [[0.3]]}).assign(sequence=["a", "b"])
        with pytest.raises(EvaluationError, match="no sequence"):
            complete(table, ["a", "b"], 2)
