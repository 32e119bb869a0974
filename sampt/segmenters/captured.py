"""CUDA graphs: many small GPU kernels in one launch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[..., tuple[Tensor, ...]]
Signature = tuple[tuple[torch.Size, torch.dtype] | None, ...]


class Captured:
    """Function of tensors that is replayed as a CUDA graph, with one graph per combination of shapes.

    A mask decoder consists of some two hundred small kernels, whose launches take longer than their work. The
    function must neither wait for the device nor depend on values. On other devices it is simply called.

    Args:
        function: function to capture.
        device: device of the tensors.
        limit: maximum number of graphs; the least recently used one is dropped first.
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
    """Captured call: inputs are copied into its memory, outputs out of it."""

    def __init__(self, function: Function, inputs: tuple[Tensor | None, ...]) -> None:
        self._inputs = [None if x is None else x.clone() for x in inputs]
        # A first call chooses kernels and allocates workspaces, as capturing forbids both.
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
