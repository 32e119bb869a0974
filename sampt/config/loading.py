"""Configurations from YAML files and ``key=value`` overrides, read without importing torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sampt._internal.files import read_text
from sampt._internal.names import unknown_name
from sampt.errors import ConfigError

from .key_values import key_and_value
from .schema import Config

PAPER = "paper"
"""Folder of the configurations of published rows, below the packaged ones."""

NAMED_PARTS = ("tracker", "segmenter", "sampling.positive", "sampling.negative")
"""Parts that are chosen by name and have their own options."""

VIS_ONLY = ("proposals", "redetect", "first_mask", "score_frames", "proposal_score", "objects_per_batch")
"""Keys that only a configuration for ``sampt vis`` may hold."""


def load_config(
    source: str | Path | Config, overrides: Sequence[str] = (), schema: type[Config] = Config
) -> Config:
    """The configuration of a YAML file, with ``key=value`` overrides applied.

    Args:
        source: a YAML file, the name of one that comes with the package, or a ``Config``.
        overrides: ``key=value`` each, as ``-o`` takes them.
        schema: type that a file is read as: ``Config``, or a subclass with further settings.

    Raises:
        ConfigError: the file is missing or not YAML, or a key or value is invalid; names the closest key.
    """
    merged = _structured(source if isinstance(source, Config) else schema)
    if not isinstance(source, Config):
        path = find_config(source)
        try:
            layer: Any = OmegaConf.create(read_text(path))
        except (YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
            raise ConfigError(f"{path} is not valid YAML: {_first_line(error)}") from error
        except AssertionError:  # OmegaConf's way of saying that it is one bare value
            layer = None
        merged = _merge(merged, layer, str(path))
        _check_values(merged, str(path))
    config = _filled(_overridden(merged, overrides), str(source))
    assert isinstance(config, Config)
    return config


def _structured(schema: Any) -> DictConfig:
    """A frozen dataclass, or an instance of one, as a tree of settings that can still be changed."""
    made: DictConfig = OmegaConf.structured(schema)
    pending = [made]
    while pending:
        node = pending.pop()
        OmegaConf.set_readonly(node, None)
        below = (node._get_node(key) for key in node.keys())  # noqa: SIM118 - a DictConfig is no dict
        pending += [child for child in below if isinstance(child, DictConfig) and not child._is_none()]
    return made


def _overridden(base: DictConfig, overrides: Sequence[str]) -> DictConfig:
    for override in overrides:
        base = _override(base, override)
    if overrides:
        _check_values(base, ", ".join(f"-o {override}" for override in overrides))
    return base


def _check_values(config: DictConfig, where: str) -> None:
    """Run the parts' checks of their values; values that are still missing may be set later."""
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
    """Apply one ``key=value``; changing a part's name also clears the options of the previous one."""
    key, value = key_and_value(override, "-o", f"{_all_keys(base)[-1]}=…")
    try:
        layer = OmegaConf.from_dotlist([override])
    except (YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"-o {override}: the value is not valid YAML") from error
    part, _, last = key.rpartition(".")
    if last == "name" and part in NAMED_PARTS and OmegaConf.select(base, key) != value:
        OmegaConf.update(base, f"{part}.options", {}, merge=False)
    return _merge(base, layer, f"-o {override}")


def find_config(name: str | Path) -> Path:
    """Path of a file, or of a packaged one: ``quick``, ``configs/quick.yaml``, ``paper/arxiv_sam_pt``."""
    path = Path(name)
    if path.is_file():
        return path
    packaged = _packaged()
    inside = path.relative_to("configs") if path.parts[:1] == ("configs",) else path
    for candidate in (packaged / inside, packaged / f"{inside}.yaml"):
        if candidate.is_file():
            return candidate
    in_paper = inside.parts[:1] == (PAPER,)
    wanted = inside.with_suffix("").as_posix() if in_paper else path.stem
    names = packaged_configs()
    ours = ", ".join(name for name in names if not name.startswith(f"{PAPER}/"))
    hint = unknown_name(
        "configuration", wanted, names, f"choose one of {ours}, or of those that `sampt reproduce` lists"
    )
    a_name = (path.parent == Path() or in_paper) and not path.suffix
    raise ConfigError(hint if a_name else f"there is no configuration file {name}; {hint}")


def packaged_configs() -> list[str]:
    """Names of the configurations that come with the package; ``paper/…`` are those of published rows."""
    folder = _packaged()
    return [
        path.relative_to(folder).with_suffix("").as_posix()
        for pattern in ("*.yaml", f"{PAPER}/*.yaml")
        for path in sorted(folder.glob(pattern))
    ]


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
    """Check that every key of ``layer`` exists in ``base``; below ``options`` any key may be new.

    ``schema`` is the type that has all keys, and ``base`` is a part of it.
    """
    for key in map(str, layer):
        full = f"{prefix}{key}"
        if key not in base.keys():  # noqa: SIM118 - DictConfig calls a key without a value absent
            if schema is Config and full in VIS_ONLY:
                raise ConfigError(f"{where}: {full} is a setting of `sampt vis`; leave it out here")
            beside = ", ".join(f"{prefix}{name}" for name in map(str, base))
            known = [k for k in _all_keys(_structured(schema)) if not full.startswith(f"{k}.")]
            raise ConfigError(f"{where}: {unknown_name('key', full, known, f'choose one of {beside}')}")
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


def as_mapping(config: Config) -> Mapping[str, Any]:
    """The configuration as plain values, for ``result.json``."""
    plain = OmegaConf.to_container(_structured(config))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
