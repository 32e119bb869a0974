"""Options that choose a model, shared by the commands that track, propose or segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from sampt.errors import SamptError

from .option_groups import option_group

if TYPE_CHECKING:
    from sampt.config import Config

C = TypeVar("C", bound="Config")

QUICK = "quick"
"""Default configuration for the segmenter without weights."""

SAM = "sam"
"""Default configuration for the SAM family."""


@dataclass(frozen=True)
class TrackerChoice:
    """Values of ``--config``, ``-o``, ``--tracker``, ``--tracker-checkpoint`` and ``--device``."""

    config: str | None
    overrides: tuple[str, ...]
    tracker: str | None
    tracker_checkpoint: Path | None
    device: str | None

    def settings(self, without: C) -> C:
        """The configuration that these options give, starting from ``without`` if there is no ``--config``.

        Raises:
            ConfigError: a name, key or value is not valid.
        """
        chosen = _overrides(self.overrides, {"tracker.name": self.tracker, "device": self.device})
        return _with_tracker(_loaded(self.config, without, chosen), self.tracker_checkpoint)


@dataclass(frozen=True)
class SegmenterChoice:
    """Values of ``--config``, ``-o``, ``--segmenter``, ``--segmenter-checkpoint`` and ``--device``."""

    config: str | None
    overrides: tuple[str, ...]
    segmenter: str | None
    segmenter_checkpoint: Path | None
    device: str | None

    def settings(self, without: C) -> C:
        """The configuration that these options give, starting from ``without`` if there is no ``--config``.

        Raises:
            ConfigError: a name, key or value is not valid.
        """
        chosen = _overrides(self.overrides, {"segmenter.name": self.segmenter, "device": self.device})
        return _with_segmenter(_loaded(self.config, without, chosen), self.segmenter_checkpoint)


@dataclass(frozen=True)
class ModelChoice:
    """Values of ``--config``, ``-o``, ``--method``, both parts, their checkpoints and ``--device``."""

    config: str | None
    overrides: tuple[str, ...]
    method: str | None
    tracker: str | None
    tracker_checkpoint: Path | None
    segmenter: str | None
    segmenter_checkpoint: Path | None
    device: str | None

    @property
    def chosen(self) -> list[str]:
        """Everything but the checkpoints as overrides, with those of ``-o`` last."""
        return _overrides(
            self.overrides,
            {
                "method": self.method,
                "tracker.name": self.tracker,
                "segmenter.name": self.segmenter,
                "device": self.device,
            },
        )

    def base(self, sam: str = SAM) -> str:
        """The configuration to start from: ``--config``'s, else ``quick``, or ``sam`` for a SAM model."""
        from sampt.segmenters.registry import WITHOUT_WEIGHTS, segmenter_names

        if self.config is not None:
            return self.config
        prefix = "segmenter.name="
        names = [o.removeprefix(prefix) for o in self.chosen if o.startswith(prefix)]
        return sam if names and names[-1] in segmenter_names() and names[-1] != WITHOUT_WEIGHTS else QUICK

    def settings(self, sam: str = SAM, schema: type[Config] | None = None) -> Config:
        """The configuration that these options give, after checking that everything it names exists.

        Args:
            sam: the packaged configuration for the SAM family that suits the task.
            schema: as for ``load_config``.

        Raises:
            ConfigError: a name, key or value is not valid.
            CheckpointError: a checkpoint does not exist.
        """
        from sampt.config import Config, load_config

        return self.checked(load_config(self.base(sam), self.chosen, schema or Config))

    def with_checkpoints(self, settings: C) -> C:
        """``settings`` with the checkpoints; not as overrides, since a path may contain YAML syntax."""
        return _with_tracker(_with_segmenter(settings, self.segmenter_checkpoint), self.tracker_checkpoint)

    def checked(self, settings: C) -> C:
        """``settings`` with the checkpoints, after checking that everything they name exists.

        Raises:
            ConfigError: a name or value is not valid.
            CheckpointError: a checkpoint does not exist.
        """
        from sampt.methods.registry import check

        settings = self.with_checkpoints(settings)
        check(settings)
        return settings

    def announce(self, settings: Config, sam: str = SAM) -> None:
        """Print on standard error, in one line, which models are used, before weights are fetched."""
        from sampt._internal.devices import choose_device
        from sampt.methods.registry import describe

        device = str(choose_device(settings.device))
        parts = [f"{what} {name}" for what, name in describe(replace(settings, device=device)).items()]
        click.echo(f"Using {', '.join(parts)}, configuration {self.base(sam)}.", err=True)
        if self.config is None and not any(o.startswith("segmenter.") for o in self.chosen):
            _suggest_mobile_sam()


