"""Randomness as a function of (seed, step, place): nothing hidden to store, so a resumed run repeats exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from podium.spec import PodiumError

_now: ContextVar[tuple[int, int] | None] = ContextVar("now", default=None)


def key(seed: int, step: int, place: str) -> int:
    """Return 63 bits that depend on nothing but the three arguments, on any machine.

    >>> key(0, 1, "dropout") == key(0, 1, "dropout"), key(0, 1, "dropout") == key(0, 2, "dropout")
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed}/{step}/{place}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, step: int, place: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a fresh generator on a device, seeded by `key`."""
    return torch.Generator(device=device).manual_seed(key(seed, step, place))


@contextmanager
def at(seed: int, step: int) -> Generator[None]:
    """Tell the layers inside which run and which step this is."""
    token = _now.set((seed, step))
    try:
        yield
    finally:
        _now.reset(token)


def current() -> tuple[int, int]:
    """Return the (seed, step) of the innermost `at`.

    Raises:
        PodiumError: outside every `at`.
    """
    now = _now.get()
    if now is None:
        msg = "A random layer ran outside of any step: train inside `with randomness.at(seed, step):`."
        raise PodiumError(msg)
    return now
