"""A step captured once as a CUDA graph and replayed: hundreds of launches become one.

Written after PyTorch's notes on CUDA graphs (warm-up on a side stream, static inputs, one memory pool); it has been run
on no GPU yet. On a CPU, and where a step cannot be captured, steps run as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 3  # steps before a capture, as PyTorch's notes advise; they are real steps of the training

Run = Callable[..., Tensor]


class Replayed:
    """A function of tensors that is captured at its fourth call, for inputs of the same shapes.

    Attributes:
        captured: whether calls replay a graph by now.
    """

    def __init__(self, run: Run, device: torch.device) -> None:
        self.run = run
        self.captured = False
        self._possible = device.type == "cuda"
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor] = []
        self._output: Tensor | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Return what the function returns; a captured one writes over it in the next call."""
        if not self._possible:
            return self.run(*inputs)
        if self._graph is not None and self._output is not None:
            if [value.shape for value in inputs] != [value.shape for value in self._inputs]:
                return self.run(*inputs)  # an epoch's last batch may be smaller
            for mine, given in zip(self._inputs, inputs, strict=True):
                mine.copy_(given)
            self._graph.replay()
            return self._output
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._aside(inputs)
        return self._capture(inputs)

    def _aside(self, inputs: Sequence[Tensor]) -> Tensor:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            output = self.run(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return output

    def _capture(self, inputs: Sequence[Tensor]) -> Tensor:
        """Capture, which computes nothing, then replay once; where that fails, go on without for good."""
        self._inputs = [value.clone() for value in inputs]
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._output = self.run(*self._inputs)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            self._possible, self._output, self._inputs = False, None, []
            torch.cuda.synchronize()
            return self.run(*inputs)
        self._graph, self.captured = graph, True
        graph.replay()
        assert self._output is not None  # noqa: S101 - written by the capture
        return self._output
