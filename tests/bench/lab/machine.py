"""What every record of a benchmark of the lab says: the commit, the machine, its load, and the memory that it took."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from podium.lab.training.usage import device_peak, memory_peak
from podium.runs.provenance import git_state, processor

ROOT = Path(__file__).parents[3]
REPORTS = ROOT / "reports" / "bench"
BEFORE = os.getloadavg()


def write(name: str, device: torch.device, found: Mapping[str, Any], reports: Path = REPORTS) -> dict[str, Any]:
    """Write a benchmark's record, print it, and return it: where it was measured, what was found, the memory."""
    commit, dirty = git_state(ROOT)
    record = {
        "command": f"nox -s bench -- {name}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit + (" and changes" if dirty else ""),
        "machine": f"{os.cpu_count()} cores ({processor()})",
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu, one thread",
        "load before and after": [round(load, 2) for load in (BEFORE[0], os.getloadavg()[0])],
        **found,
        **memory(device),
    }
    reports.mkdir(parents=True, exist_ok=True)
    (reports / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record, indent=1))
    return record


def memory(device: torch.device) -> dict[str, float]:
    """Return the most memory of this process, of the largest of its children that have ended, and of the device."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "peak memory of this process, MiB": round(memory_peak()),
        "peak memory of its largest child, MiB": round(children / (2**20 if sys.platform == "darwin" else 1024)),
        **device_peak(device, "peak memory of the device, MiB"),
    }
