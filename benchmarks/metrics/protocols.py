"""The measures that each benchmark makes from the scores of frames, under their official names.

"davis": Perazzi et al., CVPR 2016, section 5, and Pont-Tuset et al., arXiv 1704.00675, as in the official
evaluation of DAVIS 2017. "bdd100k": the VOS benchmark of SAM-PT, as in its evaluation code. "youtube-vos": Xu
et al., arXiv 1809.03327, section 4, and youtube-vos.org; the server's code is not public.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sampt._internal.names import first_few
from sampt.errors import EvaluationError

from ..vos.scoring import FrameScores
from .davis import statistics

if TYPE_CHECKING:  # `sampt demo` scores without it
    import pandas as pd

MEASURES = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
"""DAVIS's measures, with their official names and order."""

MEANS = ("J&F-Mean", "J-Mean", "F-Mean")

SHORT, LONG = 5, 30
"""An object visible in fewer than ``SHORT`` frames is short, in at least ``LONG`` long, otherwise medium.

These borders are those of the code of SAM-PT's evaluation. The paper's caption and the code's own comments
draw them differently.
"""

_TRAINING_CATEGORIES = """
    airplane ape bear bike bird boat bucket bus camel cat cow crocodile deer dog dolphin duck eagle
    earless_seal elephant fish fox frisbee frog giant_panda giraffe hand hat hedgehog horse knife leopard lion
    lizard monkey motorbike mouse others owl paddle parachute parrot penguin person plant rabbit raccoon sedan
    shark sheep sign skateboard snail snake snowboard squirrel surfboard tennis_racket tiger toilet train
    truck turtle umbrella whale zebra
"""

SEEN = frozenset(_TRAINING_CATEGORIES.split())
"""The 65 categories of YouTube-VOS's training split, the same in 2018 and 2019; all others are unseen."""


@dataclass(frozen=True, eq=False)
class Summary:
    """The scores of a set of sequences by one protocol; measures are in 0..1, NaN if there is nothing.

    Attributes:
        table: one row per object: ``sequence``, ``object``, its measures, and what the protocol adds.
        measures: the columns of ``table`` that may be averaged.
        means: the headline measures, with official names and order.
        groups: the groups of objects or frames that are scored separately, by name: ``objects``, their
            number, and ``MEANS``.
        notes: sentences about objects that are not in ``table`` because they have no frame that counts.
    """

    protocol: str
    table: pd.DataFrame
    measures: tuple[str, ...]
    means: dict[str, float]
    groups: pd.DataFrame = field(default_factory=lambda: _frame({}))
    notes: tuple[str, ...] = ()

    @property
    def per_sequence(self) -> pd.DataFrame:
        """The ``measures`` averaged over each sequence's objects, by sequence in the order of ``table``."""
        return self.table.groupby("sequence", sort=False)[list(self.measures)].mean()


def summarise(protocol: str, scores: Sequence[FrameScores]) -> Summary:
    """The summary of many sequences' scores by a protocol: "davis", "bdd100k" or "youtube-vos".

    Raises:
        EvaluationError: no object has a frame that counts.
        ValueError: there is no such protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, not {protocol!r}")
    return PROTOCOLS[protocol](scores)


def davis_measures(j: NDArray[np.float64], f: NDArray[np.float64]) -> dict[str, float]:
    """The ``MEASURES`` of one object from its J and F in the frames that count, (T,) float64 with T >= 1."""
    of_j, of_f = statistics(j), statistics(f)
    return dict(zip(MEASURES, ((of_j.mean + of_f.mean) / 2, *of_j, *of_f), strict=True))


def late_note(sequence: str, ids: Iterable[int]) -> str:
    """The note on a sequence's objects that appear after the last frame that counts."""
    return f"Not scored, as no frame of {sequence} counts after they first appear: {first_few(ids)}."


def _late_notes(scores: Sequence[FrameScores], counting: int) -> tuple[str, ...]:
    """The notes on objects with fewer than ``counting`` frames, one per sequence."""
    late = defaultdict(list)
    for s in scores:
        if len(s.frames) < counting:
            late[s.sequence].append(s.object_id)
    return tuple(late_note(sequence, ids) for sequence, ids in late.items())


def _davis(scores: Sequence[FrameScores]) -> Summary:
    """The summary without the last annotated frame, in which every object counts the same."""
    rows = [
        {"sequence": s.sequence, "object": s.object_id, **davis_measures(s.j[:-1], s.f[:-1])}
        for s in scores
        if len(s.frames) > 1
    ]
    table = _table(rows)
    return Summary("davis", table, MEASURES, _means(table, MEASURES), notes=_late_notes(scores, 2))


