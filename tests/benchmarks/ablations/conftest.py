"""Ablation files and tables of scores that are as small as can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sampt.benchmarks.ablations.sweep import Setting, Sweep, read_sweep

Read = Callable[..., Sweep]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a sweep from text."""

    def read(text: str, *args: object, **kwargs: object) -> Sweep:
        file = tmp_path / "mine.yaml"
        file.write_text(text, encoding="utf-8")
        return read_sweep(file, *args, **kwargs)  # type: ignore[arg-type]

    return read


def settings_of(**axes: Sequence[object]) -> list[Setting]:
    """All combinations of labels, last axis fastest."""
    names = list(axes)
    grid = np.stack(np.meshgrid(*(np.arange(len(v)) for v in axes.values()), indexing="ij"), -1)
    found = []
    for row in grid.reshape(-1, len(names)):
        values = {name: axes[name][i] for name, i in zip(names, row, strict=True)}
        title = ", ".join(f"{k}={v}" for k, v in values.items())
        found.append(Setting(title, title.replace(", ", "-"), (), values))
    return found


def long_table(scores: dict[str, Sequence[Sequence[float]]], measure: str = "J&F") -> pd.DataFrame:
    """``scores[setting][seed][sequence]``; sequences are called a, b, c, …"""
    rows = [
        (setting, seed, "abcdefghij"[i], value)
        for setting, runs in scores.items()
        for seed, run in enumerate(runs)
        for i, value in enumerate(run)
    ]
    return pd.DataFrame(rows, columns=["setting", "seed", "sequence", measure])
