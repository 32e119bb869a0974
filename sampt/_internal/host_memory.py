"""Settings of the C library's memory allocator."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_LARGEST, _KEPT = 128 << 20, 1 << 30


def keep_freed_memory() -> None:
    """Let this process reuse freed blocks of up to 128 MiB instead of handing them back to the kernel.

    glibc maps every large tensor again, and its pages are then cleared one by one: on a CPU that took as long
    as MobileSAM's own arithmetic. The cost is up to 1 GiB that stays with the process. Other C libraries are
    left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
