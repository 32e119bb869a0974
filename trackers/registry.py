"""The point trackers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_origin

from .base import PointTracker
from .flow import Dis
from .lucas_kanade import LucasKanade

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Weights: TypeAlias = "Mapping[str, Tensor]"


@dataclass(frozen=True)
class Parts:
    """What a tracker with weights is made of.

    tracker: its constructor takes a model with weights, a device and a dtype before its options.
    build: makes the model for weights under its own names; ValueError if they are not such a model's.
    rename: brings weights as they are published to the model's names.
    """

    tracker: Callable[..., PointTracker]
    build: Callable[[Weights], nn.Module]
    rename: Callable[[Weights], Weights] = dict


@dataclass(frozen=True)
class Neural:
    """A tracker that needs weights.

    label: whose weights they are, for messages.
    parts: imports it, which takes seconds, so only when it is wanted.
    checkpoint: the name of the published weights, if it is not the tracker's.
    """

    label: str
    parts: Callable[[], Parts]
    checkpoint: str | None = None


def _raft() -> Parts:
    from .raft.tracker import Raft
    from .raft.weights import build_raft, raft_size, torchvision_state

    return Parts(Raft, lambda state: build_raft(raft_size(state)), torchvision_state)


def _pips() -> Parts:
    from .pips.network import build_pips
    from .pips.tracker import Pips

    return Parts(Pips, lambda _: build_pips())


def _cotracker2() -> Parts:
    from .cotracker.models import build_cotracker2
    from .cotracker.online import CoTracker2

    return Parts(CoTracker2, lambda _: build_cotracker2())


def _cotracker3() -> Parts:
    from .cotracker.models import build_cotracker3
    from .cotracker.online import CoTracker3

    return Parts(CoTracker3, lambda _: build_cotracker3())


def _cotracker3_offline() -> Parts:
    from .cotracker.models import build_cotracker3_offline
    from .cotracker.offline import CoTracker3Offline

    return Parts(CoTracker3Offline, lambda _: build_cotracker3_offline())


TRACKERS: dict[str, Callable[..., PointTracker]] = {
    LucasKanade.name: LucasKanade,
    Dis.name: Dis,
}
"""What makes each tracker that needs no weights; its keyword arguments are the tracker's options."""

NEURAL: dict[str, Neural] = {
    "raft": Neural("RAFT", _raft, "raft-large"),
    "pips": Neural("PIPS", _pips),
    "cotracker2": Neural("CoTracker 2", _cotracker2),
    "cotracker3": Neural("CoTracker3 (online)", _cotracker3),
    "cotracker3-offline": Neural("CoTracker3 (offline)", _cotracker3_offline),
}
"""The trackers that need weights."""

_GIVEN = {"model", "device", "dtype"}
"""Arguments of neural trackers that are no options."""


def tracker_names() -> list[str]:
    """All trackers, those without weights first."""
    return [*TRACKERS, *NEURAL]


def create_tracker(
    name: str,
    model: nn.Module | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    **options: Any,
) -> PointTracker:
    """The tracker called ``name``, with ``options`` for its constructor.

    model: with its weights, for those of ``NEURAL``; the others take none, and no device or dtype.

    Raises:
        ValueError: there is no such tracker or option (the closest valid one is named), or an option's value
            is of the wrong type or out of its range.
    """
    checked = check_options(name, options)
    if name in TRACKERS:
        return TRACKERS[name](**checked)
    if model is None:
        raise ValueError(f"the tracker {name!r} needs a model with weights")
    import torch

    return NEURAL[name].parts().tracker(model, device, dtype or torch.float32, **checked)


def check_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """``options`` for the tracker called ``name``, lists where it takes tuples made into them.

    Raises:
        ValueError: there is no such tracker or option, or a value is of the wrong type.
    """
    if name not in TRACKERS and name not in NEURAL:
        raise ValueError(f"there is no tracker called {name!r}{_hint(name, tracker_names())}")
    if not options:
        return {}
    make = TRACKERS[name] if name in TRACKERS else NEURAL[name].parts().tracker
    valid = {n: p for n, p in signature(make, eval_str=True).parameters.items() if n not in _GIVEN}
    checked = {}
    for option, value in options.items():
        if option not in valid:
            raise ValueError(f"the tracker {name!r} has no option {option!r}{_hint(option, valid)}")
        kind = valid[option].annotation
        if get_origin(kind) is tuple and isinstance(value, list):
            value = tuple(value)
        if not _fits(value, kind):
            wanted = getattr(kind, "__name__", str(kind)) if get_origin(kind) is None else str(kind)
            raise ValueError(f"the option {option!r} of the tracker {name!r} takes {wanted}, not {value!r}")
        checked[option] = value
    return checked


def _fits(value: object, kind: Any) -> bool:
    """Whether ``value`` is of type ``kind``; an int will do wherever a float is wanted."""
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        return isinstance(value, tuple) and len(value) == len(parts) and all(map(_fits, value, parts))
    return isinstance(value, kind) or (isinstance(value, int) and isinstance(float(value), kind))


def _hint(word: str, valid: Iterable[str]) -> str:
    """The closest valid word, if one is close, and all of them."""
    names = list(valid)
    closest = get_close_matches(word, names, n=1)
    did_you_mean = f"; did you mean {closest[0]!r}?" if closest else "."
    return f"{did_you_mean} Available: {', '.join(names)}"
