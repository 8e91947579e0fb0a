"""Dropout's mask is a function of (seed, step, place)."""

import pytest
import torch

from podium.lab.models.dropout import Dropout
from podium.lab.randomness import at
from podium.spec import PodiumError


def test_it_drops_about_p_and_keeps_the_mean():
    with at(0, 0):
        dropped = Dropout(0.25)(torch.ones(100_000))
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)


def test_the_mask_repeats_and_differs_by_seed_step_and_place():
    x = torch.ones(64)

    def mask(seed, step, place):
        with at(seed, step):
            return Dropout(0.5, place)(x)

    assert torch.equal(mask(1, 2, "a"), mask(1, 2, "a"))
    for other in ((9, 2, "a"), (1, 9, "a"), (1, 2, "b")):
        assert not torch.equal(mask(1, 2, "a"), mask(*other))


def test_it_does_nothing_in_evaluation_or_with_p_zero():
    x = torch.ones(8)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert repr(Dropout(0.5, "here")) == "Dropout(p=0.5, place='here')"


def test_training_outside_of_a_step_is_refused():
    with pytest.raises(PodiumError, match=r"randomness\.at"):
        Dropout(0.5)(torch.ones(8))


def test_a_part_of_a_batch_drops_what_the_whole_one_does():
    x = torch.ones(6, 5, 3)
    with at(1, 2):
        whole = Dropout(0.5)(x)
    with at(1, 2, first=4):
        assert torch.equal(Dropout(0.5)(x[4:]), whole[4:])


def test_a_variants_own_rate_drops_the_same():
    x = torch.randn(8, 50)
    plain, own, off = Dropout(0.3), Dropout(0.3), Dropout(0.0)
    own.per_variant(torch.float32)
    off.per_variant(torch.float32)
    with at(3, 4):
        torch.testing.assert_close(own(x), plain(x))
        assert torch.equal(off(x), x)
    assert not own.state_dict()
