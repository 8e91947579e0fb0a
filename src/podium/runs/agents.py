"""Agents: W&B's own sweeps, created at its server and worked off by W&B's own agents.

An agent is a process of its own, `python -m podium.runs.agents ENTITY/PROJECT/SWEEP [COUNT]`, that calls `wandb.agent`.
When the process that started it goes, it ends as if Ctrl-C had been pressed: the trial that it runs is asked to stop,
and killed where it does not, so that nobody is left behind.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.runs.pull.connection import Connection
from podium.runs.pull.listing import ServerPath, list_runs, server_path, to_pulled
from podium.spec import PodiumError

if TYPE_CHECKING:
    from collections.abc import Generator

    from podium.runs.pull.pulled import PulledRun

VIEWER = "query PodiumViewer { viewer { entity username } }"
STATE = """
query PodiumSweepState($entity: String!, $project: String!, $sweep: String!) {
    project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) { state } }
}
"""
STOPPED = """
query PodiumStopped($entity: String!, $project: String!, $run: String!) {
    project(name: $project, entityName: $entity) { run(name: $run) { stopped } }
}
"""
ENDED = ("FINISHED", "CANCELED", "CANCELLED")
STOP_PATIENCE = 5.0  # seconds to ask whether the server stopped us: SIGKILL may follow
PATIENCE = (2.0, 30.0, 5.0)  # seconds after each Ctrl-C: to the agent, to its run, and once the run is killed


def account(connection: Connection) -> str:
    """Return the entity that W&B runs go to where none is named.

    Raises:
        PodiumError: for no key, a refused key, no network.
    """
    viewer = connection.ask(VIEWER, {}).get("viewer")
    if not isinstance(viewer, dict) or not viewer.get("entity"):
        raise PodiumError(f"{connection.base_url} does not know this W&B key. Run `wandb login --relogin`.")
    return str(viewer["entity"])


def create_sweep(
    config: Mapping[str, Any], *, entity: str, project: str, prior_runs: Sequence[str] = ()
) -> tuple[ServerPath, str]:
    """Create a sweep at W&B; return its path and its web address.

    Args:
        config: the plain W&B configuration.
        entity: the user or the team.
        project: W&B's project.
        prior_runs: runs of the project that count as the sweep's own.

    Raises:
        PodiumError: when W&B refuses the configuration.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # no telemetry
    import wandb

    said = io.StringIO()
    with _unchanged("WANDB_ENTITY", "WANDB_PROJECT"), redirect_stdout(said):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # wandb 0.31 warns of its own code
                sweep = wandb.sweep(dict(config), entity=entity, project=project, prior_runs=list(prior_runs) or None)
        except (wandb.errors.Error, ValueError, TypeError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise PodiumError(f"W&B did not create the sweep ({reason}).") from error
        finally:
            if wandb.run is None:
                wandb.teardown()
    address = next(
        (line.partition(": ")[2] for line in said.getvalue().splitlines() if line.startswith("Sweep URL")), ""
    )
    return ServerPath(entity, project, "sweep", sweep), address


def sweep_state(connection: Connection, path: ServerPath) -> str:
    """Return a sweep's state at W&B, such as RUNNING; "" where it is not there."""
    data = connection.ask(STATE, {"entity": path.entity, "project": path.project, "sweep": path.id})
    sweep = (data.get("project") or {}).get("sweep")
    return str(sweep["state"]).upper() if sweep else ""


def sweep_runs(connection: Connection, path: ServerPath) -> list[PulledRun]:
    """Return a sweep's runs as W&B has them, without their histories, the oldest first."""
    return [to_pulled(run) for run in list_runs(connection, [path]).values()]


def stopped_by_server() -> bool:
    """Say whether W&B's server asked the run that an agent started here to stop; False where that cannot be known."""
    names = [os.environ.get(f"WANDB_{name}", "") for name in ("ENTITY", "PROJECT", "RUN_ID")]
    if not all(names) or not os.environ.get("WANDB_SWEEP_ID"):
        return False
    try:
        connection = Connection()
        asked = dict(zip(("entity", "project", "run"), names, strict=True))
        data = connection.ask(STOPPED, asked, patience=STOP_PATIENCE)
    except PodiumError:
        return False
    run = (data.get("project") or {}).get("run")
    return bool(run and run.get("stopped"))


class Agent:
    """One of W&B's agents, as a process of its own, in a session of its own."""

    def __init__(
        self, path: ServerPath, *, count: int | None, cwd: Path, log: Path, environment: Mapping[str, str]
    ) -> None:
        """Start it.

        Args:
            path: the sweep.
            count: the most runs; None until the sweep ends.
            cwd: where the program's path counts from.
            log: what the agent and its runs print goes there.
            environment: what differs from ours.
        """
        self.log = log
        beside = Path(sys.executable).parent  # the command says `python`: ours shall be the one
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "podium.runs.agents",
                    f"{path.entity}/{path.project}/{path.id}",
                    str(count or 0),
                ],
                cwd=cwd,
                env={
                    **os.environ,
                    "PATH": os.pathsep.join([str(beside), os.environ.get("PATH", "")]),
                    "WANDB_MODE": "online",
                    "WANDB_ERROR_REPORTING": "false",
                    **environment,
                },
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is told to it by `interrupt`, once each
            )

    def ended(self) -> bool:
        """Say whether it has ended."""
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """Do what Ctrl-C does: the first time it waits for its run to end, the second time it ends the run."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it and its run, with ever less patience, and wait."""
        for patience in PATIENCE:
            if self.ended():
                break
            self.interrupt()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        with suppress(ProcessLookupError):
            self._process.kill()
        self._end()

    def close(self) -> None:
        """Wait for its end, and say what went wrong.

        Raises:
            PodiumError: when it did not end by itself.
        """
        code = self._end()
        if code > 0:
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            reason = lines[-1].strip() if lines else f"exit code {code}"
            raise PodiumError(
                f"W&B's agent failed ({reason}). See {self.log}. The same command goes on with the sweep."
            )

    def _end(self) -> int:
        code = self._process.wait()
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.close()
        return code


@contextmanager
def _unchanged(*names: str) -> Generator[None]:
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _end_with_parent() -> None:
    """Wait for the end of our input, which is the end of whoever started us; then end as after three Ctrl-C."""
    while os.read(0, 1):  # sys.stdin's own lock would be held when Python ends
        pass
    for patience in PATIENCE:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(patience)


def main(words: list[str]) -> None:
    """Be an agent until the sweep ends."""
    path = server_path(f"{words[0].rpartition('/')[0]}/sweeps/{words[0].rpartition('/')[2]}")
    assert path is not None  # noqa: S101 - `Agent` wrote it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import wandb

    wandb.agent(path.id, entity=path.entity, project=path.project, count=int(words[1]) or None)


if __name__ == "__main__":
    main(sys.argv[1:])
