"""Ablation files, which vary a base configuration, and the settings that they expand to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sampt._internal.files import read_text
from sampt._internal.names import unknown_name
from sampt.config import Config, as_mapping, load_config
from sampt.errors import ConfigError

KEYS = ("base", "overrides", "grid", "settings", "seeds")
"""The keys of an ablation file."""

SWEEP_FILES = (
    "failures.csv",
    "runs.csv",
    *(f"{table}.{suffix}" for table, suffix in product(("settings", "pivot"), ("csv", "md", "tex"))),
    *(f"{plot}.{suffix}" for plot, suffix in product(("sequences", "values"), ("png", "svg"))),
)
"""The files in a sweep's folder beside one folder per setting and its own run.json."""

LONGEST_SLUG = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9.=+_-]+")

Values = Mapping[str, str]
"""Values by configuration key, as YAML on one line."""


@dataclass(frozen=True)
class Choice:
    """One value of an axis.

    Attributes:
        name: its part of a setting's name.
        label: the value as in the file, for tables.
    """

    name: str
    label: Any
    values: Values


@dataclass(frozen=True)
class Axis:
    """What is varied together under one title."""

    title: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Setting:
    """One configuration of a sweep.

    Attributes:
        name: name for people, unique in the sweep.
        slug: name for folders, unique even without regard to case, and not one of ``SWEEP_FILES``.
        overrides: ``key=value`` for ``load_config(sweep.base, overrides)``, in an order that works.
        values: title of each axis → the label chosen from it, for the columns of a table.
    """

    name: str
    slug: str
    overrides: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """A base configuration and the axes along which it is varied, in all combinations.

    Attributes:
        file: the file it was read from.
        base: the base configuration, as ``--config`` takes it.
        overrides: ``key=value`` for all settings.
        axes: what is varied.
        seeds: number of runs of each setting.
    """

    file: Path
    base: str
    overrides: Values
    axes: tuple[Axis, ...]
    seeds: int

    def settings(self) -> list[Setting]:
        """All combinations, with the last axis varying fastest; ``check`` finds out whether one is valid.

        Raises:
            ConfigError: a setting is not a valid configuration, or two are the same; the error names both.
        """
        settings: dict[str, Setting] = {}
        names: list[tuple[Mapping[str, Any], str]] = []
        slugs = {"run.json", *SWEEP_FILES}
        for chosen in product(*(axis.choices for axis in self.axes)):
            setting = self._setting(chosen, slugs)
            config = as_mapping(self.config(setting))
            twin = next((name for other, name in names if other == config), None)
            if twin is not None or setting.name in settings:
                raise ConfigError(
                    f"{self.file}: the settings {twin or setting.name!r} and {setting.name!r} are the same "
                    f"configuration; remove one"
                )
            names.append((config, setting.name))
            slugs.add(setting.slug.casefold())
            settings[setting.name] = setting
        return list(settings.values())

    def _setting(self, chosen: tuple[Choice, ...], slugs: set[str]) -> Setting:
        values = {**self.overrides, **{k: v for choice in chosen for k, v in choice.values.items()}}
        # Choosing a part by name drops its options, so names come first.
        keys = sorted(values, key=lambda key: not key.endswith(".name"))
        name = ", ".join(choice.name for choice in chosen)
        return Setting(
            name,
            _slug(name, slugs),
            tuple(f"{key}={values[key]}" for key in keys),
            {axis.title: choice.label for axis, choice in zip(self.axes, chosen, strict=True)},
        )

    def config(self, setting: Setting) -> Config:
        """The configuration of a setting.

        Raises:
            ConfigError: it is not a valid configuration.
        """
        with self._blaming(setting):
            return load_config(self.base, setting.overrides)

    def check(self, setting: Setting) -> None:
        """Make every part of a setting except the two models, to find wrong options before anything runs.

        Raises:
            ConfigError: an option or value is invalid.
        """
        config = self.config(setting)
        with self._blaming(setting):
            _check_parts(config)

    @contextmanager
    def _blaming(self, setting: Setting) -> Iterator[None]:
        """A context in which errors name the file and the setting."""
        try:
            yield
        except ConfigError as error:
            message = str(error).removeprefix("-o ")
            raise ConfigError(
                f"{self.file}: the setting {setting.name!r} does not work: {message}"
            ) from error


