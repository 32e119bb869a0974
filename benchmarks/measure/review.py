"""What "worth checking" is worth: fits the weights of ``sampt.output.review``, and measures its answers.

Run it with ``python -m sampt.benchmarks.measure.review --root DAVIS --runs FOLDER``. Its runs take some
minutes and are kept in FOLDER, so that fitting again takes seconds. It fits to three sequences of DAVIS 2016
and to generated scenes, shows precision and recall on the other three, and repeats that with every choice of
three. ``--cost`` measures the time that the review takes instead.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize
from scipy.stats import rankdata

from sampt.methods.sam_pt.pipeline import SamPt
from sampt.output.first_look import first_looks
from sampt.output.review import Model, Reviewer, Weight, smoothed
from sampt.output.signal_stream import SignalStream
from sampt.output.signals import INDEX, SIGNALS
from sampt.trackers.clip import Clip

from ..datasets.registry import open_dataset
from .review_runs import AnnotatedScene, KeptRun, Scene, asked, generated_scenes, kept_run

SEQUENCE_RUNS = (
    *(("mask", 0), ("box", 0), ("1 click", 0), ("2 clicks", 0), ("3 clicks", 0)),
    *(("1 click", 1), ("2 clicks", 1), ("3 clicks", 1)),
)
"""Prompts and seeds of the runs of each sequence."""
SCENE_RUNS = (("3 clicks", 0), ("1 click", 1))
"""Prompts and seeds of the runs of each generated scene."""
WRONG = 0.5
"""IoU below which a mask is wrong."""
SOFTNESS = 0.08
"""An IoU this far above ``WRONG`` counts as wrong by 27 %: 0.49 says little more than 0.51."""
SHRINKAGE = 0.0005
"""Factor of half the squared weights in the loss."""
SCENES_SHARE = 0.5
"""Weight of all generated scenes together, relative to that of all sequences."""
BETA = 1.5
"""The threshold has the highest F-score with this preference for recall on what was fitted."""

LEAST = {"hidden": 0.3, "jump": 0.3, "stray": 1.0, "contradicted": 2.0, "shared": 0.5, "gone": 1.0}
"""Least weights, by judgement, of signals that these runs say little about: GrabCut leaves no positive
outside its mask and no part without one, and only the scenes have several objects."""
STAND_IN = (0.6, 0.35, 0.1)
"""Stand-in for SAM's predicted IoU: a constant, a share of the true IoU, and the deviation of its noise."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """Signals and truth of N objects in frames.

    Attributes:
        scene: (N,) names of the scenes.
        prompt: (N,) prompts.
        signals: (N, S) values of the signals.
        iou: (N,) true IoU.
        track: (N,) number of the object's track; the frames of one follow each other.
    """

    scene: NDArray[np.str_]
    prompt: NDArray[np.str_]
    signals: Values
    iou: Values
    track: NDArray[np.int64]

    def only(self, chosen: NDArray[np.bool_]) -> Examples:
        return Examples(*(values[chosen] for values in vars(self).values()))

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> Examples:
        ends = np.cumsum([0, *(part.track.max() + 1 for part in parts)])
        columns = [list(vars(part).values()) for part in parts]
        columns = [[*c[:-1], c[-1] + end] for c, end in zip(columns, ends, strict=False)]
        return cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    @property
    def wrong(self) -> NDArray[np.bool_]:
        return np.asarray(self.iou < WRONG)


def examples_of(run: KeptRun, scene: Scene) -> Examples:
    """Signals of one run, track by track."""
    stream = SignalStream(run.queries, run.looks)
    measured = [m for result in run.results for m in stream.see(scene[result.index], result)]
    measured = sorted([*measured, *stream.rest()], key=lambda m: (m.row, m.position))
    return Examples(
        np.array([run.scene] * len(measured)),
        np.array([run.prompt] * len(measured)),
        np.array([m.values for m in measured], float),
        np.array([run.iou[m.position, m.row] for m in measured], float),
        np.array([m.row for m in measured]),
    )


def with_predicted_iou(examples: Examples) -> Examples:
    """The same with scores as a SAM might give them, since there are no runs of one with official weights."""
    start, slope, noise = STAND_IN
    drawn = np.random.default_rng(0).normal(0, noise, len(examples.iou))
    signals = examples.signals.copy()
    signals[:, INDEX["unsure"]] = 1 - np.clip(start + slope * examples.iou + drawn, 0, 1)
    return replace(examples, signals=signals)


def fit(examples: Examples, generated: NDArray[np.bool_]) -> Model:
    """Logistic regression with weights of at least 0, each scene counting the same."""
    weights = _scene_weights(examples, generated)
    target = 1 / (1 + np.exp((examples.iou - WRONG) / SOFTNESS))
    signals = examples.signals
    bounds = [(None, None)] + [(LEAST.get(name, 0), None) for name in SIGNALS]

    def loss(parameters: Values) -> tuple[float, Values]:
        logits = parameters[0] + signals @ parameters[1:]
        error = weights * (1 / (1 + np.exp(-logits)) - target) / len(target)
        value = (weights * (np.logaddexp(0, logits) - target * logits)).mean()
        shrunk = SHRINKAGE * parameters[1:]
        return value + shrunk @ parameters[1:] / 2, np.r_[error.sum(), signals.T @ error + shrunk]

    found = minimize(loss, np.zeros(len(SIGNALS) + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    right = signals[examples.iou >= WRONG].mean(0)
    listed = {
        name: Weight(round(float(w), 2), round(float(u), 2))
        for name, w, u in zip(SIGNALS, found[1:], right, strict=True)
        if w >= 0.005
    }
    model = Model(round(float(found[0]), 2), 0.5, listed)
    return Model(model.bias, _best_threshold(judge(model, examples), examples, weights), listed)


def _scene_weights(examples: Examples, generated: NDArray[np.bool_]) -> Values:
    _, of, counts = np.unique(examples.scene, return_inverse=True, return_counts=True)
    weights = 1 / counts[of]
    for part, share in ((generated, SCENES_SHARE), (~generated, 1.0)):
        if part.any():
            weights[part] *= share / weights[part].sum()
    return np.asarray(weights / weights.mean())


def judge(model: Model, examples: Examples) -> Values:
    """Smoothed probabilities, (N,), as the review gives them."""
    logits = model.bias + examples.signals @ model.arrays()[0]
    for track in np.unique(examples.track):
        mine = examples.track == track
        logits[mine] = smoothed(logits[mine])
    return np.asarray(1 / (1 + np.exp(-logits)))


def _best_threshold(found: Values, examples: Examples, weights: Values) -> float:
    def score(threshold: float) -> float:
        flagged = found >= threshold
        hits = (weights * (flagged & examples.wrong)).sum()
        asked, there = (weights * flagged).sum(), (weights * examples.wrong).sum()
        return float((1 + BETA**2) * hits / max(BETA**2 * there + asked, 1e-9))

    return round(float(max(np.linspace(0.1, 0.8, 71), key=score)), 2)


@dataclass(frozen=True)
class Quality:
    """How good flags are: number of frames, share of wrong ones, precision, recall and AUROC."""

    frames: int
    wrong: float
    precision: float
    recall: float
    auroc: float

    @classmethod
    def of(cls, model: Model, examples: Examples) -> Quality:
        found, wrong = judge(model, examples), examples.wrong
        flagged = found >= model.threshold
        hits, ranks = (flagged & wrong).sum(), rankdata(found)
        pairs = wrong.sum() * (~wrong).sum()
        above = ranks[wrong].sum() - wrong.sum() * (wrong.sum() + 1) / 2
        return cls(
            len(wrong),
            float(wrong.mean()),
            float(hits / flagged.sum()) if flagged.any() else float("nan"),
            float(hits / wrong.sum()) if wrong.any() else float("nan"),
            float(above / pairs) if pairs else float("nan"),
        )

    def cells(self) -> list[str]:
        return [str(self.frames), *(_shown(v) for v in list(vars(self).values())[1:])]


def _shown(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


@click.command(help=__doc__)
@click.option("--root", type=click.Path(path_type=Path), required=True, help="Folder of DAVIS 2016.")
@click.option("--runs", type=click.Path(path_type=Path), required=True, help="Folder for the runs.")
@click.option(
    "--fit-on",
    multiple=True,
    help="Sequence to fit on; may be repeated.  [default: the first three in alphabetical order]",
)
@click.option("--cost", is_flag=True, help="Measure the time that the review takes, and nothing else.")
def main(root: Path, runs: Path, fit_on: tuple[str, ...], cost: bool) -> None:
    cv2.setNumThreads(1)
    dataset = open_dataset("davis2016", root)
    model = SamPt.from_config("quick")
    if cost:
        show_cost(model, [AnnotatedScene(dataset[name]) for name in dataset.names])
        return
    sequences = [_examples(model, AnnotatedScene(dataset[n]), SEQUENCE_RUNS, runs) for n in dataset.names]
    scenes = [_examples(model, scene, SCENE_RUNS, runs) for scene in generated_scenes()]
    names = sorted(dataset.names)
    show(Examples.joined(sequences), Examples.joined(scenes), names, fit_on or tuple(names[:3]))


def _examples(model: SamPt, scene: Scene, which: Sequence[tuple[str, int]], folder: Path) -> Examples:
    return Examples.joined(
        [examples_of(kept_run(folder, model, scene, prompt, seed), scene) for prompt, seed in which]
    )


def show(sequences: Examples, scenes: Examples, names: list[str], fit_on: tuple[str, ...]) -> None:
    """Print the weights, and the tables of docs/review.md."""
    console = Console()

    def fitted(sequences: Examples, scenes: Examples, on: Iterable[str]) -> Model:
        part = Examples.joined([sequences.only(np.isin(sequences.scene, list(on))), scenes])
        return fit(part, np.isin(part.scene, scenes.scene))

    with_iou = with_predicted_iou(sequences), with_predicted_iou(scenes)
    for title, (some, generated) in (("RANKED", (sequences, scenes)), ("PREDICTED", with_iou)):
        model = fitted(some, generated, fit_on)
        console.print(f"{title}: {model}", highlight=False)
        held_out = some.only(~np.isin(some.scene, fit_on))
        table = _table(f"{title}, fitted on {', '.join(fit_on)}; others held out")
        for name in names:
            if name not in fit_on:
                table.add_row(name, *Quality.of(model, held_out.only(held_out.scene == name)).cells())
        for prompt in np.unique(held_out.prompt):
            table.add_row(prompt, *Quality.of(model, held_out.only(held_out.prompt == prompt)).cells())
        table.add_row("all held out", *Quality.of(model, held_out).cells())
        console.print(table)

    table = _table("Every choice of three sequences to fit on; the other three:")
    every = []
    for on in combinations(names, 3):
        out = sequences.only(~np.isin(sequences.scene, on))
        every.append(Quality.of(fitted(sequences, scenes, on), out))
        table.add_row(", ".join(n for n in names if n not in on), *every[-1].cells())
    middle = [np.median([vars(q)[key] for q in every]) for key in list(vars(every[0]))[1:]]
    table.add_row("median", "", *(_shown(v) for v in middle))
    console.print(table)
    met = sum(q.precision >= 0.7 and q.recall >= 0.8 for q in every)
    console.print(f"Recall of 0.8 at a precision of 0.7: {met} of {len(every)}")


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("", "frames", "wrong", "precision", "recall", "AUROC"):
        table.add_column(column, justify="right" if column else "left")
    return table


def show_cost(model: SamPt, scenes: Sequence[AnnotatedScene]) -> None:
    """Print the processor time of runs from three clicks, and the share that the review takes of it."""
    table = Table(title="Processor time", title_justify="left")
    for column in ("", "frames", "run (s)", "first look (s)", "frame by frame (s)", "share"):
        table.add_column(column, justify="right" if column else "left")
    for scene in scenes:
        begin, spent = time.process_time(), [0.0, 0.0]
        with model.stream(Clip(scene), asked(scene, "3 clicks", 0)) as run:
            start = time.process_time()
            reviewer = Reviewer(run.queries, True, first_looks(run))
            spent[0] = time.process_time() - start
            for result in run:
                frame = scene[result.index]
                start = time.process_time()
                reviewer.see(frame, result)
                spent[1] += time.process_time() - start
            start = time.process_time()
            reviewer.stretches()
            spent[1] += time.process_time() - start
        total = time.process_time() - begin - sum(spent)
        cells = (f"{total:.2f}", f"{spent[0]:.2f}", f"{spent[1]:.2f}", f"{100 * sum(spent) / total:.1f} %")
        table.add_row(scene.name, str(len(scene)), *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
