"""Event handlers of the page."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gradio as gr

from sampt.errors import PromptError, SamptError

from .model_menu import PartNames
from .scene import open_demo
from .visitors import Workspaces
from .workspace import Workspace

logger = logging.getLogger(__name__)

_PAUSE = 0.25
"""Seconds between two progress reports."""

Shown = dict[str, Any]
"""Content of the viewer; see ``Workspace.view``."""

_ACTIONS: dict[str, tuple[Callable[..., None], Mapping[str, type]]] = {
    "demo": (open_demo, {}),
    "refresh": (lambda workspace: None, {}),
    "add-object": (Workspace.add_object, {}),
    "select-object": (Workspace.select_object, {"object_id": int}),
    "rename-object": (Workspace.rename_object, {"object_id": int, "name": str}),
    "remove-object": (Workspace.remove_object, {"object_id": int}),
    "add-point": (Workspace.add_point, {"frame": int, "x": float, "y": float, "positive": bool}),
    "move-point": (Workspace.move_point, {"point": int, "frame": int, "x": float, "y": float}),
    "remove-point": (Workspace.remove_point, {"point": int, "frame": int}),
    "undo": (Workspace.undo, {}),
    "redo": (Workspace.redo, {}),
}
"""Actions that ``page.js`` can request, with the types of their arguments."""


class Events:
    """Gradio's listeners; an event's page is identified by the hash that the page gave itself."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    def load(self, token: object, request: gr.Request) -> Shown:
        """Open the session with this token, which the tab had before; anything else starts a new one."""
        try:
            known = token if isinstance(token, str) else None
            return self._workspaces.enter(_page(request), known).view()
        except PromptError as error:
            return {"token": "", "revision": 0, "frames": 0, "note": str(error)}

    def act(self, event: gr.EventData, request: gr.Request) -> Shown:
        """Perform the action that ``page.js`` requests."""
        workspace = self._of(request)
        with _told(workspace):
            act, arguments = _asked(event._data)
            act(workspace, **arguments)
        return workspace.view()

    def add_object(self, request: gr.Request) -> Shown:
        return self._do(request, Workspace.add_object)

    def undo(self, request: gr.Request) -> Shown:
        return self._do(request, Workspace.undo)

    def redo(self, request: gr.Request) -> Shown:
        return self._do(request, Workspace.redo)

    def cancel(self, request: gr.Request) -> Shown:
        return self._do(request, Workspace.cancel)

    def _do(self, request: gr.Request, act: Callable[[Workspace], None]) -> Shown:
        workspace = self._of(request)
        with _told(workspace):
            act(workspace)
        return workspace.view()

    def run(self, request: gr.Request) -> Iterator[Shown]:
        workspace = self._of(request)
        yield from _reported(workspace, workspace.run())

    def export(self, files: list[str], request: gr.Request) -> Iterator[Shown]:
        workspace = self._of(request)
        yield from _reported(workspace, workspace.export(files))

    def choose(self, segmenter: str, tracker: str, request: gr.Request) -> list[Any]:
        """Change the model, and return the view and the models now in use."""
        workspace = self._of(request)
        with _told(workspace):
            workspace.choose(PartNames(segmenter, tracker))
        return [workspace.view(), workspace.choice.segmenter, workspace.choice.tracker]

    def _of(self, request: gr.Request) -> Workspace:
        try:
            return self._workspaces.of(_page(request))
        except PromptError as error:
            raise gr.Error(str(error), print_exception=False) from error


def _page(request: gr.Request) -> str:
    return str(request.session_hash)


def _asked(data: object) -> tuple[Callable[..., None], dict[str, Any]]:
    """The action that a page sends, and its arguments, checked, since anyone can send anything.

    Raises:
        PromptError: it is not an action with its arguments.
    """
    sent = data if isinstance(data, dict) else {}
    act, kinds = _ACTIONS.get(str(sent.get("action")), (None, {}))
    arguments = {name: sent.get(name) for name in kinds}
    if act is None or not all(_fits(arguments[name], kind) for name, kind in kinds.items()):
        raise PromptError(f"the page sent an invalid request: {ascii(data)[:80]}; reload the page")
    return act, arguments


def _fits(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    return type(value) is kind


@contextmanager
def _told(workspace: Workspace) -> Iterator[None]:
    """Report errors of the block on the page."""
    try:
        yield
    except SamptError as error:
        workspace.say(str(error))
        gr.Warning(str(error))
    except Exception:
        logger.exception("the page could not do what it was asked for")
        workspace.say("Something went wrong; see the server's terminal for details.")


def _reported(workspace: Workspace, steps: Iterator[None]) -> Iterator[Shown]:
    """Views of a workspace at intervals while ``steps`` run, and at the end."""
    with _told(workspace):
        last = 0.0
        for _ in steps:
            if time.monotonic() - last > _PAUSE:
                yield workspace.view()
                last = time.monotonic()
    yield workspace.view()
