"""The two tidy tables of pulled runs, and their frozen files."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.press.results import MISSING, Tables, freeze_pulled, read_frozen_pulled, read_pulled
from podium.press.results.cells import from_cell, to_cell
from podium.runs.pull import PulledRun, Store, pulled_folder
from podium.runs.pull.exact import leaves
from podium.spec import PodiumError, Project

keys = st.text(st.characters(codec=None), max_size=6) | st.sampled_from(
    ["run", "step", "_step", "config.x", "", "a.b", "\\", "metric.x", '"', "a\nb", "\ud83d\ude00", "_type", "1e-5"]
)
atoms = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
    | st.sampled_from(["1e-5", "NaN", "", "true", "[1", '"', "\r\n", "\x00", "\ud83d\ude00", 2**80, -(2**63), -0.0])
)  # fmt: skip
values = st.recursive(
    atoms, lambda below: st.lists(below, max_size=2) | st.dictionaries(keys, below, max_size=2), max_leaves=4
)
several = st.dictionaries(keys, values, max_size=3)
texts = st.text(st.characters(codec=None), max_size=5)
runs = st.builds(
    PulledRun,
    key=texts,
    id=texts,
    name=texts | st.sampled_from(["1e-5", "", "NaN", "a\nb"]),
    origin=st.sampled_from(["server", "offline", "record"]),
    state=st.sampled_from(["finished", "crashed"]),
    reason=texts,
    project=texts,
    tags=st.lists(texts, max_size=2).map(tuple),
    seconds=st.none() | st.floats(allow_nan=False),
    dirty=st.none() | st.booleans(),
    config=several,
    summary=several,
    extra=several,
    history=st.lists(
        st.tuples(several, st.none() | st.integers()).map(
            lambda pair: pair[0] if pair[1] is None else {"_step": pair[1], **pair[0]}
        ),
        max_size=4,
    ),
)


def same(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def assert_same(one: Tables, other: Tables):
    assert list(one.runs.columns) == list(other.runs.columns)
    assert list(one.runs["run"]) == list(other.runs["run"])
    for name in one.runs:
        assert same(one.runs[name].tolist(), other.runs[name].tolist()), name
        assert one.logged(name).tolist() == other.logged(name).tolist()
    for run in one.runs["run"]:
        assert same(
            [dict(sorted(row.items())) for row in one.rows(run)], [dict(sorted(r.items())) for r in other.rows(run)]
        )


@pytest.fixture
def store(project):
    return Store(pulled_folder(project, "elsewhere"))


def made(key="a", **more):
    return PulledRun(**{"key": key, "id": key, "name": key, "origin": "offline", "state": "finished", **more})


@given(found=st.lists(runs, min_size=1, max_size=3, unique_by=lambda run: run.key))
@settings(max_examples=40)
def test_everything_survives_tables_and_freezing(found, tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    store = Store(pulled_folder(project, "elsewhere"))
    for run in found:
        store.write(run)
    tables = read_pulled(project, "elsewhere")
    for run in found:
        assert same(tables.nested(run.key), dict(run.config))
        assert same(tables.nested(run.key, "summary"), dict(run.summary))
        row = tables.runs[tables.runs["run"] == run.key].iloc[0]
        assert same([row["name"], row["tags"], row["dirty"]], [run.name, run.tags, run.dirty])
    first = [path.read_bytes() for path in freeze_pulled(project, "elsewhere")]
    assert_same(read_frozen_pulled(project, "elsewhere"), tables)
    assert [path.read_bytes() for path in freeze_pulled(project, "elsewhere")] == first


def test_the_tables_are_tidy(project, store):
    image = {"_type": "image-file", "path": "a.png"}
    store.write(
        made(
            "b",
            config={"lr": 0.1, "opt": {"name": "adam"}, "a.b": 1},
            summary={"acc": 0.5, "img": image},
            tags=("x",),
            seconds=2.0,
            history=[
                {"_step": 0, "acc": 0.25, "n": {"k": True}},
                {"_step": 5, "acc": None, "text": "007", "img": image},
            ],
        )
    )
    store.write(made("a", config={"lr": "1e-5", "nan": math.nan}, history=[{"acc": 2**60}]))
    tables = read_pulled(project, "elsewhere")
    assert list(tables.runs.columns) == [
        *["run", "id", "name", "origin", "state", "reason", "entity", "project", "group", "sweep", "notes", "tags"],
        *["created", "updated", "seconds", "commit", "dirty"],
        *["config.a\\.b", "config.lr", "config.nan", "config.opt.name", "summary.acc", "summary.img"],
    ]
    assert tables.runs["config.lr"].tolist() == ["1e-5", 0.1]
    assert tables.runs["summary.img"].iloc[1] == image
    assert tables.logged("config.nan").tolist() == [True, False]
    assert tables.runs["config.nan"].iloc[1] is MISSING
    assert tables.runs["seconds"].dtype == float
    with pytest.raises(PodiumError, match=r"did you mean 'config\.lr'"):
        tables.logged("config.l")
    with pytest.raises(PodiumError, match="no run 'c'"):
        tables.nested("c")
    history = tables.history
    assert list(history.columns) == ["run", "row", "step", "metric", "kind", "value", "text"]
    assert len(history) == 6
    assert history["step"].tolist() == [pd.NA, 0, 0, 5, 5, 5]
    assert history["kind"].tolist() == ["int", "float", "bool", "null", "str", "json"]
    assert history["metric"].tolist() == ["acc", "acc", "n.k", "acc", "text", "img"]
    assert history["text"].iloc[4] == "007"
    assert history["text"].iloc[0] == str(2**60)
    assert tables.rows("a") == [{"acc": 2**60}]
    assert tables.rows("b")[1] == {"_step": 5, "acc": None, "text": "007", "img": image}
    assert tables.rows("nobody") == []
    (history,) = (path.read_text() for path in freeze_pulled(project, "elsewhere")[1:])
    assert history.splitlines()[:2] == ["run,step,acc,img,n.k,text", "a,,1152921504606846976,,,"]


def test_steps_are_whole_numbers_where_every_row_has_one(project, store):
    store.write(made("a", history=[{"_step": 1, "x": 1.5}, {"_step": 1, "x": 2.5}]))
    tables = read_pulled(project, "elsewhere")
    assert tables.history["step"].dtype == "int64"
    assert tables.rows("a") == [{"_step": 1, "x": 1.5}, {"_step": 1, "x": 2.5}]  # logged twice, kept twice
    freeze_pulled(project, "elsewhere")
    assert read_frozen_pulled(project, "elsewhere").rows("a") == tables.rows("a")


def test_nothing_logged_and_nothing_pulled(project, store):
    store.write(made("a"))
    tables = read_pulled(project, "elsewhere")
    assert (len(tables.runs), len(tables.history)) == (1, 0)
    runs, history = freeze_pulled(project, "elsewhere")
    assert len(read_frozen_pulled(project, "elsewhere").runs) == 1
    history.unlink()
    assert len(read_frozen_pulled(project, "elsewhere").history) == 0
    runs.write_text(runs.read_text().splitlines()[0] + "\n")
    assert read_frozen_pulled(project, "elsewhere").runs.empty
    with pytest.raises(PodiumError, match="did you mean 'elsewhere'"):
        read_pulled(project, "elsewere")
    with pytest.raises(PodiumError, match="did you mean 'elsewhere'"):
        read_frozen_pulled(project, "elsewere")
    with pytest.raises(PodiumError, match="pulled results"):
        freeze_pulled(project, "nothing")


def test_damage_is_one_sentence(project, store):
    store.write(made("a", history=[{"_step": 0, "x": 1}]))
    runs, history = freeze_pulled(project, "elsewhere")
    whole = runs.read_text()
    runs.write_text("a,b\n1,2\n")
    with pytest.raises(PodiumError, match=r"elsewhere\.runs\.csv, line 2, is damaged\. Freeze it again with `podium"):
        read_frozen_pulled(project, "elsewhere")
    runs.write_text(whole)
    said = history.read_text()
    history.write_text(said.replace("\na,", "\nb,"))
    with pytest.raises(PodiumError, match=r"tells of a run 'b' that elsewhere\.runs\.csv has not"):
        read_frozen_pulled(project, "elsewhere")
    history.write_text(said.replace("\na,", "\n,"))
    with pytest.raises(PodiumError, match=r"elsewhere\.history\.csv, line 2, is damaged"):
        read_frozen_pulled(project, "elsewhere")


def test_cells_longer_than_csv_reads_by_itself(project, store):
    store.write(made("a", config={"long": list(range(100_000)), "text": "x" * 300_000}))
    freeze_pulled(project, "elsewhere")
    assert read_frozen_pulled(project, "elsewhere").nested("a")["long"] == list(range(100_000))


@given(values)
def test_cells_come_back(value):
    assert same(from_cell(to_cell(value)), value)
    assert to_cell(value) != ""


def test_leaves_of_a_config_have_one_column_each():
    assert dict(leaves({"a": {"b": 1}, "a.b": 2})) == {("a", "b"): 1, ("a.b",): 2}
