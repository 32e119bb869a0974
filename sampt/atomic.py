"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary name beside ``path``, renamed to ``path`` at the end of the block, removed if it fails.

    The suffix stays, since many writers choose the format by it.

    Raises:
        OutputError: the file cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write {target} ({reason}); choose a place that can be written") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
