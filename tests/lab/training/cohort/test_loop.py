"""How a cohort writes: rows while it trains on, checkpoints side by side, each after its row."""

import threading

import pytest

from podium.lab.training import recording
from podium.lab.training.cohort import entrant, loop
from podium.runs import read_record
from podium.spec import PodiumError, Variant


@pytest.fixture
def variants(tiny):
    return [Variant(f"seed {seed}", tiny.TINY_VIT.but(seed=seed)) for seed in range(3)]


def test_rows_are_written_aside_and_each_checkpoint_after_its_row(together, variants, monkeypatch):
    saved, writers = [], set()
    save, append = entrant.save_checkpoint, recording.append_event

    def saving(folder, *, epoch, **state):
        assert [row["epoch"] for row in read_record(folder).history] == list(range(1, epoch + 1))
        saved.append((folder.name, epoch))
        return save(folder, epoch=epoch, **state)

    def appending(folder, event, **values):
        if event == "epoch":
            writers.add(threading.current_thread())
        append(folder, event, **values)

    monkeypatch.setattr(entrant, "save_checkpoint", saving)
    monkeypatch.setattr(recording, "append_event", appending)
    monkeypatch.setattr(loop, "SAVING", 1e9)  # a checkpoint is always due
    records = together(variants)
    assert [record.state for record in records] == ["finished"] * 3
    assert sorted(saved) == sorted((record.folder.name, epoch) for record in records for epoch in (1, 2, 3))
    assert threading.main_thread() not in writers


@pytest.mark.parametrize("what", ["row", "checkpoint"])
def test_a_full_disk_stops_the_cohort_with_its_sentence(together, variants, monkeypatch, what):
    append = recording.append_event

    def full(folder, *event, **values):
        if what == "checkpoint" or event == ("epoch",):
            raise PodiumError("No space left on device.")
        append(folder, *event, **values)

    monkeypatch.setattr(*((recording, "append_event") if what == "row" else (entrant, "save_checkpoint")), full)
    with pytest.raises(PodiumError, match="No space left"):
        together(variants)
