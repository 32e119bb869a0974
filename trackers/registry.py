"""The point trackers by name, in a module that checks names and options without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from typing import Any

from .base import PointTracker
from .cotracker.options import (
    CoTracker1Options,
    CoTracker2Options,
    CoTracker3OfflineOptions,
    CoTracker3Options,
)
from .extensions import all_names, load_extension
from .flow import Dis
from .lucas_kanade import LucasKanade
from .options import read_options
from .pips.options import PipsOptions
from .raft.options import RaftOptions


@dataclass(frozen=True)
class TrackerInfo:
    """What is known of a tracker before it is imported.

    Attributes:
        options: the frozen dataclass of its options.
        load: imports and returns its class, which takes seconds if that imports torch. The class takes the
            options; that of a tracker with weights is a ``NeuralTracker``, which takes more.
        weights: name of the network whose weights it needs, for errors; None if it needs none.
        checkpoint: name of these weights in ``sampt weights list``; None if the user provides the file.
    """

    options: type
    load: Callable[[], Any]
    weights: str | None = None
    checkpoint: str | None = None

    @classmethod
    def of(cls, tracker: type[PointTracker]) -> TrackerInfo:
        """The entry for an imported class of a tracker without weights."""
        return cls(tracker.Options, lambda: tracker)


def _importing(module: str, name: str) -> Callable[[], Any]:
    return lambda: getattr(import_module(module, __package__), name)


TRACKERS: dict[str, TrackerInfo] = {
    "lucas-kanade": TrackerInfo.of(LucasKanade),
    "dis": TrackerInfo.of(Dis),
    "raft": TrackerInfo(RaftOptions, _importing(".raft.tracker", "Raft"), "RAFT", "raft-large"),
    "pips": TrackerInfo(PipsOptions, _importing(".pips.tracker", "Pips"), "PIPS", "pips"),
    "cotracker1": TrackerInfo(
        CoTracker1Options, _importing(".cotracker.online", "CoTracker1"), "CoTracker 1", "cotracker1"
    ),
    "cotracker2": TrackerInfo(
        CoTracker2Options, _importing(".cotracker.online", "CoTracker2"), "CoTracker 2", "cotracker2"
    ),
    "cotracker3": TrackerInfo(
        CoTracker3Options, _importing(".cotracker.online", "CoTracker3"), "CoTracker3 (online)", "cotracker3"
    ),
    "cotracker3-offline": TrackerInfo(
        CoTracker3OfflineOptions,
        _importing(".cotracker.offline", "CoTracker3Offline"),
        "CoTracker3 (offline)",
        "cotracker3-offline",
    ),
}
"""The built-in trackers, those without weights first."""


def tracker_names() -> list[str]:
    """The names of all trackers: the built-in ones, then those of other packages."""
    return all_names("tracker", TRACKERS)


def find_tracker(name: str) -> TrackerInfo:
    """The tracker called ``name``, built in or from another package.

    Raises:
        ValueError: the name is unknown (the error names the closest), or the package's tracker cannot be
            used.
    """
    wanted = "a subclass of PointTracker with a dataclass of options, or a TrackerInfo"
    found = load_extension("tracker", name, TRACKERS, _is_tracker, wanted)
    if found is None:
        return TRACKERS[name]
    return found if isinstance(found, TrackerInfo) else TrackerInfo.of(found)


def check_options(name: str, options: Mapping[str, Any]) -> Any:
    """The options of the tracker called ``name``, made from what a user wrote.

    Raises:
        ValueError: the tracker or an option is unknown (the error names the closest), or a value has the
            wrong type or is out of its range.
    """
    return read_options(find_tracker(name).options, options, f"tracker {name!r}")


def create_tracker(name: str, **options: Any) -> PointTracker:
    """The tracker called ``name``, which must not need weights.

    Raises:
        ValueError: as in ``check_options``, or the tracker needs weights.
    """
    info, checked = find_tracker(name), check_options(name, options)
    if info.weights is not None:
        raise ValueError(f"the tracker {name!r} needs weights; make it with build_tracker")
    tracker: PointTracker = info.load()(checked)
    return tracker


def _is_tracker(found: Any) -> bool:
    if isinstance(found, type) and issubclass(found, PointTracker):
        return is_dataclass(found.Options)
    return isinstance(found, TrackerInfo) and is_dataclass(found.options)
