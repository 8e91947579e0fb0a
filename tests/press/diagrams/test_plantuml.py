"""The class diagram: boxes, parts with counts, bases, and names that are only printed."""

import re

import pytest

from podium.press.diagrams import DIAGRAMS, classes
from podium.press.diagrams.plantuml import neutral
from podium.spec import PodiumError

MODEL = {
    "root": "ViT",
    "classes": [
        {"name": "ViT", "count": 1, "members": ["Linear head"], "bases": ["Module"]},
        {"name": "EncoderBlock", "count": 6, "members": ["LayerNorm (2)"], "bases": ["Block"]},
        {"name": "Block", "count": 6, "members": [f"Linear l{n}" for n in range(9)], "bases": []},
    ],
    "relations": [
        {"owner": "ViT", "part": "EncoderBlock", "count": 6},
        {"owner": "ViT", "part": "Block", "count": 1},
        {"owner": "ViT", "part": "gone", "count": 1},
    ],
}


def test_the_picture_says_what_the_model_is():
    source = classes(MODEL)
    assert source.splitlines()[0] == "@startuml"  # bare: its name would name the output file
    assert 'class "ViT" as c0 #eef2ff;line:4f46e5 {' in source
    assert 'c0 *-- "x6" c1' in source
    assert "c0 *-- c2" in source
    assert "c2 <|-- c1" in source
    assert "{field} LayerNorm (2)" in source
    assert "Module" not in source
    assert "{field} and 4 more" in source
    assert "left to right direction" in source
    assert "linetype polyline" in source


@pytest.mark.parametrize(
    "name",
    [
        "!include /etc/passwd",
        "%date()",
        "<img:/etc/passwd>",
        "[[http://x]]",
        '" as x\n@enduml',
        "__under__",
        "a..b",
        "<&x>",
    ],
)
def test_a_name_is_only_printed(name):
    model = {"root": name, "classes": [{"name": name, "members": [name], "bases": []}], "relations": []}
    lines = classes(model).splitlines()
    assert lines[0] == "@startuml"
    assert lines[-1] == "@enduml"
    box, member = lines[-4:-2]
    assert re.fullmatch(r'class "[\w .,:()]*" as c0 #eef2ff;line:4f46e5 \{', box)
    assert re.fullmatch(r"  \{field\} [\w .,:()]*", member)
    assert "__" not in neutral(name)
    assert ".." not in neutral(name)


def test_no_classes_and_too_many_are_said():
    with pytest.raises(PodiumError, match="describes no classes"):
        classes({})
    many = {"classes": [{"name": f"c{n}"} for n in range(11)]}
    with pytest.raises(PodiumError, match="has 11 classes; a slide holds 10"):
        DIAGRAMS["classes"](many)
