"""Workers on "several machines" over a real PostgreSQL, killed at random moments: each trial finishes once."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy

from podium.lab.sweeps import find_target
from podium.lab.sweeps.job import make_job
from podium.lab.sweeps.processes import marked
from podium.lab.sweeps.run import run_sweep
from podium.lab.sweeps.storage import open_storage
from podium.lab.sweeps.study import ended, outcome_of
from podium.lab.sweeps.worker import open_study
from podium.runs import read_runs

SWEEPER = Path(__file__).with_name("sweeper.py")

SLEEPER = """
import random, sys, time
from pathlib import Path
time.sleep(random.uniform(0.1, 0.6))
with open("ended.txt", "a") as file:
    file.write(sys.argv[1] + "\\n")
"""
GRID = """
program: sleeper.py
command: ["${interpreter}", "${program}", "${args_no_hyphens}"]
method: grid
parameters: {x: {values: [%s]}}
"""


def write_grid(project, trials):
    (project.root / "sleeper.py").write_text(SLEEPER)
    path = project.root / "grid.yaml"
    path.write_text(GRID % ", ".join(map(str, range(trials))))
    return path


def start_worker(project, path, storage):
    return subprocess.Popen(
        [sys.executable, SWEEPER, project.root, path, storage, "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("database", "kills", "count"), [("postgresql", 10, 24), ("sqlite", 3, 10)])
def test_kills_lose_no_trial_and_repeat_none(project, request, database, kills, count):
    """Three workers; each kill hits one that has a trial, at a random moment; another one then takes its place."""
    address = request.getfixturevalue("postgresql") if database == "postgresql" else ""
    path = write_grid(project, count)
    job = make_job(project, find_target(project, str(path)), "full", storage=address)
    with open_study(job) as study:
        workers = [start_worker(project, path, address) for _ in range(3)]
        killed = 0
        while killed < kills:
            at_work = {t.user_attrs["worker"]["pid"] for t in study.trials() if "worker" in t.user_attrs}
            time.sleep(random.uniform(0, 0.7))
            alive = [worker for worker in workers if worker.poll() is None]
            chosen = [worker for worker in alive if worker.pid in at_work]  # the others are still starting
            if not alive:
                break  # a fast machine: they are through
            if not chosen and len(ended(study.trials())) < count:
                continue
            for worker in random.sample(chosen or alive, 1):
                worker.send_signal(signal.SIGKILL)
                worker.wait()
                killed += 1
                workers.remove(worker)
                workers.append(start_worker(project, path, address))
        assert killed == kills
        left = count - len(ended(study.trials()))
        assert [worker.wait() for worker in workers] == [0, 0, 0]
        trials = study.trials()
    done = ended(trials)
    assert sorted(done) == list(range(count))
    finished = [trial for trial in trials if trial.state.name == "COMPLETE"]
    assert sorted(trial.user_attrs["parameters"]["x"] for trial in finished) == list(range(count))
    assert {outcome_of(trial).state for trial in done.values()} == {"finished"}
    records = read_runs(project.runs, "grid")
    assert sorted(record.config["x"] for record in records) == list(range(count))
    assert {record.state for record in records} == {"finished"}
    said = (project.root / "ended.txt").read_text().split()
    assert {f"x={x}" for x in range(count)} == set(said)
    taken_up = sum("retry_of" in trial.user_attrs for trial in trials)
    print(f"{killed} kills, {taken_up} trials taken up again, {left} left at the last kill")
    print(f"{len(said)} ends of programs for {count} trials")


def test_a_second_machine_finds_nothing_left_to_do(project, postgresql, console):
    path = write_grid(project, trials=2)
    target = find_target(project, str(path))
    assert [r.state for r in run_sweep(project, target, console=console, storage=postgresql)] == ["finished"] * 2
    assert len(run_sweep(project, target, console=console, storage=postgresql)) == 2
    assert "2 of 2 trials are done already" in console.file.getvalue()
    assert len((project.root / "ended.txt").read_text().split()) == 2


def test_the_lock_is_held_by_one_at_a_time_and_not_by_the_dead(project, postgresql):
    one, other = (open_storage(postgresql, project.build) for _ in range(2))
    with one.exclusive("sweep"), other.engine.begin() as connection:
        free = connection.execute(sqlalchemy.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        assert free.scalar() == 1
    with other.exclusive("sweep"):
        pass
    one.close()
    other.close()


def test_programs_do_not_outlive_their_worker(project, postgresql):
    path = write_grid(project, trials=1)
    (project.root / "sleeper.py").write_text("import time; open('started.txt', 'w').close(); time.sleep(600)")
    worker = start_worker(project, path, postgresql)
    while not (project.root / "started.txt").exists():
        assert worker.poll() is None
        time.sleep(0.05)
    (folder,) = project.runs.glob("grid/*")
    environments = [path for path in Path("/proc").glob("[0-9]*/environ") if str(folder).encode() in quiet_bytes(path)]
    assert environments
    worker.kill()
    worker.wait()
    until = time.monotonic() + 30
    while any(str(folder).encode() in quiet_bytes(path) for path in environments):
        assert time.monotonic() < until
        time.sleep(0.05)


def quiet_bytes(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_nothing_is_marked_that_nobody_started():
    assert marked("no such token") == []
