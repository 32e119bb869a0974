"""The speed of each stage of the real pipeline on a generated video.

python -m sampt.benchmarks.measure.speed --segmenter mobile-sam --random-weights 0
python -m sampt.benchmarks.measure.speed --segmenter sam-vit-b --random-weights 0 \\
    --against reinit.strategy=horizon
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from sampt._internal.devices import choose_device
from sampt._internal.environment import hardware, versions
from sampt._internal.files import write_json
from sampt.errors import SamptError
from sampt.synthetic.scene import SyntheticScene

from .memory import write_scene
from .speed_runs import STAGES, SpeedSetting, Timing


@click.command(help=__doc__)
@click.option("--segmenter", "segmenters", multiple=True, default=["mobile-sam"], show_default=True)
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), help="The segmenter's checkpoint, if there is only one."
)
@click.option(
    "--random-weights", type=int, metavar="SEED", help="Use random weights instead of a checkpoint."
)
@click.option("--config", default="sam_pt_wacv", show_default=True)
@click.option("--tracker", default="dis", show_default=True)
@click.option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="An option for all settings.")
@click.option(
    "--against", multiple=True, metavar="KEY=VALUE", help="Also measure with this option, and give the ratio."
)
@click.option("--objects", type=click.IntRange(1, 255), default=5, show_default=True)
@click.option("--refinements", type=click.IntRange(0), default=12, show_default=True)
@click.option("--frames", type=click.IntRange(1), default=8, show_default=True)
@click.option("--size", default="854x480", show_default=True, metavar="WIDTHxHEIGHT")
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Also write all figures to this file."
)
def main(
    segmenters: tuple[str, ...],
    checkpoint: Path | None,
    random_weights: int | None,
    config: str,
    tracker: str,
    overrides: tuple[str, ...],
    against: tuple[str, ...],
    objects: int,
    refinements: int,
    frames: int,
    size: str,
    repeats: int,
    device: str,
    json_path: Path | None,
) -> None:
    width, height = (int(side) for side in size.split("x"))
    common = (
        f"tracker.name={tracker}",
        f"device={device}",
        f"prompting.refinements={refinements}",
        *overrides,
    )
    report: dict[str, Any] = {
        "hardware": hardware(choose_device(device)),
        "versions": versions(),
        "video": {"frames": frames, "width": width, "height": height, "objects": objects},
        "settings": [*common, *(f"against {a}" for a in against)],
        "segmenters": {},
    }
    try:
        with TemporaryDirectory(prefix="sampt-speed-") as folder:
            video, mask = Path(folder) / "clip.mp4", Path(folder) / "mask.png"
            # Nothing is hidden or leaves, so every frame is the same amount of work.
            scene = SyntheticScene(frames, height, width, objects, occlusion=False, leaving=False)
            write_scene(scene, video, mask)
            for name in segmenters:
                first = SpeedSetting(name, checkpoint, random_weights, config, common)
                both = [first, first.also(against)] if against else [first]
                timings = measure(both, video, mask, repeats)
                report["segmenters"][name] = [t.summary() for t in timings]
                show(name, timings)
    except SamptError as error:
        raise click.ClickException(str(error)) from error
    if json_path:
        write_json(json_path, report)


def measure(settings: list[SpeedSetting], video: Path, mask: Path, repeats: int) -> list[Timing]:
    """Run each setting once to warm up, then all in turn, so that a busy machine affects all of them."""
    timings = [Timing(setting, setting.build()) for setting in settings]
    for timing in timings:
        timing.warm_up(video, mask)
    for _ in range(repeats):
        for timing in timings:
            timing.run(video, mask)
    for timing in timings:
        timing.time_single_calls()
    return timings


def show(name: str, timings: list[Timing]) -> None:
    """Print a table of the stages: median and range over the repeats, and the ratio of two settings."""
    table = Table(title=f"{name}, ms per frame: median (minimum to maximum)", title_justify="left")
    table.add_column("stage")
    for timing in timings:
        table.add_column(" ".join(timing.setting.extra) or "as given", justify="right")
    if len(timings) > 1:
        table.add_column("ratio", justify="right")
    rows: list[tuple[str, list[list[float]]]] = [
        (stage, [t.milliseconds(stage) for t in timings])
        for stage in STAGES
        if any(t.milliseconds(stage) for t in timings)
    ]
    for title, values in rows:
        cells = [f"{np.median(v):.1f} ({min(v):.1f} to {max(v):.1f})" if v else "" for v in values]
        if len(values) > 1:
            cells.append(f"{np.median(values[1]) / np.median(values[0]):.3f}" if all(values) else "")
        table.add_row(title, *cells)
    for title, figures in (
        ("frames/s", [f"{t.frames_per_second:.3g}" for t in timings]),
        ("decoder calls per frame", [f"{t.calls_per_frame:.1f}" for t in timings]),
        ("all but encode ÷ single decoder calls", [f"{t.overhead:.3f}" for t in timings]),
        ("peak memory (MiB)", [f"{t.peak_mib:.0f}" if t.peak_mib else "not known" for t in timings]),
    ):
        table.add_row(title, *figures)
    Console().print(table)


if __name__ == "__main__":
    main()
