"""The network of PIPS, small and with random weights."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from sampt.trackers.pips.network import CHANNELS, correlate, feature_pyramid
from sampt.trackers.pips.options import WINDOW


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_correlation_is_that_with_interpolated_features(seed):
    generator = torch.Generator().manual_seed(seed)
    maps, looks = torch.randn(2, 6, 9, 4, generator=generator), torch.randn(3, 2, 4, generator=generator)
    xy = torch.rand(3, 2, 2, generator=generator) * 20 - 5
    reach = torch.arange(-3.0, 4.0)
    offsets = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), dim=-1)
    around = (xy[:, :, None, None] + offsets).permute(1, 0, 2, 3, 4).reshape(2, 3, 49, 2)
    grid = 2 * around / torch.tensor([8.0, 5.0]) - 1
    features = F.grid_sample(maps.permute(0, 3, 1, 2), grid, align_corners=True)
    expected = torch.einsum("fcnk,nfc->nfk", features, looks) / 2
    torch.testing.assert_close(correlate(maps, looks, xy), expected, atol=1e-4, rtol=1e-4)


def test_correlation_far_outside_is_zero():
    far = torch.tensor([[[1e30, 2.0]], [[2.0, -1e30]], [[-5.0, 2.0]]])
    assert not correlate(torch.ones(1, 5, 5, 4), torch.ones(3, 1, 4), far).any()


def test_a_feature_map_of_one_feature_can_be_correlated():
    fit = correlate(torch.ones(1, 1, 1, 4), torch.ones(1, 1, 4), torch.zeros(1, 1, 2)).view(7, 7)
    assert fit[3, 3] == 2 and fit.sum() == 2


def test_each_level_of_the_pyramid_averages_four_features_of_the_one_before():
    levels = feature_pyramid(torch.arange(64.0).view(1, 1, 8, 8))
    assert [tuple(level.shape[1:3]) for level in levels] == [(8, 8), (4, 4), (2, 2), (1, 1)]
    assert levels[1][0, 0, 0] == (0 + 1 + 8 + 9) / 4 and levels[3].item() == 31.5


def test_points_look_like_the_interpolated_features_and_like_the_edge_beyond_it(network):
    maps = torch.arange(6.0).view(1, 2, 3).expand(CHANNELS, -1, -1)
    xy = torch.tensor([[4.0, 0.0], [2.0, 2.0], [-50.0, 0.0], [1e30, 9.0]])
    assert network.describe(maps, xy)[:, 0].tolist() == [1.0, 2.0, 0.0, 5.0]


@torch.inference_mode()
def test_the_first_frames_position_is_kept_and_the_others_are_corrected(network):
    maps = network.encode(torch.rand(WINDOW, 3, 32, 48) * 255)
    xy = torch.tensor([[10.0, 20.0], [30.0, 5.0]])
    window = network(maps, xy, network.describe(maps[0], xy), 2)
    assert window.xy[:, 0].equal(xy)
    assert (window.xy[:, 1:] != xy[:, None]).all()
