import dataclasses
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

from podium.lab.sweeps import find_target, own, run, run_sweep, worker
from podium.lab.sweeps.job import make_job
from podium.lab.sweeps.judging import start_of
from podium.lab.sweeps.search import ask
from podium.lab.sweeps.study import ended, outcome_of
from podium.lab.sweeps.worker import gpu_names, open_study
from podium.runs import append_event, read_record, read_runs
from podium.spec import Experiment, PodiumError, Sweep

SWEEPER = Path(__file__).with_name("sweeper.py")
SEARCH = {
    "method": "random",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "parameters": {"learning_rate": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2}},
    "run_cap": 4,
}
PLAIN = """
import sys
value = int(sys.argv[1].partition("=")[2])
sys.path[:0] = ["."]
import behaviour
behaviour.run(value)
"""


def searched(tiny, quick_run_cap=2, **changes):
    return dataclasses.replace(tiny, sweep=Sweep(config={**SEARCH, **changes}, quick_run_cap=quick_run_cap))


def grid(values, **changes):
    return {"method": "grid", "run_cap": None, "parameters": values, **changes}


@pytest.fixture
def sweep(project, console):
    """Run a sweep of made-up digits, quietly."""

    def run(target, profile="quick", **changes):
        wandb = "off" if isinstance(target, Experiment) else "auto"
        return run_sweep(project, target, profile, **{"device": "cpu", "wandb": wandb, "console": console, **changes})

    return run


@pytest.fixture
def plain(project):
    """Write a sweep file over a program of one line, that logs nothing."""

    def write(behaviour, values=range(3), name="plain", more=""):
        (project.root / "plain.py").write_text(PLAIN)
        (project.root / "behaviour.py").write_text(behaviour)
        path = project.root / f"{name}.yaml"
        path.write_text(
            "program: plain.py\nmethod: grid\ncommand: ['${interpreter}', '${program}', '${args_no_hyphens}']\n"
            f"parameters: {{x: {{values: {list(values)}}}}}\n{more}"
        )
        return find_target(project, str(path))

    return write


def test_trials_are_the_baseline_with_some_fields_changed(sweep, tiny, console):
    records = sweep(searched(tiny))
    assert [(r.variant, r.state, r.profile) for r in records] == [(f"trial-00{n}", "finished", "quick") for n in (1, 2)]
    assert len({record.config["learning_rate"] for record in records}) == 2
    unlike = {name for name in records[0].config if records[0].config[name] != tiny.baseline.as_dict()[name]}
    assert unlike == {"learning_rate", "epochs"}
    assert len({record.sweep for record in records}) == 1
    assert "tiny: trial-002 (learning_rate=0.00" in console.file.getvalue()


def test_what_is_finished_is_not_run_again(sweep, tiny, console, monkeypatch):
    first = sweep(searched(tiny))
    monkeypatch.setattr(own, "train_run", None)
    assert sweep(searched(tiny)) == first
    assert "tiny: 2 of 2 trials are done already." in console.file.getvalue()


def test_a_raised_cap_goes_on_with_the_same_sweep(sweep, tiny):
    first = sweep(searched(tiny, run_cap=1), "full", settings=("epochs=1",))
    further = sweep(searched(tiny, run_cap=2), "full", settings=("epochs=1",))
    assert len(first) == 1
    assert further[:1] == first
    assert [record.config["epochs"] for record in further] == [1, 1]
    assert len(sweep(searched(tiny, run_cap=9), "full", settings=("epochs=1",), count=3)) == 3


def test_records_that_were_deleted_are_made_again(sweep, tiny):
    first = sweep(searched(tiny))
    (first[1].folder / "record.jsonl").unlink()
    assert [record.variant for record in sweep(searched(tiny))] == ["trial-001", "trial-002"]


