"""The lab's benchmarks run to their ends at tiny sizes, on made-up digits; what they say of it is what happened."""

import json
import runpy
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench import cohort, logging_cost, sweep, vision
from bench.lab import machine, turns
from bench.lab.sweep import SWEEP, meant, sweep_variants
from podium.lab.data import sets
from podium.lab.training import recording
from podium.runs.tracking import Silent
from podium.spec import VisionToSequenceConfig, ViTConfig

TESTS = Path(__file__).parents[2]
CPU = torch.device("cpu")
SMALL = ViTConfig(
    dim=8, depth=1, heads=2, patch=14, batch_size=32, epochs=1, train_images=96, validation_images=40, augment=1.0
)
PEAKS = {"peak memory of this process, MiB", "peak memory of its largest child, MiB"}


@pytest.fixture(autouse=True)
def digits(monkeypatch):
    """Made-up digits, a CPU whatever there is, and one thread."""
    made = runpy.run_path(str(TESTS / "lab" / "training" / "made_up.py"))["made_up_mnist"]()
    monkeypatch.setattr(sets, "load_mnist", lambda: made)
    monkeypatch.setattr(sets, "VALIDATION_COMPOSITES", 20)
    monkeypatch.setattr(sets, "TEST_COMPOSITES", 24)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def written(reports, name):
    record = json.loads((reports / f"{name}.json").read_text())
    assert record["command"] == f"nox -s bench -- {name}"
    assert record["device"] == "cpu, one thread"
    assert record.keys() >= PEAKS
    return record


def test_what_logging_costs_is_told_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(logging_cost.CONFIGS, "cpu", SMALL.but(epochs=8))
    logging_cost.main(tmp_path, runs=3)
    record = written(tmp_path, "logging_cost")
    assert (record["runs at once"], record["epochs"]) == (3, 8)
    waited = record["an epoch's logging that training waits for, ms, all runs"]
    beside = record["an epoch's logging beside training, CPU ms, all runs"]
    assert waited.keys() == beside.keys() == {"the record's line", "W&B's client"}
    assert waited["the record's line"] > 0
    assert all(0 < took < 1000 for took in beside.values())
    each = [*waited.values(), *beside.values()]
    assert all(took > 0 for took in record["an epoch's looking, ms, all runs"].values())
    shares = record["logging's share of training time"]
    assert shares["an epoch of 2.4 s, as one H200's was reckoned"] == pytest.approx(sum(each) / 2400, rel=0.05)
    assert shares["a whole epoch of MNIST here, reckoned"] < shares["an epoch as it was here"]
    assert record["checkpoints of all runs, seconds each time"] > 0
    assert record["CPU seconds of W&B's own process"] > 0
    assert all(took > 0 for took in record["once a run, ms"].values())


def test_two_epochs_record_and_two_do_not(tmp_path, monkeypatch):
    lines, logged = [], []

    class Heard(Silent):
        def log(self, metrics, step):
            logged.append(step)

    append = recording.append_event

    def appended(folder, event, **values):
        if event == "epoch":
            lines.append(values["metrics"]["epoch"])
        append(folder, event, **values)

    monkeypatch.setattr(recording, "append_event", appended)
    monkeypatch.setattr(recording, "open_tracker", lambda *_, **__: Heard())
    meter = logging_cost.Meter(CPU)
    logging_cost.train(tmp_path, SMALL.but(epochs=6), 2, meter)
    assert sorted(lines) == sorted(logged) == [1, 1, 2, 2, 3, 3, 6, 6]
    assert len(meter.epochs) == 6
    assert meter.recorded == 4
    records = [True, True, True, False, False, True]
    assert ["the record's line" in epoch for epoch in meter.epochs] == records
    assert ["gradients looked at" in epoch for epoch in meter.epochs] == records
    assert "checkpoints" in meter.epochs[3]


def test_a_call_inside_another_counts_once():
    meter = logging_cost.Meter(CPU)
    inner = meter._timed(lambda: time.sleep(0.05), "inner")
    outer = meter._timed(lambda: (time.sleep(0.01), inner()), "outer")
    outer()
    assert meter.once["inner"][0] >= 0.05
    assert 0.01 <= meter.once["outer"][0] < 0.05


def test_the_64_variants_have_names_and_some_are_meant_to_reach_99_percent():
    variants = sweep_variants()
    assert len({variant.name for variant in variants}) == len({v.config for v in variants}) == 64
    assert [v for v in variants if meant(v)] == [
        v for v in variants if not v.name.startswith("none") and " 0.003 " in v.name
    ]
    assert sum(map(meant, variants)) == 24
    assert variants[0].config.but(position="learned", optimizer="adamw", weight_decay=0.05) != SWEEP
    assert SWEEP in [v.config for v in variants]


