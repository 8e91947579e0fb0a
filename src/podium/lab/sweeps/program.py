"""Program: one trial as a process of its own, that sees what W&B's agent would give it.

Source: `Agent._command_run` and `AgentProcess` of wandb 0.31 (wandb/wandb_agent.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from podium.lab.sweeps.command import expand_command
from podium.lab.sweeps.processes import MARK, signal_group, sweep_up
from podium.spec import PodiumError

OUTPUT = "output.txt"
KILL_SECONDS = 30.0  # from SIGTERM to SIGKILL, as W&B's agent waits (WANDB_AGENT_KILL_DELAY)
LEAVE_SECONDS = 5.0  # for what a program left behind, such as W&B's service that still writes
KILLED_SECONDS = 0.5  # the same, where the program was killed: the service then writes no more
TAIL = 65_536  # bytes of the output that are searched for the reason
WIDEST = 300  # characters of a reason

ENVIRONMENT = {
    "WANDB_MODE": "offline",
    "WANDB_ERROR_REPORTING": "false",  # no telemetry
    "WANDB__TRANSACTION_LOG_FLUSH_INTERVAL": "1.0",  # seconds: W&B's own 15 would lose short runs to a kill
}
HOME_FOLDERS = {  # what W&B's client keeps under HOME
    "WANDB_CACHE_DIR": ("XDG_CACHE_HOME", ".cache"),
    "WANDB_CONFIG_DIR": ("XDG_CONFIG_HOME", ".config"),
    "WANDB_DATA_DIR": ("XDG_DATA_HOME", ".local/share"),
}
KILLS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)  # from outside: such a trial may be tried again

COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
AN_ERROR = re.compile(r"[\w.]*(Error|Exception|Interrupt|Exit|Warning)\b(:|$)")
MEMORY = re.compile(
    r"out of memory|OutOfMemory|MemoryError|can't allocate memory|cannot allocate memory|std::bad_alloc", re.IGNORECASE
)


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        state: "finished", "failed", or "killed" by a signal that nobody here sent.
        reason: in words; "" when it finished.
    """

    state: Literal["finished", "failed", "killed"]
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What starts one trial's program.

    Attributes:
        words: the command, its macros filled in.
        environment: all of it.
        cwd: where the program runs.
        folder: the trial's own folder, for its output and its W&B files.
        token: the mark that its processes carry.
    """

    words: list[str]
    environment: dict[str, str]
    cwd: Path
    folder: Path
    token: str


def prepare(
    command: Sequence[Any],
    parameters: Mapping[str, Any],
    *,
    program: str,
    cwd: Path,
    folder: Path,
    sweep: str,
    run: str,
    project: str,
    entity: str,
    token: str,
) -> Launch:
    """Write the files that W&B's client reads a sweep's values from, and return what starts the program.

    Args:
        command: the configuration's words.
        parameters: the trial's values, nested as the program shall see them.
        program: the configuration's program, relative to `cwd`.
        cwd: where the program runs.
        folder: the trial's folder; W&B's files go under it.
        sweep: the sweep's id.
        run: the run's id, as W&B counts runs.
        project: W&B's project.
        entity: W&B's entity; "" for none.
        token: the mark that its processes will carry.

    Raises:
        PodiumError: where the command has no word at all.
    """
    stem = folder / "wandb" / f"sweep-{sweep}" / f"config-{run}"
    stem.parent.mkdir(parents=True, exist_ok=True)
    values = {name: {"value": value} for name, value in parameters.items()}
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True) if values else ""
    stem.with_suffix(".yaml").write_text(f"wandb_version: 1\n\n{text}", encoding="utf-8")
    environment = {
        **os.environ,
        **_path(os.environ),
        **_folders(os.environ, folder / "wandb" / "home"),
        **ENVIRONMENT,
        "WANDB_SWEEP_ID": sweep,
        "WANDB_RUN_ID": run,
        "WANDB_PROJECT": project,
        "WANDB_SWEEP_PARAM_PATH": str(stem.with_suffix(".yaml")),
        "WANDB_DIR": str(folder),
        MARK: token,
    }
    if entity:
        environment["WANDB_ENTITY"] = entity
    environment.pop("WANDB_SERVICE", None)  # the address of a service that is not this program's
    json_file = stem.with_suffix(".json")
    if "${args_json_file}" in command:
        json_file.write_text(json.dumps(dict(parameters)), encoding="utf-8")
    words = expand_command(command, parameters, program=program, json_file=str(json_file), environment=environment)
    if not words:
        raise PodiumError("The sweep's command has no word: leave it out, or begin it with a program's name.")
    return Launch(words=words, environment=environment, cwd=cwd, folder=folder, token=token)


class Program:
    """A trial's process while it runs, in a process group of its own; its output goes to a file."""

    def __init__(self, launch: Launch) -> None:
        """Start it.

        Raises:
            PodiumError: where its first word is no program.
        """
        self.launch = launch
        self.output = launch.folder / OUTPUT
        launch.folder.mkdir(parents=True, exist_ok=True)
        try:
            with self.output.open("wb") as file:
                self._process = subprocess.Popen(
                    launch.words,
                    cwd=launch.cwd,
                    env=launch.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                )
        except OSError as error:
            raise PodiumError(
                f"The sweep's command does not start: {launch.words[0]!r}: {error.strerror}. It runs in {launch.cwd}."
            ) from error

    @property
    def group(self) -> int:
        """Its process group."""
        return self._process.pid

    def wait(self, seconds: float) -> bool:
        """Wait a while; say whether it has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, patience: float | None = None) -> None:
        """End it and all that it started: SIGTERM, then SIGKILL for what has not gone after some seconds."""
        if patience is None:
            patience = float(os.environ.get("WANDB_AGENT_KILL_DELAY") or KILL_SECONDS)
        signal_group(self.group, signal.SIGTERM)
        if not self.wait(patience):
            signal_group(self.group, signal.SIGKILL)
            self._process.wait()
        self.sweep_up()

    def sweep_up(self) -> None:
        """End what it left behind: W&B's service has work left only where the program ended by itself."""
        by_itself = self._process.returncode >= 0
        sweep_up(self.launch.token, patience=LEAVE_SECONDS if by_itself else KILLED_SECONDS)
        signal_group(self.group, signal.SIGKILL)

    def ended(self) -> Ended:
        """Say how it ended, once it has."""
        return classify(self._process.returncode, self._tail())

    def _tail(self) -> str:
        with self.output.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL))
            return file.read().decode("utf-8", "replace")


