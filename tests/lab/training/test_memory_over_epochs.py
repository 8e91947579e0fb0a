"""Memory does not grow over epochs: of a run alone, of a cohort. Nor does it over runs.

Three things are looked at, at the same place of epochs that come after a warm-up, in which everything is made that is
made once. Tensors that Python knows: not one may be added. What Python holds: the history, which a run keeps, may be
added, and so the bound is what the record's own rows hold when they are read back. What the process holds: the
allocators' noise, some megabytes, does not add up; a leak that Python does not see, such as a batch's activations,
would, over so many steps.
"""

import gc
import sys
import tracemalloc
from dataclasses import dataclass, field

import pytest
import torch

from podium.lab.training import train_run
from podium.lab.training.usage import memory_now
from podium.spec import Variant

WARM, LAST = 8, 24  # epochs
SLACK = 64 * 1024  # bytes: caches of Python's own, such as those of json and re
NOISE = 8.0  # MiB


@dataclass
class Held:
    """What is held at the end of some epochs.

    Attributes:
        tensors: their number and bytes.
        python: bytes that were allocated since `tracemalloc` started, and are held.
        process: MiB.
    """

    tensors: list[tuple[int, int]] = field(default_factory=list)
    python: list[int] = field(default_factory=list)
    process: list[float] = field(default_factory=list)

    def look(self, moment):
        if moment.epochs_done not in (WARM, LAST):
            return
        gc.collect()
        alive = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, torch.nn.Parameter)]
        self.tensors.append((len(alive), sum(tensor.nbytes for tensor in alive)))
        self.python.append(tracemalloc.get_traced_memory()[0])
        self.process.append(memory_now())

    def assert_no_growth(self, records):
        assert len(self.tensors) == 2
        assert self.tensors[0] == self.tensors[1]
        rows = [[*record.history[WARM:LAST], *record.watches[WARM:LAST]] for record in records]
        assert self.python[1] - self.python[0] < size_of(rows) + SLACK
        assert self.process[1] - self.process[0] < NOISE


def size_of(value):
    """Return the bytes of a list or dict and of all in it."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sys.getsizeof(value) + sum(size_of(part) for part in inside)


@pytest.fixture
def held():
    tracemalloc.start()
    yield Held()
    tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["vit", "reader", "practice"])
def test_of_a_run_alone(family, project, tiny, held):
    variant = Variant("long", tiny.FAMILIES[family].but(epochs=LAST + 1, patience=None))
    record = train_run(project, tiny.TINY, variant, "quick", tracker_mode="off", device="cpu", progress=held.look)
    held.assert_no_growth([record])


@pytest.mark.slow
def test_of_a_cohort(project, tiny, held):
    from podium.lab.training.cohort import train_together

    vit = tiny.TINY_VIT.but(epochs=LAST + 1)
    variants = [Variant("first", vit), Variant("average", vit.but(average=0.9)), Variant("adam", vit.but(seed=5))]

    def look(variant, moment):
        if variant.name == "first":
            held.look(moment)

    records = train_together(
        project, tiny.TINY, variants, "quick", tracker_mode="off", device="cpu", mode="always", progress=look
    )
    held.assert_no_growth(records)


@pytest.mark.parametrize("mode", ["never", "always"])
def test_what_ended_holds_no_data(project, tiny, mode):
    from podium.lab.training.cohort import train_together

    variants = [Variant(f"seed {seed}", tiny.TINY_VIT.but(seed=seed, average=0.9)) for seed in range(2)]
    train_together(project, tiny.TINY, variants[:1], "quick", tracker_mode="off", device="cpu", mode="never")
    before = pictures_alive()
    gc.disable()  # nobody collects by chance
    try:
        train_together(project, tiny.TINY, variants, "quick", tracker_mode="off", device="cpu", mode=mode)
        assert pictures_alive() == before
    finally:
        gc.enable()


def pictures_alive():
    return sum(type(thing) is torch.Tensor and thing.dtype == torch.uint8 for thing in gc.get_objects())
