"""Checks of a configuration of SAM-PT before torch is imported."""

from __future__ import annotations

from sampt.config.schema import Config, SamplerConfig
from sampt.errors import ConfigError
from sampt.tracking.checks import check_online, check_tracker

from .reinitialisation import make_strategy
from .samplers import PointSampler, create_sampler, reference_options


def check(config: Config) -> None:
    """Check the parts of SAM-PT that a configuration names.

    Raises:
        ConfigError: an unknown tracker, sampler or strategy, or an invalid option of one.
        CheckpointError: the tracker's checkpoint does not exist.
    """
    make_sampler("positive", config.sampling.positive, config.reference)
    make_sampler("negative", config.sampling.negative, config.reference)
    make_strategy(config.reinit, config.reference)
    check_tracker(config.tracker)


def check_live(config: Config) -> None:
    """Check that SAM-PT can segment frames that arrive one at a time.

    Raises:
        ConfigError: the tracker needs the whole clip.
    """
    check_online(config.tracker.name)


def describe(config: Config) -> dict[str, str]:
    """Names of the parts of SAM-PT that a configuration chooses, for display."""
    positive, negative = config.sampling.positive, config.sampling.negative
    return {
        "method": config.method,
        "tracker": config.tracker.name,
        "segmenter": config.segmenter.name,
        "device": config.device,
        "points": f"{positive.points} + {negative.points} per object",
    }


def make_sampler(which: str, config: SamplerConfig, reference: bool = False) -> PointSampler:
    """The sampler of the positive or negative points, as chosen by ``which``.

    With ``reference``, options that are not set are those of the reference implementation.

    Raises:
        ConfigError: there is no such sampler or option, or an option's value is invalid.
    """
    try:
        defaults = reference_options(config.name) if reference else {}
        return create_sampler(config.name, **{**defaults, **config.options})
    except ConfigError as error:
        raise ConfigError(f"sampling.{which}: {error}") from error