def _check_parts(config: Config) -> None:
    from sampt.methods.registry import check
    from sampt.segmenters.registry import segmenter_names
    from sampt.trackers.registry import check_options

    tracker, segmenter = config.tracker, config.segmenter
    try:
        check_options(tracker.name, tracker.options)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if segmenter.name not in segmenter_names():
        raise ConfigError(f"segmenter: {unknown_name('segmenter', segmenter.name, segmenter_names())}")
    weightless = replace(
        config,
        tracker=replace(tracker, name="dis", options={}, checkpoint=None),
        segmenter=replace(segmenter, name="grabcut", options={}, checkpoint=None),
        device="cpu",
    )
    check(weightless)


def read_sweep(source: str | Path, base: str | None = None, overrides: Sequence[str] = ()) -> Sweep:
    """Read an ablation file, or a packaged one by name.

    Args:
        source: the file or the name.
        base: the base configuration, instead of the file's.
        overrides: ``key=value`` for all settings.

    Raises:
        ConfigError: there is no such file, or it is not a valid sweep.
    """
    file = find_ablation(source)
    raw = _read(file)
    for key in raw:
        if key not in KEYS:
            raise ConfigError(f"{file}: {unknown_name('key', str(key), KEYS)}")
    base = raw.get("base") if base is None else base
    if not isinstance(base, str):
        raise ConfigError(f"{file}: base must name a configuration to start from, such as base: quick")
    if ("grid" in raw) == ("settings" in raw):
        raise ConfigError(f"{file}: give what to vary, either grid or settings")
    axes = (
        _grid(file, raw["grid"]) if "grid" in raw else (_named(file, "settings", "setting", raw["settings"]),)
    )
    seeds = raw.get("seeds", 1)
    if not isinstance(seeds, int) or isinstance(seeds, bool) or seeds < 1:
        raise ConfigError(f"{file}: seeds must be a number of runs, 1 or more, not {seeds}")
    fixed = {**_values(file, "overrides", raw.get("overrides") or {}), **_given(overrides)}
    _check_disjoint(file, fixed, axes)
    return Sweep(file, base, fixed, axes, seeds)


def find_ablation(name: str | Path) -> Path:
    """The file itself, or the packaged one: ``points``, ``points.yaml`` or ``configs/ablations/points.yaml``.

    Raises:
        ConfigError: there is neither; the error names the closest packaged one.
    """
    path = Path(name)
    if path.is_file():
        return path
    packaged = _packaged()
    for candidate in (packaged / path.name, packaged / f"{path.name}.yaml"):
        if candidate.is_file() and path.parent in (Path(), Path("ablations"), Path("configs/ablations")):
            return candidate
    hint = unknown_name("ablation", path.stem, packaged_ablations())
    raise ConfigError(f"there is no ablation file {name}: {hint}")


def packaged_ablations() -> list[str]:
    """The names of the ablations that come with the package."""
    return sorted(path.stem for path in _packaged().glob("*.yaml"))


def _packaged() -> Path:
    return Path(str(resources.files("sampt.configs"))) / "ablations"


def _read(file: Path) -> dict[Any, Any]:
    try:
        raw = OmegaConf.to_container(OmegaConf.create(read_text(file)))
    except (yaml.YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
        first = str(error).partition("\n")[0]
        raise ConfigError(f"{file} is not valid YAML: {first}") from error
    except AssertionError:  # OmegaConf's way of saying that it is one bare value
        raw = None
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{file} is not a mapping with {', '.join(KEYS)}; see configs/ablations/points.yaml"
        )
    return raw


