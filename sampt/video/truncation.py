"""Whether a file ends before its own structure does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_RIFF = (b"RIFF", b"RIFX")
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_STREAMED = (0, 0xFFFFFFFF)
"""Sizes in a RIFF chunk that was written without going back to fill in the real one."""


def is_cut_short(path: Path) -> bool:
    """Whether a file is smaller than its own header says: an MP4 or MOV, an AVI, or a Matroska file.

    Frame counts and durations in headers are often wrong in complete files, but the sizes of the parts that a
    file consists of are not: a player could not find the next part without them. Files of other formats have
    no such sizes, so they are never called cut short.
    """
    with path.open("rb") as file:
        total = os.fstat(file.fileno()).st_size
        start = file.read(12)
        file.seek(0)
        if start[:4] in _RIFF:
            end = _end_of_riff(file, total)
        elif int.from_bytes(start[:4], "big") == _EBML:
            end = _end_of_segment(file)
        elif start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp"):
            end = _end_of_boxes(file, total)
        else:
            return False
    return end > total


def _end_of_boxes(file: BinaryIO, total: int) -> int:
    """Where the last of a file's outermost boxes ends (ISO/IEC 14496-12, 4.2)."""
    position = 0
    while position + 8 <= total:
        file.seek(position)
        size = int.from_bytes(file.read(4), "big")
        name = file.read(4)
        if size == 1:  # the size follows, in 64 bits
            size = int.from_bytes(file.read(8), "big")
        if size < 8 or not name.isascii():  # up to the end of the file, or padding behind the last box
            return total
        position += size
    return position


def _end_of_riff(file: BinaryIO, total: int) -> int:
    """Where the last RIFF list ends; large AVI files have several."""
    position = 0
    while position + 8 <= total:
        file.seek(position)
        name, size = file.read(4), int.from_bytes(file.read(4), "little")
        if name not in _RIFF or size in _STREAMED:
            return total
        position += 8 + size + size % 2
    return min(position, total) if position - total == 1 else position  # the padding byte may be missing


def _end_of_segment(file: BinaryIO) -> int:
    """Where a Matroska file's segment ends; 0 if it is open-ended, as of a live stream (RFC 8794, 6.2)."""
    for _ in range(2):
        element, size = _vint(file, keep_marker=True), _vint(file)
        if element is None or size is None:
            return 0
        if element == _SEGMENT:
            return file.tell() + size
        file.seek(size, os.SEEK_CUR)
    return 0


def _vint(file: BinaryIO, keep_marker: bool = False) -> int | None:
    """A number of variable length (RFC 8794, 4); None if it is unknown or invalid."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big")
    if keep_marker:
        return value
    value -= 1 << 7 * length
    return None if value == (1 << 7 * length) - 1 else value
