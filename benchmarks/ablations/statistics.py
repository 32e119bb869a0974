"""What runs with several seeds say about a setting: mean and deviation, medians with bootstrap intervals.

All functions take a long table, a row for every sequence of every run: columns ``setting``, ``seed``,
``sequence``, one for each measure (0..1, NaN where a sequence has nothing to measure), and, where a dataset
counts objects and not sequences, ``objects``: how many the row's means are over.
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

    Runs are compared over the same sequences; one that failed in one run counts in none.

    Args:
        sequences: those that every run should have, found or not, beside those that some run has.
        runs: how many there should be, over all settings.

    Raises:
        EvaluationError: a run holds a sequence twice, or no sequence is in every run.
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
            "mend what failed, and start the sweep again to go on"
        )
    return table[table["sequence"].isin(whole)], [str(name) for name in counts.index[counts < runs]]


def run_means(table: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """The dataset's mean of each measure in each run, indexed by (setting, seed) in the table's order."""
    weights = table["objects"] if "objects" in table else pd.Series(1.0, table.index)
    keys = [table[key] for key in RUN]
    means = {}
    for measure in measures:
        there = weights.where(table[measure].notna())
        total = (table[measure] * there).groupby(keys, sort=False).sum()
        means[measure] = total / there.groupby(keys, sort=False).sum()
    return pd.DataFrame(means)


def summary(table: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Mean and standard deviation over seeds of the dataset's mean, as the paper reports them.

    Indexed by setting in the table's order; columns are (measure, "mean") and (measure, "std"), the latter
    of a sample (N - 1), so NaN with one seed.
    """
    grouped = run_means(table, measures).groupby("setting", sort=False)
    return grouped.agg(["mean", "std"])


def mean_intervals(table: pd.DataFrame, measure: str, seed: int = 0) -> pd.DataFrame:
    """Each setting's mean over runs of the dataset's mean, with its 95 % bootstrap interval over runs.

    Indexed by setting in the table's order; columns ``value``, ``low``, ``high``.
    """
    means = run_means(table, [measure])[measure]
    rows = {
        setting: intervals(runs.to_numpy(float)[None], np.mean, seed)[0]
        for setting, runs in means.groupby("setting", sort=False)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def sequence_medians(table: pd.DataFrame, measure: str, seed: int = 0) -> pd.DataFrame:
    """The median over runs of every sequence with its 95 % bootstrap interval (SAM-PT, Fig. 10).

    A row for each setting and sequence: columns ``setting``, ``sequence``, ``value``, ``low``, ``high``.
    Sequences with nothing to measure are left out.
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

    Percentiles of 1,000 resamples of the runs, the same resamples for every row. One run has an interval of
    zero width.
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
    # Interpolated percentiles may be off by the last bit.
    low = found.low.clip(runs.min(1), runs.max(1))
    high = found.high.clip(runs.min(1), runs.max(1))
    return np.stack([value, low, high], axis=1)