def _bdd100k(scores: Sequence[FrameScores]) -> Summary:
    """The summary over all frames after an object's first one.

    As in SAM-PT's evaluation, the frame of an object's appearance counts as one in which it is visible, and
    an object that appears in the last frame counts as right.
    """
    table = _table([_bdd100k_row(s) for s in scores])
    frames = {"all": "", "visible frames": "-Vis", "non-visible frames": "-NonVis"}
    groups = {name: _group(table, suffix) for name, suffix in frames.items()}
    for duration in ("short", "medium", "long"):
        groups[duration] = _group(table[table["duration"] == duration])
    suffixes = ("-Vis", "-NonVis", "-Short", "-Medium", "-Long")
    means = _means(table, MEASURES)
    for suffix, group in zip(suffixes, list(groups.values())[1:], strict=True):
        means |= {f"{name}{suffix}": group[name] for name in MEANS}
    split = tuple(f"{name}{suffix}" for suffix in suffixes[:2] for name in MEANS)
    return Summary("bdd100k", table, (*MEASURES, *split), means, _frame(groups))


def _bdd100k_row(scores: FrameScores) -> dict[str, object]:
    j, f, visible = scores.j, scores.f, scores.visible
    parts = {"-Vis": visible, "-NonVis": ~visible}
    if not scores.frames:
        j = f = np.ones(1)
        parts = dict.fromkeys(parts, np.ones(1, bool))
    seen = int(np.count_nonzero(visible)) + 1
    duration = "short" if seen < SHORT else "medium" if seen < LONG else "long"
    row: dict[str, object] = {"sequence": scores.sequence, "object": scores.object_id, **davis_measures(j, f)}
    for suffix, chosen in parts.items():
        means = [float(values[chosen].mean()) if chosen.any() else np.nan for values in (j, f)]
        row |= {f"{name}{suffix}": v for name, v in zip(MEANS, (sum(means) / 2, *means), strict=True)}
    counts = {
        "n_frames": len(visible) + 1,
        "visible_frames": seen,
        "nonvisible_frames": len(visible) + 1 - seen,
    }
    return row | counts | {"duration": duration}


def _youtube_vos(scores: Sequence[FrameScores]) -> Summary:
    """The summary whose G is the mean of J and F over objects of seen and of unseen categories."""
    rows = [
        {
            "sequence": s.sequence,
            "object": s.object_id,
            "category": s.category,
            **dict(zip(MEANS, ((s.j.mean() + s.f.mean()) / 2, s.j.mean(), s.f.mean()), strict=True)),
        }
        for s in scores
        if s.frames
    ]
    table = _table(rows)
    known = table["category"].notna()
    seen = table["category"].isin(SEEN)
    groups = {"seen": _group(table[seen]), "unseen": _group(table[known & ~seen])}
    means = {f"{name}_{group}": groups[group][f"{name}-Mean"] for name in "JF" for group in groups}
    means = {"G": float(np.mean(list(means.values()))), **means, **_means(table, MEANS)}
    groups |= {str(name): _group(part) for name, part in table.groupby("category")}
    return Summary("youtube-vos", table, MEANS, means, _frame(groups), _late_notes(scores, 1))


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    if not rows:
        raise EvaluationError(
            "nothing can be scored: no object is annotated in a frame that counts; give sequences with "
            "annotations after the first frame"
        )
    import pandas as pd

    return pd.DataFrame(rows)


def _means(table: pd.DataFrame, measures: Sequence[str]) -> dict[str, float]:
    return {name: float(table[name].mean()) for name in measures}


def _group(table: pd.DataFrame, suffix: str = "") -> dict[str, float]:
    """The number of objects in ``table`` with a score, and the means of their J and F, and of both."""
    j, f = (float(table[f"{name}-Mean{suffix}"].mean()) for name in "JF")
    objects = int(table[f"J-Mean{suffix}"].count())
    return {"objects": objects, **dict(zip(MEANS, ((j + f) / 2, j, f), strict=True))}


def _frame(groups: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_dict(groups, orient="index", columns=["objects", *MEANS])


PROTOCOLS: dict[str, Callable[[Sequence[FrameScores]], Summary]] = {
    "davis": _davis,
    "bdd100k": _bdd100k,
    "youtube-vos": _youtube_vos,
}
