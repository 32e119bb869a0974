"""Configuration: dataclasses, filled from YAML and ``key=value`` overrides, and turned into a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sampt._internal.names import unknown_name
from sampt.errors import ConfigError
from sampt.methods.sam_pt.pipeline import Sampling, SamPt
from sampt.methods.sam_pt.prompting import Prompting
from sampt.methods.sam_pt.reinitialisation import STRATEGIES, OnLoss, Reinit
from sampt.methods.sam_pt.samplers import create_sampler
from sampt.segmenters.base import PromptableSegmenter
from sampt.segmenters.embedding_cache import CacheBudget
from sampt.segmenters.registry import create_segmenter
from sampt.trackers.filters import PatchFilter
from sampt.tracking.building import build_tracker

KEY = re.compile(r"\w+(\.\w+)*")
"""What the key of an override looks like."""

NAMED_PARTS = ("tracker", "segmenter", "sampling.positive", "sampling.negative")
"""What is chosen by name and has options of its own."""

VIS_ONLY = ("proposals", "redetect", "proposal_score", "objects_per_batch")
"""What a configuration for ``sampt vis`` may hold besides, and none for another command."""

Made = TypeVar("Made")


@dataclass
class TrackerConfig:
    """checkpoint: a file, or another name of ``sampt weights list``; None for the tracker's own.

    dtype: float32, or bfloat16 to trade exactness for speed.
    joint_objects: how many objects' points are tracked together; None for all.
    whole_clip_frames: in longer clips a tracker that needs all frames at once gives way to its online
        relative; None: never.
    """

    name: str = MISSING
    checkpoint: str | None = None
    dtype: str = "float32"
    joint_objects: int | None = None
    whole_clip_frames: int | None = 300
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class SegmenterConfig:
    name: str = MISSING
    checkpoint: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class SamplerConfig:
    name: str = "k-medoids"
    points: int = 16
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class SamplingConfig:
    """from_clicks: few clicks are made into as many points as a mask would get (see ``Sampling``)."""

    positive: SamplerConfig = field(default_factory=SamplerConfig)
    negative: SamplerConfig = field(default_factory=lambda: SamplerConfig(name="mixed", points=1))
    from_clicks: bool = False


@dataclass
class ReinitConfig:
    """strategy: None, or a name of ``STRATEGIES``. tracker_horizon: None means ``horizon``."""

    strategy: str | None = None
    horizon: int = 8
    tracker_horizon: int | None = None
    on_loss: OnLoss = field(default_factory=OnLoss)


@dataclass
class PatchFilterConfig:
    enabled: bool = False
    size: int = 3
    threshold: float = 0.01


@dataclass
class Config:
    """Everything that can be set; ``configs/*.yaml`` and ``-o key=value`` fill it.

    device: "auto" takes CUDA if there is one. dtype: "auto" is bfloat16 on CUDA, float32 elsewhere.
    cache: memory for embeddings of frames. frames_per_batch: encoded together; None: 4 on CUDA, 1 elsewhere.
    compile: ``torch.compile`` the segmenter, which takes a minute and then saves some time with every frame.
    """

    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    prompting: Prompting = field(default_factory=Prompting)
    reinit: ReinitConfig = field(default_factory=ReinitConfig)
    patch_filter: PatchFilterConfig = field(default_factory=PatchFilterConfig)
    overlapping: bool = False
    cache: CacheBudget = field(default_factory=CacheBudget)
    frames_per_batch: int | None = None
    compile: bool = False
    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0


def load_config(
    source: str | Path | Config, overrides: Sequence[str] = (), schema: type[Config] = Config
) -> Config:
    """Read a YAML file (or one that comes with the package, by name), then apply ``key=value`` overrides.

    schema: what a file is read as, and what is returned: ``Config``, or one with further settings.

    Raises:
        ConfigError: the file is missing or no YAML, or a key or value is not valid; the closest key is named.
    """
    merged = OmegaConf.structured(source if isinstance(source, Config) else schema)
    if not isinstance(source, Config):
        path = find_config(source)
        try:
            layer: Any = OmegaConf.create(path.read_text(encoding="utf-8"))
        except (YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
            raise ConfigError(f"{path} is not valid YAML: {_first_line(error)}") from error
        except AssertionError:  # OmegaConf's way of saying that it is one bare value
            layer = None
        merged = _merge(merged, layer, str(path))
        _check_values(merged, str(path))
    config = _filled(_overridden(merged, overrides), str(source))
    assert isinstance(config, Config)
    return config


def settings_from(schema: type[Made], overrides: Sequence[str]) -> Made:
    """A dataclass that is no ``Config``, its defaults overridden by ``key=value``.

    Raises:
        ConfigError: a key or value is not valid; the closest key is named.
    """
    return cast(Made, _filled(_overridden(OmegaConf.structured(schema), overrides), "-o"))


def _overridden(base: DictConfig, overrides: Sequence[str]) -> DictConfig:
    for override in overrides:
        base = _override(base, override)
    if overrides:
        _check_values(base, ", ".join(f"-o {override}" for override in overrides))
    return base


def _check_values(config: DictConfig, where: str) -> None:
    """Let the parts look at their values; what is missing, or leads nowhere, may yet be set."""
    try:
        OmegaConf.to_object(config)
    except OmegaConfBaseException:
        return
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _filled(config: DictConfig, where: str) -> Any:
    try:
        for key in sorted(OmegaConf.missing_keys(config)):
            raise ConfigError(f"{where}: {key} is not set; add it, such as tracker.name: dis")
        return OmegaConf.to_object(config)
    except OmegaConfBaseException as error:  # an interpolation that leads nowhere
        raise ConfigError(f"{where}: {error.full_key} is not valid: {_first_line(error)}") from error


def _override(base: DictConfig, override: str) -> DictConfig:
    """Apply one ``key=value``.

    Another tracker, say, starts without the options of the one before, from its own in ``configs/tracker``.
    """
    key, equals, value = override.partition("=")
    if not equals or not KEY.fullmatch(key):
        example = _all_keys(base)[-1]
        raise ConfigError(f"-o {override}: give an option as key=value, such as -o {example}=…")
    try:
        layer = OmegaConf.from_dotlist([override])
    except (YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"-o {override}: the value is not valid YAML") from error
    part, _, last = key.rpartition(".")
    if last == "name" and part in NAMED_PARTS and OmegaConf.select(base, key) != value:
        OmegaConf.update(base, f"{part}.options", {}, merge=False)
        own = _packaged() / part / f"{value}.yaml"
        if own.is_file():
            base = _merge(base, OmegaConf.create(own.read_text(encoding="utf-8")), str(own))
    return _merge(base, layer, f"-o {override}")


def find_config(name: str | Path) -> Path:
    """The file itself, or the packaged one: ``quick``, ``quick.yaml`` or ``configs/quick.yaml``."""
    path = Path(name)
    if path.is_file():
        return path
    packaged = _packaged()
    inside = path.relative_to("configs") if path.parts[:1] == ("configs",) else path
    for candidate in (packaged / inside, packaged / f"{inside}.yaml"):
        if candidate.is_file():
            return candidate
    hint = unknown_name("configuration", path.stem, packaged_configs())
    raise ConfigError(f"there is no configuration file {name}: {hint}")


def packaged_configs() -> list[str]:
    """Names of the configurations that come with the package."""
    return sorted(path.stem for path in _packaged().glob("*.yaml"))


def _packaged() -> Path:
    return Path(str(resources.files("sampt.configs")))


def _merge(base: DictConfig, layer: Any, where: str) -> DictConfig:
    if not isinstance(layer, DictConfig):
        raise ConfigError(f"{where} is not a mapping of settings; see configs/quick.yaml")
    _check_keys(base, layer, where, "", OmegaConf.get_type(base))
    try:
        merged = OmegaConf.merge(base, layer)
    except OmegaConfBaseException as error:
        key = error.full_key or "the value"
        raise ConfigError(f"{where}: {key} is not valid: {_first_line(error)}") from error
    assert isinstance(merged, DictConfig)
    return merged


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _check_keys(base: DictConfig, layer: DictConfig, where: str, prefix: str, schema: Any) -> None:
    """Every key of ``layer`` exists in ``base``; below ``options`` anything may, until it is used.

    schema: the type that has all keys, of which ``base`` is a part.
    """
    for key in map(str, layer):
        full = f"{prefix}{key}"
        if key not in base.keys():  # noqa: SIM118 - DictConfig calls a key without a value absent
            if schema is Config and full in VIS_ONLY:
                raise ConfigError(f"{where}: {full} is a setting of `sampt vis` alone; leave it out here")
            raise ConfigError(
                f"{where}: {unknown_name('key', full, _all_keys(OmegaConf.structured(schema)))}"
            )
        below, given = base._get_node(key), layer._get_node(key)
        if isinstance(below, DictConfig) and isinstance(given, DictConfig) and key != "options":
            _check_keys(below, given, where, f"{full}.", schema)
        elif isinstance(below, DictConfig) and key != "options":
            raise ConfigError(f"{where}: {full} is a group of settings: {', '.join(map(str, below))}")


def _all_keys(config: DictConfig, prefix: str = "") -> list[str]:
    keys = []
    for key in map(str, config):
        node = config._get_node(key)
        keys.append(f"{prefix}{key}")
        if isinstance(node, DictConfig):
            keys += _all_keys(node, f"{prefix}{key}.")
    return keys


def build(config: Config, segmenter: PromptableSegmenter | None = None) -> SamPt:
    """A model with everything that the configuration names; with ``segmenter`` instead of its own, if given.

    Raises:
        ConfigError, CheckpointError: see ``SamPt.from_config``.
    """
    device = choose_device(config.device)
    sampling = config.sampling
    positive, negative = sampling.positive, sampling.negative
    filtering = config.patch_filter
    return SamPt(
        tracker=build_tracker(
            config.tracker.name,
            config.tracker.options,
            config.tracker.checkpoint,
            device,
            choose_dtype(config.tracker.dtype, device),
            config.tracker.whole_clip_frames,
        ),
        segmenter=segmenter
        or create_segmenter(
            config.segmenter.name,
            config.segmenter.checkpoint,
            device,
            choose_dtype(config.dtype, device),
            config.segmenter.options,
            config.compile,
        ),
        sampling=Sampling(
            _valid("sampling.positive", lambda: create_sampler(positive.name, **positive.options)),
            _valid("sampling.negative", lambda: create_sampler(negative.name, **negative.options)),
            _at_least("sampling.positive.points", sampling.positive.points, 1),
            _at_least("sampling.negative.points", sampling.negative.points, 0),
            sampling.from_clicks,
        ),
        prompting=_checked_prompting(config.prompting),
        reinit=_reinit(config.reinit),
        patch_filter=_valid("patch_filter", lambda: PatchFilter(filtering.size, filtering.threshold))
        if filtering.enabled
        else None,
        overlapping=config.overlapping,
        cache=config.cache,
        frames_per_batch=_at_least_one("frames_per_batch", config.frames_per_batch),
        joint_objects=_at_least_one("tracker.joint_objects", config.tracker.joint_objects),
        seed=_at_least("seed", config.seed, 0),
    )


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda") and not name.startswith("cuda:"):
        raise ConfigError(f"device: {unknown_name('device', name, ['auto', 'cpu', 'cuda'])}")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("device: cuda was asked for, but torch finds no CUDA device; use cpu or auto")
    try:
        device = torch.device(name)
        if (device.index or 0) >= max(1, torch.cuda.device_count()):
            raise ConfigError(f"device: there is no {name}, only {torch.cuda.device_count()} CUDA devices")
        return device
    except RuntimeError as error:
        raise ConfigError(f"device: {name} is not valid; write it as cuda, or cuda:0, cuda:1, …") from error


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """float32 or bfloat16; "auto" is bfloat16 on CUDA."""
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in known:
        raise ConfigError(f"dtype: {unknown_name('dtype', name, ['auto', *known])}")
    return known[name]


def _reinit(config: ReinitConfig) -> Reinit | None:
    if config.strategy is None:
        return None
    if config.strategy not in STRATEGIES:
        raise ConfigError(f"reinit.strategy: {unknown_name('strategy', config.strategy, STRATEGIES)}")
    if config.strategy == "on-loss":
        return config.on_loss
    make = STRATEGIES[config.strategy]
    tracked = config.horizon if config.tracker_horizon is None else config.tracker_horizon
    made: Reinit = _valid("reinit", lambda: make(config.horizon, tracked))
    return made


def _checked_prompting(prompting: Prompting) -> Prompting:
    _at_least("prompting.refinements", prompting.refinements, 0)
    _at_least("prompting.max_other_points", prompting.max_other_points or 0, 0)
    if prompting.iou_threshold is not None and prompting.iou_threshold > 1:
        raise ConfigError(f"prompting.iou_threshold must be at most 1, not {prompting.iou_threshold}")
    return prompting


def _at_least(key: str, value: int, least: int) -> int:
    if value < least:
        raise ConfigError(f"{key} must be at least {least}, not {value}")
    return value


def _at_least_one(key: str, value: int | None) -> int | None:
    return None if value is None else _at_least(key, value, 1)


def _valid(section: str, make: Callable[[], Made]) -> Made:
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{section}: {error}") from error


def as_mapping(config: Config) -> Mapping[str, Any]:
    """The configuration as plain values, for ``result.json``."""
    plain = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