def classify(code: int, output: str) -> Ended:
    r"""Say how a program ended by its exit code, as `subprocess` gives it, and the end of its output.

    A code above 128 is what a shell makes of a signal.

    >>> classify(1, "Traceback ...\nValueError: no such layer\nwandb: Find logs at: x\n").reason
    'ValueError: no such layer'
    """
    if code == 0:
        return Ended("finished")
    number = -code if code < 0 else code - 128
    if (code < 0 or number in KILLS or number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)) and number > 0:
        return _signalled(number, output)
    said = last_error(output)
    if said and MEMORY.search(said):
        return Ended("failed", f"out of memory: {said}")
    return Ended("failed", said or f"it ended with exit code {code} and said nothing")


def last_error(output: str) -> str:
    """Return the line that says what went wrong: the last that names an error, else the last; W&B's own left out."""
    lines = [COLOURS.sub("", line).strip() for line in re.split(r"[\r\n]+", output)]
    lines = [line for line in lines if line and not line.startswith("wandb:")]
    named = [line for line in lines if AN_ERROR.match(line)]
    said = (named or lines or [""])[-1]
    return said if len(said) <= WIDEST else f"{said[: WIDEST - 1]}…"


def _signalled(number: int, output: str) -> Ended:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    reason = f"killed by signal {number} ({name})"
    if number == signal.SIGKILL:
        reason += ", which the system sends when memory runs out"
    if number in KILLS:
        return Ended("killed", reason)
    said = last_error(output)
    return Ended("failed", f"{reason}: {said}" if said else reason)


def _path(environment: Mapping[str, str]) -> dict[str, str]:
    """Let `python` be Podium's own where no environment was activated: W&B's agent would find any python, or none."""
    search = environment.get("PATH", os.defpath)
    chosen = any(environment.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX"))
    if chosen and shutil.which("python", path=search):
        return {}
    return {"PATH": os.pathsep.join([str(Path(sys.executable).parent), search])}


def _folders(environment: Mapping[str, str], instead: Path) -> dict[str, str]:
    """Give W&B's client folders that can be written, where those under HOME cannot."""
    home = Path(environment.get("HOME") or "/")
    found = {}
    for variable, (base, below) in HOME_FOLDERS.items():
        usual = Path(environment.get(base) or home / below) / "wandb"
        if variable not in environment and not _writable(usual):
            found[variable] = str(instead)
    return found


def _writable(folder: Path) -> bool:
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    if not os.access(there, os.W_OK):
        return False
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder.is_dir() and os.access(folder, os.W_OK)
