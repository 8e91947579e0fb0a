"""A variant in a cohort is the variant alone: to rounding beside torch's optimisers, to the bit in other company."""

import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from podium.lab.training.cohort.memory import Fit


@pytest.mark.parametrize("steps", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_equal_to_the_plain_model_under_torchs_optimiser(small, steps):
    cohort = small.Small(small.every_kind(), steps, torch.float64)
    cohort.train()
    for slot, config in enumerate(cohort.configs):
        mine = cohort.of(slot)
        for name, parameter in small.trained_alone(config, steps).items():
            found = mine[f"model.{name}"]
            torch.testing.assert_close(found, parameter.detach(), rtol=0, atol=1e-9, msg=f"{config.position} {name}")


def test_slots_have_no_say(small):
    configs = small.every_kind()
    cohort = small.Small(configs, 4)
    cohort.train()
    for slots in ([5, 2], [7, 1, 0, 3]):
        other = small.Small([configs[slot] for slot in slots], 4)
        other.train()
        for place, slot in enumerate(slots):
            assert small.same(other.of(place), cohort.of(slot))


def test_a_neighbour_gone_nan_changes_no_bit(small):
    configs = small.every_kind()[:4]
    calm = small.Small(configs, 5)
    calm.train()
    wild = small.Small([configs[0], configs[1].but(learning_rate=1e30, clip=None, warmup=0.0), *configs[2:]], 5)
    told = wild.train()
    assert wild.goes.tolist() == [True, False, True, True]
    assert not math.isfinite(told[0, 1])
    for slot in (0, 2, 3):
        assert small.same(wild.of(slot), calm.of(slot))


def test_compaction_changes_no_bit(small):
    whole = small.Small(small.every_kind(), 6)
    whole.train()
    cohort = small.Small(small.every_kind(), 6)
    cohort.train(last=3)
    cohort.keep([6, 1, 2, 4])
    cohort.train(first=3, last=5)
    cohort.keep([2, 0])
    cohort.train(first=5)
    assert small.same(cohort.of(0), whole.of(2))
    assert small.same(cohort.of(1), whole.of(6))


@pytest.mark.parametrize("fit", [Fit(4), Fit(2), Fit(8, again=True), Fit(2, again=True)])
def test_fewer_at_once_and_activations_again_change_no_bit(small, fit):
    whole, pieces = small.Small(small.every_kind(), 3), small.Small(small.every_kind(), 3, fit=fit)
    assert torch.equal(whole.train(), pieces.train())
    assert torch.equal(whole.weights.values_KP, pieces.weights.values_KP)


class Counted(TorchDispatchMode):
    """Count torch's operations; at one of them memory runs out."""

    def __init__(self, starves_at=0):
        super().__init__()
        self.count, self.starves_at = 0, starves_at

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        if self.count == self.starves_at:
            raise torch.OutOfMemoryError
        return func(*args, **(kwargs or {}))


WRITES = 4  # the last operations of a step: they copy into what is there, and take no memory


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_wherever_in_a_step_memory_runs_out_no_bit_changes(small, share):
    configs = [config.but(average=0.9) for config in small.every_kind()]
    whole, cohort = small.Small(configs, 3), small.Small(configs, 3)
    for one in (whole, cohort):
        one.weights.average_KP = one.weights.values_KP.clone()
        one.train(last=1)
    with Counted() as operations:
        whole.train(first=1, last=2)
    with pytest.raises(torch.OutOfMemoryError), Counted(round(share * (operations.count - WRITES))):
        cohort.train(first=1, last=2)
    cohort.step.fit = cohort.step.fit.smaller(12)
    cohort.train(first=1)
    whole.train(first=2)
    for name in ("values_KP", "first_KP", "second_KP", "average_KP"):
        assert torch.equal(getattr(cohort.weights, name), getattr(whole.weights, name)), name


@pytest.mark.parametrize("fit", [Fit(1), Fit(8, parts=2), Fit(1, parts=5, again=True), Fit(8, parts=12)])
def test_a_batch_in_parts_is_the_whole_batch_to_rounding(small, fit):
    whole, pieces = (small.Small(small.every_kind(), 3, torch.float64, f) for f in (None, fit))
    torch.testing.assert_close(whole.train()[0], pieces.train()[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(whole.weights.values_KP, pieces.weights.values_KP, rtol=0, atol=1e-12)


def test_recomputing_needs_less_memory_on_the_way(small):
    """Between blocks nothing is kept but what goes in."""

    def kept(fit):
        cohort = small.Small([small.BASE.but(depth=3)] * 2, 1, fit=fit)
        there = [cohort.weights.values_KP, *cohort.weights.buffers.values()]
        places = {tensor.untyped_storage().data_ptr() for tensor in there}
        sizes = {}

        def keep(tensor):
            place = tensor.untyped_storage().data_ptr()
            if place not in places and torch._C._current_graph_task_id() == -1:  # not on the way back
                sizes[place] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            cohort.train()
        return sum(sizes.values())

    assert kept(Fit(2, again=True)) < 0.6 * kept(Fit(2))


def test_a_parameter_that_no_gradient_reaches_stays(small, monkeypatch):
    cohort = small.Small([small.BASE.but(optimizer="adamw", weight_decay=0.5)] * 2, 2)
    before = cohort.weights.values_KP.clone()
    monkeypatch.setattr(cohort.step.member.model.head, "forward", lambda x: x.repeat(1, 2)[:, :10])
    cohort.train()
    for name, (start, end) in zip(cohort.weights.names, cohort.weights.spans, strict=True):
        moved = not torch.equal(cohort.weights.values_KP[:, start:end], before[:, start:end])
        assert moved == (not name.startswith("model.head")), name


def test_an_epochs_data_is_copied_to_where_the_last_one_lay(small):
    step = small.Small([small.BASE] * 2, 1).step
    images, targets = small.pictures()
    place = step.data[0].data_ptr()
    assert step.feed(images + 1, targets)
    assert step.data[0].data_ptr() == place
    assert torch.equal(step.data[0], images + 1)
    assert step.feed(*step.data)
    assert not step.feed(images[:20], targets[:20])
