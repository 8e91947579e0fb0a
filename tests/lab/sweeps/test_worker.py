"""What a worker does when things go wrong around it, in this process; test_run.py kills real ones."""

import contextlib
import io
import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing import Pipe
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from podium.lab.sweeps import find_target, foreign, processes, run, trials, worker
from podium.lab.sweeps.job import make_job
from podium.lab.sweeps.judging import Hands, Judge
from podium.lab.sweeps.processes import stand_guard
from podium.lab.sweeps.program import Program
from podium.lab.sweeps.study import LostError, ended, index_of
from podium.lab.sweeps.watch import Watch
from podium.lab.sweeps.worker import open_study, terminated_like_ctrl_c, work, work_alone
from podium.runs import read_runs
from podium.spec import PodiumError, Sweep

SWEEP = """
command: ["true"]
method: grid
parameters: {x: {values: [1, 2]}}
"""


@pytest.fixture
def job(project):
    """A sweep of two trials that do nothing."""
    path = project.root / "nothing.yaml"
    path.write_text(SWEEP)
    return make_job(project, find_target(project, str(path)), "full")


@pytest.fixture
def line():
    mine, its = Pipe(duplex=False)
    with mine, its:
        yield SimpleNamespace(told=lambda: [mine.recv() for _ in iter(mine.poll, False)], its=its)


