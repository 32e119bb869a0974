"""Packages that ``pip install sampt`` leaves out, and the extras that bring them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

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


def require(*packages: str, purpose: str) -> None:
    """Find out before any work that packages of ``EXTRA_OF`` are installed, without importing them.

    purpose: what needs them, to begin the sentence with.

    Raises:
        SamptError: one of them is missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise _missing(package, purpose)


@contextmanager
def extras_for(purpose: str) -> Iterator[None]:
    """Say how to get a package of ``EXTRA_OF`` if an import in the block does not find it.

    purpose: what needs it, to begin the sentence with.

    Raises:
        SamptError: one of them is missing. Any other missing module stays as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        raise _missing(package, purpose) from error


def _missing(package: str, purpose: str) -> SamptError:
    return SamptError(f"{purpose} needs {package}: pip install 'sampt[{EXTRA_OF[package]}]'")