@pytest.mark.parametrize(
    ("changes", "asked", "sentence"),
    [
        ({"parameters": {"dropuot": {"values": [0.1]}}}, {}, "sweep of experiment tiny.*'dropuot'; did you mean 'drop"),
        ({"parameters": {"dropout": {"values": [0.1, 1.5]}}}, {}, "parameters.dropout: dropout must be at least 0"),
        ({"parameters": {"model": {"parameters": {"dim": {"value": 8}}}}}, {}, "no field 'model'"),
        ({}, {"workers": 0}, "--workers must be a whole number above 0; not 0"),
        ({}, {"count": 0}, "--count must be a whole number above 0; not 0"),
        ({}, {"storage": "mysql://there/db"}, "--storage takes postgresql://"),
        ({}, {"storage": "no address"}, "--storage must be an address such as postgresql://"),
        ({}, {"storage": "sqlite://"}, "--storage takes postgresql://"),
        (
            {},
            {"storage": "postgresql://u:secret@127.0.0.1:9/db"},
            r"postgresql\+psycopg://u:\*\*\*@127.*cannot be opened",
        ),
    ],
)
def test_what_cannot_run_is_said_before_the_first_trial(sweep, tiny, project, changes, asked, sentence):
    with pytest.raises(PodiumError, match=sentence):
        sweep(searched(tiny, **changes), **asked)
    assert not project.runs.exists()


def test_no_sweep_is_a_sentence(sweep, tiny):
    with pytest.raises(PodiumError, match=r"Experiment tiny has no sweep: add sweep=Sweep"):
        sweep(tiny)


def test_targets_are_files_or_experiments(project):
    with pytest.raises(PodiumError, match=r"There is no file gone\.yaml here"):
        find_target(project, "gone.yaml")
    with pytest.raises(PodiumError, match="no experiment 'gone'"):
        find_target(project, "gone")
    (project.experiments / "there.py").write_text(
        "from podium.spec import Experiment, ViTConfig\n"
        "EXPERIMENT = Experiment(question='?', expectation='', baseline=ViTConfig(), variants={'a': {}}, metric='m')"
    )
    assert find_target(project, "there").name == "there"


def test_failed_trials_are_rows_and_the_sweep_goes_on(sweep, tiny, monkeypatch, console):
    whole = own.train_run

    def breaks(project, experiment, variant, profile, **rest):
        if variant.config.dropout == 0.2:
            raise MemoryError
        if variant.config.dropout == 0.3:
            raise ZeroDivisionError("by zero")
        return whole(project, experiment, variant, profile, **rest)

    monkeypatch.setattr(own, "train_run", breaks)
    values = {"dropout": {"values": [0.1, 0.2, 0.3]}, "heads": {"values": [2, 3]}}
    records = sweep(searched(tiny, quick_run_cap=99, **grid(values)), workers=1)
    assert [(r.config["dropout"], r.config["heads"], r.state) for r in records] == [
        (0.1, 2, "finished"),
        (0.1, 3, "failed"),
        (0.2, 2, "failed"),
        (0.2, 3, "failed"),
        (0.3, 2, "failed"),
        (0.3, 3, "failed"),
    ]
    assert "heads" in records[1].reason
    assert (records[2].reason, records[4].reason) == ("out of memory: ", "ZeroDivisionError: by zero")
    assert "trial-005 (dropout=0.3, heads=2) failed: ZeroDivisionError: by zero" in console.file.getvalue()
    assert sweep(searched(tiny, quick_run_cap=99, **grid(values)))[0].state == "finished"


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_trials_all_fail_until_the_program_is_mended(sweep, plain, project, workers):
    behaviour = "import time\ndef run(x):\n time.sleep(0.3)\n raise ValueError(f'no layer {x}')"
    with pytest.raises(
        PodiumError, match=r"first \d+ trials all failed: .*ValueError: no layer \d+\. Output: .*Mend it"
    ):
        sweep(plain(behaviour, range(16)), workers=workers)
    failed = read_runs(project.runs, "plain")
    assert 3 <= len(failed) < 16
    records = sweep(plain("def run(x): pass", range(16)))
    assert [record.state for record in records] == ["finished"] * 16


