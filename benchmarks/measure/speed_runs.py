"""Repeated, timed runs of one setting of the pipeline."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from sampt._internal.devices import choose_device, choose_dtype
from sampt.config import load_config
from sampt.methods.base import VideoMethod
from sampt.methods.registry import build_method
from sampt.output.writer import ResultWriter
from sampt.prompts.query_points import QueryPoints
from sampt.segmenters.base import Decoded, Embedding, Prompts
from sampt.segmenters.variants import with_random_weights
from sampt.video.reader import Video

STAGES = ("decode video", "select", "encode", "track", "prompt", "reinit", "upscale", "write", "all")
"""The stages. ``all`` is a whole run; decoding is measured alone, as in a run it is part of tracking."""

Shape = tuple[int, bool, bool]
"""The shape of an object's prompt: how many points, whether there is a box, whether there is a mask."""


@dataclass(frozen=True)
class SpeedSetting:
    """What is measured; ``extra`` are the overrides in which settings differ."""

    segmenter: str
    checkpoint: Path | None
    random_weights: int | None
    config: str
    overrides: tuple[str, ...]
    extra: tuple[str, ...] = ()

    def also(self, extra: Sequence[str]) -> SpeedSetting:
        return replace(self, extra=tuple(extra))

    def build(self) -> VideoMethod:
        """The method, with random weights if requested."""
        named = f"segmenter.name={self.segmenter}"
        # Random scores mean nothing, so no mask is dropped because of them.
        kept = ("prompting.iou_threshold=null",) if self.random_weights is not None else ()
        config = load_config(self.config, [named, *kept, *self.overrides, *self.extra])
        if self.random_weights is None:
            checkpoint = None if self.checkpoint is None else str(self.checkpoint)
            return build_method(replace(config, segmenter=replace(config.segmenter, checkpoint=checkpoint)))
        device = choose_device(config.device)
        dtype = choose_dtype(config.dtype, device)
        return build_method(
            config,
            segmenter=with_random_weights(self.segmenter, self.random_weights, device, dtype, config.compile),
        )


@dataclass
class Timing:
    """The runs of one setting so far.

    Attributes:
        seconds: seconds of each stage, one entry per run.
    """

    setting: SpeedSetting
    model: VideoMethod
    seconds: dict[str, list[float]] = field(default_factory=dict)
    frames: int = 0
    peak_mib: float | None = None

    def __post_init__(self) -> None:
        self._calls: Counter[Shape] = Counter()
        self._batches = 0
        self._single: dict[Shape, float] = {}
        self._embedding: Embedding | None = None
        self._decode = self.model.segmenter.decode
        self._on_gpu = self.model.segmenter.device.type == "cuda"

    def warm_up(self, video: Path, mask: Path) -> None:
        """Do one run that does not count, in which every prompt's shape is noted."""
        setattr(self.model.segmenter, "decode", self._noting)  # noqa: B010 - mypy forbids the plain way
        self._once(video, mask, None)
        setattr(self.model.segmenter, "decode", self._decode)  # noqa: B010

    def run(self, video: Path, mask: Path) -> None:
        """Do one run that counts; on a GPU another one for the stages, waiting for the GPU after each."""
        _forget_peak(self._on_gpu)
        measured = self._once(video, mask, None)
        self.peak_mib = _peak_mib(self._on_gpu)
        if self._on_gpu:
            measured = {**self._once(video, mask, torch.cuda.synchronize), "all": measured["all"]}
        for stage, seconds in measured.items():
            self.seconds.setdefault(stage, []).append(seconds)

    def _once(self, path: Path, mask: Path, settle: Callable[[], None] | None) -> dict[str, float]:
        with TemporaryDirectory(prefix="sampt-speed-") as folder:
            begin = time.perf_counter()
            with Video(path) as video:
                self.frames = sum(1 for _ in video)
            decoding = time.perf_counter() - begin
            begin = time.perf_counter()
            with Video(path) as video:
                segmentation = self.model.stream(video, QueryPoints.from_mask_file(mask, 0))
                segmentation.stopwatch.settle = settle
                with ResultWriter(Path(folder) / "out", segmentation, 25.0) as writer:
                    for result in segmentation:
                        with segmentation.stopwatch("write"):
                            writer.write(video[result.index], result)
            whole = time.perf_counter() - begin
        return {**segmentation.stopwatch.seconds, "decode video": decoding, "all": whole}

    def _noting(self, embedding: Embedding, prompts: Prompts, contexts: Any = None) -> Decoded:
        shape = prompts.points.shape[1], prompts.boxes is not None, prompts.masks is not None
        self._calls[shape] += len(prompts)
        self._batches += 1
        self._embedding = embedding
        return self._decode(embedding, prompts, contexts)

    def time_single_calls(self, repeats: int = 7) -> None:
        """Time the decoder for one object, with each shape of prompt that occurred."""
        device = self.model.segmenter.device
        for points, box, mask in self._calls:
            assert self._embedding is not None
            xy, labels = torch.rand(1, points, 2) * 100, torch.ones(1, points, dtype=torch.int64)
            prompts = Prompts(xy.to(device), labels.to(device))
            low_res = self._decode(self._embedding, prompts).low_res
            prompts = Prompts(
                prompts.points,
                prompts.labels,
                torch.tensor([[10.0, 10.0, 90.0, 90.0]], device=device) if box else None,
                low_res if mask else None,
            )
            self._single[points, box, mask] = float(
                np.median([self._time_call(self._embedding, prompts) for _ in range(repeats)])
            )

    def _time_call(self, embedding: Embedding, prompts: Prompts) -> float:
        begin = time.perf_counter()
        self._decode(embedding, prompts)
        if self._on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - begin

    def milliseconds(self, stage: str) -> list[float]:
        """The milliseconds per frame of each run."""
        return [1000 * s / self.frames for s in self.seconds.get(stage, [])]

    @property
    def frames_per_second(self) -> float:
        return self.frames / float(np.median(self.seconds["all"]))

    @property
    def calls_per_frame(self) -> float:
        return self._batches / self.frames

    @property
    def overhead(self) -> float:
        """All time except the encoder's, in units of one decoder call per object and pass."""
        calls = sum(n * self._single[shape] for shape, n in self._calls.items())
        return float(np.median(np.subtract(self.seconds["all"], self.seconds["encode"]))) / calls

    def summary(self) -> dict[str, Any]:
        """All figures as plain values."""
        return {
            "setting": [*self.setting.overrides, *self.setting.extra],
            "milliseconds_per_frame": {stage: self.milliseconds(stage) for stage in STAGES},
            "frames_per_second": self.frames_per_second,
            "decoder_calls_per_frame": self.calls_per_frame,
            "single_decoder_call_milliseconds": [
                {"points": p, "box": b, "mask": m, "milliseconds": 1000 * s, "objects": self._calls[p, b, m]}
                for (p, b, m), s in self._single.items()
            ],
            "all_but_encode_over_single_decoder_calls": self.overhead,
            "peak_mib": self.peak_mib,
        }


def _forget_peak(on_gpu: bool) -> None:
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    elif Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mib(on_gpu: bool) -> float | None:
    """The peak since the last reset, of the GPU's memory or else of this process; None if not known."""
    if on_gpu:
        return torch.cuda.max_memory_allocated() / 2**20
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) / 1024 if peaks else None