def _suggest_mobile_sam() -> None:
    """Say so if MobileSAM is downloaded already and could be used."""
    from sampt.segmenters.packages import check_packages
    from sampt.weights.download import state
    from sampt.weights.registry import find_checkpoint

    try:
        check_packages("mobile-sam")
    except SamptError:
        return
    if state(find_checkpoint("mobile-sam")) == "here":
        click.echo("MobileSAM is downloaded already: --segmenter mobile-sam gives better masks.", err=True)


@dataclass(frozen=True)
class PartsChoice:
    """Values of ``-o``, both parts, their checkpoints and ``--device``, on a given configuration."""

    overrides: tuple[str, ...]
    tracker: str | None
    tracker_checkpoint: Path | None
    segmenter: str | None
    segmenter_checkpoint: Path | None
    device: str | None

    def on(self, config: str) -> ModelChoice:
        """The same choice with ``--config``."""
        return ModelChoice(config=config, method=None, **vars(self))


def _overrides(given: tuple[str, ...], named: Mapping[str, str | None]) -> list[str]:
    return [f"{key}={value}" for key, value in named.items() if value is not None] + list(given)


def _loaded(config: str | None, without: C, overrides: list[str]) -> C:
    from sampt.config import load_config

    loaded = load_config(without if config is None else config, overrides, type(without))
    assert isinstance(loaded, type(without))
    return loaded


def _with_tracker(settings: C, checkpoint: Path | None) -> C:
    if checkpoint is None:
        return settings
    return replace(settings, tracker=replace(settings.tracker, checkpoint=str(checkpoint)))


def _with_segmenter(settings: C, checkpoint: Path | None) -> C:
    if checkpoint is None:
        return settings
    return replace(settings, segmenter=replace(settings.segmenter, checkpoint=str(checkpoint)))


_path = click.Path(path_type=Path)

_CONFIG = click.option(
    "--config",
    help="YAML file or packaged configuration; `sampt info` lists those. By default quick, or sam with a "
    "--segmenter of the SAM family.",
)
_PARTS_CONFIG = click.option(
    "--config", help="YAML file or packaged configuration; `sampt info` lists those."
)
_OVERRIDE = click.option(
    "-o",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting of the configuration; may be repeated.",
)
_METHOD = click.option("--method", metavar="NAME", help="Method; `sampt info` lists them.  [default: sam-pt]")
_TRACKER = click.option("--tracker", metavar="NAME", help="Point tracker; `sampt info` lists them.")
_TRACKER_CHECKPOINT = click.option(
    "--tracker-checkpoint",
    type=_path,
    help="Checkpoint of the tracker; by default the official one is downloaded.",
)
_SEGMENTER = click.option(
    "--segmenter",
    metavar="NAME",
    help="Segmenter: grabcut (preview), sam-vit-h, mobile-sam, …; `sampt info` lists them.",
)
_SEGMENTER_CHECKPOINT = click.option(
    "--segmenter-checkpoint",
    type=_path,
    help="Checkpoint of the segmenter; by default the official one is downloaded.",
)
_DEVICE = click.option("--device", help="Device: cuda, cuda:1, cpu or auto.")


model_options = option_group(
    "model",
    ModelChoice,
    (
        *(_CONFIG, _OVERRIDE, _METHOD, _TRACKER, _TRACKER_CHECKPOINT),
        *(_SEGMENTER, _SEGMENTER_CHECKPOINT, _DEVICE),
    ),
)
"""Decorator that gives a command all of these options as one argument, ``model``."""

parts_options = option_group(
    "parts",
    PartsChoice,
    (_OVERRIDE, _TRACKER, _TRACKER_CHECKPOINT, _SEGMENTER, _SEGMENTER_CHECKPOINT, _DEVICE),
)
"""Decorator that gives a command all of these options but ``--config`` and ``--method``, as ``parts``."""

tracker_options = option_group(
    "model", TrackerChoice, (_PARTS_CONFIG, _OVERRIDE, _TRACKER, _TRACKER_CHECKPOINT, _DEVICE)
)
"""Decorator that gives a command the options of a tracker as one argument, ``model``."""

segmenter_options = option_group(
    "model", SegmenterChoice, (_PARTS_CONFIG, _OVERRIDE, _SEGMENTER, _SEGMENTER_CHECKPOINT, _DEVICE)
)
"""Decorator that gives a command the options of a segmenter as one argument, ``model``."""
