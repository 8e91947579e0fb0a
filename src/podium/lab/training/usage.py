"""Usage: what memory a run takes and how many pictures a second it trains on."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import torch

MIB = 2**20
CLOCK = (  # what two equal runs differ in: the machine's doing
    "seconds",
    "images_per_second",
    "memory",
    "device_memory",
    "peak_memory",
    "peak_device_memory",
)


def memory_now() -> float:
    """Return the memory that this process holds now, in MiB; the peak where the system does not say."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return memory_peak()
    pages = int(statm.read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / MIB, 1)


def memory_peak() -> float:
    """Return the most memory that this process ever held, in MiB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / MIB if sys.platform == "darwin" else peak / 1024, 1)


def reset_peak(device: torch.device) -> None:
    """Count the device's peak from here."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def device_peak(device: torch.device, name: str) -> dict[str, float]:
    """Return the most memory that tensors took on a GPU since `reset_peak`, in MiB, under a name; {} on a CPU."""
    if device.type != "cuda":
        return {}
    return {name: round(torch.cuda.max_memory_allocated(device) / MIB, 1)}


def make_room(device: torch.device) -> None:
    """Give back what nobody holds any more: a run's model, hooks and pictures hold each other, and the data with them.

    Python looks for such circles where many small things are made, not where a few of hundreds of megabytes are.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
