"""Uploaded files: limited in size, and never referring to other files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import av

from sampt.errors import ConfigError, VideoError

# Playlists and similar formats are left out: they name other files, which FFmpeg would open.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,h264,hevc,ivf,dv"

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class TooLargeError(VideoError):
    """An uploaded file is larger than allowed."""


def parse_size(text: str) -> int:
    """Bytes of a size such as ``500MB`` or ``2 GB``; each unit is 1024 times the previous one.

    Raises:
        ConfigError: ``text`` is not a size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = float(found[1]) * _UNITS[found[2].upper()] if found else 0
    if size < 1:
        raise ConfigError(f"--max-upload {text}: give a size such as 500MB or 2GB")
    return int(size)


async def receive(blocks: AsyncIterator[bytes], path: Path, most: int) -> None:
    """Write uploaded blocks to ``path``; nothing is left there if they are more than ``most`` bytes.

    Raises:
        TooLargeError: they are more.
    """
    size = 0
    try:
        with path.open("wb") as file:
            async for block in blocks:
                size += len(block)
                if size > most:
                    raise too_large(most)
                file.write(block)
    except BaseException:  # the browser may also have gone away
        path.unlink(missing_ok=True)
        raise


def too_large(most: int) -> TooLargeError:
    return TooLargeError(f"the file is larger than the {most / (1 << 20):,.4g} MB that this page accepts")


def check_container(path: Path, name: str) -> None:
    """Check that an uploaded file is a self-contained video.

    Raises:
        VideoError: it is not a video, or it is a playlist.
    """
    try:
        with av.open(f"file:{path}", options={"format_whitelist": _FORMATS}) as container:
            if container.streams.video:
                return
    except (av.FFmpegError, OSError, ValueError):
        pass
    raise VideoError(f"{name} is not a readable video; give an MP4, MOV, MKV, WebM or AVI file")
