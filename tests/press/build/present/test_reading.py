import os
import time

import pytest

from bench import edit as bench
from podium.press.build.present.reading import FRESH, Reader, stamp_of, work
from podium.press.results import load_results
from podium.runs.record import append_event
from podium.spec import PodiumError, Project

DECK = """<%= slide("figure", title="Talk") %>
<% set curves = figure("curves", "positional_encoding", metric="val_accuracy") %>
# <%= curves.finding %>

<%= curves %>
"""
WHAT = "positional_encoding"


@pytest.fixture
def live(tmp_path):
    """A project with finished runs, whose deck shows their curves."""
    return Project(bench.project(tmp_path / "live", DECK))


def train(live, epoch, variant="rotary", seed=9):
    """Let a run of its own train up to an epoch."""
    folder = live.runs / WHAT / f"{variant}-s{seed}-thawed"
    if epoch == 1:
        bench.thaw(live.root, WHAT, variant, seed=seed, until=0)
    append_event(folder, "epoch", metrics={"epoch": epoch, "val_accuracy": 0.5 + epoch / 100, "train_loss": 1 / epoch})
    return folder


def test_what_did_not_change_is_not_read_again(live, monkeypatch):
    reader = Reader()
    first = reader(live, WHAT, "local")
    assert first.digests == load_results(live, WHAT).digests
    assert reader(live, WHAT, "local") is first
    read = []
    monkeypatch.setattr("podium.press.build.present.reading.read_record", read.append)
    bench.thaw(live.root, WHAT, "rotary", seed=7)
    assert reader(live, WHAT, "local") is not first
    assert [folder.name for folder in read] == ["rotary-s7-thawed"]


def test_frozen_runs_and_errors_are_those_of_the_usual_way(live):
    with pytest.raises(PodiumError, match="no frozen runs"):
        Reader()(live, WHAT, "frozen")
    for name in (f"{WHAT}.csv", f"{WHAT}.json"):
        (live.experiments / name).write_bytes((bench.ROOT / "experiments" / name).read_bytes())
    assert Reader()(live, WHAT, "frozen").digests == load_results(live, WHAT, "frozen").digests
    with pytest.raises(PodiumError, match="There is no experiment 'other'"):
        Reader()(live, "other", "local")
    for record in live.runs.glob("*/*/record.jsonl"):
        record.unlink()
    with pytest.raises(PodiumError, match="has no runs on this machine"):
        Reader()(live, WHAT, "local")


def test_a_file_that_is_gone_has_no_stamp(tmp_path):
    assert stamp_of([tmp_path / "gone"]) == ()


def test_runs_that_train_are_followed_where_that_is_asked_for(live):
    train(live, 1)
    folder = train(live, 2)
    assert Reader()(live, WHAT, "local").growing == frozenset()
    results = Reader(follow=True)(live, WHAT, "local")
    assert results.growing == {folder.name}
    assert results.training_note.startswith("still training: epoch 2 of ")
    assert len(results.compared) == 12
    assert len(results.grown.compared) == 13
    assert results.waiting_note == ""
    old = time.time() - FRESH - 60
    os.utime(folder / "record.jsonl", (old, old))
    killed = Reader(follow=True)(live, WHAT, "local")
    assert killed.growing == frozenset()
    assert killed.grown is killed


def test_before_any_run_is_finished_what_trains_is_shown_as_such(live):
    for record in live.runs.glob("*/*/record.jsonl"):
        record.unlink()
    train(live, 1, "none")
    train(live, 1)
    results = Reader(follow=True)(live, WHAT, "local")
    assert results.waiting_note == results.training_note != ""
    assert results.variants == ["none", "rotary"]
    found = work(live, "talk", "local", Reader(follow=True))
    assert found["error"] == ""
    slides = (live.build / "decks" / "talk" / "slides.md").read_text()
    assert "# <span v-pre>Still training&#58; epoch 1" in slides
    assert "still training" in slides.partition("badge: ")[2].partition("\n")[0]
    with pytest.raises(PodiumError, match=r"No run of .* is finished \(2 running\)"):
        load_results(live, WHAT).compared  # noqa: B018 (it raises)


def test_curves_grow_with_each_epoch_and_end_as_any_other(live):
    reader = Reader(follow=True)
    assert work(live, "talk", "local", reader)["error"] == ""
    folder = live.build / "decks" / "talk"
    seen = []
    for epoch in (1, 2, 3):
        train(live, epoch)
        found = work(live, "talk", "local", reader)
        assert [name for name in found["changed"] if name.endswith(".svg")]
        assert f"Still training&#58; epoch {epoch}" in (folder / "slides.md").read_text()
        seen.append((folder / "public" / "figures").glob("*.svg").__next__().read_text())
    assert len(set(seen)) == 3
    assert work(live, "talk", "local", reader)["changed"] == []
    plain = work(live, "talk", "local", Reader())  # nobody follows: as it was drawn before
    assert [name for name in plain["changed"] if name.endswith(".svg")]
    assert "Still training" not in (folder / "slides.md").read_text()


def test_what_is_wrong_is_said_and_the_last_good_deck_stays(live):
    work(live, "talk", "local", Reader())
    template = live.decks / "talk" / "slides.md.j2"
    template.write_text(DECK.replace("figure(", "fgure("))
    found = work(live, "talk", "local", Reader())
    assert "slides.md.j2, line 2: There is no page function 'fgure'" in found["error"]
    assert found["changed"] == []
    assert "PodiumFigure" in (live.build / "decks" / "talk" / "slides.md").read_text()
