"""How a cohort looks at its runs and writes of them: all at once, and yet of each what it would say alone."""

import threading

import pytest

from podium.lab.training import recording, train_run
from podium.lab.training.cohort import entrant, loop
from podium.runs import provenance, read_record
from podium.spec import PodiumError, Project, Variant


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


def test_what_is_watched_of_each_is_what_it_sees_alone(project, tiny, together):
    kinds = ["none", "learned", "rotary"]
    asked = [Variant(kind, tiny.TINY_VIT.but(epochs=1, position=kind, seed=n)) for n, kind in enumerate(kinds)]
    for variant, record in zip(asked, together(asked), strict=True):
        where = Project(project.root / "alone")
        alone = train_run(where, tiny.TINY, variant, "quick", tracker_mode="off", device="cpu")
        (mine,), (its,) = record.watches, alone.watches
        assert mine["predicted"] == its["predicted"]
        assert [row["layer"] for row in mine["gradients"]] == [row["layer"] for row in its["gradients"]]
        for row, other in zip(mine["gradients"], its["gradients"], strict=True):
            assert row["norm"] == pytest.approx(other["norm"], rel=1e-3)
            assert sum(row["histogram"]) == sum(other["histogram"])
            moved = sum(abs(one - two) for one, two in zip(row["histogram"], other["histogram"], strict=True))
            assert moved <= 0.02 * sum(row["histogram"]) + 2  # rounding carries some over an edge


def test_what_is_the_same_for_all_is_found_out_once(together, tiny, monkeypatch):
    described, asked = [], []
    describe, state = entrant.describe, provenance.git_state
    monkeypatch.setattr(entrant, "describe", lambda *given: described.append(1) or describe(*given))
    monkeypatch.setattr(provenance, "git_state", lambda root: asked.append(1) or state(root))
    kinds = ["none", "learned", "learned", "rotary"]
    vit = tiny.TINY_VIT.but(epochs=1)
    records = together([Variant(f"{seed}", vit.but(position=kind, seed=seed)) for seed, kind in enumerate(kinds)])
    assert (len(described), len(asked)) == (3, 1)
    assert records[1].model == records[2].model
    assert {record.provenance["cohort"] for record in records} == {4}
