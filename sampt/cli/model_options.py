"""The options that say which model to use, shared by all commands that segment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .option_groups import option_group

if TYPE_CHECKING:
    from sampt.config import Config

_path = click.Path(path_type=Path)


@dataclass(frozen=True)
class ModelChoice:
    """What ``--config``, ``-o``, ``--tracker``, ``--segmenter``, their checkpoints and ``--device`` say."""

    config: str | None
    overrides: tuple[str, ...]
    tracker: str | None
    tracker_checkpoint: Path | None
    segmenter: str | None
    checkpoint: Path | None
    device: str | None

    @property
    def chosen(self) -> list[str]:
        """All but the checkpoints as overrides; what ``-o`` says comes last."""
        options = {"tracker.name": self.tracker, "segmenter.name": self.segmenter, "device": self.device}
        return [f"{key}={value}" for key, value in options.items() if value is not None] + list(
            self.overrides
        )

    def settings(self, paper: str = "sam_pt", schema: type[Config] | None = None) -> Config:
        """The configuration that comes of it.

        Args:
            paper: the packaged configuration that holds the paper's settings for the task.
            schema: as ``load_config`` has it.

        Raises:
            ConfigError: a name, key or value is not valid.
        """
        from sampt.config import Config, load_config

        chosen = self.chosen
        # SAM is worth the paper's settings; the quick ones are made for the embedded segmenter.
        quick = all(o == "segmenter.name=grabcut" for o in chosen if o.startswith("segmenter.name="))
        if self.config is None and not quick and self.tracker is None:
            chosen.insert(0, "tracker.name=dis")  # the paper's takes long on a CPU, and weights
        config = self.config or ("quick" if quick else paper)
        return self.with_checkpoints(load_config(config, chosen, schema or Config))

    def with_checkpoints(self, settings: Config) -> Config:
        """Set the checkpoints, not as overrides: a path may hold what means something in YAML."""
        segmenter, tracker = settings.segmenter, settings.tracker
        if self.checkpoint is not None:
            segmenter = replace(segmenter, checkpoint=str(self.checkpoint))
        if self.tracker_checkpoint is not None:
            tracker = replace(tracker, checkpoint=str(self.tracker_checkpoint))
        return replace(settings, segmenter=segmenter, tracker=tracker)


_OPTIONS = (
    click.option("--config", help="A YAML file, or a packaged one; `sampt info` lists them."),
    click.option(
        "-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting of the configuration."
    ),
    click.option("--tracker", help="A point tracker; `sampt info` lists them."),
    click.option("--tracker-checkpoint", type=_path, help="A file; else the official one is downloaded."),
    click.option("--segmenter", help="grabcut (preview), sam-vit-h, mobile-sam, …; `sampt info` lists them."),
    click.option("--checkpoint", type=_path, help="A checkpoint file; else the official one is downloaded."),
    click.option("--device", help="cuda, cpu or auto."),
)


model_options = option_group("model", ModelChoice, _OPTIONS)
"""Gives a command these options as one argument, ``model``."""
