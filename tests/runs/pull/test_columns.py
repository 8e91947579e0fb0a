"""The fast way to read a history gives what the slow way gives, to the last bit and type, or nothing."""

import json
import math

from hypothesis import example, given
from hypothesis import strategies as st

from podium.runs.pull.columns import plain_history
from podium.runs.pull.windows import parse_rows

NUMBERS = st.one_of(
    st.sampled_from(
        ["0", "-0", "-0.0", "1", "1.0", "1e5", "1.5E-3", "1e-05", "1.5e308", "1.0e400", "NaN", "-Infinity"]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
VALUES = st.one_of(NUMBERS, st.sampled_from(['"NaN"', '"1.5"', "true", "null", "[1.0]", '{"x": 1.0}', '"a.b"']))
NAMES = st.sampled_from(['"loss"', '"a.b"', '"ü"', '"\\u0061"', '"q\\"."', '"x"'])


@st.composite
def rows(draw, values=VALUES):
    names = draw(st.lists(NAMES, min_size=1, max_size=3))
    texts = []
    for step in range(draw(st.integers(1, 4))):
        pairs = [f"{name}: {draw(values)}" for name in names] + [f'"_step": {step}'] * draw(
            st.sampled_from([1, 1, 1, 0, 2])
        )
        texts.append("{" + ", ".join(draw(st.permutations(pairs))) + "}")
    return "\n".join(texts)


def exact(value):
    """Tell everything apart that equality does not: 1 and 1.0, 0.0 and -0.0, NaN and NaN."""
    if isinstance(value, dict):
        return {name: exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return (type(value), repr(value))


@given(st.one_of(rows(), rows(NUMBERS)))
@example('{"_step": 0, "loss": 1.0}\n{"_step": 1, "loss": 2}')
@example('{"_step": 0, "loss": 1.5}\n{"_step": 1, "loss": 2.5}')
@example('{"_step": 0, "loss": 9007199254740993}')
@example('{"_step": 0}')
@example("")
def test_fast_is_slow_or_nothing(text):
    fast = plain_history(text)
    if fast is not None:
        assert [exact(dict(row)) for row in fast] == [exact(row) for row in parse_rows(text)]


def test_the_fast_way_is_taken():
    text = "\n".join(
        json.dumps({"_step": step, "n": step * 3, "loss": math.sin(step), "_timestamp": 1.7e9 + step / 3})
        for step in range(100)
    )
    fast = plain_history(text)
    assert fast is not None
    assert list(fast) == parse_rows(text)
