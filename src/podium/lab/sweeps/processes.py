"""Processes: who is still alive, and ending everything that a trial started, even what left its group.

A trial's processes carry a mark in their environment. W&B's client starts its service in a session of its own, and a
program may start daemons: a signal to the process group alone would miss them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MARK = "PODIUM_TRIAL"
KERNEL_SECONDS = 5.0  # after which what outlives SIGKILL hangs in the kernel
POLL_SECONDS = 0.02


def identity() -> dict[str, Any]:
    """Return what tells this process from every other one, on this machine and on all others."""
    return {"host": socket.gethostname(), "boot": _boot(), "pid": os.getpid(), "started": _started(os.getpid())}


def is_dead(who: dict[str, Any]) -> bool | None:
    """Say whether the process of an `identity` is dead; None where it cannot be known from here."""
    if not who.get("boot") or who["boot"] != _boot():
        return None  # another machine, another container, or no /proc here
    return _started(int(who["pid"])) != who["started"]


def marked(token: str) -> list[int]:
    """List the live processes that carry a token, or one below it (`a` has `a.1`); none where there is no /proc."""
    mine, below = f"{MARK}={token}".encode(), f"{MARK}={token}.".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "environ").read_bytes().split(b"\0")
            if any(word == mine or word.startswith(below) for word in words) and _started(int(folder.name)) is not None:
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def sweep_up(token: str, *, patience: float) -> None:
    """Wait for marked processes to leave by themselves, then kill those that did not."""
    until = time.monotonic() + patience
    while left := marked(token):
        if time.monotonic() >= until:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        if time.monotonic() >= until + KERNEL_SECONDS:
            return
        time.sleep(POLL_SECONDS)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class Guard:
    """A small process that outlives this one, and ends its trial if this one is killed."""

    def __init__(self, token: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, token],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a signal to our group is not meant for it
            text=True,
        )

    def watch(self, group: int) -> None:
        """Name the process group that must not outlive this process; 0 for none."""
        with contextlib.suppress(BrokenPipeError):
            print(group, file=self._process.stdin, flush=True)

    def close(self) -> None:
        """Let it go; it ends what is left."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


def stand_guard(token: str) -> None:
    """Wait for the end of standard input, then kill the group that was named last, and all that carry the mark."""
    group = 0
    for line in sys.stdin:
        group = int(line)
    if group:
        signal_group(group, signal.SIGKILL)
    sweep_up(token, patience=0)


def _started(pid: int) -> str | None:
    """Return when a process started, in the kernel's ticks; None for none, or one that is dead and not yet buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _boot() -> str:
    """Name the system's start and the space in which its process numbers count: containers share the first."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


if __name__ == "__main__":
    stand_guard(sys.argv[1])
