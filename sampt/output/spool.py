"""Texts that are kept in a temporary file until they are needed, so that memory does not grow with them."""

from __future__ import annotations

import tempfile

from sampt.errors import OutputError

Place = tuple[int, int]
"""Where a text is: its first byte and its length."""


class Spool:
    """Temporary file of texts; it disappears when it is closed."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._end = 0

    def add(self, text: str) -> Place:
        """Keep a text; return its place.

        Raises:
            OutputError: the temporary folder is full.
        """
        content = text.encode()
        place = self._end, len(content)
        try:
            self._file.seek(self._end)
            self._file.write(content)
        except OSError as error:
            raise temporary_is_full(error) from error
        self._end += len(content)
        return place

    def read(self, place: Place) -> str:
        """The text of a place.

        Raises:
            OutputError: the temporary folder is full, so that the text could not be kept.
        """
        first, length = place
        try:
            self._file.seek(first)
            return self._file.read(length).decode()
        except OSError as error:
            raise temporary_is_full(error) from error

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise temporary_is_full(error) from error


def temporary_is_full(error: OSError) -> OutputError:
    """The error for a temporary file that cannot be written."""
    return OutputError(
        f"cannot write into the temporary folder {tempfile.gettempdir()} ({error.strerror or error}); "
        "make room there, or set TMPDIR to another folder"
    )
