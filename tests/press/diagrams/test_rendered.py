"""What a picture must say, and the picture that does not."""

import pytest

from podium.press.diagrams import classes, labels, missing, pipeline


def test_labels_of_mermaid_are_decoded():
    source = pipeline({"pipeline": [{"kind": "data", "label": 'Dict<str> #35; "x"', "detail": "28 x 28"}]})
    assert labels(source) == ['Dict<str> #35; "x" 28 x 28']


def test_labels_of_plantuml_are_names_members_and_counts():
    model = {
        "root": "A",
        "classes": [{"name": "A", "members": ["Linear head"]}, {"name": "B", "members": []}],
        "relations": [{"owner": "A", "part": "B", "count": 6}],
    }
    assert labels(classes(model)) == ["A", "Linear head", "B", "x6"]


@pytest.mark.parametrize(
    ("texts", "lost"),
    [
        (["Dict<str>1x10", "B"], []),
        (["B", " Dict<str> 1x10 "], []),
        (["Dict1x10", "B"], ["Dict<str> 1x10"]),
        (["Dict<str>1x10"], ["B"]),
        ([], ["Dict<str> 1x10", "B"]),
    ],
)
def test_a_text_that_is_lost_is_named(texts, lost):
    source = 'flowchart LR\nb0["<b>Dict#60;str#62;</b><br/>1x10"]\nb1["<b>B</b>"]'
    assert missing(source, texts) == lost


def test_two_boxes_of_one_name_are_two_texts():
    assert missing('flowchart LR\nb0["A"]\nb1["A"]', ["A"]) == ["A"]
