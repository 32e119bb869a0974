"""Scores as tables for a terminal, in per cent."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sampt.benchmarks.metrics.protocols import MEANS, MEASURES, Summary
from sampt.benchmarks.running.charts import percent, percent_over_seeds

_HEADERS = dict(zip(MEASURES, ("J&F", "J", "recall", "decay", "F", "recall", "decay"), strict=True))


def summary_table(summary: Summary) -> RenderableType:
    """Table of every object with the DAVIS protocol, else of the groups that the protocol reports."""
    if summary.protocol == "davis":
        return objects_table(summary.table, summary.means)
    by_category = summary.protocol == "youtube-vos"
    table = Table(box=SIMPLE_HEAD)
    table.add_column("categories" if by_category else "frames or objects", no_wrap=True)
    table.add_column("objects", justify="right")
    for name in MEANS:
        table.add_column(_HEADERS[name], justify="right")
    for group, row in summary.groups.iterrows():
        table.add_row(str(group), f"{row['objects']:.0f}", *(percent(row[name]) for name in MEANS))
    if not by_category:
        return table
    overall = [f"{name} {percent(value)}" for name, value in summary.means.items() if name not in MEASURES]
    return Group(Text("  ".join(overall)), table)


def objects_table(objects: pd.DataFrame, means: Mapping[str, float]) -> Table:
    """Table of one row per object and a row of means; ids are shown only if a sequence has several."""
    several = objects["sequence"].duplicated().any()
    table = Table(box=SIMPLE_HEAD, show_footer=True)
    table.add_column("sequence", f"mean of {len(objects)}", no_wrap=True)
    if several:
        table.add_column("object", justify="right")
    for name, mean in means.items():
        table.add_column(_HEADERS[name], percent(mean), justify="right", no_wrap=True)
    for row in objects.to_dict("records"):
        label = [row["sequence"], str(row["object"])] if several else [row["sequence"]]
        table.add_row(*label, *(percent(row[name]) for name in means))
    return table


def means_table(means: pd.DataFrame) -> Table:
    """Table of one row per metric, with mean ± standard deviation over seeds.

    Args:
        means: one column per metric, one row per seed.
    """
    table = Table(box=SIMPLE_HEAD)
    table.add_column("measure")
    table.add_column("per cent", justify="right", no_wrap=True)
    for name, values in means.items():
        table.add_row(str(name), percent_over_seeds(values.tolist()))
    return table


def interactions_table(objects: pd.DataFrame) -> Table:
    """Table of what simulated annotators did: one row per object, and their mean."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("sequence", "object", "frames", "interactions", "per frame", "IoU", "F"):
        table.add_column(name, justify="left" if name == "sequence" else "right", no_wrap=True)
    for row in objects.to_dict("records"):
        table.add_row(
            row["sequence"],
            *(str(row[name]) for name in ("object", "frames", "interactions")),
            f"{row['interactions_per_frame']:.2f}",
            *(percent(row[name]) for name in ("iou", "f")),
        )
    table.add_section()
    mean = objects[["interactions", "interactions_per_frame", "iou", "f"]].mean()
    table.add_row(
        "mean",
        *("", "", f"{mean['interactions']:.1f}", f"{mean['interactions_per_frame']:.2f}"),
        *(percent(mean[name]) for name in ("iou", "f")),
    )
    return table
