"""A recorder whose lines are written while training goes on."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import torch

from podium.lab.training import recording
from podium.lab.training.recording import Assignment, Recorder
from podium.runs import append_event, read_record
from podium.runs.tracking import Silent
from podium.spec import PodiumError, Variant


class Listening(Silent):
    def __init__(self):
        self.heard = []

    def log(self, metrics, step):
        self.heard.append(step)

    def finish(self, summary):
        self.heard.append("finish")


class Later:
    """An executor that does nothing until it is told to."""

    def __init__(self):
        self.waiting = []

    def submit(self, call, *args, **kwargs):
        future = Future()
        self.waiting.append((future, lambda: call(*args, **kwargs)))
        return future

    def work(self):
        for future, call in self.waiting:
            future.set_result(call())
        self.waiting.clear()


@pytest.fixture
def assignment(project, tiny):
    given = Assignment(
        project=project,
        experiment=tiny.TINY,
        variant=Variant("one", tiny.TINY_VIT),
        profile="quick",
        device=torch.device("cpu"),
    )
    append_event(given.folder, "start", **given.start(given.origin("made up")))
    return given


def epochs(assignment):
    return [row["epoch"] for row in read_record(assignment.folder).history]


def test_an_epoch_is_written_and_told_later(assignment):
    later = Later()
    recorder = Recorder(assignment, Listening(), later=later)
    recorder.epoch({"epoch": 1, "val_accuracy": 0.5}, {"gradients": [], "predicted": ["7"]})
    assert [row["epoch"] for row in recorder.history] == [1]
    assert (epochs(assignment), recorder.tracker.heard) == ([], [])
    later.work()
    recorder.settle()
    assert (epochs(assignment), recorder.tracker.heard) == ([1], [1])
    assert read_record(assignment.folder).watches == [{"epoch": 1, "gradients": [], "predicted": ["7"]}]


def test_lines_keep_their_order_and_the_end_comes_last(assignment):
    with ThreadPoolExecutor(8) as writers:
        recorder = Recorder(assignment, Listening(), later=writers)
        for number in range(1, 30):
            recorder.epoch({"epoch": number})
        recorder.prune("the others are better", 1.0)
    assert recorder.tracker.heard == [*range(1, 30), "finish"]
    lines = (assignment.folder / "record.jsonl").read_text().splitlines()
    assert ['"event": "end"' in line for line in lines] == [False] * 30 + [True]
    assert epochs(assignment) == list(range(1, 30))
    assert read_record(assignment.folder).state == "pruned"


def test_a_full_disk_is_said_with_the_next_line_or_the_end(assignment, monkeypatch):
    def full(*_, **__):
        raise PodiumError("The record cannot be written: No space left on device.")

    monkeypatch.setattr(recording, "append_event", full)
    with ThreadPoolExecutor(1) as writers:
        recorder = Recorder(assignment, Silent(), later=writers)
        recorder.epoch({"epoch": 1})
        with pytest.raises(PodiumError, match="No space left"):
            recorder.epoch({"epoch": 2})
        recorder.epoch({"epoch": 2})
        with pytest.raises(PodiumError, match="No space left"):
            recorder.end("finished", "")
    assert read_record(assignment.folder).state == "running"
