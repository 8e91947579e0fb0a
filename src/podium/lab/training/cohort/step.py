"""The step of a cohort: the stages of one run under `torch.vmap`, their gradients, and one update for all.

Forward passes are vmapped and differentiated from outside, where all variants' losses are summed: the gradient of the
sum is each variant's own. (`vmap` of `grad` gives the same numbers, but asks every operation's backward for a batching
rule, which torch's fused attention lacks.)

Shapes: K variants, P weights of one, B batch, N pictures.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from podium.lab.models.dropout import Dropout
from podium.lab.randomness import holding
from podium.lab.training.cohort.adam import Constants, update
from podium.lab.training.cohort.grouping import STRENGTHS
from podium.lab.training.cohort.memory import Fit
from podium.lab.training.cohort.recompute import let_recompute, recomputing
from podium.lab.training.cohort.stacking import Weights
from podium.lab.training.stages import Batch, run_stages
from podium.lab.training.tasks import Task
from podium.spec import Config

LIVE = ("label_smoothing", *STRENGTHS)  # what stages read of a config in each step


class Member(nn.Module):
    """One variant's model and what its stages read of its config, as parameters and buffers that can be stacked.

    Attributes:
        model: the model, in the form that the whole cohort shares.
        live: the config that the task's stages read; those in `reads` are this module's buffers while it computes.
    """

    live: Config
    reads: list[str]

    def __init__(self, config: Config, model: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.model = model
        self.live = copy.copy(config)
        for module in model.modules():
            if isinstance(module, Dropout) and module.p:  # in a cohort all drop, or none: see `shape_of`
                module.per_variant(dtype)
            if "in_the_open" in dir(type(module)):
                vars(module)["in_the_open"] = True  # torch's fused attention has no rule for many runs at once
        self.reads = [name for name in LIVE if name not in STRENGTHS or getattr(config, name)]
        for name in self.reads:
            self.register_buffer(name, torch.tensor(getattr(config, name), dtype=dtype), persistent=False)

    def forward(self, compute: Callable[[], Any]) -> Any:
        """Compute something with the model, while `live` reads this module's buffers."""
        for name in self.reads:
            object.__setattr__(self.live, name, getattr(self, name))
        return compute()


