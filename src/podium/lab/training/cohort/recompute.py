"""Activations computed again on the way back, inside a cohort, where torch's own checkpoint does not work.

Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost. A block becomes a function of its input, its weights
and the step's key, all given to it: computed twice, it is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from podium.lab.randomness import current_base, current_row, holding
from podium.lab.training.activations import blocks_of

_again: ContextVar[bool] = ContextVar("again", default=False)
_inside: ContextVar[bool] = ContextVar("inside", default=False)


def let_recompute(model: nn.Module) -> None:
    """Let a model's blocks compute again what they forgot, while `recomputing` says so."""
    for name in blocks_of(model):
        block = model.get_submodule(name)
        block.forward = _forgetful(block, block.forward)


def recomputing(wanted: bool, run: Callable[[], Any]) -> Any:
    """Call a function while blocks forget, or while they do not."""
    token = _again.set(wanted)
    try:
        return run()
    finally:
        _again.reset(token)


def _forgetful(block: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    def again(*inputs: Tensor) -> Tensor:
        if _inside.get() or not _again.get():
            return forward(*inputs)
        state = {**dict(block.named_parameters()), **dict(block.named_buffers())}
        base = current_base()
        key = base if isinstance(base, Tensor) else torch.tensor(base)
        first, context = current_row(), _autocast(inputs[0].device)

        def run(key: Tensor, *tensors: Tensor) -> Tensor:
            token = _inside.set(True)
            try:
                with holding(key, first), torch.autocast(**context):
                    named = dict(zip(state, tensors[len(inputs) :], strict=True))
                    return functional_call(block, named, tensors[: len(inputs)])
            finally:
                _inside.reset(token)

        return _Recomputed.apply(run, None, key, *inputs, *state.values())

    return again


def _autocast(device: torch.device) -> dict[str, Any]:
    kind = device.type
    return {
        "device_type": kind,
        "dtype": torch.get_autocast_dtype(kind),
        "enabled": torch.is_autocast_enabled(kind),
    }


class _Recomputed(torch.autograd.Function):
    """Keep what goes in, forget what happens inside."""

    @staticmethod
    def forward(*args: Any) -> Any:
        run, dims, *tensors = args
        return _called(run, dims, tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004 - torch's signature
        run, dims, *tensors = inputs
        ctx.run, ctx.dims = run, dims
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        wanted = ctx.needs_input_grad[2:]
        tensors = [
            tensor.detach().requires_grad_(needed) for tensor, needed in zip(ctx.saved_tensors, wanted, strict=True)
        ]
        with torch.enable_grad():
            output = _called(ctx.run, ctx.dims, tensors)
        sources = [tensor for tensor, needed in zip(tensors, wanted, strict=True) if needed]
        found = iter(torch.autograd.grad(output, sources, gradients[0], allow_unused=True))
        return None, None, *(next(found) if needed else None for needed in wanted)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:  # noqa: ARG004 - torch's signature
        run, _, *tensors = args
        return _Recomputed.apply(run, in_dims[2:], *tensors), 0


def _called(run: Callable[..., Tensor], dims: tuple[int | None, ...] | None, tensors: Any) -> Tensor:
    return run(*tensors) if dims is None else torch.vmap(run, in_dims=dims)(*tensors)
