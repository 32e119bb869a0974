"""Optional packages that some segmenters need."""

from __future__ import annotations

from sampt._internal.extras import require


def check_packages(name: str) -> None:
    """Check before any work that the packages of a segmenter are installed.

    Raises:
        SamptError: one is not; the message says how to install it.
    """
    if name.startswith(("hq-sam-", "mobile-sam")):  # MobileSAM uses HQ-SAM's encoder
        require("segment_anything_hq", "timm", purpose=f"segmenter {name}")