def _grid(file: Path, grid: Any) -> tuple[Axis, ...]:
    """The axes, each a list of values under a key, or named groups of values under a title."""
    if not isinstance(grid, dict) or not grid:
        raise ConfigError(
            f"{file}: grid is empty; give keys and lists, such as prompting.refinements: [0, 3]"
        )
    titles = _titles([str(key) for key, choices in grid.items() if isinstance(choices, list)])
    axes = []
    for key, choices in ((str(key), choices) for key, choices in grid.items()):
        if isinstance(choices, dict):
            axes.append(_named(file, f"grid: {key}", key, choices))
        elif isinstance(choices, list) and choices:
            axes.append(_listed(file, key, titles[key], choices))
        else:
            raise ConfigError(f"{file}: grid: {key} needs a list of at least one value, such as [0, 3, 12]")
    twice = _first_repeated(axis.title for axis in axes)
    if twice is not None:
        raise ConfigError(f"{file}: grid: two axes would be called {twice!r}; rename one")
    return tuple(axes)


def _listed(file: Path, key: str, title: str, choices: list[Any]) -> Axis:
    made = []
    for value in choices:
        values = _values(file, "grid", {key: value})
        made.append(Choice(f"{title}={values[key]}", value, values))
    return Axis(title, tuple(made))


def _named(file: Path, where: str, title: str, choices: Any) -> Axis:
    if not isinstance(choices, dict) or not choices:
        raise ConfigError(
            f"{file}: {where} needs a mapping of at least one name to its values, "
            f"such as many points: {{sampling.positive.points: 64}}"
        )
    made = []
    for label, values in choices.items():
        if isinstance(label, bool) or not isinstance(label, str | int | float):
            raise ConfigError(f"{file}: {where}: YAML reads a name as {label}; put it in quotes")
        given = _values(file, f"{where}: {label}", {} if values is None else values)
        made.append(Choice(label if isinstance(label, str) else f"{title}={label}", label, given))
    return Axis(title, tuple(made))


def _titles(keys: list[str]) -> dict[str, str]:
    """The titles of keys: their last two parts without ``name``, or in full if two would be the same."""
    short = {key: ".".join(key.split(".")[-2:]).removesuffix(".name") for key in keys}
    return short if len(set(short.values())) == len(keys) else {key: key for key in keys}


def _values(file: Path, where: str, values: Any) -> Values:
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: {where} needs keys and values, such as sampling.positive.points: 64")
    if "seed" in values:
        raise ConfigError(f"{file}: {where}: seed is not a setting; give the number of runs with seeds")
    return {str(key): _text(value) for key, value in values.items()}


def _given(overrides: Iterable[str]) -> Values:
    """The values in ``key=value`` from the command line."""
    parts = [override.partition("=") for override in overrides]
    for key, equals, value in parts:
        if not equals:
            raise ConfigError(f"-o {key}: give an option as key=value, such as -o prompting.refinements=3")
        if key == "seed":
            raise ConfigError(f"-o seed={value}: a sweep's seeds start at 0; give their number with --seeds")
    return {key: value for key, _, value in parts}


def _text(value: Any) -> str:
    """A value as YAML on one line; names are not quoted."""
    if isinstance(value, str):  # OmegaConf knows which strings it would read as something else
        return OmegaConf.to_yaml({"x": value}).removeprefix("x:").strip()
    return (
        str(yaml.safe_dump(value, default_flow_style=True, width=float("inf"))).removesuffix("...\n").strip()
    )


def _check_disjoint(file: Path, fixed: Values, axes: Iterable[Axis]) -> None:
    """Check that no key is set by two axes, or fixed although every choice of an axis sets it."""
    owners: dict[str, str] = {}
    for axis in axes:
        for key in {key for choice in axis.choices for key in choice.values}:
            if owners.setdefault(key, axis.title) != axis.title:
                raise ConfigError(
                    f"{file}: both {owners[key]!r} and {axis.title!r} set {key}; leave it to one"
                )
            if key in fixed and all(key in choice.values for choice in axis.choices):
                raise ConfigError(
                    f"{file}: the sweep varies {key}, so it cannot be fixed for all settings; remove it"
                )


def _first_repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _slug(name: str, taken: set[str]) -> str:
    slug = _UNSAFE.sub("-", name)[:LONGEST_SLUG].strip("-.") or "setting"
    if slug.casefold() in taken:
        slug += f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return slug
