"""One forward pass, watched: shapes and FLOPs of every module, attention, and what each line of the source made.

Modules are watched by hooks, calls of torch by a TorchFunctionMode, which sees `linear`, `@` and `softmax` as the
author wrote them. nn.MultiheadAttention is opaque to it, so its heads are read off the module.
"""

from __future__ import annotations

import inspect
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakTensorKeyDictionary

from podium.lab.training.describe.kinds import kind_name
from podium.lab.training.describe.lines import Lines
from podium.spec import PodiumError

SECONDS = 60.0  # for one forward pass


@dataclass
class Trace:
    """What one forward pass showed; modules by their path, the root's is empty.

    Attributes:
        steps: name, type, in, within, depends, out (see `describe`), in order of the first calls.
        calls: how often each module ran.
        own_flops: FLOPs in a module's own forward, in all its calls, without its children's.
        flops: torch's own total.
        attention: module, type, kind ("explicit", "fused", "torch"), weights (shape of the softmax).
        lines: see `Lines.told`.
        uncounted: modules whose FLOPs torch does not know.
    """

    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    own_flops: Counter[str] = field(default_factory=Counter)
    flops: int = 0
    attention: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    uncounted: list[str] = field(default_factory=list)


def trace(model: nn.Module, inputs: tuple[torch.Tensor, ...], seconds: float = SECONDS) -> Trace:
    """Run the model once in evaluation mode, without gradients, and return what was seen; leave it as it was.

    Raises:
        PodiumError: for a forward pass that fails, or takes longer than `seconds`.
    """
    counter = FlopCounterMode(display=False)
    watch = _Watch(model, inputs, counter, time.monotonic() + seconds)
    with _left_as_it_was(model, inputs), watch.hooks(), torch.no_grad():
        try:
            with watch, counter:
                model(*inputs)
        except _TooLongError:
            msg = f"The forward pass of {type(model).__name__} took more than {seconds:g} s. Give it a smaller input."
            raise PodiumError(msg) from None
        except Exception as error:
            if isinstance(error, PodiumError):
                raise
            given = ", ".join(_shown(value) for value in inputs) or "nothing"
            said = " ".join(str(error).split())[:300]
            msg = (
                f"The forward pass of {type(model).__name__} failed when given {given}: "
                f"{type(error).__name__}: {said}. Give it the inputs that its forward takes."
            )
            raise PodiumError(msg) from error
    watch.seen.flops = counter.get_total_flops()
    watch.seen.lines = watch.lines.told()
    return watch.seen


class _TooLongError(Exception):
    """The time is up."""


