"""Layout of the page in Gradio: buttons and menus around ``page.js``, which shows the frame."""

from __future__ import annotations

from importlib import resources
from typing import Any

import gradio as gr

from .events import Events
from .exports import FILES
from .visitors import Workspaces

_SHORTCUTS = """
| keys | what they do |
|---|---|
| **click**, **Shift + click** | add a point on the object, off the object |
| **drag**, **right click** a point | move it, remove it |
| **← →**, with Shift | go 1 or 10 frames back or forward |
| **Home**, **End**, **Space** | first frame, last frame, play |
| **1 … 9**, **N** | select the object with that number, add an object |
| **X** | switch between on and off the object |
| **Delete** | remove the point under the pointer |
| **Ctrl + Z**, **Ctrl + Y** | undo, redo |
| **R**, **Esc** | run, cancel |
| **M** | hide or show masks and points |
"""

_TOKEN = "() => { try { return [sessionStorage.getItem('sampt')]; } catch { return [null]; } }"
"""Reads the token that ``page.js`` has stored, with which a reloaded page finds its session."""

_QUICK: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "multiple",
    "concurrency_limit": None,
    "api_visibility": "private",
}
"""Options of events that may overlap, on one page or on several; ``Workspace`` puts them in order."""


def page(workspaces: Workspaces, max_upload: int) -> gr.Blocks:
    """The page, without theme and styles, which are set where it is mounted.

    Args:
        workspaces: the visitors' workspaces.
        max_upload: maximum size of an uploaded file in bytes.
    """
    events = Events(workspaces)
    blocks: gr.Blocks = gr.Blocks(title="sampt", analytics_enabled=False, fill_width=True)
    with blocks, gr.Row():
        with gr.Column(scale=4, min_width=320):
            viewer = gr.HTML(
                {"frames": 0, "revision": -1},
                html_template=asset("viewer.html"),
                js_on_load=asset("page.js"),
                apply_default_css=False,
                elem_id="sampt-viewer",
                max_upload=max_upload,
            )
        with gr.Column(scale=1, min_width=300, elem_id="sampt-side"):
            _placeholder("sampt-objects")
            new = gr.Button("New object", size="sm", elem_id="sampt-new")
            with gr.Row():
                undo = _button("Undo", "sampt-undo", size="sm")
                redo = _button("Redo", "sampt-redo", size="sm")
            with gr.Row():
                run = _button("Run", "sampt-run", variant="primary")
                cancel = _button("Cancel", "sampt-cancel", variant="stop")
            _placeholder("sampt-progress")
            _export_part(events, viewer)
            _model_part(events, viewer, workspaces)
            with gr.Accordion("Shortcuts", open=False, elem_id="sampt-shortcuts"):
                gr.Markdown(_SHORTCUTS)
        viewer.click(events.act, None, viewer, **_QUICK)
        for button, act in (
            (new, events.add_object),
            (undo, events.undo),
            (redo, events.redo),
            (run, events.run),
            (cancel, events.cancel),
        ):
            button.click(act, None, viewer, **_QUICK)
        blocks.load(events.load, viewer, viewer, js=_TOKEN, **_QUICK)
    return blocks


def _button(text: str, id: str, **look: Any) -> gr.Button:
    """Button that ``page.js`` enables and disables."""
    return gr.Button(text, elem_id=id, min_width=80, **look)


def _placeholder(id: str) -> None:
    """Place that ``page.js`` fills."""
    gr.HTML(f'<div id="{id}"></div>', apply_default_css=False)


def _export_part(events: Events, viewer: gr.HTML) -> None:
    with gr.Accordion("Export", open=False, elem_id="sampt-export-part"):
        files = gr.CheckboxGroup(
            [(label, name) for name, label in FILES.items()],
            value=list(FILES),
            show_label=False,
            container=False,
            elem_id="sampt-files",
        )
        write = gr.Button("Export", size="sm", elem_id="sampt-export")
    _placeholder("sampt-downloads")  # not inside: what was never unfolded is not on the page
    write.click(events.export, files, viewer, **_QUICK)


def _model_part(events: Events, viewer: gr.HTML, workspaces: Workspaces) -> None:
    models = workspaces.models
    with gr.Accordion("Model", open=False, elem_id="sampt-model-part"):
        segmenter = gr.Dropdown(
            models.segmenters, value=models.first.segmenter, label="Segmenter", elem_id="sampt-segmenter"
        )
        tracker = gr.Dropdown(
            models.trackers, value=models.first.tracker, label="Tracker", elem_id="sampt-tracker"
        )
        gr.Markdown("Only models that are already downloaded are listed; `sampt weights download` gets more.")
    menus = [segmenter, tracker]
    for menu in menus:
        menu.input(events.choose, menus, [viewer, *menus], **{**_QUICK, "show_progress": "minimal"})


def asset(name: str) -> str:
    """Text of a file next to this module."""
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
