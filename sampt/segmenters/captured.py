"""Many small GPU kernels in one launch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[..., tuple[Tensor, ...]]
Signature = tuple[tuple[torch.Size, torch.dtype] | None, ...]


class Captured:
    """A function of tensors, replayed as a CUDA graph; one graph for each combination of shapes.

    A mask decoder is some two hundred small kernels, whose launches take longer than their work. The function
    may neither wait for the device nor depend on values. On other devices it is simply called.

    limit: how many graphs are kept; the one least recently used goes first.
    """

    def __init__(self, function: Function, device: torch.device, limit: int = 32) -> None:
        self.function, self.device, self.limit = function, device, limit
        self._graphs: OrderedDict[Signature, _Graph] = OrderedDict()

    def __call__(self, *inputs: Tensor | None) -> tuple[Tensor, ...]:
        if self.device.type != "cuda":
            return self.function(*inputs)
        signature = tuple(None if x is None else (x.shape, x.dtype) for x in inputs)
        graph = self._graphs.get(signature)
        if graph is None:
            graph = self._graphs[signature] = _Graph(self.function, inputs)
            if len(self._graphs) > self.limit:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(signature)
        return graph(inputs)


class _Graph:
    """One captured call: inputs are copied into its memory, outputs out of it."""

    def __init__(self, function: Function, inputs: tuple[Tensor | None, ...]) -> None:
        self._inputs = [None if x is None else x.clone() for x in inputs]
        # Kernels are chosen and workspaces allocated in a call before, as capturing forbids both.
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                function(*self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outputs = function(*self._inputs)

    def __call__(self, inputs: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
        for kept, given in zip(self._inputs, inputs, strict=True):
            if kept is not None and given is not None:
                kept.copy_(given)
        self._graph.replay()
        return tuple(output.clone() for output in self._outputs)
