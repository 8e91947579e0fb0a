"""Randomness as a function of (seed, step, place): nothing hidden to store, so a resumed run repeats exactly.

`key` and `generator` give torch's own generators, on the CPU, for what is drawn once an epoch or less. What is drawn
in every step, dropout's masks and augmentation, comes from `bits`, `uniform` and `normal`: they count instead of
remembering, so that many runs may be drawn for at once (under `torch.vmap`, each with its own seed and step), a part
of a batch gets what it would have got in the whole, and a GPU draws the CPU's bits.

The counter is SplitMix64 (Steele, Lea and Flood 2014, Fast Splittable Pseudorandom Number Generators, figure 17): word
i of a place is mix64(base + i * GAMMA), where base is mix64 of seed and step, and the hash of the place. Our GAMMA is
the paper's golden gamma, our `_mix` its mix64variant13 (Stafford's). Two streams are the paper's one sequence from two
places of it that lie 2^64 / N apart or so.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch
from torch import Tensor

from podium.spec import PodiumError

Device = torch.device | str

GAMMA = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WORD = 1 << 64
HALF = 32  # a word of 64 bits holds two numbers

_now: ContextVar[tuple[int, int] | None] = ContextVar("now", default=None)
_base: ContextVar[int | Tensor | None] = ContextVar("base", default=None)
_row: ContextVar[int] = ContextVar("row", default=0)
_held: ContextVar[bool] = ContextVar("held", default=False)


def key(seed: int, step: int, place: str) -> int:
    """Return 63 bits that depend on nothing but the three arguments, on any machine.

    Raises:
        PodiumError: for a tensor: a cohort's seeds are not one number.

    >>> key(0, 1, "dropout") == key(0, 1, "dropout"), key(0, 1, "dropout") == key(0, 2, "dropout")
    (True, False)
    """
    if isinstance(seed, Tensor) or isinstance(step, Tensor):
        msg = "key() and generator() take whole numbers; not a tensor. In a step, draw with uniform(place, shape)."
        raise PodiumError(msg)
    digest = hashlib.blake2b(f"{seed}/{step}/{place}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, step: int, place: str, device: Device = "cpu") -> torch.Generator:
    """Return a fresh generator on a device, seeded by `key`."""
    return torch.Generator(device=device).manual_seed(key(seed, step, place))


@contextmanager
def at(seed: int, step: int, first: int = 0) -> Generator[None]:
    """Tell the layers inside which run and which step this is; inside of `holding`, that is known already.

    Args:
        seed: of the run.
        step: updates done before this one.
        first: where the layers see a part of the batch, which of its rows is their first: they draw what the whole
            batch would draw.
    """
    if _held.get():
        yield
        return
    now, base, row = _now.set((seed, step)), _base.set(step_key(seed, step)), _row.set(first)
    try:
        yield
    finally:
        _now.reset(now)
        _base.reset(base)
        _row.reset(row)


@contextmanager
def holding(base: int | Tensor, first: int = 0) -> Generator[None]:
    """Tell the layers inside which step this is, by `step_key`: of one run, or under `torch.vmap` of each of many.

    Args:
        base: a number, or an int64 scalar.
        first: as in `at`.
    """
    held, kept, row = _held.set(True), _base.set(base), _row.set(first)
    try:
        yield
    finally:
        _held.reset(held)
        _base.reset(kept)
        _row.reset(row)


def current() -> tuple[int, int]:
    """Return the (seed, step) of the innermost `at`.

    Raises:
        PodiumError: outside every `at`.
    """
    now = _now.get()
    if now is None:
        raise _nowhere()
    return now


def current_base() -> int | Tensor:
    """Return the `step_key` that holds now.

    Raises:
        PodiumError: outside every `at` and `holding`.
    """
    base = _base.get()
    if base is None:
        raise _nowhere()
    return base


def current_row() -> int:
    """Return the row of the whole batch that this one begins at."""
    return _row.get()


def step_key(seed: int, step: int) -> int:
    """Return 64 bits, as a signed number, that every draw of one step of one run is counted from.

    >>> step_key(0, 1) == step_key(0, 1), step_key(0, 1) == step_key(1, 0)
    (True, False)
    """
    return _signed(_mixed(_mixed(seed * GAMMA + 1) + step * GAMMA))


def bits(place: str, shape: Sequence[int], device: Device = "cpu") -> Tensor:
    """Return int64 numbers in [0, 2^32), a function of (seed, step, place, index) with the same bits on any device.

    Args:
        place: where this is drawn: two places never share their numbers.
        shape: the first dimension counts the batch's pictures, whose numbers do not depend on the rest of the batch.
        device: where the numbers are wanted.

    Raises:
        PodiumError: outside every `at` and `holding`.

    >>> with at(0, 0):
    ...     bits("here", (2, 2)).tolist()
    [[3318975154, 3142988463], [2947331157, 2538699875]]
    """
    batch, width = shape[0], math.prod(shape[1:])
    words = (width + 1) // 2
    start = current_base() + _place(place)
    if isinstance(start, int):
        start = _signed(start)
    index = torch.arange(_row.get() * words, (_row.get() + batch) * words, device=device)
    word = _mix(index * _signed(GAMMA) + start)
    low, high = word & (2**HALF - 1), (word >> HALF) & (2**HALF - 1)
    both = torch.stack((low, high), dim=-1).view(batch, 2 * words)
    return both[:, :width].reshape(tuple(shape))


def uniform(place: str, shape: Sequence[int], device: Device = "cpu") -> Tensor:
    """Return float32 numbers in [0, 1), multiples of 2^-24; the arguments are those of `bits`."""
    return (bits(place, shape, device) >> 8).float() * 2.0**-24


def normal(place: str, shape: Sequence[int], device: Device = "cpu") -> Tensor:
    """Return float32 numbers of mean 0 and deviation 1 (Box and Muller 1958); the arguments are those of `bits`.

    The logarithm and the cosine are the device's own: a GPU's last bit may differ.
    """
    radius = torch.sqrt(-2 * torch.log1p(-uniform(f"{place} radius", shape, device)))
    return radius * torch.cos(2 * math.pi * uniform(f"{place} angle", shape, device))


def _mix(word: Tensor) -> Tensor:
    """Stir int64 tensors as `_mixed` stirs numbers: products wrap, and a masked shift brings zeros in."""
    word = (word ^ ((word >> 30) & (2**34 - 1))) * _signed(FIRST)
    word = (word ^ ((word >> 27) & (2**37 - 1))) * _signed(SECOND)
    return word ^ ((word >> 31) & (2**33 - 1))


def _mixed(word: int) -> int:
    word %= WORD
    word = (word ^ (word >> 30)) * FIRST % WORD
    word = (word ^ (word >> 27)) * SECOND % WORD
    return word ^ (word >> 31)


@cache
def _place(place: str) -> int:
    return _signed(int.from_bytes(hashlib.blake2b(place.encode(), digest_size=8).digest(), "big"))


def _signed(word: int) -> int:
    """Return the number in [-2^63, 2^63) whose 64 bits are those of `word`."""
    return (word + WORD // 2) % WORD - WORD // 2


def _nowhere() -> PodiumError:
    return PodiumError("A random layer ran outside of any step: train inside `with randomness.at(seed, step):`.")