@pytest.mark.parametrize("recorded", [False, True])
def test_what_stopped_workers_left_behind_is_mended_too(sweep, plain, project, recorded):
    """One of them had just taken a trial, and not signed it; or it had written the trial's record, and not told it."""
    with pytest.raises(PodiumError, match="the first 3 trials all failed"):
        sweep(plain("def run(x): raise ValueError('no layer')", range(5)))
    target = plain("def run(x): pass", range(5))
    job = make_job(project, target, "quick")
    with open_study(job) as study:
        asked = ask(study.optuna, job.configuration, job.sweep)
    assert asked is not None
    assert asked.index == 3
    if recorded:
        folder = job.trial_folder(asked.index, asked.parameters)
        append_event(folder, "start", **start_of(job, asked.index, asked.parameters), provenance={})
        append_event(folder, "end", state="failed", reason="ValueError: no layer", summary={}, samples={})
    assert [record.state for record in sweep(target)] == ["finished"] * 5


def test_trials_that_fail_twice_do_not_stop_the_sweep_twice(sweep, plain):
    behaviour = "def run(x):\n if x < 3: raise ValueError('not this one')"
    with pytest.raises(PodiumError, match="the first 3 trials all failed"):
        sweep(plain(behaviour, range(5)))
    records = sweep(plain(behaviour, range(5)))
    assert [record.state for record in records] == ["failed"] * 3 + ["finished"] * 2


def test_wandbs_switch_lets_a_sweep_fail(sweep, plain, monkeypatch):
    monkeypatch.setenv("WANDB_AGENT_DISABLE_FLAPPING", "true")
    records = sweep(plain("def run(x): raise ValueError", range(4)))
    assert [record.state for record in records] == ["failed"] * 4


def test_a_grid_may_begin_with_values_that_do_not_fit_together(sweep, tiny):
    values = {"dropout": {"values": [0.1, 0.2, 0.3]}, "heads": {"value": 3}}
    records = sweep(searched(tiny, quick_run_cap=99, **grid(values)))
    assert [record.state for record in records] == ["failed"] * 3


def test_a_kill_is_tried_once_more(sweep, plain, console):
    behaviour = """
import os, signal
from pathlib import Path
def run(x):
    if x == 1 and not Path("tried").exists():
        Path("tried").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    records = sweep(plain(behaviour))
    assert [record.state for record in records] == ["finished", "finished", "failed"]
    assert records[2].reason == "killed by signal 9 (SIGKILL), which the system sends when memory runs out"
    assert "trial-002 was killed by signal 9 (SIGKILL)" in console.file.getvalue()


def test_ctrl_c_queues_the_trial_again(sweep, plain, project, console):
    behaviour = """
