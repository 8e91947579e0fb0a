"""Our own import graph: what stands on what."""

import pytest

from podium.press.diagrams import imports, labels
from podium.press.diagrams.imports import import_graph
from podium.spec import PodiumError


@pytest.fixture
def package(tmp_path):
    def write(**modules):
        for name, text in modules.items():
            path = tmp_path.joinpath("gear", *name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "gear"

    return write


def test_our_own_floors():
    drawn = imports()
    texts = labels(drawn)
    assert texts[0] == "cli"
    assert texts[-2:] == ["runs", "spec"]
    lab, press = sorted(text for text in texts if " " in text)
    assert lab.startswith("lab sweeps training")
    assert press.startswith("press build pages")
    assert len(texts) <= 12
    assert "lab imports runs; press imports runs" in drawn.alt
    assert "in lab and press a line imports only from lines below it" in drawn.note


def test_every_way_to_import_is_seen(package):
    folder = package(
        a="from gear import b\nimport gear.c.d\nimport os\n",
        b="def later():\n    from .c import d\n",
        c__d="from . import e\nfrom ..f import thing\n",
        c__e="",
        f="import gear\n",
    )
    (folder / "c" / "__init__.py").write_text("from .e import *\n")
    assert import_graph(folder) == {
        "a": {"b", "c.d"}, "b": {"c.d"}, "c": {"c.e"}, "c.d": {"c.e", "f"}, "c.e": set(), "f": set(),
    }  # fmt: skip
    drawn = imports(folder, wings=["c"])
    assert "b0 --> b1" in drawn
    assert "b0 --> b2" not in drawn, "it follows from the others"
    assert "c d e" in labels(drawn)
    assert "a line imports" not in imports(folder, wings=()).note


@pytest.mark.parametrize(
    ("modules", "wings", "sentence"),
    [
        ({"a": "from gear import b", "b": "from gear import a"}, [], "import each other in a circle: a, b"),
        ({"a": "", "b": ""}, ["c"], "gear has no part 'c'; there are a, b"),
        ({f"m{n}": "" for n in range(13)}, [], "gear has 13 parts; a slide holds 12"),
        ({"a": "def"}, [], "a.py cannot be read"),
        ({}, [], "holds no modules"),
    ],
)
def test_what_cannot_be_drawn_is_said(package, modules, wings, sentence):
    with pytest.raises(PodiumError) as error:
        imports(package(**modules), wings=wings)
    assert sentence in str(error.value)
