import io
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.press.results import freeze, load_results, read_frozen
from podium.press.results.frozen import from_csv, to_csv
from podium.runs import Record, read_runs
from podium.spec import PodiumError, Project, ViTConfig

NAME = "positional_encoding"
HOSTILE = '{{ 7*7 }}</script><img src=x onerror=alert(1)>, "quoted"\nline'


def test_frozen_runs_read_back_equal(trained, write):
    write(trained.runs, HOSTILE, epochs=2, provenance={"commit": "1e5", "dirty": True, "data": "", "versions": {}})
    write(trained.runs, "broken", state="failed", epochs=1)
    write(trained.runs, "trial-000", sweep="12345678", epochs=1)
    write(trained.runs, "cut", state="running", epochs=1)
    measured = ViTConfig(start_from=f"{NAME}/learned")
    write(trained.runs, "zero-shot", epochs=0, config=measured, summary={"test_accuracy": 0.7, "val_accuracy": 0.6})
    table, rest = freeze(trained, NAME)
    assert (table.name, rest.name) == ("positional_encoding.csv", "positional_encoding.json")
    local = [record for record in read_runs(trained.runs, NAME) if record.state != "running"]
    frozen = {record.id: record for record in read_frozen(trained, NAME)}
    assert len(frozen) == len(local) == 24
    for record in local:
        kept = frozen[record.id]
        assert replace(kept, model={}, samples={}) == replace(record, model={}, samples={})
        assert kept.model in ({}, record.model)
    ours, theirs = load_results(trained, NAME), load_results(trained, NAME, "frozen")
    pd.testing.assert_frame_equal(ours.compared.sort_index(axis=1), theirs.compared.sort_index(axis=1))
    assert theirs.by_seed("zero-shot", "test_accuracy") == {0: 0.7}
    assert theirs.sample("rotary") == ours.sample("rotary")
    assert theirs.model("rotary") == ours.model("rotary")


def test_freezing_twice_gives_the_same_bytes(trained):
    first = [path.read_bytes() for path in freeze(trained, NAME)]
    assert [path.read_bytes() for path in freeze(trained, NAME)] == first
    assert not [path for path in trained.experiments.iterdir() if path.name.startswith(".")]


def test_the_table_is_sorted_and_tidy(trained):
    table, _ = freeze(trained, NAME)
    frame = pd.read_csv(table)
    runs = frame[frame["epoch"].isna()]
    assert list(runs["run"]) == sorted(runs["run"])
    assert len(frame) == 20 + 20 * 12
    assert repr(float(frame["test_accuracy"].dropna().iloc[0])) in table.read_text()


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.text())),
    ),
    st.text(min_size=1),
)
def test_every_value_survives(values, variant):
    project = Project(Path("nowhere"))
    record = Record(
        folder=project.runs / "x" / "run",
        experiment="x",
        variant=variant,
        profile="quick",
        config={"seed": 3, **values},
        provenance=values,
        state="finished",
        summary=dict(values),
        history=[{"epoch": 1, **values}],
    )
    text = to_csv([record])
    assert to_csv([record]) == text
    assert _read(text, project)[0] == record


def _read(text, project):
    return list(from_csv(io.StringIO(text, newline=""), {}, "x", project.runs / "x"))


keys = st.text(st.characters(codec=None), max_size=6) | st.sampled_from(
    ["epoch", "run", "state", "seed", "variant", "", "provenance.x", "config.", "metric.x", 'metric."x"', '"', "a\nb",
     "config.depth", "\ud83d\ude00", "\udc80", "a,b", "=1+1", "1e-5"]
)  # fmt: skip
atoms = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
    | st.sampled_from(["1e-5", "NaN", "-Infinity", " 1", "true", "[1", "{", '"', "", "\r\n", "\x00", "\ud83d\ude00",
                       "[" * 2000, 2**80, -0.0, math.inf, "007", "\ufeff1"])
)  # fmt: skip
values = st.recursive(atoms, lambda below: st.lists(below, max_size=2) | st.dictionaries(keys, below, max_size=2))
several = st.dictionaries(keys, values, max_size=4)


