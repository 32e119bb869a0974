"""The table of a run's sequences on its page: scores, sizes, times, and links to their masks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from . import charts
from .pages import link
from .record import SequenceRecord


def sequence_table(
    records: Sequence[SequenceRecord],
    per_sequence: Mapping[str, Mapping[str, float]],
    overlays: Mapping[str, Path],
    pictured: Collection[str],
    page: Path,
) -> dict[str, Any]:
    """The table's measures and rows, best first by the first measure; times are means over seeds.

    Args:
        records: the records of all sequences with all seeds.
        per_sequence: sequence → measure → mean over seeds, 0..1.
        overlays: sequence → video of its masks.
        pictured: the sequences that the page has pictures of.
        page: the page, which links are relative to.
    """
    by_name: dict[str, list[SequenceRecord]] = {}
    for record in records:
        by_name.setdefault(record.sequence, []).append(record)
    measures = tuple(dict.fromkeys(m for values in per_sequence.values() for m in values))
    first = {name: per_sequence.get(name, {}).get(measures[0], float("nan")) for name in by_name if measures}
    rows = []
    for name in charts.ranked(first) if measures else by_name:
        of_seeds = by_name[name]
        height, width = of_seeds[0].size
        seconds = fmean(map(charts.wall_seconds, of_seeds))
        row = {
            "name": name,
            "scores": [charts.percent(per_sequence.get(name, {}).get(m)) for m in measures],
            "objects": of_seeds[0].objects,
            "frames": of_seeds[0].frames,
            "size": f"{width}×{height}",
            "pixels": width * height,
            "time": charts.duration(seconds),
            "seconds": f"{seconds:.1f}",
            "speed": charts.frames_per_second(of_seeds),
            "link": "",
            "shows": "",
            "rank": 0,
        }
        if name in overlays:
            row |= {"link": link(page, overlays[name]), "shows": "video", "rank": 2}
        elif name in pictured:
            row |= {"link": f"#{anchor(name)}", "shows": "pictures", "rank": 1}
        rows.append(row)
    return {"measures": measures, "rows": rows, "linked": any(row["link"] for row in rows)}


def anchor(name: str) -> str:
    """The id of a sequence's pictures on the page, without spaces, which an id must not have."""
    return "pictures-" + "".join(c if c.isalnum() or c in "-_" else f"_{ord(c):x}" for c in name)
