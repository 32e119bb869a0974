"""Self-contained pages: templates with their style and script in them, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from sampt._internal.files import replacing


def write_page(path: Path, template: str, content: Mapping[str, Any]) -> None:
    """Write a page, which loads nothing from elsewhere and runs no script but ``page.js``.

    Args:
        path: the file.
        template: file name of the template, which extends ``page.html.jinja``.
        content: the values for the template.

    Raises:
        OutputError: the file cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_packaged),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _packaged("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.get_template(template).render(
        style=Markup(_packaged("page.css")), script=Markup(script), script_hash=f"sha256-{digest}", **content
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def embedded(data: Any) -> Markup:
    """The data as JSON for a script element, which nothing in it can end."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"))


def link(page: Path, target: Path) -> str:
    """The address of a file on a page, relative to the page."""
    relative = os.path.relpath(target.resolve(), page.resolve().parent)
    return quote(Path(relative).as_posix())


def _packaged(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
