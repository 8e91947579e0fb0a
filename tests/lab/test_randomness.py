"""Randomness is a function of (seed, step, place), and of nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from podium.lab.randomness import at, bits, current, current_base, generator, holding, key, normal, step_key, uniform
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


def test_a_key_is_no_tensors():
    with pytest.raises(PodiumError, match="whole numbers; not a tensor"):
        generator(torch.tensor(1), 0, "x")


def test_drawing_outside_of_a_step_is_refused():
    with pytest.raises(PodiumError, match="outside of any step"):
        uniform("x", (2,))


def test_numbers_never_change_from_version_to_version():
    """SplitMix64 in plain whole numbers, written anew from the paper's figure 17."""
    import hashlib

    def mix(word):
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
        return word ^ (word >> 31)

    gamma = 0x9E3779B97F4A7C15
    base = mix((mix((7 * gamma + 1) % 2**64) + 12 * gamma) % 2**64)
    place = int.from_bytes(hashlib.blake2b(b"here", digest_size=8).digest(), "big")
    words = [mix((base + place + index * gamma) % 2**64) for index in range(6)]
    wanted = [half for word in words for half in (word % 2**32, word >> 32)]
    with at(7, 12):
        assert bits("here", (3, 2, 2)).flatten().tolist() == wanted


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_step_key_is_a_signed_word(seed, step):
    assert -(2**63) <= step_key(seed, step) < 2**63


def test_draws_depend_on_seed_step_and_place_and_nothing_else():
    def draw(seed, step, place):
        with at(seed, step):
            return uniform(place, (4, 3))

    first = draw(1, 2, "a")
    torch.manual_seed(99)
    assert torch.equal(first, draw(1, 2, "a"))
    for other in ((9, 2, "a"), (1, 9, "a"), (1, 2, "b")):
        assert not torch.equal(first, draw(*other))


@given(st.integers(0, 6), st.integers(1, 5))
def test_a_part_of_a_batch_draws_what_the_whole_one_does(first, width):
    with at(3, 4):
        whole = bits("x", (7, width))
    with at(3, 4, first=first):
        assert torch.equal(bits("x", (7 - first, width)), whole[first:])


def test_many_runs_draw_at_once_what_each_would_alone():
    pairs = [(0, 0), (5, 7), (2**31, 3)]

    def draw(base):
        with holding(base), at(99, 99):  # what holds is known already
            return uniform("x", (4, 5)), normal("x", (4, 5))

    together = torch.vmap(draw)(torch.tensor([step_key(*pair) for pair in pairs]))
    for number, pair in enumerate(pairs):
        with at(*pair):
            assert torch.equal(together[0][number], uniform("x", (4, 5)))
            assert torch.equal(together[1][number], normal("x", (4, 5)))


def test_holding_ends():
    with holding(7, first=2):
        assert current_base() == 7
    with pytest.raises(PodiumError):
        current_base()


def test_uniform_numbers_are_uniform():
    """Chi-square over 256 cells, of values, of neighbours and of the low bits; 99.99 % of fair draws are below 351."""
    with at(0, 0):
        drawn = bits("uniformity", (2**16, 8))
    for cells in (drawn >> 24, drawn & 255, (drawn[:-1] ^ drawn[1:]) >> 24, (drawn[:, :-1] ^ drawn[:, 1:]) >> 24):
        counts = torch.bincount(cells.flatten(), minlength=256).double()
        expected = counts.sum() / 256
        assert ((counts - expected) ** 2 / expected).sum() < 351
    with at(0, 0):
        values = uniform("uniformity", (2**18,))
    assert 0 <= values.min() < 1e-4
    assert 1 - 1e-4 < values.max() < 1
    assert values.double().mean().item() == pytest.approx(0.5, abs=0.003)


def test_steps_and_seeds_do_not_echo():
    """Draws of neighbouring seeds and steps are uncorrelated: |r| of 4096 pairs is below 5 / 64."""
    rows = []
    for seed in range(6):
        for step in range(6):
            with at(seed, step):
                rows.append(uniform("echo", (4096,)).double())
    correlation = torch.corrcoef(torch.stack(rows)) - torch.eye(36, dtype=torch.float64)
    assert correlation.abs().max() < 5 / 64


def test_normal_numbers_are_normal():
    with at(1, 1):
        drawn = normal("bell", (2**18,)).double()
    assert drawn.isfinite().all()
    assert drawn.mean().item() == pytest.approx(0, abs=0.01)
    assert drawn.std().item() == pytest.approx(1, abs=0.01)
    assert (drawn.abs() > 1.959964).double().mean().item() == pytest.approx(0.05, abs=0.002)
