"""Packages that ``pip install sampt`` leaves out, and the extras that bring them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sampt.errors import SamptError

EXTRA_OF = {
    "gradio": "app",
    "jinja2": "benchmarks",
    "matplotlib": "benchmarks",
    "pandas": "benchmarks",
    "ray": "ray",
    "scipy": "benchmarks",
    "segment_anything_hq": "hq",
    "supervision": "supervision",
    "timm": "hq",
    "wandb": "wandb",
}
"""Which extra brings a package, by the name that it is imported by."""


@contextmanager
def extras_for(purpose: str) -> Iterator[None]:
    """Say how to get a package of ``EXTRA_OF`` if an import in the block does not find it.

    purpose: what needs it, to begin the sentence with.

    Raises:
        SamptError: one of them is not installed. Any other missing module stays as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        extra = EXTRA_OF[package]
        raise SamptError(f"{purpose} needs {package}: pip install 'sampt[{extra}]'") from error
