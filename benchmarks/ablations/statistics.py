"""The statistics of a setting's runs with several seeds: mean, deviation, medians with bootstrap intervals.

All functions take a long table with one row per sequence of every run. Its columns are ``setting``, ``seed``,
``sequence``, one per measure (0..1, NaN if a sequence has nothing to measure) and, if a dataset averages over
objects and not sequences, ``objects``, the number of objects that the row's means are over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import bootstrap

from sampt.errors import EvaluationError

Floats = NDArray[np.float64]

RUN = ["setting", "seed"]
RESAMPLES = 1000
CONFIDENCE = 0.95


def complete(table: pd.DataFrame, sequences: Sequence[str], runs: int) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the sequences that every run has, and the names of the sequences left out.

    Runs are compared over the same sequences; a sequence that failed in one run counts in none.

    Args:
        table: the scores.
        sequences: sequences that every run should have, beside those in ``table``.
        runs: expected number of runs of all settings together.

    Raises:
        EvaluationError: a run has a sequence twice, or no sequence is in every run.
    """
    twice = table[table.duplicated([*RUN, "sequence"])]
    if not twice.empty:
        first = twice.iloc[0]
        raise EvaluationError(
            f"the setting {first['setting']!r} has the sequence {first['sequence']!r} twice with seed "
            f"{first['seed']}; keep one record of it"
        )
    expected = list(dict.fromkeys([*sequences, *table["sequence"]]))
    counts = table["sequence"].value_counts().reindex(expected, fill_value=0)
    whole = counts.index[counts == runs]
    if whole.empty:
        raise EvaluationError(
            "no sequence was finished by every run, so settings cannot be compared: "
            "fix what failed, and run the sweep again to resume it"
        )
    return table[table["sequence"].isin(whole)], [str(name) for name in counts.index[counts < runs]]


def run_means(table: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """The mean of each measure over the dataset in each run, by (setting, seed) in the table's order."""
    weights = table["objects"] if "objects" in table else pd.Series(1.0, table.index)
    keys = [table[key] for key in RUN]
    means = {}
    for measure in measures:
        there = weights.where(table[measure].notna())
        total = (table[measure] * there).groupby(keys, sort=False).sum()
        means[measure] = total / there.groupby(keys, sort=False).sum()
    return pd.DataFrame(means)


def summary(table: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """The mean and standard deviation over seeds of the dataset's mean, as the paper reports them.

    Rows are settings in the table's order; columns are (measure, "mean") and (measure, "std"). The latter is
    the sample deviation (N - 1), so NaN for one seed.
    """
    grouped = run_means(table, measures).groupby("setting", sort=False)
    return grouped.agg(["mean", "std"])


def mean_intervals(table: pd.DataFrame, measure: str, seed: int = 0) -> pd.DataFrame:
    """The mean over runs of the dataset's mean, with its 95 % bootstrap interval over runs.

    Rows are settings in the table's order; columns are ``value``, ``low``, ``high``.
    """
    means = run_means(table, [measure])[measure]
    rows = {
        setting: intervals(runs.to_numpy(float)[None], np.mean, seed)[0]
        for setting, runs in means.groupby("setting", sort=False)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def sequence_medians(table: pd.DataFrame, measure: str, seed: int = 0) -> pd.DataFrame:
    """The median over runs of every sequence with its 95 % bootstrap interval (SAM-PT, Fig. 10).

    There is one row per setting and sequence, with columns ``setting``, ``sequence``, ``value``, ``low``,
    ``high``. Sequences with nothing to measure are left out.
    """
    parts = []
    for setting, rows in table.groupby("setting", sort=False):
        runs = rows.pivot(index="sequence", columns="seed", values=measure).dropna()
        found = pd.DataFrame(
            intervals(runs.to_numpy(float), np.median, seed), columns=["value", "low", "high"]
        )
        found.insert(0, "sequence", list(runs.index))
        found.insert(0, "setting", setting)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def intervals(runs: Floats, statistic: Callable[..., Floats], seed: int) -> Floats:
    """A statistic of each row of (S, R) values of R runs, and the ends of its bootstrap interval: (S, 3).

    The ends are percentiles of 1,000 resamples of the runs, which are the same for every row. The interval of
    one run has zero width.
    """
    value = statistic(runs, axis=1)
    if runs.shape[1] < 2 or len(runs) == 0:
        return np.stack([value] * 3, axis=1)
    found = bootstrap(
        (runs,),
        statistic,
        axis=1,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    # Interpolated percentiles may be off in the last bit.
    low = found.low.clip(runs.min(1), runs.max(1))
    high = found.high.clip(runs.min(1), runs.max(1))
    return np.stack([value, low, high], axis=1)
