"""Packages that some segmenters are made of, and that are not installed by default."""

from __future__ import annotations

from sampt._internal.extras import require


def check_packages(name: str) -> None:
    """Find out before any work that what a segmenter is made of is installed.

    Raises:
        SamptError: it is not; the message says how to get it.
    """
    if name.startswith(("hq-sam-", "mobile-sam")):  # MobileSAM's encoder is HQ-SAM's, too
        require("segment_anything_hq", "timm", purpose=f"segmenter {name}")