@contextlib.contextmanager
def handlers_kept():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_worker_of_its_own_works_to_the_end(job, line, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    work_alone(job, "3", 1, line.its)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert [record.state for record in read_runs(job.project.runs)] == ["finished"] * 2
    assert line.told() == []


def test_a_worker_without_a_gpu_shares_the_processor(project, tiny, line):
    search = {"method": "grid", "parameters": {"dropout": {"values": [0.1]}}}
    own = make_job(project, replace(tiny, sweep=Sweep(config=search)), "quick", device="cpu", wandb="off")
    torch.set_num_threads(2)
    work_alone(own, "", 1, line.its)
    assert torch.get_num_threads() == 1
    assert [record.state for record in read_runs(project.runs)] == ["finished"]


def test_what_every_trial_would_meet_is_told_and_the_trial_given_back(job, line):
    broken = replace(job, configuration=replace(job.configuration, command=("no-such-program",)))
    with pytest.raises(SystemExit) as left:
        work_alone(broken, "", 1, line.its)
    assert left.value.code == worker.ERROR
    ((kind, sentence),) = line.told()
    assert (kind, "does not start: 'no-such-program'" in sentence) == ("error", True)
    with open_study(job) as study:
        assert [trial.state.name for trial in study.trials()] == ["FAIL", "WAITING"]


def test_a_worker_that_is_stopped_leaves_quietly(job, line, monkeypatch):
    left = []

    def stopped(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr(worker, "work", stopped)
    monkeypatch.setattr(os, "_exit", left.append)
    with handlers_kept():
        work_alone(job, "", 1, line.its)
    assert left == [worker.STOPPED]


def test_a_second_ctrl_c_does_not_disturb_a_worker():
    with handlers_kept(), terminated_like_ctrl_c(once=True):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_only_the_main_thread_takes_signals():
    before = signal.getsignal(signal.SIGTERM)

    def aside():
        with terminated_like_ctrl_c():
            assert signal.getsignal(signal.SIGTERM) is before

    thread = threading.Thread(target=aside)
    thread.start()
    thread.join()


def test_a_worker_ends_with_its_parent(monkeypatch):
    killed = []
    monkeypatch.setattr(os, "kill", lambda *words: killed.append(words))
    monkeypatch.setattr(worker, "parent_process", lambda: None)
    worker._end_with_parent()
    monkeypatch.setattr(worker, "parent_process", lambda: SimpleNamespace(join=lambda: None))
    worker._end_with_parent()
    assert killed == [(os.getpid(), signal.SIGTERM)]


def test_a_worker_waits_for_the_trials_of_others(job, monkeypatch):
    """One trial runs elsewhere; when that one gives it back, it is taken up."""
    with open_study(job) as other, open_study(job) as mine:
        asked = other.take(lambda tables: worker.ask(tables, job.configuration, job.sweep))
        waited = []

        def wait(seconds):
            waited.append(seconds)
            other.give_back(asked)

        monkeypatch.setattr(worker, "time", SimpleNamespace(sleep=wait))
        work(job, mine)
        assert waited == [worker.IDLE_SECONDS]
        assert sorted(ended(mine.trials())) == [0, 1]


def hands(job, study, said):
    return Hands(job=job, study=study, guard=None, token="test", notify=said.append)


def test_a_trial_that_was_given_away_is_left_alone(job, monkeypatch):
    said = []
    with open_study(job) as study:
        asked = study.take(lambda tables: worker.ask(tables, job.configuration, job.sweep))

        def lost(*_):
            raise LostError("The trial was given to another worker.")

        monkeypatch.setattr(trials, "_train", lost)
        trials.train_trials(hands(job, study, said), [asked])
    assert said == ["trial-001: The trial was given to another worker."]


def test_a_program_whose_trial_was_given_away_is_stopped(job, tmp_path):
    (job.project.root / "sleep.yaml").write_text(SWEEP.replace('["true"]', '["sleep", "600"]'))
    asleep = make_job(job.project, find_target(job.project, str(job.project.root / "sleep.yaml")), "full")
    event = threading.Event()
    event.set()
    with open_study(asleep) as study:
        asked = study.take(lambda tables: worker.ask(tables, asleep.configuration, asleep.sweep))
        judge = Judge(study, asked.trial.number, asleep.configuration)
        began = time.monotonic()
        with pytest.raises(LostError):
            foreign.run_program(hands(asleep, study, []), asked, tmp_path / "t", judge, again=False, lost=event)
    assert time.monotonic() - began < 300


def test_no_disk_space_gives_the_trial_back(project, tiny, monkeypatch):
    from podium.lab.sweeps import own

    def full(*_, **__):
        raise PodiumError("The record cannot be written: No space left on device.")

    search = {"method": "grid", "parameters": {"dropout": {"values": [0.1]}}}
    job = make_job(project, replace(tiny, sweep=Sweep(config=search)), "quick", device="cpu", wandb="off")
    monkeypatch.setattr(own, "train_run", full)
    with open_study(job) as study:
        with pytest.raises(PodiumError, match="No space left"):
            work(job, study)
        assert [trial.state.name for trial in study.trials()] == ["FAIL", "WAITING"]


def test_a_process_that_lost_its_gpu_makes_room_for_another(project, tiny, monkeypatch, line):
    from podium.lab.sweeps import own

    def lose(*_, **__):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    search = {"method": "grid", "parameters": {"dropout": {"values": [0.1, 0.2]}}}
    job = make_job(project, replace(tiny, sweep=Sweep(config=search)), "quick", device="cpu", wandb="off")
    monkeypatch.setattr(own, "train_run", lose)
    with pytest.raises(SystemExit) as left:
        work_alone(job, "", 1, line.its)
    assert left.value.code == worker.NO_DEVICE
    assert "trial-001 failed: RuntimeError: CUDA error: an illegal memory access" in line.told()[0][1]
    assert [record.state for record in read_runs(project.runs)] == ["failed"]


def test_values_that_no_config_holds_have_a_folder_all_the_same(project, tiny):
    search = {"method": "grid", "parameters": {"dropout": {"values": [0.1]}}}
    job = make_job(project, replace(tiny, sweep=Sweep(config=search)), "quick")
    assert job.trial_folder(0, {"dropout": 7.0}).name.startswith("trial-001-")
    assert job.trial_folder(0, {"dropout": 0.5}).name.startswith("trial-001-s3-")


def test_a_finished_trial_is_not_queued_again(job):
    with open_study(job) as study:
        asked = study.take(lambda tables: worker.ask(tables, job.configuration, job.sweep))
        study.finish(asked.trial.number, trials.Outcome("finished", value=1.0))
        trial = study.trials()[0]
        study._queue_again(trial, study.trials())
        assert not study._fail(trial)
        assert len(study.trials()) == 1
        assert index_of(trial, study.trials()) == 0


def test_signs_of_life_go_on_when_the_server_comes_back(job, monkeypatch):
    with open_study(job) as study:
        monkeypatch.setattr(study, "_beat", 0.01)
        called = []

        def away(*_):
            called.append(1)
            raise ConnectionError

        monkeypatch.setattr(study, "_set", away)
        with study.signs_of_life([0]) as lost:
            while len(called) < 3:
                time.sleep(0.01)
        assert not lost.is_set()


def test_a_guard_kills_what_was_named_last(monkeypatch):
    killed = []
    monkeypatch.setattr(processes, "signal_group", lambda *words: killed.append(words))
    monkeypatch.setattr("sys.stdin", io.StringIO("17\n18\n"))
    stand_guard("nobody carries this")
    monkeypatch.setattr("sys.stdin", io.StringIO("19\n0\n"))
    stand_guard("nobody carries this")
    assert killed == [(18, signal.SIGKILL)]


class Dead:
    """A worker's process that a signal has ended."""

    exitcode = -9
    sentinel = None

    def join(self, _=None):
        pass

    def is_alive(self):
        return False


@pytest.fixture
def crew(job, console):
    with open_study(job) as study:
        yield run._Crew(job, study, Watch(job, console, before=[]), 2)


def put(crew, slot, restarts=run.MOST_RESTARTS):
    mine, its = Pipe(duplex=False)
    its.close()
    crew._crew[slot] = run._Worker(Dead(), mine, restarts)
    return crew._crew[slot]


def test_a_worker_that_dies_again_and_again_is_not_replaced(crew, console):
    first, second = put(crew, 0), put(crew, 1)
    crew._bury(0, first)
    assert "Worker 1 was killed by signal 9 (SIGKILL) 6 times. It is not started again." in console.file.getvalue()
    with pytest.raises(PodiumError, match=r"Every worker was killed by signal 9 \(SIGKILL\) again and again"):
        crew._bury(1, second)


class Deaf(Dead):
    """A worker's process that ends only when it is killed."""

    def __init__(self):
        self.told = []

    def terminate(self):
        self.told.append("terminate")

    def kill(self):
        self.told.append("kill")

    def is_alive(self):
        return "kill" not in self.told


def test_a_worker_that_does_not_leave_is_killed(crew):
    worker = put(crew, 0)
    worker.process = deaf = Deaf()
    crew._dismiss()
    assert deaf.told == ["terminate", "kill"]
    assert crew._crew == {}


def test_a_program_that_does_not_end_is_waited_for(job, tmp_path):
    launch = SimpleNamespace(
        folder=tmp_path, words=["sleep", "600"], cwd=tmp_path, environment=dict(os.environ), token="w"
    )
    program = Program(launch)
    assert not program.wait(0.01)
    program.stop()
    assert program.ended().state == "killed"


def test_a_sweep_without_an_end_counts_no_total(job):
    screen = Console(file=io.StringIO(), width=200, force_terminal=True)
    endless = replace(job, total=float("inf"))
    with open_study(job) as study, Watch(endless, screen, before=[]) as watch:
        work(job, study)
        watch.look(study.trials())
    assert "2 of" not in screen.file.getvalue()