import os, signal, time
def run(x):
    if x == 1:
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)
"""
    target = plain(behaviour)
    with pytest.raises(KeyboardInterrupt):
        sweep(target)
    states = {record.config["x"]: record.state for record in read_runs(project.runs, "plain")}
    assert states == {0: "finished", 1: "interrupted"}
    began = json.dumps(read_record(next(project.runs.glob("plain/trial-001-*"))).provenance)
    records = sweep(plain("def run(x): pass"))
    assert [record.state for record in records] == ["finished"] * 3
    assert json.dumps(records[0].provenance) == began
    assert "1 of 3 trials are done already" in console.file.getvalue()


def test_a_trial_whose_record_has_ended_is_not_run_twice(sweep, plain, project):
    """The worker was killed between the record's end and the study's."""
    target = plain("def run(x): open('ran.txt', 'a').write(str(x))")
    first = sweep(target)
    for path in project.build.glob("sweeps/*/study.db"):
        path.unlink()
    assert sweep(target) == first
    assert sorted((project.root / "ran.txt").read_text()) == ["0", "1", "2"]


def test_hyperband_prunes_own_trials(sweep, tiny):
    changes = {"early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 2}, "run_cap": None}
    metric = {"name": "val_loss", "goal": "minimize"}
    values = {"learning_rate": {"values": [3e-3, 2e-3, 1e-9]}}
    *good, weak = sweep(searched(tiny, **grid(values, metric=metric, **changes)), "full")
    assert [record.state for record in good] == ["finished", "finished"]
    assert (weak.config["learning_rate"], weak.state) == (1e-9, "pruned")
    assert weak.reason.startswith("hyperband: val_loss 2.")
    assert weak.reason.endswith(" at 1 was not among the best 1/2")
    assert len(weak.history) == 1
    assert "test_accuracy" not in weak.summary
    assert weak.summary["val_loss"] == weak.history[-1]["val_loss"]


def test_a_target_ends_the_sweep(sweep, tiny):
    metric = {"name": "val_accuracy", "goal": "maximize", "target": 0.0}
    assert len(sweep(searched(tiny, metric=metric), "full", settings=("epochs=1",))) == 1
    assert len(sweep(searched(tiny, metric=metric), "full", settings=("epochs=1",), workers=2)) == 1


def test_a_metric_that_no_run_logs_is_said_soon(sweep, tiny, project):
    metric = {"name": "val_acuracy", "goal": "maximize"}
    with pytest.raises(
        PodiumError,
        match=r"experiment tiny.*metric.name: 2 trials have finished, and none.*did you mean 'val_accuracy'",
    ):
        sweep(searched(tiny, metric=metric), "full", settings=("epochs=1",))
    assert [record.state for record in read_runs(project.runs, "tiny")] == ["finished"] * 2


def test_a_metric_that_is_no_number_is_another_matter(sweep, tiny, monkeypatch, console):
    whole = own.train_run

    def spoilt(*arguments, **rest):
        record = whole(*arguments, **rest)
        return dataclasses.replace(record, history=[], summary={"val_accuracy": float("nan")})

    monkeypatch.setattr(own, "train_run", spoilt)
    assert [record.state for record in sweep(searched(tiny))] == ["finished"] * 2
    assert "val_accuracy was never a finite number" in console.file.getvalue()


def test_a_metric_is_named_by_file_and_line(sweep, plain):
    target = plain("def run(x): pass", more="metric:\n  name: loss\n")
    with pytest.raises(PodiumError, match=r"plain.yaml, line 6, metric.name: 2 trials .* They logged nothing to W&B"):
        sweep(target)


def test_foreign_sweeps_refuse_what_is_for_experiments(sweep, plain, project):
    target = plain("def run(x): pass")
    with pytest.raises(PodiumError, match=r"--set changes an experiment's fields; .*plain.yaml names a program"):
        sweep(target, settings=("dim=3",))
    with pytest.raises(PodiumError, match="--wandb online is for experiments"):
        sweep(target, wandb="online")
    with pytest.raises(PodiumError, match="names no program"):
        sweep(dataclasses.replace(target, program=None))
    with pytest.raises(PodiumError, match=r"plain.yaml, line 1, program: there is no gone.py in "):
        sweep(dataclasses.replace(target, program="gone.py"))
    with pytest.raises(PodiumError, match="does not start: 'no-such-program': No such file"):
        sweep(dataclasses.replace(target, command=("no-such-program",)))


def test_a_word_that_is_no_macro_is_said_once(sweep, plain, console):
    target = plain("def run(x): pass")
    sweep(dataclasses.replace(target, command=(*target.command, "${agrs}")))
    assert console.file.getvalue().count("no macro 'agrs'; did you mean 'args'?") == 1


def test_a_sweep_does_not_lie_among_an_experiments_runs(project, plain):
    (project.experiments / "plain.py").touch()
    assert make_job(project, plain(""), "full").name == "plain-sweep"


def test_each_worker_has_a_gpu_of_its_own(sweep, plain, project, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    behaviour = """
import os, time
def run(x):
    open(f"gpu-{x}", "w").write(os.environ["CUDA_VISIBLE_DEVICES"])
    time.sleep(1.5)
"""
    assert [record.state for record in sweep(plain(behaviour, range(4)), workers=2)] == ["finished"] * 4
    assert {path.read_text() for path in project.root.glob("gpu-*")} == {"5", "7"}


def test_gpus_are_those_that_this_process_may_see(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, 7,")
    assert gpu_names() == ["5", "7"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(worker, "DRIVERS", ("/",))
    assert gpu_names() == ["0", "1"]
    monkeypatch.setattr(worker, "DRIVERS", ())
    assert gpu_names() == []


def test_a_killed_worker_is_replaced(sweep, plain, console):
    behaviour = """
