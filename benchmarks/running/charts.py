"""Numbers formatted for a page or a terminal: percentages, bars, shares of time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from sampt._internal.names import plural

from .record import SequenceRecord

NOTHING = "–"
"""The text shown where there is no number."""


@dataclass(frozen=True)
class Bar:
    """A labelled bar, ``share`` of the full length, 0..1."""

    label: str
    value: str
    share: float


@dataclass(frozen=True)
class Stage:
    """The time that all sequences together spent on one stage."""

    bar: Bar
    seconds: str
    per_frame: str


def percent(value: float | None) -> str:
    """A mean in 0..1 as a percentage with one decimal."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{round(100 * value, 1) + 0.0:.1f}"  # + 0.0 turns -0.0 into 0.0


def percent_over_seeds(values: Sequence[float]) -> str:
    """The mean, and for several values ± their sample standard deviation, as percentages."""
    known = [v for v in values if not math.isnan(v)]
    if len(known) < 2:
        return percent(known[0] if known else None)
    return percent_with_deviation(mean(known), stdev(known))


def percent_with_deviation(mean: float, deviation: float) -> str:
    """The text ``76.6 ± 0.3`` for 0.766 and 0.003; only the mean if there is no deviation."""
    if math.isnan(mean) or math.isnan(deviation):
        return percent(mean)
    return f"{percent(mean)} ± {percent(deviation)}"


def ranked(scores: Mapping[str, float]) -> list[str]:
    """The names by score, best first and those without a score last; ties in alphabetical order."""
    return sorted(scores, key=lambda name: (math.isnan(scores[name]), -scores[name], name))


def stages(records: Iterable[SequenceRecord]) -> list[Stage]:
    """The time spent on each stage, longest first; what belongs to no stage is "other"."""
    spent: dict[str, float] = defaultdict(float)
    frames = 0
    for record in records:
        frames += record.frames
        for stage, seconds in record.seconds.items():
            spent[stage] += seconds
    named = sum(seconds for stage, seconds in spent.items() if stage != "all")
    everything = spent.pop("all", named)
    spent["other"] += max(everything - named, 0.0)
    total = max(everything, named)
    return [
        Stage(
            Bar(stage, f"{100 * seconds / total:.0f} %", seconds / total),
            duration(seconds),
            f"{1000 * seconds / frames:.1f} ms" if frames else NOTHING,
        )
        for stage, seconds in sorted(spent.items(), key=lambda item: -item[1])
        if seconds > 0
    ]


def wall_seconds(record: SequenceRecord) -> float:
    """The seconds that one sequence took: "all", or the sum of its stages."""
    return record.seconds.get("all", sum(record.seconds.values()))


def frames_per_second(records: Iterable[SequenceRecord]) -> str:
    """The frames per second of one worker: all frames divided by all seconds."""
    several = list(records)
    seconds = sum(map(wall_seconds, several))
    return f"{sum(r.frames for r in several) / seconds:.2f}" if seconds > 0 else NOTHING


def counters(records: Iterable[SequenceRecord]) -> dict[str, int]:
    """The sums of the encoder's counters."""
    total: dict[str, int] = defaultdict(int)
    for record in records:
        for name, count in record.encoder.items():
            total[name] += count
    return dict(total)


def encodings(records: Sequence[SequenceRecord]) -> str:
    """How often frames were encoded and embeddings used again, in words; empty if nothing was encoded."""
    total = defaultdict(int, counters(records))
    frames = sum({record.sequence: record.frames for record in records}.values())
    if not total["frames"]:
        return ""
    text = f"{plural(frames, 'frame')} encoded once"
    if total["frames"] != frames:
        text = f"{plural(total['frames'], 'encoding')} of {plural(frames, 'frame')}"
    places = {"device_hits": "the GPU's memory", "host_hits": "main memory", "disk_hits": "temporary files"}
    used = {place: total[name] for name, place in places.items() if total[name]}
    if not used:
        return text
    parts = ", ".join(f"{count} from {place}" for place, count in used.items())
    return f"{text}, and their embeddings used again {plural(sum(used.values()), 'time')} ({parts})"


def duration(seconds: float) -> str:
    """A duration as text, such as "7.3 s", "4 min 05 s" or "2 h 10 min"."""
    if seconds < 59.95:  # or it would read 60.0 s
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
