"""Where a run comes from: code, data, hardware and versions, for the receipt of every number made of it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "numpy", "wandb")


def provenance(root: Path, *, data: str, device: str) -> dict[str, Any]:
    """Describe where a run that starts now comes from.

    Args:
        root: the project's folder, whose git commit is read.
        data: name and checksum of the data, such as "mnist 6bbc9ace".
        device: what the run computes on, such as "cpu" or "NVIDIA H200".
    """
    commit, dirty = git_state(root)
    return {
        "commit": commit,
        "dirty": dirty,
        "data": data,
        "device": device,
        "hardware": device if device != "cpu" else f"{os.cpu_count()} CPU cores ({processor()})",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def git_state(root: Path) -> tuple[str, bool]:
    """Return the commit (12 characters, "" outside git) and whether tracked files differ from it.

    The locks that a build of slides writes are no code, and do not count.
    """
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    tracked = ("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude,glob)**/lock.json")
    return commit, bool(commit) and bool(_git(root, *tracked))


@cache
def processor() -> str:
    """Name the processor's model as the system does."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
