"""The loop of a cohort: many runs, one step for all; each begins, ends, stops early or fails alone.

Shapes: K slots, S steps of an epoch, B batch, N pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from podium.lab.data.sets import Split
from podium.lab.training.cohort.adam import constants, table
from podium.lab.training.cohort.entrant import Entrant, Judged
from podium.lab.training.cohort.graphs import Replayed
from podium.lab.training.cohort.grouping import first_slots, slots_for
from podium.lab.training.cohort.memory import Fit
from podium.lab.training.cohort.stacking import MODEL, stack
from podium.lab.training.cohort.step import Step
from podium.lab.training.loop import READS_PER_EPOCH, Moment, NotFiniteError, is_memory, out_of_memory
from podium.lab.training.tasks import build_task
from podium.lab.training.tasks.parts import chunks
from podium.lab.training.usage import make_room
from podium.lab.training.watching import PICTURES, measured
from podium.runs import Record
from podium.spec import Variant

SAVING = 0.05  # share of the time that checkpoints of runs that go on may take: dozens of them take seconds
WRITERS = 8  # files written at once: a disk confirms many together as soon as a few

Progress = Callable[[Variant, Moment], None]
Ended = Callable[[Variant, Record], None]


class Cohort:
    """Runs of one shape, trained together.

    Attributes:
        entrants: those that still train, by slot; a slot past them repeats the first one's weights, and is frozen.
        writers: write rows while training goes on, and checkpoints side by side.
    """

    writers: Executor

    def __init__(self, entrants: Sequence[Entrant], fit: Fit) -> None:
        self.entrants = list(entrants)
        first = self.entrants[0]
        self.device = first.assignment.device
        slots = first_slots([entrant.assignment.variant for entrant in self.entrants])
        seats = [*self.entrants, *[first] * (slots - len(self.entrants))]
        self.weights = stack([entrant.member for entrant in seats], self.device)
        self.configs = [entrant.assignment.config for entrant in seats]
        if any(config.average for config in self.configs):
            self.weights.average_KP = self.weights.values_KP.clone()
        for slot, entrant in enumerate(self.entrants):
            entrant.load(self.weights, slot)
        task = build_task(first.member.live, first.member.model, self.device, first.task.sets)
        fixed = constants(self.configs, self.weights.values_KP)
        goes_K = torch.arange(slots, device=self.device) < len(self.entrants)
        self.step = Step(first.member, task, self.weights, fixed=fixed, goes_K=goes_K, fit=fit)
        self.replayed = Replayed(self.step, self.device)
        self._saved, self._cost = 0.0, 0.0  # when checkpoints were saved, and what that took, in seconds
        for entrant in self.entrants[1:]:
            del entrant.member  # its numbers are in the stack

    def train(self, progress: Progress, ended: Ended) -> bool:
        """Train every entrant to its end; say whether memory sufficed, else they have failed for want of it.

        Raises:
            KeyboardInterrupt: after all records say "interrupted".
            PodiumError: when the disk is full or refuses a write.
        """
        with ThreadPoolExecutor(WRITERS) as self.writers:
            for entrant in self.entrants:
                entrant.recorder.later = self.writers
            return self._train(progress, ended)

    def _train(self, progress: Progress, ended: Ended) -> bool:
        told: set[Variant] = set()

        def tell(variant: Variant, record: Record) -> None:
            told.add(variant)
            ended(variant, record)

        try:
            self._leave(tell)
            while self.entrants:
                self._epoch(progress, tell)
                self._leave(tell)
        except KeyboardInterrupt:
            for entrant in self._open(told):
                entrant.interrupt()
            raise
        except (MemoryError, RuntimeError) as error:  # in a step it has been tried in smaller pieces before
            if not is_memory(error):
                raise
            reason = out_of_memory(error)
        else:
            return True
        make_room(self.device)
        for entrant in self._open(told):
            ended(entrant.assignment.variant, entrant.fail(reason))
        return False

    def _open(self, told: Collection[Variant]) -> list[Entrant]:
        """Return the entrants whose end is not told yet; one that has just left may still have its slot."""
        return [entrant for entrant in self.entrants if entrant.assignment.variant not in told]

    def _epoch(self, progress: Progress, ended: Ended) -> None:
        """Train one epoch of every entrant, each at its own place, then judge them."""
        began = time.perf_counter()
        slots = len(self.configs)
        done = [entrant.done for entrant in self.entrants]
        done += done[:1] * (slots - len(done))
        images, targets, batches = self._data()
        if not self.step.feed(images, targets):
            self.replayed = Replayed(self.step, self.device)
        course = table(self.configs, done, len(batches), self.weights.values_KP)
        reads = {round(len(batches) * part / READS_PER_EPOCH) for part in range(1, READS_PER_EPOCH)}
        sums_2K = torch.zeros(2, slots, device=self.device)
        seen = 0
        for row, chosen_KB in enumerate(batches):
            self.step.keeps = row == len(batches) - 1
            told_2K = self._fitting(chosen_KB, course.keys_SK[row], course.numbers_S4K[row])
            sums_2K += told_2K.float() * chosen_KB.shape[1]
            seen += chosen_KB.shape[1]
            if row + 1 in reads:
                self._tell(progress, (row + 1) / len(batches), sums_2K / seen)
        means_2K = torch.where(self.step.goes_K, sums_2K / seen, torch.nan)
        losses, rights = means_2K.tolist()
        trained = time.perf_counter() - began
        alive = len(self.entrants)
        clock = {"seconds": trained / alive, "images_per_second": round(alive * seen / trained, 1)}
        self._tell(progress, 1.0, means_2K)
        self._judge(losses, rights, clock, ended)

    def _judge(self, losses: list[float], rights: list[float], clock: dict[str, float], ended: Ended) -> None:
        """Validate every entrant; the one whose loss is no number fails alone."""
        gradients_KP = self.step.gradients_KP
        assert gradients_KP is not None  # noqa: S101 - the last step kept them
        self._look(gradients_KP)
        self.step.gradients_KP = None
        failed: list[int] = []
        began = time.perf_counter()
        due = began - self._saved >= self._cost / SAVING
        judged = self._judged()
        clock = {**clock, "seconds": clock["seconds"] + (time.perf_counter() - began) / len(self.entrants)}
        for slot, entrant in enumerate(self.entrants):
            told = {"train_loss": losses[slot], "train_accuracy": rights[slot]}
            try:
                entrant.judge(self.weights, slot, told=told, judged=judged[slot], clock=clock)
            except NotFiniteError as error:
                failed.append(slot)
                ended(entrant.assignment.variant, entrant.fail(str(error)))
        going = [slot for slot in range(len(self.entrants)) if slot not in failed]
        began = time.perf_counter()
        self._save([slot for slot in going if due or self.entrants[slot].over])
        if due:
            self._saved = time.perf_counter()
            self._cost = self._saved - began
        self._keep(going)

    def _save(self, slots: Sequence[int]) -> None:
        """Save checkpoints, several at once, and wait for them: most of what one takes is the disk's time."""
        saved = [self.entrants[slot].save(self.weights, slot, self.writers) for slot in slots]
        for one in saved:
            one.result()

    def _look(self, gradients_KP: Tensor) -> None:
        """Look at everybody's gradients at once, layer by layer, and ask the device once."""
        views = self.weights.views(gradients_KP)
        layers = [list(map(tuple, entrant.gradients.layers.values())) for entrant in self.entrants]
        place = {names: number for number, names in enumerate(dict.fromkeys(chain(*layers)))}
        seen_LKC = torch.stack([self._of_layer([views[MODEL + name] for name in names]) for names in place]).cpu()
        for slot, entrant in enumerate(self.entrants):
            entrant.gradients.take(seen_LKC[[place[names] for names in layers[slot]], slot])

    def _of_layer(self, gradients: Sequence[Tensor]) -> Tensor:
        """Return what `measured` finds of a layer, (K, 1 + bins), in as small pieces as a step is computed in."""
        rows = zip(*(gradient.flatten(1).split(self.step.fit.variants) for gradient in gradients), strict=True)
        return torch.cat([measured(torch.cat(parts, dim=1)) for parts in rows])

    def _judged(self) -> list[Judged | None]:
        """Validate all at once, and ask the device twice; None where a task cannot, or memory does not suffice."""
        task: Any = self.step.task
        nothing: list[Judged | None] = [None] * len(self.entrants)
        if not hasattr(task, "tally"):
            return nothing
        split = task.sets.validation
        try:
            sums_KM = torch.stack([self.step.tally(images, targets) for images, targets in chunks(split)]).sum(dim=0)
            named_KN = self.step.named(split.images[:PICTURES]).cpu()
        except (MemoryError, RuntimeError) as error:
            if not is_memory(error):
                raise
            make_room(self.device)
            return nothing
        rows = zip(sums_KM.tolist()[: len(self.entrants)], named_KN, strict=False)
        return [(task.metrics(sums, len(split)), task.answers(named_N)) for sums, named_N in rows]

    def _leave(self, ended: Ended) -> None:
        """Let those go that are at their end."""
        for slot, entrant in enumerate(self.entrants):
            if entrant.over:
                ended(entrant.assignment.variant, entrant.finish(self.weights, slot))
        self._keep([slot for slot, entrant in enumerate(self.entrants) if not entrant.over])

    def _keep(self, staying: Sequence[int]) -> None:
        """Close the ranks: those who go on come first, then frozen slots up to the next capacity."""
        if len(staying) == len(self.entrants):
            return
        self.entrants = [self.entrants[slot] for slot in staying]
        if not staying:
            return
        slots = slots_for(len(staying), len(self.configs))
        seats = [*staying, *[staying[0]] * (slots - len(staying))]
        self.weights.keep(seats)
        self.configs = [self.configs[slot] for slot in seats]
        self.step.fixed = self.step.fixed.keep(seats)
        self.step.goes_K = torch.arange(slots, device=self.device) < len(staying)
        self.replayed = Replayed(self.step, self.device)

    def _data(self) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Return pictures and targets of the epoch, each kind once, and which stand in which batch: S times (K, B)."""
        fed: dict[tuple[int, int], tuple[Split, Tensor]] = {}
        splits: list[Split] = []
        orders: list[Tensor] = []
        for entrant in self.entrants:
            name = (entrant.assignment.config.seed, entrant.done + 1)
            if name not in fed:
                split, batches = entrant.feed.epoch(entrant.done + 1)
                place = next((i for i, other in enumerate(splits) if other is split), len(splits))
                splits += [split] * (place == len(splits))
                fed[name] = split, torch.cat(batches) + place * len(split)
            orders.append(fed[name][1])
        orders += orders[:1] * (len(self.configs) - len(orders))
        order_KN = torch.stack(orders)
        size = self.entrants[0].assignment.config.batch_size
        if len(splits) == 1:
            return splits[0].images, splits[0].targets, order_KN.split(size, dim=1)
        images = torch.cat([split.images for split in splits])
        return images, torch.cat([split.targets for split in splits]), order_KN.split(size, dim=1)

    def _tell(self, progress: Progress, part: float, means_2K: Tensor) -> None:
        for entrant, loss, right in zip(self.entrants, *means_2K.tolist(), strict=False):
            progress(entrant.assignment.variant, Moment(entrant.done + part, loss, right))

    def _fitting(self, *inputs: Tensor) -> Tensor:
        """Do one step, in smaller pieces where memory runs out.

        Raises:
            MemoryError: where the smallest pieces are too large; RuntimeError where torch says it so.
        """
        while True:
            smaller = self.step.fit.smaller(inputs[0].shape[1])
            try:
                return (self.step if self.step.keeps else self.replayed)(*inputs)
            except (MemoryError, RuntimeError) as error:
                if smaller is None or not is_memory(error):
                    raise
            self.replayed = Replayed(self.step, self.device)  # a capture's memory goes with it
            make_room(self.device)
            self.step.fit = smaller
