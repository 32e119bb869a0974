"""Segmenters by their names."""

from __future__ import annotations

import pytest

from sampt.errors import ConfigError
from sampt.segmenters.registry import SEGMENTERS, create_segmenter
from sampt.segmenters.variants import VARIANTS


class TestRegistry:
    def test_names(self):
        assert set(SEGMENTERS) == {"grabcut", *VARIANTS}

    def test_an_unknown_name(self):
        with pytest.raises(ConfigError, match="'grabcut'"):
            create_segmenter("grab-cut")

    def test_a_checkpoint_that_is_not_taken(self):
        with pytest.raises(ConfigError, match=r"grabcut .*checkpoint"):
            create_segmenter("grabcut", "weights.pth")

    def test_an_unknown_option(self):
        with pytest.raises(ConfigError, match=r"grabcut .*options"):
            create_segmenter("grabcut", options={"radius": 3})
