"""Values, names and histories that come back unchanged."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from podium.runs.pull.exact import dotted, from_bytes, keys_of, leaves, nest, put, to_bytes, to_text
from podium.runs.pull.history import History

keys = st.text(st.characters(), max_size=8) | st.sampled_from(["", ".", "\\", "a.b", "_type", "\ud83d\ude00", "\n"])
atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.sampled_from(["1e-5", "NaN", "", "\ud83d\ude00", "\udc80", "null", "0x1", "1\r\n2"])
)
values = st.recursive(
    atoms, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3), max_leaves=8
)
rows = st.lists(
    st.dictionaries(keys, values, max_size=5).flatmap(
        lambda row: st.one_of(st.just(row), st.integers(-(2**70), 2**70).map(lambda step: {**row, "_step": step}))
    ),
    max_size=5,
)


def same(one, other):
    """Equal, of the same types all the way down, NaN equal to NaN and -0.0 not to 0.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


@given(values)
def test_values_come_back(value):
    assert same(from_bytes(to_bytes(value)), value)
    assert same(json.loads(to_text(value, indent=1, sort_keys=True)), value)


@given(st.lists(keys, min_size=1, max_size=5), st.lists(keys, min_size=1, max_size=5))
def test_names_come_back_and_never_meet(one, other):
    assert keys_of(dotted(one)) == tuple(one)
    assert (dotted(one) == dotted(other)) == (one == other)


@given(st.dictionaries(keys, values, max_size=5))
def test_leaves_rebuild_the_whole(whole):
    assert same(nest(leaves(whole)), whole)


def test_references_stay_whole():
    image = {"_type": "image-file", "path": "a.png", "more": {"x": 1}}
    assert list(leaves({"a": {"b": image}, "c": {"_type": 1}})) == [(("a", "b"), image), (("c", "_type"), 1)]


def test_what_is_no_dict_gives_place():
    whole = {"a": 1}
    put(whole, ("a", "b"), 2)
    assert whole == {"a": {"b": 2}}


@given(rows)
def test_histories_come_back(logged):
    kept = [
        row for row in logged if row.keys() - {"_step"} or ("_step" in row and not -(2**63) <= row["_step"] < 2**63)
    ]
    history = History(logged)
    assert same(list(history), kept)
    again = History.from_arrow(history.to_arrow())
    assert same(list(again), kept)
    assert len(again) == len(history) == len(kept)
    flat = History()
    for row in again.flat():
        flat.append_flat(row)
    assert same(list(flat), kept)
    again.append({"more": 1, "_step": 7})  # what was read back can grow
    assert again[-1] == {"more": 1, "_step": 7}


def test_a_history_is_a_sequence():
    history = History([{"_step": 1, "a": 0.5}, {"_step": 2, "b": None}, {}, {"_step": 9}])
    assert len(history) == 2
    assert history[-1] == {"_step": 2, "b": None}
    assert history[:1] == [{"_step": 1, "a": 0.5}]
    assert history == [{"_step": 1, "a": 0.5}, {"_step": 2, "b": None}]
    assert history != [{"_step": 1}]
    assert history != 3
    assert repr(history) == "<History of 2 rows, 2 values>"
    assert history.values == 2
    assert history.last() == {"a": 0.5, "b": None, "_step": 2}
    assert History([{"_step": "first", "a": 1}]).last() == {"_step": "first", "a": 1}
    assert History().last() == {}
    assert list(History.from_arrow(History().to_arrow())) == []


def test_whole_numbers_beyond_every_float():
    history = History([{"a": 10**400, "b": -(10**400), "c": 2**53 + 1, "d": -0.0}])
    table = history.to_arrow()
    assert table["value"].to_pylist()[:3] == [math.inf, -math.inf, float(2**53)]
    assert same(list(History.from_arrow(table)), [{"a": 10**400, "b": -(10**400), "c": 2**53 + 1, "d": -0.0}])
    assert list(history.numbers(("d",))) == [0.0]
    assert not len(history.numbers(("z",)))
