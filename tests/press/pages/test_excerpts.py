"""Code by symbol: what stays, what is dropped, and what is refused."""

import sys

import pytest

from podium.press.pages.excerpts import excerpt
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