def test_a_sweep_s_results_stand_by_name(tmp_path):
    variants = sweep_variants(SMALL)[::5]
    found = sweep.results(tmp_path, variants)
    assert (found["variants"], found["finished"], found["failed"]) == (13, 13, {})
    asked = found["test accuracy of those meant to reach 99 %"]
    others = found["test accuracy of the others"]
    assert asked.keys() | others.keys() == {variant.name for variant in variants}
    assert asked.keys() == {variant.name for variant in variants if meant(variant)}
    assert 0 <= found["median test accuracy of those meant to reach 99 %"] <= 1
    assert found["seconds of training and validation"] > 0


def test_the_sweep_runs_in_a_process_of_its_own(tmp_path, monkeypatch):
    told = {}
    monkeypatch.setattr(sweep, "write", lambda name, device, found, reports: told.update(found))

    def train(words, *, check):
        assert words[1:3] == [sweep.__file__, "train"]
        sweep.train(Path(words[3]))

    monkeypatch.setattr(sweep, "TINY", SMALL)
    monkeypatch.setattr(sweep, "sweep_variants", lambda baseline: sweep_variants(baseline)[5::16])
    monkeypatch.setattr(sweep, "subprocess", SimpleNamespace(run=train))
    sweep.main()
    assert told["seconds, process start to the last record"] > 0
    assert told["finished"] == 4
    assert "tiny" in told["note"]
    assert told["memory of the sweep's process"].keys() >= PEAKS


def test_a_reader_is_timed_from_its_process_s_start(tmp_path, monkeypatch):
    tiny = VisionToSequenceConfig(
        dim=16, depth=1, decoder_depth=1, heads=2, stem="convolution", patch=12, digits=1, batch_size=32, epochs=3,
        train_images=64, validation_images=40,
    )  # fmt: skip
    monkeypatch.setitem(vision.CONFIGS, "cpu", tiny)
    record = vision.main(tmp_path)
    assert record == written(tmp_path, "vision")
    assert "tiny" in record["note"]
    ended = [epoch["ended at"] for epoch in record["epochs"]]
    assert len(ended) == 3
    assert ended == sorted(ended)
    assert ended[-1] <= record["seconds, process start to the test set read"] + 0.1
    assert record["test numbers"] == 24
    assert record["seconds, process start to a validation exact match of 0.99"] is None

    monkeypatch.setattr(vision, "ENOUGH", 0.0)
    again = vision.main(tmp_path)
    assert again["epoch"] == 1
    assert again["seconds, process start to a validation exact match of 0"] == again["epochs"][0]["ended at"]


def test_arms_take_turns(monkeypatch):
    workload = (SMALL, cohort.alike(SMALL, 4))
    monkeypatch.setitem(cohort.WORKLOADS["cpu"], "tiny", workload)
    monkeypatch.setattr(cohort, "REPEATS", 3)
    monkeypatch.setitem(cohort.STEPS, "cpu", 2)
    monkeypatch.setattr(cohort, "two_at_once", lambda name: {"ratio": name})
    found = cohort.measured("tiny", CPU)
    arms = {"stacked", "one after the other", "one run", "DataLoader and PIL"}
    assert found["pictures a second"].keys() == arms
    assert found["stacked over"].keys() == arms - {"stacked"}
    assert found["two processes at once over one after the other"] == {"ratio": "tiny"}


class Pretended:
    """Processes at once that train as fast as they are told."""

    def __init__(self, count):
        self.count = count
        self.device_memory = 10.0 * count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def turn(self):
        return 100.0 * (3 if self.count == 2 else 1)


def test_the_best_number_of_processes_counts(monkeypatch):
    monkeypatch.setitem(cohort.PROCESSES, "cpu", (1, 2, 4))
    monkeypatch.setattr(cohort, "processes", lambda name, count, device: Pretended(count))
    monkeypatch.setattr(cohort, "rate_by_the_wall", lambda run, steps, device: 1500.0)
    found = cohort.against_processes("tiny", lambda steps: steps, CPU)
    assert found["best"] == 2
    assert found["stacked over the best"]["ratio"] == 5.0
    assert found["memory of the device, all of them, MiB"] == {1: 10, 2: 20, 4: 40}
    assert cohort.two_at_once("tiny")["ratio"] == 3.0


def test_processes_at_once_train_when_they_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    script = tmp_path / "arm.py"
    script.write_text(
        "import torch\nfrom bench.lab.turns import answer\nanswer(lambda steps: 32 * steps, 10, torch.device('cpu'))\n"
    )
    with turns.Processes(2, [str(script)]) as both:
        assert both.turn() > 0
        assert both.turn() > 0
    assert both.device_memory == 0
    script.write_text("raise SystemExit(1)\n")
    with pytest.raises(SystemExit, match="ended before its time"), turns.Processes(1, [str(script)]):
        pass


def test_a_gpu_s_memory_stands_in_the_record(monkeypatch):
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 5 * 2**20)
    assert machine.memory(torch.device("cuda"))["peak memory of the device, MiB"] == 5.0
