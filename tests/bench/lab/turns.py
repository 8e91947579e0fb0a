"""Turns: arms that train take turns, and a ratio is of neighbours in time.

An arm of this process is timed by its CPU time, or on a GPU between two events there; many processes at once by the
wall's clock, and so is then what they are compared with.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from types import TracebackType
from typing import Self

import torch

Arm = Callable[[int], int]  # does so many steps of every variant; returns how many pictures that were

WARM_UP = 5  # steps: a capture comes at the fourth


def take_turns(
    arms: Mapping[str, Arm], device: torch.device, *, steps: int, repeats: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Let arms take turns; return each one's pictures a second, turn by turn, and the seconds of its warm-up."""
    first = {arm: timed(run, WARM_UP, device)[0] for arm, run in arms.items()}
    rates: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(repeats):
        for arm, run in arms.items():
            seconds, pictures = timed(run, steps, device)
            rates[arm].append(pictures / seconds)
    return rates, first


def ratio(one: Sequence[float], other: Sequence[float]) -> dict[str, object]:
    """Return the median of the ratios turn by turn and their spread, or that the spread does not carry one.

    >>> ratio([2.0, 2.1, 1.9], [1.0, 1.0, 1.0])
    {'ratio': 2.0, 'middle half': [1.9, 2.1]}
    >>> ratio([0.9, 1.0, 1.2], [1.0, 1.0, 1.0])
    {'ratio': 'no difference beyond the spread', 'middle half': [0.9, 1.2]}
    """
    found = sorted(a / b for a, b in zip(one, other, strict=True))
    quarter = len(found) // 4
    low, high = found[quarter], found[-1 - quarter]
    spread = {"middle half": [round(low, 3), round(high, 3)]}
    middle = median(found)
    carried = abs(middle - 1) > high - low
    return {"ratio": round(middle, 3), **spread} if carried else {"ratio": "no difference beyond the spread", **spread}


def timed(run: Arm, steps: int, device: torch.device) -> tuple[float, int]:
    """Return seconds and pictures of so many steps."""
    if device.type == "cpu":
        began = time.process_time()
        pictures = run(steps)
        return time.process_time() - began, pictures
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    pictures = run(steps)
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1e3, pictures


def rate_by_the_wall(run: Arm, steps: int, device: torch.device) -> float:
    """Return pictures a second by the wall's clock."""
    wait(device)
    began = time.perf_counter()
    pictures = run(steps)
    wait(device)
    return pictures / (time.perf_counter() - began)


def wait(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


class Processes:
    """Some processes that train at once whenever they are told to, each a run alone.

    Attributes:
        device_memory: the most of the device that all of them took, in MiB, added up when they have ended.
    """

    def __init__(self, count: int, words: Sequence[str]) -> None:
        self.count = count
        self.device_memory = 0.0
        self._words = [sys.executable, *words]

    def __enter__(self) -> Self:
        """Start them, and wait until all are warm."""
        self._there = [
            subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(self.count)
        ]
        try:
            self._heard()
        except SystemExit:
            self.__exit__(None, None, None)
            raise
        return self

    def turn(self) -> float:
        """Let them train once; return the pictures a second that all did together, by the wall's clock."""
        began = time.perf_counter()
        for process in self._there:
            process.stdin.write("go\n")
            process.stdin.flush()
        pictures = sum(int(line) for line in self._heard())
        return pictures / (time.perf_counter() - began)

    def _heard(self) -> list[str]:
        """Return a line of each.

        Raises:
            SystemExit: where one has ended in the place of answering.
        """
        said = [process.stdout.readline() for process in self._there]
        if not all(said):
            raise SystemExit(f"one of {self.count} processes at once ended before its time: {self._words[1:]}")
        return said

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        for process in self._there:
            process.stdin.close()
            rest = process.stdout.read().strip()
            process.stdout.close()
            process.wait()
            self.device_memory += float(rest or 0)


def answer(arm: Arm, steps: int, device: torch.device) -> None:
    """Be one of the processes at once: warm up, then train at each line that comes, and say how many pictures."""
    arm(WARM_UP)
    wait(device)
    print("ready", flush=True)
    while sys.stdin.readline():
        pictures = arm(steps)
        wait(device)
        print(pictures, flush=True)
    print(torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else 0, flush=True)
