"""Small parts to plug into the method, whose right answers are known, and a source that counts reads."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import segment_anything.modeling
import torch
from segment_anything.modeling import MaskDecoder, Sam
from torch import Tensor

from sampt.segmenters import hq_sam
from sampt.segmenters.base import Decoded, Embedding, PromptableSegmenter, Prompts
from sampt.segmenters.sam import SamSegmenter
from sampt.trackers.base import OnlineTracker, Step, Visibility
from sampt.trackers.clip import Clip

RED, GREEN = (200, 30, 30), (30, 180, 60)


ENCODER_SIDE = 64


def tiny_sam(side: int = ENCODER_SIDE, seed: int = 0, depth: int = 1) -> Sam:
    """SAM's own modules at a size that runs in a millisecond, with random weights that do something."""
    return _tiny(segment_anything.modeling, MaskDecoder, side, seed, depth)


def tiny_hq_sam(side: int = ENCODER_SIDE, seed: int = 0, depth: int = 1) -> Sam:
    """HQ-SAM's, likewise."""
    modules = hq_sam.package.modeling
    return _tiny(modules, partial(modules.MaskDecoderHQ, vit_dim=48), side, seed, depth)


def _tiny(modules: Any, decoder: Any, side: int, seed: int, depth: int) -> Sam:
    """All blocks of the encoder but the last attend within windows."""
    torch.manual_seed(seed)
    channels, grid = 32, side // 16
    model = modules.Sam(
        modules.ImageEncoderViT(
            img_size=side,
            embed_dim=48,
            depth=depth,
            num_heads=3,
            out_chans=channels,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            rel_pos_zero_init=False,
            window_size=14,
            global_attn_indexes=(depth - 1,),
        ),
        modules.PromptEncoder(channels, (grid, grid), (side, side), 16),
        decoder(
            transformer_dim=channels,
            transformer=modules.TwoWayTransformer(2, channels, 8, 64),
            num_multimask_outputs=3,
        ),
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "rel_pos" in name:
                parameter.normal_()
            elif parameter.ndim > 1:
                parameter.mul_(2)
    return model.eval()


def tiny_segmenter() -> SamSegmenter:
    return SamSegmenter(tiny_sam())


def tiny_hq_segmenter() -> SamSegmenter:
    return hq_sam.HqSamSegmenter(tiny_hq_sam())


def squares(frames: int = 12, gone: range | None = None) -> np.ndarray:
    """(frames, 48, 64, 3): a red and a green rectangle on black move right by 1 px a frame.

    In the frames of ``gone`` the green one is not there.
    """
    clip = np.zeros((frames, 48, 64, 3), np.uint8)
    for t in range(frames):
        clip[t, 6:18, 6 + t : 18 + t] = RED
        if gone is None or t not in gone:
            clip[t, 26:40, 4 + t : 14 + t] = GREEN
    return clip


def truth(clip: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """(T, H, W) bool: where a clip has a colour."""
    return (clip == np.array(colour, np.uint8)).all(-1)


class ColourSegmenter(PromptableSegmenter):
    """The pixels of the colour under the first positive (or in the middle of the box); black is no object.

    Low resolution is full resolution. The score is 1, or 0 for an empty mask. ``encoded`` counts frames,
    ``prompted`` keeps every decode's prompts,
    and ``in_use()`` is how many answers somebody still holds.
    """

    name = "colour"

    def __init__(self) -> None:
        self.encoded = 0
        self.prompted: list[Prompts] = []
        self._answers: list[weakref.ref[np.ndarray]] = []

    def encode(self, frames: Sequence[np.ndarray]) -> list[Embedding]:
        self.encoded += len(frames)
        return [Embedding(frame.copy(), frame.shape[:2], frame.nbytes) for frame in frames]

    def decode(
        self, embedding: Embedding, prompts: Prompts, contexts: Sequence[object] | None = None
    ) -> Decoded:
        self.prompted.append(prompts)
        masks = [self._mask(embedding.features, prompts, i) for i in range(len(prompts))]
        scores = torch.tensor([float(mask.any()) for mask in masks])
        logits = np.where(masks, 1.0, -1.0).astype(np.float32)
        self._answers.append(weakref.ref(logits))
        return Decoded(torch.from_numpy(logits), scores)

    def in_use(self) -> int:
        return sum(answer() is not None for answer in self._answers)

    def _mask(self, frame: np.ndarray, prompts: Prompts, i: int) -> np.ndarray:
        positives = prompts.points[i][prompts.labels[i] == 1]
        if len(positives):
            x, y = positives[0].round().int().tolist()
        else:
            assert prompts.boxes is not None
            x, y = ((prompts.boxes[i, :2] + prompts.boxes[i, 2:]) / 2).int().tolist()
        y, x = np.clip(y, 0, frame.shape[0] - 1), np.clip(x, 0, frame.shape[1] - 1)
        return (frame == frame[y, x]).all(-1) & frame.any(-1)

    def upscale(self, low_res: Tensor, size: tuple[int, int]) -> Tensor:
        return low_res


class DiscSegmenter(ColourSegmenter):
    """A disc of radius 10 around the first positive, with logits that fall from its centre to its edge."""

    name = "disc"

    def decode(
        self, embedding: Embedding, prompts: Prompts, contexts: Sequence[object] | None = None
    ) -> Decoded:
        self.prompted.append(prompts)
        y, x = np.mgrid[: embedding.size[0], : embedding.size[1]]
        centres = [
            points[labels == 1][0].tolist()
            for points, labels in zip(prompts.points, prompts.labels, strict=True)
        ]
        logits = np.stack([10 - np.hypot(x - cx, y - cy) for cx, cy in centres]).astype(np.float32)
        return Decoded(torch.from_numpy(logits), torch.ones(len(centres)))


class SteadyTracker(OnlineTracker):
    """Knows that everything moves right by 1 px a frame of the video.

    hidden: numbers of frames in which points are invisible. dropping: so many more of the points are
    invisible, the last ones first, with every frame after their query.
    """

    name = "steady"

    def __init__(self, hidden: range = range(0), dropping: int = 0) -> None:
        self.hidden, self.dropping = hidden, dropping
        self.runs: list[tuple[range, np.ndarray]] = []

    def stream(self, clip: Clip, queries: np.ndarray) -> Iterator[Step]:
        self.runs.append((clip.indices, queries))
        starts = queries[:, 0].astype(int)
        for t, number in enumerate(clip.indices):
            moved = number - np.array([clip.indices[s] for s in starts])
            xy = np.where((t < starts)[:, None], 0, moved[:, None]) * np.float32([1, 0]) + queries[:, 1:]
            seen = np.arange(len(queries)) < len(queries) - self.dropping * np.maximum(t - starts, 0)
            visible = (t == starts) | ((t > starts) & seen & (number not in self.hidden))
            yield (
                xy.astype(np.float32),
                np.where(visible, Visibility.VISIBLE, Visibility.INVISIBLE).astype(np.int8),
            )


class CountedFrames:
    """Frames from memory; ``read`` holds the number of every frame that was asked for, in order."""

    def __init__(self, frames: np.ndarray) -> None:
        self.frames = frames
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> np.ndarray:
        self.read.append(index)
        return self.frames[index]
