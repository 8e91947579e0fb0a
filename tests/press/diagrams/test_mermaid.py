"""The pipeline flowchart: what it shows, and that no label can be syntax."""

import re

import pytest

from podium.press.diagrams import pipeline
from podium.press.diagrams.mermaid import label
from podium.press.diagrams.rendered import labels
from podium.spec import PodiumError

HOSTILE = [
    'end"] --> x["',
    "a---oval",
    "`markdown` **bold**",
    "%%{init: {'theme': 'dark'}}%%",
    "<img src=x onerror=alert(1)>",
    "issue #35; ok",
    "a\nb --> c",
    "Dict<str>",
    "``` \n\n---\nlayout: end",
]


def stages(count):
    return {"pipeline": [{"kind": "code", "label": f"stage {n}", "detail": ""} for n in range(count)]}


def test_data_and_code_differ_and_follow_each_other():
    source = pipeline(
        {"pipeline": [{"kind": "data", "label": "MNIST", "detail": "28"}, {"kind": "code", "label": "ViT"}]}
    )
    assert source.splitlines()[1] == "flowchart LR"
    assert 'b0("<b>MNIST</b><br/>28"):::data' in source
    assert 'b1["<b>ViT</b>"]:::code' in source
    assert "b0 --> b1" in source


def test_a_long_detail_takes_several_lines():
    source = pipeline({"pipeline": [{"kind": "data", "label": "x", "detail": "one to five digits on a canvas"}]})
    assert "<br/>one to five digits<br/>on a canvas" in source


def test_six_stages_stand_in_two_linked_rows():
    source = pipeline(stages(7))
    assert source.count("subgraph") == 2
    assert "r0 --> r1" in source
    assert "b3 --> b4" not in source
    assert "b2 --> b3" in source


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("$$x$$", "#36;<b></b>#36;x#36;<b></b>#36;"),  # a formula
        ("\\n", "#92;<b></b>n"),  # a line break
        ("fa:fa-car", "fa:<b></b>fa#45;car"),  # an icon
        ("Direction LR", "#68;irection LR"),  # a command, in the middle of a line too
        ("a style:#f", "a #115;tyle:#35;f"),
    ],
)
def test_what_mermaid_reads_once_codes_are_decoded_is_parted(text, made):
    assert label(text) == made
    assert labels(f'flowchart LR\nb0["<b>{made}</b>"]') == [text]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_is_never_syntax(text):
    source = pipeline({"pipeline": [{"kind": "code", "label": text, "detail": text}]})
    box = source.splitlines()[2]
    inner = re.fullmatch(r'  b0\["(.*)"\]:::code', box)
    assert inner
    assert re.fullmatch(r"(<br/>|</?b>|#\d+;|[\w .,:/])*", inner[1])


def test_a_label_decodes_to_what_it_was():
    shown = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label('Dict<str> #35; `x` "y"'))
    assert shown == 'Dict<str> #35; `x` "y"'


def test_no_pipeline_and_too_many_stages_are_said():
    with pytest.raises(PodiumError, match="describes no pipeline"):
        pipeline({})
    with pytest.raises(PodiumError, match="has 11 stages; a slide holds 10"):
        pipeline(stages(11))