def same(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


@given(several, several, several, several, st.lists(keys, min_size=3, max_size=3))
def test_hostile_keys_and_values_survive(config, provenance, summary, metrics, texts):
    variant, reason, run = texts
    project = Project(Path("nowhere"))
    run = f"run {run}".replace("/", "-").replace("\x00", "-")
    record = Record(
        folder=project.runs / "x" / run,
        experiment="x",
        variant=variant,
        profile="full",
        config=config,
        provenance=provenance,
        state="failed",
        reason=reason,
        sweep=variant,
        summary=summary,
        history=[metrics, {}, {"epoch": 2, **metrics}],
    )
    data = to_csv([record]).encode("utf-8", "surrogatepass")
    (back,) = _read(data.decode("utf-8", "surrogatepass"), project)
    for name in ("config", "provenance", "summary", "history", "variant", "reason", "sweep", "state", "profile", "id"):
        assert same(getattr(back, name), getattr(record, name)), name


def test_the_committed_files_read_as_they_did():
    root = Path(__file__).parents[3]
    for table in sorted((root / "experiments").glob("*.csv")):
        if table.name.endswith((".runs.csv", ".history.csv")):
            continue
        records = read_frozen(Project(root), table.stem)
        frame = pd.read_csv(table, keep_default_na=False, dtype=str)
        rows = frame[frame["epoch"] == ""]
        assert [record.id for record in records] == list(rows["run"])
        epochs = frame[frame["epoch"] != ""].groupby("run").size()
        assert [len(record.history) for record in records] == list(epochs.reindex(rows["run"], fill_value=0))
        assert [repr(record.summary["test_accuracy"]) for record in records] == list(rows["test_accuracy"])
        assert to_csv(records) == table.read_text()


def test_a_file_of_the_first_version_reads_as_it_did(project):
    text = (Path(__file__).parent / "older.csv").read_text("utf-8")
    records = _read(text, project)
    assert {record.variant for record in records} == {"Adam", "AdamW"}
    assert to_csv(records) == text


def test_pruned_trials_are_ended_runs(project, write):
    write(project.runs, "learned", epochs=1)
    write(project.runs, "trial-003", state="pruned", sweep="abcd", epochs=1)
    freeze(project, NAME)
    assert [record.state for record in read_frozen(project, NAME)] == ["finished", "pruned"]


def test_profiles(project, write):
    write(project.runs, "learned", profile="quick", epochs=1)
    with pytest.raises(PodiumError, match="no ended run of the full profile"):
        freeze(project, NAME, "full")
    freeze(project, NAME)
    assert load_results(project, NAME, "frozen").profile == "quick"
    with pytest.raises(PodiumError, match="optimizer has no runs"):
        freeze(project, "optimizer")


def test_damage_is_one_sentence(trained):
    table, rest = freeze(trained, NAME)
    whole = table.read_text()
    lines = whole.splitlines()
    table.write_text("\n".join([lines[0], lines[2]]))
    with pytest.raises(PodiumError, match=r"positional_encoding.csv, line 2, is damaged"):
        read_frozen(trained, NAME)
    table.write_text("\n".join([*lines[:2], lines[2] + ",", *lines[3:]]))
    with pytest.raises(PodiumError, match=r"line 3, is damaged: it has \d+ of \d+ cells"):
        read_frozen(trained, NAME)
    table.write_text("run,run\n1,2\n")
    with pytest.raises(PodiumError, match="line 1, is damaged: it names a column twice"):
        read_frozen(trained, NAME)
    table.write_bytes(b"run,state\n\xff,finished\n")
    with pytest.raises(PodiumError, match=r"line \d+, is damaged: .*can't decode"):
        read_frozen(trained, NAME)
    table.write_text("a,b\n1,2\n")
    with pytest.raises(PodiumError, match="is damaged"):
        read_frozen(trained, NAME)
    table.write_text(whole)
    rest.write_text("[]")
    with pytest.raises(PodiumError, match="it holds a list"):
        read_frozen(trained, NAME)
    rest.write_text("{")
    with pytest.raises(PodiumError, match=r"positional_encoding.json is damaged"):
        read_frozen(trained, NAME)
    rest.unlink()
    assert load_results(trained, NAME, "frozen").samples == {}


def test_no_room(trained, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    with pytest.raises(PodiumError, match="cannot be written: No space left"):
        freeze(trained, NAME)
