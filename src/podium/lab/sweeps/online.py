"""Online sweeps: W&B's server searches and stops, W&B's own agents run the trials here; it goes on where it was."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from podium.lab.sweeps.configuration import Metric, SweepConfiguration
from podium.lab.sweeps.job import Job, make_job
from podium.lab.sweeps.watch import duration
from podium.runs.agents import ENDED, Agent, account, create_sweep, sweep_runs, sweep_state
from podium.runs.pull.connection import Connection
from podium.runs.pull.listing import ServerPath, server_path
from podium.runs.pull.pulled import PulledRun
from podium.spec import Experiment, PodiumError, Profile, Project

FILE = "online.json"
PROJECT = "podium"  # W&B's project where neither the file nor WANDB_PROJECT names one
POLL_SECONDS = 0.5
ASK_SECONDS = 15.0  # between two looks at W&B: its agents take 5 to 10 seconds a run
RUNNING = ("running", "pending")


def run_online(
    project: Project,
    target: Experiment | SweepConfiguration,
    profile: Profile = "full",
    *,
    settings: tuple[str, ...] = (),
    device: str = "auto",
    workers: int = 1,
    count: int | None = None,
    console: Console | None = None,
) -> list[PulledRun]:
    """Create a sweep at W&B and work it off with W&B's own agents; the same command later goes on with the same sweep.

    Failed trials end an agent by W&B's own rules alone; runs that the server stops (hyperband) are stopped.

    Args:
        project: where the sweep's id and the agents' output are kept.
        target: an experiment with a sweep, or a W&B sweep file.
        profile: "quick" lowers an experiment's number of trials to `quick_run_cap`.
        settings: `field=value` texts laid over an experiment's baseline.
        device: "auto", "cpu" or "cuda", for an experiment.
        workers: how many agents run at once, one GPU each where there are some.
        count: end after this many runs in all; None for no end but the sweep's own.
        console: where the progress goes; standard error when None.

    Returns:
        The sweep's runs as W&B has them, without their histories.

    Raises:
        PodiumError: for a wrong configuration, no key, no network, what W&B refuses.
        KeyboardInterrupt: after the agents have ended; the sweep can go on.
    """
    if workers < 1:
        raise PodiumError(f"--workers must be a whole number above 0; not {workers}.")
    console = console or Console(stderr=True)

    def say(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    job = make_job(project, target, profile, settings=settings, device=device, count=count, notify=say)
    if job.experiment is not None:
        from podium.lab.training import choose_device  # torch is slow to import, and programs need none

        choose_device(device)
    connection = Connection(notify=say)
    sent = _sent(job, settings)
    path, same = _kept(job, connection, sent)
    if path is None or not same:
        path = _create(job, connection, sent, path, say)
    with _Sight(job, connection, path, console) as sight:
        if sweep_state(connection, path) in ENDED:
            say(f"{job.name}: W&B has ended the sweep {path}.")
            return sight.runs
        left = None if count is None else max(0, count - len(sight.runs))
        if left == 0:
            return sight.runs
        agents = _start(job, path, workers, left)
        try:
            _wait(agents, sight)
        finally:
            for agent in agents:
                agent.kill()  # harmless where it has ended
        for agent in agents:
            agent.close()
        sight.look()
        if left is None:
            _explain(sight, agents)
        return sight.runs


def _kept(job: Job, connection: Connection, sent: Mapping[str, Any]) -> tuple[ServerPath | None, bool]:
    """Return the sweep that an earlier call created, where W&B still has it, and whether it was created like this."""
    try:
        kept = json.loads((job.folder / FILE).read_text())
        path, server, before = server_path(kept["path"]), kept["server"], kept["sent"]
    except (OSError, ValueError, KeyError, TypeError):
        return None, False
    if path is None or server != connection.base_url or not sweep_state(connection, path):
        return None, False
    return path, before == sent


def _create(
    job: Job,
    connection: Connection,
    sent: Mapping[str, Any],
    before: ServerPath | None,
    say: Callable[[str], None],
) -> ServerPath:
    """Create the sweep at W&B; it takes over the runs of the one before, which had another run_cap or stop rule."""
    own = account(connection)
    configuration = job.configuration
    entity = configuration.entity or os.environ.get("WANDB_ENTITY", "") or own
    name = configuration.project or os.environ.get("WANDB_PROJECT", "") or PROJECT
    runs = [] if before is None else [run.id for run in sweep_runs(connection, before) if run.state == "finished"]
    path, address = create_sweep(sent, entity=entity, project=name, prior_runs=runs)
    job.folder.mkdir(parents=True, exist_ok=True)
    temporary = job.folder / f".{FILE}"
    text = json.dumps({"path": str(path), "server": connection.base_url, "address": address, "sent": sent})
    temporary.write_text(text)
    temporary.replace(job.folder / FILE)
    taken = f", with {len(runs)} runs of {before}" if runs else ""
    say(f"{job.name}: W&B's sweep is {address or path}{taken}")
    return path


def _sent(job: Job, settings: Sequence[str]) -> dict[str, Any]:
    """Return the configuration that W&B gets: a file's own, or an experiment's with the command that trains a trial."""
    raw = dict(job.configuration.raw)
    if job.experiment is None:
        return raw
    if not math.isinf(job.total):
        raw["run_cap"] = int(job.total)
    words = ["${env}", "${interpreter}", "-m", "podium.lab.sweeps.trial", job.experiment.name]
    words += ["--profile", job.profile, "--device", job.device]
    words += [word for setting in settings for word in ("--set", setting)]
    return {"name": job.name, "program": f"experiments/{job.experiment.name}.py", **raw, "command": words}


def _start(job: Job, path: ServerPath, workers: int, left: int | None) -> list[Agent]:
    job.folder.mkdir(parents=True, exist_ok=True)
    cwd = job.project.root if job.experiment is not None else job.configuration.folder
    agents = []
    for slot in range(workers if left is None else min(workers, left)):
        share = None if left is None else left // workers + (slot < left % workers)
        log = job.folder / f"agent-{slot + 1}.log"
        agents.append(
            Agent(
                path, count=share, cwd=cwd, log=log, environment={"WANDB_DIR": str(job.folder), **_gpu(slot, workers)}
            )
        )
    return agents


def _gpu(slot: int, workers: int) -> dict[str, str]:
    """Give each of several agents a GPU of its own, where there are some."""
    if workers == 1:
        return {}
    from podium.lab.sweeps.worker import gpu_names

    names = gpu_names()
    return {"CUDA_VISIBLE_DEVICES": names[slot % len(names)]} if names else {}


def _wait(agents: Sequence[Agent], sight: _Sight) -> None:
    """Follow the agents to their end; Ctrl-C once lets the runs end, twice ends them, three times kills them."""
    from podium.lab.sweeps.worker import terminated_like_ctrl_c

    pressed = 0
    with terminated_like_ctrl_c():
        while not all(agent.ended() for agent in agents):
            try:
                time.sleep(POLL_SECONDS)
                with suppress(PodiumError):  # the network is away: the agents wait for it too
                    sight.look(seldom=True)
            except KeyboardInterrupt:
                pressed += 1
                if pressed > 2:
                    raise
                for agent in agents:
                    agent.interrupt()
                ends = (
                    "the runs that go on may end; Ctrl-C again stops them" if pressed == 1 else "the runs are stopped"
                )
                sight.say(f"{sight.job.name}: {ends}. The same command goes on with the sweep.")
    if pressed:
        raise KeyboardInterrupt


def _explain(sight: _Sight, agents: Sequence[Agent]) -> None:
    """Say so when the agents gave up before the sweep was through: three failures in the first minute, for one."""
    failed = [run for run in sight.runs if run.state in ("failed", "crashed")]
    if failed and sweep_state(sight.connection, sight.path) not in ENDED:
        logs = ", ".join(str(agent.log.relative_to(sight.job.project.root)) for agent in agents)
        sight.say(
            f"{sight.job.name}: W&B's agents gave up after {len(failed)} failed runs. What they printed is in {logs}. "
            "Mend it, then run the same command again: it goes on with the sweep."
        )


@dataclass
class _Sight:
    """The sweep as its user sees it: how each run ended, the best so far, time left."""

    job: Job
    connection: Connection
    path: ServerPath
    console: Console
    runs: list[PulledRun] = field(default_factory=list)
    _said: set[str] = field(default_factory=set)
    _asked: float = -math.inf
    _began: float = field(default_factory=time.monotonic)
    _before: int = 0

    def __enter__(self) -> Self:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task(f"{self.job.name}: runs", total=None, text="")
        self.runs = sweep_runs(self.connection, self.path)
        done = [run for run in self.runs if run.state not in RUNNING]
        self._said, self._before = {run.key for run in done}, len(done)
        if done:
            self.say(f"{self.job.name}: {len(done)} runs of W&B's sweep {self.path} are done already.")
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        self.connection.close()

    def say(self, sentence: str) -> None:
        """Print one line above the progress."""
        self.console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def look(self, *, seldom: bool = False) -> None:
        """Ask W&B for the sweep's runs and show what has changed; with `seldom`, only when some time has passed."""
        if seldom and time.monotonic() - self._asked < ASK_SECONDS:
            return
        self.runs = sweep_runs(self.connection, self.path)
        self._asked = time.monotonic()
        metric = self.job.configuration.metric
        done = [run for run in self.runs if run.state not in RUNNING]
        for run in done:
            if run.key not in self._said:
                self._said.add(run.key)
                self.say(f"{self.job.name}: {run.name}: {_outcome(run, metric)}")
        total = None if math.isinf(self.job.total) else int(self.job.total)
        of = "" if total is None else f" of {total}"
        parts = [f"{len(done)}{of}", _best(done, metric), self._left(len(done), total)]
        self._bar.update(self._task, completed=len(done), total=total, text="  ".join(part for part in parts if part))

    def _left(self, done: int, total: int | None) -> str:
        fresh = done - self._before
        if total is None or not fresh or done >= total:
            return ""
        return f"{duration((time.monotonic() - self._began) / fresh * (total - done))} left"


def _value(run: PulledRun, metric: Metric | None) -> float | None:
    found: Any = run.summary
    for part in metric.name.split(".") if metric else ():
        found = found.get(part) if isinstance(found, dict) else None
    if metric and found is None:
        found = run.summary.get(metric.name)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _outcome(run: PulledRun, metric: Metric | None) -> str:
    value = _value(run, metric)
    words = [run.state if run.state != "finished" or value is None else "", f"({run.reason})" if run.reason else ""]
    if metric and value is not None:
        words.append(f"{metric.name} {value:.4g}")
    return " ".join(word for word in words if word)


def _best(runs: Sequence[PulledRun], metric: Metric | None) -> str:
    values = [value for run in runs if (value := _value(run, metric)) is not None and math.isfinite(value)]
    if metric is None or not values:
        return ""
    return f"best {metric.name} {(max if metric.goal == 'maximize' else min)(values):.4g}"
