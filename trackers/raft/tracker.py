"""The RAFT tracker: optical flow (Teed and Deng, ECCV 2020), by torchvision, chained into point tracks."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchvision.models.optical_flow import RAFT

# torchvision's own last step, which is not exported. RAFT.forward would do it in every iteration.
from torchvision.models.optical_flow._utils import make_coords_grid, upsample_flow

from ..flow import FlowTracker
from ..frames import working_size
from ..neural import NeuralTracker, Weights, autocast, checked_dtype
from .options import RaftOptions
from .weights import build_raft, raft_size, torchvision_state

_STRIDE = 8
_SMALLEST = 128
"""Smallest side, px: the coarsest correlations need two rows and columns of 64 px each."""


class RaftFrame(NamedTuple):
    """An encoded frame, for either place in a pair; h×w is its padded size divided by 8.

    Attributes:
        features: (1, C, h, w), compared with another frame's.
        hidden: (1, D, h, w), the recurrent unit's first state.
        context: (1, D, h, w), an input of every update.
        size: (height, width) before padding, px.
    """

    features: Tensor
    hidden: Tensor
    context: Tensor
    size: tuple[int, int]


class RaftFlow:
    """A ``DenseFlow`` by RAFT, on frames of at most ``max_side`` px.

    As in the original, colours range from -1 to 1, and frames are padded to multiples of 8 by repeating their
    edges, half on either side; unlike there, they are also padded to at least 128 px. A frame is encoded once
    for all flows that it is part of. With bfloat16, only the convolutions run in it; the correlations and the
    flow itself are always float32.

    Args:
        model: torchvision's RAFT; it is moved to ``device`` and put into evaluation mode.
        options: of which only ``iterations`` and ``max_side`` are used.
        device: where to compute.
        dtype: float32, or bfloat16 for mixed precision by autocast.

    Raises:
        ValueError: ``dtype`` is neither.
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
        """The motion from ``first`` to ``second``: (h, w, 2) float32 px at the working resolution."""
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

        Returns:
            (1, 2, h, w) float32, in units of 8 px, and (1, D, h, w).
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
        # The model would keep gigabytes of correlations until the next flow.
        model.corr_block.corr_pyramid = []
        return flow, hidden


class Raft(FlowTracker, NeuralTracker):
    """A tracker by chained RAFT flow; the network is torchvision's, large or small.

    Args:
        model: the network, as ``build_raft`` makes it; it is moved to ``device``.
        options: the tracker's options.
        device: where to compute.
        dtype: float32, or bfloat16 for mixed precision by autocast.

    Raises:
        ValueError: ``dtype`` is neither.
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
    """The pixels to add before and after a side of ``side`` px so that RAFT accepts the frame."""
    missing = max(-side % _STRIDE, _SMALLEST - side)
    return missing // 2, missing - missing // 2