class _Watch(TorchFunctionMode):
    """What is watched while the model runs."""

    def __init__(
        self, model: nn.Module, inputs: Sequence[torch.Tensor], counter: FlopCounterMode, deadline: float
    ) -> None:
        super().__init__()
        self.seen = Trace()
        self.lines = Lines({id(module): name for name, module in model.named_modules()})
        self._modules = dict(model.named_modules())
        self._counter = counter
        self._deadline = deadline
        self._running: list[list[Any]] = []  # path, FLOPs before, FLOPs of its children
        self._busy = False  # we look at tensors ourselves
        # Which inputs a tensor comes from. Weak by identity: an operation may return the very tensor it was given.
        self._depends = WeakTensorKeyDictionary()
        for number, value in enumerate(inputs):
            self._depends[value] = self._depends.get(value, frozenset()) | {number}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Let torch work, then note what came of it."""
        given = kwargs or {}
        result = func(*args, **given)
        if not self._busy:
            self._check_time()
            made = _tensors(result)
            if made:
                self._pass_on([*_tensors(args), *_tensors(given)], made)
                self._note_attention(getattr(func, "__name__", ""), args, given, made[0])
                self.lines.touch(inspect.currentframe(), result)
        return result

    @contextmanager
    def hooks(self) -> Generator[None]:
        """Watch every module's calls."""
        with ExitStack() as handles:
            for path, module in self._modules.items():
                before, after = self._hooks_of(path)
                for handle in (
                    module.register_forward_pre_hook(before, with_kwargs=True),
                    module.register_forward_hook(after, with_kwargs=True),
                ):
                    handles.callback(handle.remove)
            yield

    def _hooks_of(self, path: str) -> tuple[Callable[..., None], Callable[..., None]]:
        def before(module: nn.Module, args: Any, kwargs: Any) -> None:
            with self._looking():
                self._check_time()
                self.lines.touch(inspect.currentframe())
                given = [*_tensors(args), *_tensors(kwargs)]
                self.seen.calls[path] += 1
                step: dict[str, Any] = {"name": path, "type": kind_name(module), "in": _shapes(given)}
                step |= {"within": self._running[-1][0] if self._running else None, "depends": self._sources(given)}
                self.seen.steps.setdefault(path, step)
            self._running.append([path, self._counter.get_total_flops(), 0])

        def after(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            path, started, inside = self._running.pop()
            spent = self._counter.get_total_flops() - started
            self.seen.own_flops[path] += spent - inside
            if self._running:
                self._running[-1][2] += spent
            with self._looking():
                made, given = _tensors(output), [*_tensors(args), *_tensors(kwargs)]
                self._pass_on(given, [value for value in made if value not in self._depends])
                self.seen.steps[path].setdefault("out", _shapes(made))
                self.lines.leave(module, output)
                self.lines.touch(inspect.currentframe(), output)
                if isinstance(module, nn.MultiheadAttention) and len(given) > 1:
                    self._keep_attention(path, module, "torch", _multihead_weights(module, given))
                if isinstance(module, nn.RNNBase) and not spent:
                    self.seen.uncounted.append(path)

        return before, after

    def _note_attention(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], made: torch.Tensor) -> None:
        if name not in ("softmax", "scaled_dot_product_attention") or not self._running:
            return
        path = self._running[-1][0]
        module = self._modules[path]
        if name == "softmax":
            named = "att" in f"{type(module).__name__} {path}".lower()
            if made.ndim >= 4 or (made.ndim == 3 and named):
                self._keep_attention(path, module, "explicit", list(made.shape))
        else:
            queries, keys = [*_tensors((*args, *kwargs.values())), made, made][:2]
            self._keep_attention(path, module, "fused", [*queries.shape[:-1], keys.shape[-2]])

    def _keep_attention(self, path: str, module: nn.Module, kind: str, weights: list[int]) -> None:
        if all(kept["module"] != path for kept in self.seen.attention):
            entry = {"module": path, "type": kind_name(module), "kind": kind, "weights": weights}
            self.seen.attention.append(entry)

    def _sources(self, values: Sequence[torch.Tensor]) -> list[int]:
        return sorted(frozenset().union(*(self._depends.get(value, frozenset()) for value in values)))

    def _pass_on(self, given: Sequence[torch.Tensor], made: Sequence[torch.Tensor]) -> None:
        """Let what was made depend on what was given; what was changed in place keeps what it had."""
        sources = frozenset(self._sources(given))
        if sources:
            for value in made:
                self._depends[value] = self._depends.get(value, frozenset()) | sources

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise _TooLongError

    @contextmanager
    def _looking(self) -> Generator[None]:
        self._busy = True
        try:
            yield
        finally:
            self._busy = False


@contextmanager
def _left_as_it_was(model: nn.Module, inputs: Sequence[torch.Tensor]) -> Generator[None]:
    """Put modes, randomness and torch's switches back; in evaluation mode no statistics move."""
    modules = list(model.modules())
    modes = [module.training for module in modules]
    fast = torch.backends.mha.get_fastpath_enabled()
    devices = sorted({value.device.index or 0 for value in inputs if value.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        try:
            torch.backends.mha.set_fastpath_enabled(False)  # its fused kernel hides FLOPs from torch's own counter
            for module in modules:
                module.training = False
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            for module, mode in zip(modules, modes, strict=True):
                module.training = mode


def _tensors(values: Any) -> list[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        return [values]
    if isinstance(values, Mapping):
        values = tuple(values.values())
    if isinstance(values, (tuple, list)):
        return [tensor for value in values for tensor in _tensors(value)]
    return []


def _shapes(values: Sequence[torch.Tensor]) -> list[list[int]]:
    return [list(value.shape) for value in values]


def _multihead_weights(module: nn.MultiheadAttention, given: Sequence[torch.Tensor]) -> list[int]:
    """Return the shape (N, H, L, S) of the weights that torch's attention computes out of sight."""
    queries, keys = given[0], given[1]
    if queries.ndim == 2:
        return [module.num_heads, queries.shape[0], keys.shape[0]]
    batch, tokens = (0, 1) if module.batch_first else (1, 0)
    return [queries.shape[batch], module.num_heads, queries.shape[tokens], keys.shape[tokens]]


def _shown(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return f"{'x'.join(map(str, value.shape))}:{str(value.dtype).removeprefix('torch.')}"