import os, signal
from pathlib import Path
def run(x):
    if x == 1 and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getppid(), signal.SIGKILL)
        import time; time.sleep(60)
"""
    assert [record.state for record in sweep(plain(behaviour), workers=2)] == ["finished"] * 3
    assert "was killed by signal 9 (SIGKILL). Another one takes its place" in console.file.getvalue()


def test_workers_stop_at_what_all_of_them_would_meet(sweep, plain):
    target = plain("def run(x): pass")
    with pytest.raises(PodiumError, match="does not start: 'no-such-program'"):
        sweep(dataclasses.replace(target, command=("no-such-program",)), workers=2)


def test_progress_shows_trials_best_and_time_left(project, tiny, monkeypatch):
    seen = []
    look = run.Watch.look
    monkeypatch.setattr(run.Watch, "look", lambda *words, now="": (seen.append(now), look(*words, now=now)))
    screen = Console(file=io.StringIO(), width=200, force_terminal=True)
    run_sweep(project, searched(tiny), "quick", device="cpu", wandb="off", console=screen)
    said = screen.file.getvalue()
    assert "1 of 2  best val_accuracy 0." in said
    assert " left" in said
    assert any(now.startswith("trial-002: loss ") for now in seen)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ctrl-c", "the parent is killed"])
def test_several_workers_are_stopped_at_once(sweep, plain, project, how):
    target = plain("def run(x):\n import time\n open(f'began-{x}', 'w').close()\n time.sleep(600)")
    words = [sys.executable, SWEEPER, project.root, project.root / "plain.yaml", "", "2"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
    while len(list(project.root.glob("began-*"))) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    if how == "ctrl-c":  # a terminal sends it to the whole group
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.kill()
    process.wait()
    with open_study(make_job(project, target, "full")) as study:
        until = time.monotonic() + 60
        while sorted(trial.state.name for trial in study.trials()) != ["FAIL", "FAIL", "WAITING", "WAITING"]:
            assert time.monotonic() < until
            time.sleep(0.05)
        while programs := [path for path in Path("/proc").glob("[0-9]*/environ") if str(project.root) in text_of(path)]:
            assert time.monotonic() < until, programs
            time.sleep(0.05)
    assert {record.state for record in read_runs(project.runs, "plain")} == {"interrupted"}
    assert [record.state for record in sweep(plain("def run(x): pass"))] == ["finished"] * 3


def text_of(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.slow
def test_killed_workers_of_an_own_sweep_lose_nothing(project):
    """SIGKILL at a random moment, then a worker that is left in peace; test_postgresql.py kills many."""

    def start():
        words = [sys.executable, SWEEPER, project.root, "tiny", "", "1"]
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    worker = start()
    while not read_runs(project.runs, "tiny"):
        assert worker.poll() is None
        time.sleep(0.02)
    time.sleep(random.uniform(0, 1))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert start().wait() == 0
    records = read_runs(project.runs, "tiny")
    assert [record.variant for record in records] == [f"trial-00{n}" for n in range(1, 4)]
    assert {record.state for record in records} == {"finished"}
    (path,) = project.build.glob("sweeps/*/study.db")
    name = path.parent.name
    from podium.lab.sweeps.storage import open_storage

    storage = open_storage("", path.parent)
    trials = storage.tables.get_all_trials(storage.tables.get_study_id_from_name(name))
    storage.close()
    assert sorted(ended(trials)) == list(range(3))
    assert sum(trial.state.name == "COMPLETE" for trial in trials) == 3
    assert {outcome_of(trial).state for trial in ended(trials).values()} == {"finished"}


def test_a_study_opens_twice(project, tiny):
    job = make_job(project, searched(tiny), "quick")
    with open_study(job) as one, open_study(job) as other:
        assert one.trials() == other.trials() == []
