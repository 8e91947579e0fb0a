"""The class diagram: boxes, parts with counts, bases, and names that are only printed."""

import re

import pytest

from podium.press.diagrams import DIAGRAMS, classes
from podium.press.diagrams.plantuml import neutral
from podium.press.diagrams.rendered import labels
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
    quiet = r"(?:[\w .,:()]|<U\+[0-9A-F]{4,6}>)*"
    assert re.fullmatch(rf'class "{quiet}" as c0 #eef2ff;line:4f46e5 \{{', box)
    assert re.fullmatch(rf"  \{{field\}} {quiet}", member)
    assert labels("\n".join(lines))[0] == " ".join(name.split())
    assert "__" not in neutral(name)
    assert ".." not in neutral(name)


def test_no_classes_are_said():
    with pytest.raises(PodiumError, match="describes no classes"):
        classes({})


def chain(count):
    names = ["Root", *(f"Part{n}" for n in range(1, count))]
    return {
        "root": "Root",
        "classes": [{"name": name, "parameters": 100 - n, "members": [], "bases": []} for n, name in enumerate(names)],
        "relations": [{"owner": "Root", "part": name, "count": n} for n, name in enumerate(names[1:], start=1)],
    }


def test_more_than_twelve_classes_fold_into_their_owners_and_the_note_says_which():
    drawn = DIAGRAMS["classes"](chain(15))
    assert drawn.count('\nclass "') == 12
    assert drawn.note == "3 of 15 classes are lines in others: Part14, Part13, Part12."
    assert "{field} Part14 (14)" in drawn
    assert DIAGRAMS["classes"](chain(12)).note == ""


def test_a_circle_of_classes_is_folded_too():
    model = chain(14)
    model["relations"] = [{"owner": f"Part{n}", "part": f"Part{n % 13 + 1}", "count": 1} for n in range(1, 14)] + [
        {"owner": "Root", "part": "Part1", "count": 1}
    ]
    assert DIAGRAMS["classes"](model).count('\nclass "') == 12


def test_long_members_are_broken_and_many_are_counted():
    long = "Parameter in_proj_weight 2304x768"
    model = {"root": "A", "classes": [{"name": "A", "members": [long] * 4}]}
    members = [line.removeprefix("  {field} ") for line in classes(model).splitlines() if "{field}" in line]
    assert members == ["Parameter in_proj_weight", "2304x768"] * 2 + ["and 2 more"]
