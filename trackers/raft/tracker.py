"""RAFT optical flow (Teed and Deng, ECCV 2020), by torchvision, chained into point tracks."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchvision.models.optical_flow import RAFT

# torchvision's own last step; it is not exported, but RAFT.forward would do it in every iteration.
from torchvision.models.optical_flow._utils import make_coords_grid, upsample_flow

from ..flow import FlowTracker
from ..frames import working_size
from ..neural import NeuralTracker, Weights, autocast, checked_dtype
from .options import RaftOptions
from .weights import build_raft, raft_size, torchvision_state

_STRIDE = 8
_SMALLEST = 128
"""The coarsest level of the correlations needs two rows and columns, each of 64 px."""


class RaftFrame(NamedTuple):
    """What RAFT needs of a frame, whichever of a pair it is; h×w is its padded size over 8.

    features: (1, C, h, w), what is compared with another frame's.
    hidden, context: (1, D, h, w) each, from which the recurrent unit starts and what it always sees.
    size: (height, width) before the padding.
    """

    features: Tensor
    hidden: Tensor
    context: Tensor
    size: tuple[int, int]


class RaftFlow:
    """A ``DenseFlow`` by RAFT, on frames of at most ``max_side`` px.

    As in the original, colours run from -1 to 1, and frames are padded to multiples of 8 by repeating
    their edges, half of it on either side; beyond that, to at least 128 px. A frame is encoded once, for all
    flows that it takes part in. With ``dtype`` bfloat16 the convolutions run in it, the correlations and the
    flow itself always in float32.

    Args:
        model: torchvision's RAFT, which is moved to ``device`` and put into evaluation mode.
        options: of which ``iterations`` and ``max_side`` count here.
        device, dtype: where and how to compute; float32 or bfloat16.

    Raises:
        ValueError: another dtype.
    """

    def __init__(
        self,
        model: RAFT,
        options: RaftOptions,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.dtype = checked_dtype(dtype)
        self.model = model.to(device).eval()
        self.device = torch.device(device)
        self.iterations = options.iterations
        self.max_side = options.max_side

    @torch.inference_mode()
    def prepare(self, frame: NDArray[np.uint8]) -> RaftFrame:
        """Encode a frame, (H, W, 3) uint8 RGB."""
        height, width = working_size(frame.shape[:2], self.max_side)
        if (height, width) != frame.shape[:2]:
            frame = np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        image = torch.from_numpy(np.ascontiguousarray(frame)).to(self.device)
        image = 2 * (image.permute(2, 0, 1)[None].float() / 255) - 1
        (left, right), (top, bottom) = padding(width), padding(height)
        image = functional.pad(image, (left, right, top, bottom), mode="replicate")
        with autocast(self.device, self.dtype):
            features = self.model.feature_encoder(image)
            encoded = self.model.context_encoder(image)
            depth = self.model.update_block.hidden_state_size
            hidden, context = torch.tanh(encoded[:, :depth]), torch.relu(encoded[:, depth:])
        return RaftFrame(features, hidden, context, (height, width))

    @torch.inference_mode()
    def __call__(self, first: RaftFrame, second: RaftFrame) -> NDArray[np.float32]:
        """The motion from ``first`` to ``second``, (h, w, 2) float32 px of the frames worked on."""
        coarse, hidden = self.coarse_flow(first, second)
        with autocast(self.device, self.dtype):
            weights = None if self.model.mask_predictor is None else self.model.mask_predictor(hidden)
        full = upsample_flow(coarse, None if weights is None else weights.float())[0]
        height, width = first.size
        top, left = padding(height)[0], padding(width)[0]
        flow = full[:, top : top + height, left : left + width].permute(1, 2, 0)
        return np.ascontiguousarray(flow.cpu().numpy())

    @torch.inference_mode()
    def coarse_flow(self, first: RaftFrame, second: RaftFrame) -> tuple[Tensor, Tensor]:
        """The flow between padded frames at an eighth of their size, and the recurrent unit's last state.

        Returns (1, 2, h, w) float32, in units of 8 px, and (1, D, h, w).
        """
        model, hidden = self.model, first.hidden
        model.corr_block.build_pyramid(first.features.float(), second.features.float())
        start = make_coords_grid(1, *first.features.shape[-2:]).to(self.device)
        flow = torch.zeros_like(start)
        for _ in range(self.iterations):
            similar = model.corr_block.index_pyramid(centroids_coords=start + flow)
            with autocast(self.device, self.dtype):
                hidden, delta = model.update_block(hidden, first.context, similar, flow)
            flow = flow + delta.float()
        # The model would keep all pairs' correlations until the next flow: gigabytes that others may need.
        model.corr_block.corr_pyramid = []
        return flow, hidden


class Raft(FlowTracker, NeuralTracker):
    """Chained RAFT flow; the network is torchvision's, large or small.

    Raises:
        ValueError: ``dtype`` is neither float32 nor bfloat16.
    """

    name: ClassVar[str] = "raft"
    Options = RaftOptions

    def __init__(
        self,
        model: RAFT,
        options: RaftOptions,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(RaftFlow(model, options, device, dtype), options)

    @staticmethod
    def build_network(weights: Weights) -> RAFT:
        return build_raft(raft_size(weights))

    @staticmethod
    def rename_weights(weights: Weights) -> Weights:
        return torchvision_state(weights)


def padding(side: int) -> tuple[int, int]:
    """Pixels to add before and after ``side`` of them, for RAFT to take the frame."""
    missing = max(-side % _STRIDE, _SMALLEST - side)
    return missing // 2, missing - missing // 2
