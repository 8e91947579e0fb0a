"""Code by symbol: what stays, what is dropped, and what is refused."""

import sys

import pytest

from podium.press.pages.excerpts import excerpt, morph
from podium.spec import PodiumError

SOURCE = '''"""A module."""
import math

SIZE: int = 3  # of everything
NAMES = {"a": 1}


class Wheel:
    """A wheel."""

    spokes = 8

    @property
    def angle(self) -> float:
        """Return the angle.

        Over several lines.
        """
        # why, in a comment
        text = "# no comment"

        return 360 / self.spokes  # degrees


async def turn(x):
    def inner():
        """Inner."""
        return x
    return inner


def twice(x):
    x = x + 1
    x = x + 1
    return x
'''


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "src" / "gear"
    (folder / "deep").mkdir(parents=True)
    (folder / "wheel.py").write_text(SOURCE, "utf-8")
    (folder / "deep" / "__init__.py").write_text("DEEP = 1\n", "utf-8")
    long = "\n".join(f"    x = {n}" for n in range(30))
    (folder / "long.py").write_text(f"def long():\n{long}\n\n\ndef wide():\n    return '{'x' * 90}'\n", "utf-8")
    return folder


def test_a_method_comes_dedented_without_docstring_and_comments(package):
    found = excerpt("gear.wheel:Wheel.angle", ("360",), package=package)
    assert found.code.splitlines() == [
        "@property",
        "def angle(self) -> float:",
        '    text = "# no comment"',
        "    return 360 / self.spokes",
    ]
    assert found.place == "src/gear/wheel.py:13"
    assert found.steps == (4,)


def test_functions_assignments_and_packages_are_found(package):
    assert "Inner" not in excerpt("gear.wheel:turn", package=package).code
    assert excerpt("gear.wheel:SIZE", package=package).code == "SIZE: int = 3"
    assert excerpt("gear.wheel:NAMES", package=package).code == 'NAMES = {"a": 1}'
    assert excerpt("gear.deep:DEEP", package=package).code == "DEEP = 1"
    assert "A wheel" not in excerpt("gear.wheel:Wheel", package=package).code


@pytest.mark.parametrize(
    ("symbol", "highlight", "sentence"),
    [
        ("gear.whell:Wheel", (), "no module 'gear.whell'; did you mean 'gear.wheel'"),
        ("os.path:join", (), "no module 'os.path'"),
        ("gear.wheel:Whel", (), "gear.wheel has no symbol 'Whel'; did you mean 'Wheel'"),
        ("gear.wheel:Wheel.angel", (), "gear.wheel:Wheel has no symbol 'angel'; did you mean 'angle'"),
        ("gear.wheel:NAMES.x", (), "has no symbol 'x'"),
        ("gear.wheel:twice", ("x = x",), "fits 2 lines of gear.wheel:twice"),
        ("gear.wheel:twice", ("return y",), "no line that fits the pattern 'return y'; did you mean 'return x'"),
        ("gear.long:long", (), "has 31 lines; a slide holds 22"),
        ("gear.long:wide", (), "a line of 103 columns; a slide holds 88"),
    ],
)
def test_what_is_not_there_or_does_not_fit_is_said(package, symbol, highlight, sentence):
    with pytest.raises(PodiumError) as error:
        excerpt(symbol, highlight, package=package)
    assert sentence in str(error.value)


def test_the_models_are_quoted_without_being_imported():
    before = set(sys.modules)
    found = excerpt("podium.lab.models.positions:Rotary.forward", ("turned_even = ",))
    assert found.place.startswith("src/podium/lab/models/positions.py:")
    assert not {name for name in set(sys.modules) - before if name.startswith(("podium.lab", "torch"))}


def line(number, text, *shapes):
    return {"line": number, "text": text, "values": [{"name": "x", "shape": list(shape)} for shape in shapes]}


LEFT = [line(40, "x = x + 1", (1, 2)), line(41, "x = x + 1", (1, 3)), line(42, "return x", (), ())]
TRACE = {
    "root": "Net",
    "lines": [
        {
            "module": "gear.wheel",
            "function": "twice",
            "traces": [
                {"modules": ["left"], "lines": LEFT},
                {"modules": ["right.deep"], "lines": [line(42, "return x", (7,), (8,))]},
            ],
        },
        {
            "module": "gear.wheel",
            "function": "turn",
            "traces": [{"modules": ["left"], "lines": [line(30, "gone = 1", (1,))]}],
        },
    ],
}


def test_traced_shapes_stand_in_the_margin(package):
    found = excerpt("gear.wheel:twice", shapes=TRACE, package=package)
    assert found.margin == ("", "1x2", "1x3", "each scalar")
    assert found.annotated.splitlines() == [
        "def twice(x):",
        "    x = x + 1  # 1x2",
        "    x = x + 1  # 1x3",
        "    return x   # each scalar",
    ]
    assert found.columns == 28
    assert found.code.splitlines()[1] == "    x = x + 1"
    assert excerpt("gear.wheel:twice", shapes=TRACE, of="right", package=package).margin == ("", "", "", "7, 8")


def test_code_without_a_margin_is_the_code(package):
    found = excerpt("gear.wheel:twice", package=package)
    assert (found.margin, found.annotated) == ((), found.code)


@pytest.mark.parametrize(
    ("symbol", "shapes", "of", "sentence"),
    [
        ("gear.wheel:twice", {"root": "Net"}, "", "description of Net holds no shapes of lines. Train it again"),
        ("gear.wheel:Wheel", TRACE, "", "Net in gear.wheel has no symbol that ran 'Wheel'"),
        ("gear.wheel:twice", TRACE, "rigth.deep", "no module 'rigth.deep'; did you mean 'right.deep'"),
        ("gear.wheel:turn", TRACE, "", "traced in other code: it has no line 'gone = 1' any more"),
    ],
)
def test_shapes_of_other_code_are_refused(package, symbol, shapes, of, sentence):
    with pytest.raises(PodiumError) as error:
        excerpt(symbol, shapes=shapes, of=of, package=package)
    assert sentence in str(error.value)


def test_long_lines_keep_their_shapes_out_of_the_column(package):
    long = f"y = {'x' * 74}"
    (package / "far.py").write_text(f"def far(x):\n    z = x\n    {long}\n", "utf-8")
    lines = [line(2, "z = x", (2, 2, 2, 2)), line(3, long, (3,))]
    trace = {"lines": [{"module": "gear.far", "function": "far", "traces": [{"modules": [""], "lines": lines}]}]}
    found = excerpt("gear.far:far", shapes=trace, package=package).annotated.splitlines()
    assert found[1:] == ["    z = x  # 2x2x2x2", f"    {long}  # 3"]


def test_code_becomes_other_code(package):
    assert morph("gear.wheel:SIZE", "gear.wheel:twice", package=package).splitlines() == [
        "````md magic-move",
        "```python",
        "SIZE: int = 3",
        "```",
        "```python",
        "def twice(x):",
        "    x = x + 1",
        "    x = x + 1",
        "    return x",
        "```",
        "````",
    ]


def test_code_that_would_end_its_block_is_refused(package):
    (package / "ticks.py").write_text('TEXT = """\n```\n"""\n', "utf-8")
    with pytest.raises(PodiumError, match="begins with three backticks"):
        morph("gear.ticks:TEXT", "gear.wheel:twice", package=package)
