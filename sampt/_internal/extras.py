"""Optional packages, and the extras that install them."""

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
"""Extra that installs a package, by the package's import name."""


def require(*packages: str, purpose: str) -> None:
    """Check before any work that packages of ``EXTRA_OF`` are installed, without importing them.

    Args:
        packages: import names.
        purpose: what needs them; the error message starts with it.

    Raises:
        SamptError: one of them is missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise _missing(package, purpose)


@contextmanager
def extras_for(purpose: str) -> Iterator[None]:
    """Turn a failed import of a package of ``EXTRA_OF`` in the block into an error that says how to get it.

    Args:
        purpose: what needs it; the error message starts with it.

    Raises:
        SamptError: one of them is missing. An error about any other module is left unchanged.
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
