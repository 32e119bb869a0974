"""Our results beside published ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from sampt.config import Config, as_mapping

from ..running.charts import percent_with_deviation
from ..running.folder import flattened
from ..running.published import same_measure

NOT_SETTINGS = (
    *("cache.", "compile", "device", "frames_per_batch", "seed"),
    *("tracker.checkpoint", "segmenter.checkpoint"),
)
"""The prefixes of keys that say how a run is done, not what is run."""

NOTHING = (math.nan, math.nan)
"""Mean and deviation of a measure without values."""


@dataclass(frozen=True)
class Compared:
    """A measure as published and as ours.

    Attributes:
        published: percentage as printed, such as "76.3 ± 0.6"; empty if it could not be read.
        ours: our percentage in the same form; "–" if there is none.
        difference: ours minus the published one, in points, rounded as printed; None if one is missing.
        within: whether the difference is within the published ±; None if no ± is printed.
    """

    measure: str
    published: str
    ours: str
    difference: float | None = None
    within: bool | None = None


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation over seeds; NaN for what there is not.

    Args:
        values: 0..1 each; negative ones, which AP has without objects, are left out.
    """
    known = [value for value in values if value >= 0]
    return (fmean(known) if known else math.nan, stdev(known) if len(known) > 1 else math.nan)


def compared(published: Mapping[str, str], ours: Mapping[str, tuple[float, float]]) -> list[Compared]:
    """Every published measure beside ours; if none are published, ours alone.

    Args:
        published: measure → percentage as printed.
        ours: measure → mean and deviation, 0..1.
    """
    if not published:
        return [Compared(name, "", percent_with_deviation(*both)) for name, both in ours.items()]
    return [
        _compared(name, text, next((both for n, both in ours.items() if same_measure(n, name)), NOTHING))
        for name, text in published.items()
    ]


def _compared(name: str, text: str, both: tuple[float, float]) -> Compared:
    shown = percent_with_deviation(*both)
    if math.isnan(both[0]):
        return Compared(name, text, shown)
    number, _, deviation = text.partition(" ± ")
    digits = len(number.partition(".")[2])
    difference = round(round(100 * both[0], digits) - float(number), digits)
    return Compared(name, text, shown, difference, abs(difference) <= float(deviation) if deviation else None)


def differing(used: Config, published: Config) -> dict[str, tuple[Any, Any]]:
    """The settings that are not the published ones: key → (used, published); None for what is not set."""
    ours, theirs = _settings(used), _settings(published)
    keys = [key for key in {**theirs, **ours} if ours.get(key) != theirs.get(key)]
    return {key: (ours.get(key), theirs.get(key)) for key in keys}


def _settings(config: Config) -> dict[str, Any]:
    return {
        key: value
        for key, value in flattened(as_mapping(config)).items()
        if not key.startswith(NOT_SETTINGS) and value != {}
    }
