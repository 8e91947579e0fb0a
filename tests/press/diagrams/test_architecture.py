"""The architecture: what runs in which order, with its shapes, in at most twelve boxes."""

import re

import pytest

from podium.press.diagrams import DIAGRAMS, architecture, labels
from podium.spec import PodiumError

FOREIGN = pytest.mark.filterwarnings("ignore:enable_nested_tensor")


def rows_of(source):
    """The labels of the boxes, row by row."""
    rows = source.split("subgraph")[1:] or [source]
    return [re.findall(r'b\d+[\[(]"<b>(.*?)"[\])]:::', row) for row in rows]


def boxes(source):
    return [re.sub(r"</?b>|<br/>", " ", box).split("  ", 1)[0].strip() for row in rows_of(source) for box in row]


@FOREIGN
def test_a_plain_net_is_a_chain_whose_repeated_part_is_one_box(described):
    drawn = DIAGRAMS["architecture"](described["vit_b_16"])
    assert labels(drawn)[:5] == [
        "x 1x3x224x224",
        "Conv2d 1x768x14x14 conv_proj",
        "EncoderBlock x12 1x197x768, 12 heads LayerNorm x2 MultiheadAttention MLPBlock",
        "LayerNorm 1x197x768 ln",
        "Linear 1x1000 head",
    ]
    assert drawn.note == "86,567,656 parameters, 35.1 GFLOPs for these inputs."
    assert drawn.alt.startswith("VisionTransformer: x 1x3x224x224, Conv2d 1x768x14x14, EncoderBlock x12")
    assert drawn.language == "mermaid"


@FOREIGN
def test_plain_layers_join_and_each_stage_keeps_its_shape(described):
    drawn = architecture(described["resnet18"])
    assert boxes(drawn) == ["x", "Conv2d", *["BasicBlock x2"] * 4, "AdaptiveAvgPool2d", "Linear"]
    assert [shape in drawn for shape in ("1x64x56x56", "1x128x28x28", "1x256x14x14", "1x512x7x7")] == [True] * 4
    assert "Where repeated parts differ inside, the last one is shown." in drawn.note


@FOREIGN
@pytest.mark.parametrize(
    ("name", "first", "second", "memory"),
    [
        ("Transformer", "src", "tgt", "10x1x512"),
        ("VisionToSequence", "images_B1HW", "tokens_BT", "1x36x64"),
    ],
)
def test_an_encoder_stands_above_its_decoder(described, name, first, second, memory):
    drawn = architecture(described[name])
    above, below = rows_of(drawn)
    assert above[0].startswith(f"{first}<")
    assert below[0].startswith(f"{second}<")
    assert f'r0 -->|"{memory}"| r1' in drawn
    assert any(box.startswith(("TransformerEncoderLayer x6", "EncoderBlock x")) for box in above)
    assert any(box.startswith(("TransformerDecoderLayer x6", "DecoderBlock x")) for box in below)


@FOREIGN
def test_no_diagram_has_more_than_twelve_boxes(described, frozen):
    for description in (*described.values(), *frozen):
        assert 2 <= len(boxes(architecture(description))) <= 12


def test_descriptions_of_older_versions_are_drawn(frozen):
    readers = [architecture(each) for each in frozen if each["root"] == "VisionToSequence"]
    assert [len(rows_of(drawn)) for drawn in readers] == [2] * len(readers)
    assert all(rows_of(drawn)[1][0].startswith("input 2<") for drawn in readers)
    assert not any("Rotary" in text for drawn in readers for text in labels(drawn)), "it runs inside the attention"


def model(*steps, inputs=None, **more):
    """A description of modules that ran one after the other: path, type, shape, and what they depend on."""
    return {
        "root": "Net",
        "parameters": 10 * len(steps),
        "inputs": [{"name": "x", "shape": [1, 2]}] if inputs is None else inputs,
        "tree": [{"name": "", "type": "Net", "parameters": 10 * len(steps)}]
        + [{"name": path, "type": kind, "parameters": 10 + n} for n, (path, kind, *_) in enumerate(steps)],
        "shapes": [{"name": "", "type": "Net", "in": [], "out": [], "within": None, "depends": [0]}]
        + [
            {
                "name": path, "type": kind, "in": [], "out": [shape] if shape else [],
                "within": path.rpartition(".")[0], "depends": list(depends),
            }
            for path, kind, shape, *rest in steps
            for depends in [rest[0] if rest else (0,)]
        ],
        **more,
    }  # fmt: skip


def test_too_many_parts_are_folded_and_the_note_says_so():
    stages = [(f"s{n}", f"Stage{n % 7}", [1, n]) for n in range(1, 30)]
    inner = [(f"s{n}.{kind}", kind, [1]) for n in range(1, 30) for kind in ("Conv2d", "ReLU")]
    drawn = architecture(model(*stages, *inner))
    assert len(boxes(drawn)) <= 12
    assert "Small neighbours share a box, after a plus; the layer table lists all." in drawn.note
    same = architecture(model(*[(path, "Stage", shape) for path, _, shape in stages], *inner))
    assert boxes(same) == ["x", "Stage x29"]
    assert "Parts of one class that follow each other are one box, with the last one's shape." in same.note
    plain = architecture(model(*[(f"l{n}", f"Layer{n}", [n]) for n in range(40)]))
    assert 2 <= len(boxes(plain)) <= 12
    assert "and more" in plain


def test_what_did_not_run_and_what_was_not_counted_is_said():
    description = model(("a", "Linear", [1]), uncounted=["a"])
    description["tree"].append({"name": "aux", "type": "Linear", "parameters": 4})
    note = architecture(description).note
    assert "Did not run when evaluating: aux." in note
    assert "Recurrent layers are not in the FLOPs" in note


def test_inputs_that_arrive_together_share_a_box():
    inputs = [{"name": f"in{n}", "shape": [n]} for n in range(6)]
    drawn = architecture(model(("a", "Join", [1], (0, 1, 2, 3)), ("b", "Linear", [1], (0, 1, 2, 3, 4)), inputs=inputs))
    assert rows_of(drawn)[0][0] == "inputs</b><br/>in0 0<br/>in1 1<br/>in2 2<br/>and 1 more"
    assert rows_of(drawn)[1][0] == "in4</b><br/>4"
    assert "Inputs that reach no module alone are not drawn: in5." in drawn.note


def test_a_wrapper_is_opened_and_a_single_module_is_a_box():
    wrapped = architecture(model(("net", "Inner", [1]), ("net.a", "Linear", [1]), ("net.b", "Linear", [2])))
    assert boxes(wrapped) == ["x", "Linear", "Linear"]
    assert boxes(architecture(model())) == ["x", "Net"]


def test_parts_without_a_tensor_have_no_shape():
    assert labels(architecture(model(("a", "Odd", None))))[1] == "Odd a"


@pytest.mark.parametrize("field", ["shapes", "tree"])
def test_a_description_without_shapes_is_refused(field):
    with pytest.raises(PodiumError, match=f"describes no {field}"):
        architecture({**model(("a", "Linear", [1])), field: []})


def test_hostile_names_are_only_text():
    hostile = 'end"] --> <b>x</b> #35; `**'
    drawn = architecture(model((hostile.replace(".", ""), hostile, [1]), inputs=[{"name": hostile, "shape": [1]}]))
    for row in rows_of(drawn):
        for box in row:
            assert re.fullmatch(r"(<br/>|</?b>|#\d+;|[\w .,:/])*", box)
    assert labels(drawn)[0] == f"{hostile} 1"