class Step:
    """One step of a whole cohort: a function of three small tensors, so that it can be captured as a CUDA graph.

    Attributes:
        fit: how much is computed at once.
        data: pictures and targets of the epoch, of all variants, see `feed`.
        goes_K: which variants go on; a loss or a gradient that is not finite ends one.
        gradients_KP: of the last step, before clipping, where `keeps` is set.
    """

    def __init__(
        self, member: Member, task: Task, weights: Weights, *, fixed: Constants, goes_K: Tensor, fit: Fit
    ) -> None:
        self.member, self.task, self.weights, self.fit = member, task, weights, fit
        self.fixed, self.goes_K = fixed, goes_K
        self.data: tuple[Tensor, Tensor] | None = None
        self.keeps = False
        self.gradients_KP: Tensor | None = None
        member.train()  # for good: a variant is judged by its own model
        let_recompute(member.model)

    def feed(self, images: Tensor, targets: Tensor) -> bool:
        """Take the data of an epoch; say whether it lies where the last epoch's did."""
        if self.data is not None and self.data[0] is images:
            return True
        if self.data is not None and self.data[0].shape == images.shape:
            self.data[0].copy_(images)
            self.data[1].copy_(targets)
            return True
        first = self.data is None
        self.data = (images, targets)
        return first

    def __call__(self, chosen_KB: Tensor, keys_K: Tensor, numbers_4K: Tensor) -> Tensor:
        """Compute gradients, update the weights in place, and return loss and share of right answers, (2, K).

        Nothing is written before all gradients are there: where memory runs out, the step can be started again.
        """
        gradients_KP, told_2K = self.gradients(chosen_KB, keys_K)
        self.goes_K.logical_and_(told_2K[0].isfinite())
        update(self.weights, self.fixed, numbers_4K, gradients_KP, self.goes_K)
        if self.keeps:
            self.gradients_KP = gradients_KP
        return told_2K

    def gradients(self, chosen_KB: Tensor, keys_K: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients (K, P) of every variant's mean loss, and loss and share of right answers (2, K)."""
        starts = range(0, len(keys_K), self.fit.variants)
        found = [self._of_some(slice(start, start + self.fit.variants), chosen_KB, keys_K) for start in starts]
        return torch.cat([gradients for gradients, _ in found]), torch.cat([told for _, told in found], dim=1)

    def _of_some(self, rows: slice, chosen_KB: Tensor, keys_K: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `gradients` does, of the variants in some rows."""
        assert self.data is not None  # noqa: S101 - an epoch has begun
        views = self.weights.views(self.weights.values_KP)
        leaves = {name: view[rows].detach().requires_grad_() for name, view in views.items()}
        buffers = {name: value[rows] for name, value in self.weights.buffers.items()}
        state, keys_K, chosen_KB = {**leaves, **buffers}, keys_K[rows], chosen_KB[rows]
        whole = torch.vmap(self._prepare, in_dims=(0, None, None, 0, 0))
        with torch.no_grad():
            images_KB, targets_KB = whole(state, *self.data, chosen_KB, keys_K)
        terms_K = torch.vmap(self.task.terms)(targets_KB).double()
        size = -(-chosen_KB.shape[1] // self.fit.parts)
        total_KP: Tensor | None = None
        told_2K = self.weights.values_KP.new_zeros(2, len(keys_K))
        for first in range(0, chosen_KB.shape[1], size):
            part = slice(first, first + size)
            share_K = torch.vmap(self.task.terms)(targets_KB[:, part]).double() / terms_K

            def answer(
                state: Mapping[str, Tensor], images: Tensor, targets: Tensor, key: Tensor, *, first: int = first
            ) -> tuple[Tensor, Tensor]:
                return self._answer(state, images, targets, key, first)

            run = torch.vmap(answer)
            inputs = (state, images_KB[:, part], targets_KB[:, part], keys_K)
            loss_K, right_K = recomputing(self.fit.again, lambda run=run, inputs=inputs: run(*inputs))
            share_K = share_K.to(loss_K)
            found = torch.autograd.grad((loss_K * share_K).sum(), list(leaves.values()), allow_unused=True)
            self.weights.forget([gradient is None for gradient in found])
            gradient_KP = self.weights.gather(found)
            total_KP = gradient_KP if total_KP is None else total_KP + gradient_KP
            told_2K += torch.stack([loss_K.detach(), right_K]).to(told_2K) * share_K.to(told_2K)
        assert total_KP is not None  # noqa: S101 - a batch has a part
        return total_KP, told_2K

    def tally(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return the task's sums over pictures (N, H, W) with the weights that are judged, (K, M)."""
        return self._judging("tally", images, targets)

    def named(self, images: Tensor) -> Tensor:
        """Return what the weights that are judged name pictures (N, H, W), (K, N)."""
        return self._judging("named", images)

    def _judging(self, method: str, *inputs: Tensor) -> Tensor:
        """Call one of the task's methods with the weights that are judged, each variant's in its turn."""
        weights, compute = self.weights, getattr(self.task, method)
        array_KP = weights.values_KP if weights.average_KP is None else weights.average_KP
        state = {**weights.views(array_KP), **weights.buffers}
        self.member.eval()
        try:
            with torch.no_grad():
                return torch.vmap(
                    lambda own, *given: functional_call(self.member, own, (lambda: compute(*given),)),
                    in_dims=(0, *[None] * len(inputs)),
                    chunk_size=self.fit.variants,
                )(state, *inputs)
        finally:
            self.member.train()

    def _prepare(
        self, state: Mapping[str, Tensor], images: Tensor, targets: Tensor, chosen: Tensor, key: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run the stages that see a batch whole, and return its pictures and targets."""
        batch = Batch(chosen, images, targets, key, key)  # ty: ignore[invalid-argument-type]
        done = self._run(state, batch, key, parts=False)
        return done.images, done.targets

    def _answer(
        self, state: Mapping[str, Tensor], images: Tensor, targets: Tensor, key: Tensor, first: int
    ) -> tuple[Tensor, Tensor]:
        """Run the stages that may see a part of a batch, and return its loss and share of right answers."""
        batch = Batch(targets, images, targets, key, key, first=first)  # ty: ignore[invalid-argument-type]
        done = self._run(state, batch, key, parts=True)
        assert done.loss is not None  # noqa: S101 - the last stage sets it
        return done.loss, self.task.correct(done)

    def _run(self, state: Mapping[str, Tensor], batch: Batch, key: Tensor, *, parts: bool) -> Batch:
        stages = [stage for stage in self.task.stages if stage.parts == parts]

        def compute() -> Batch:
            with holding(key, batch.first):
                return run_stages(stages, batch)

        return functional_call(self.member, dict(state), (compute,))
