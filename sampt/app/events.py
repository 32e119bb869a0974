"""What happens when something on the page is clicked."""

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
"""Seconds between two reports of progress."""

Shown = dict[str, Any]
"""What the viewer is to show: see ``Workspace.view``."""

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
"""What ``page.js`` can ask for, with the arguments that it has to send."""


class Events:
    """Gradio's listeners. Whose page an event comes from is told by the hash that the page gave itself."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    def load(self, token: object, request: gr.Request) -> Shown:
        """token: of the session that the browser's tab had before; anything else begins a new one."""
        try:
            known = token if isinstance(token, str) else None
            return self._workspaces.enter(_page(request), known).view()
        except PromptError as error:
            return {"token": "", "revision": 0, "frames": 0, "note": str(error)}

    def act(self, event: gr.EventData, request: gr.Request) -> Shown:
        """Do what ``page.js`` asks for."""
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
        """Change the model; the two menus then show what it really is."""
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
    """The action that a page sends, and its arguments, checked: anybody can send anything.

    Raises:
        PromptError: it is none.
    """
    sent = data if isinstance(data, dict) else {}
    act, kinds = _ACTIONS.get(str(sent.get("action")), (None, {}))
    arguments = {name: sent.get(name) for name in kinds}
    if act is None or not all(_fits(arguments[name], kind) for name, kind in kinds.items()):
        raise PromptError(f"the page sent something that makes no sense: {ascii(data)[:80]}; reload it")
    return act, arguments


def _fits(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    return type(value) is kind


@contextmanager
def _told(workspace: Workspace) -> Iterator[None]:
    """Whatever goes wrong is said on the page, which then shows how things are."""
    try:
        yield
    except SamptError as error:
        workspace.say(str(error))
        gr.Warning(str(error))
    except Exception:
        logger.exception("the page could not do what it was asked for")
        workspace.say("Something went wrong; the server's terminal says what.")


def _reported(workspace: Workspace, steps: Iterator[None]) -> Iterator[Shown]:
    """Show how far it is every now and then, and at the end."""
    with _told(workspace):
        last = 0.0
        for _ in steps:
            if time.monotonic() - last > _PAUSE:
                yield workspace.view()
                last = time.monotonic()
    yield workspace.view()
