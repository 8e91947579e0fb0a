"""Randomness is a function of (seed, step, place), and of nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from podium.lab.randomness import at, current, generator, key
from podium.spec import PodiumError


@given(st.integers(), st.integers(), st.text(st.characters(codec="utf-8")))
def test_a_key_has_63_bits_and_repeats(seed, step, place):
    assert 0 <= key(seed, step, place) < 2**63
    assert key(seed, step, place) == key(seed, step, place)


def test_a_key_never_changes_from_version_to_version():
    assert key(0, 0, "") == 2983391018023814528  # a change here would break every resumed run


def test_keys_differ_by_each_argument():
    keys = {key(seed, step, place) for seed in range(5) for step in range(5) for place in "abc"}
    assert len(keys) == 75


def test_a_generator_repeats_and_leaves_the_global_one_alone():
    before = torch.random.get_rng_state()
    first = torch.rand(4, generator=generator(1, 2, "x"))
    assert torch.equal(first, torch.rand(4, generator=generator(1, 2, "x")))
    assert not torch.equal(first, torch.rand(4, generator=generator(1, 3, "x")))
    assert torch.equal(before, torch.random.get_rng_state())


def test_at_nests_and_ends():
    with at(1, 2):
        assert current() == (1, 2)
        with at(3, 4):
            assert current() == (3, 4)
        assert current() == (1, 2)
    with pytest.raises(PodiumError, match="outside of any step"):
        current()


def test_at_ends_after_an_error():
    with pytest.raises(ZeroDivisionError), at(1, 2):
        _ = 1 // 0
    with pytest.raises(PodiumError):
        current()
