"""Layer table and module tree: nothing is lost in folding, and a total that disagrees is an error."""

import json

import pytest

from podium.press.diagrams import check_total, layers, read_description, tree
from podium.press.diagrams.repeats import patterns
from podium.spec import PodiumError

pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")


@pytest.mark.parametrize("rows", [1, 3, 10, 1000])
def test_folding_keeps_the_totals(described, rows):
    for description in described.values():
        table = layers(description, rows=rows)
        assert len(table.rows) <= rows
        assert sum(row.parameters for row in table.rows) == table.parameters == description["parameters"]
        assert sum(row.flops for row in table.rows) == table.flops == description["flops"]


def test_a_table_of_a_foreign_model(described):
    cells = layers(described["vit_b_16"]).cells()
    assert cells[0] == ["layer", "type", "out", "parameters", "FLOPs"]
    assert ["encoder.layers.encoder_layer_*.mlp.0", "Linear x12", "1x197x3072", "28,348,416", "11.2 G"] in cells
    assert cells[1] == ["itself", "VisionTransformer", "1x1000", "768", "0"]
    assert cells[-1] == ["total", "", "", "86,567,656", "35.1 G"]


def test_deep_layers_go_up_into_their_part(described):
    table = layers(described["resnet18"])
    assert [(row.name, row.type, row.count) for row in table.rows][:3] == [
        ("conv1", "Conv2d", 1),
        ("bn1", "BatchNorm2d", 1),
        ("layer1.*", "BasicBlock", 2),
    ]
    assert "Small parts stand as a whole." in table.note


def test_older_descriptions_have_a_table_without_flops(frozen):
    for description in frozen:
        table = layers(description)
        assert sum(row.parameters for row in table.rows) == description["parameters"]
        assert table.flops is None
        assert table.cells()[0] == ["layer", "type", "out", "parameters"]


def test_a_flat_model_keeps_its_largest_layers():
    entries = [{"name": f"l{n}", "type": "Linear", "parameters": n, "flops": 0} for n in range(1, 21)]
    description = {"root": "Net", "parameters": 210, "flops": 0, "layers": entries, "uncounted": ["l1"]}
    description["tree"] = [{"name": "", "type": "Net", "parameters": 210}, *entries]
    table = layers(description, rows=3)
    assert [row.name for row in table.rows] == ["l19", "l20", "18 more"]
    assert "Recurrent layers are not in the FLOPs" in table.note


def test_a_model_without_parameters_has_a_row():
    tree_ = [{"name": "", "type": "ReLU", "parameters": 0}]
    assert len(layers({"root": "ReLU", "parameters": 0, "tree": tree_}).rows) == 1


def test_totals_that_disagree_are_errors(described):
    description = json.loads(json.dumps(described["CNN"]))
    check_total(description, 421_642)
    check_total(description, 421_642.0)
    with pytest.raises(PodiumError, match=r"diagram of CNN has 421,642 parameters, the run beside it counted 421,643"):
        check_total(description, 421_643)
    description["layers"][0]["flops"] += 1
    with pytest.raises(PodiumError, match=r"layers of CNN have 8,482,305 flops together, the description says 8,482,3"):
        layers(description)


def test_the_tree_names_parameters_and_repeats_once(described):
    text = tree(described["ViT"], lines=30).text()
    assert "  position: Learned  rows 16x64 " in text
    assert "*: EncoderBlock x6 " in text
    assert len(text.splitlines()) <= 30
    short = tree(described["ViT"], lines=6)
    assert len(short.lines) <= 6
    assert short.note.endswith("kinds of modules lie deeper or further on and are not shown.")
    assert tree(described["CNN"]).note == ""


def test_a_wide_flat_tree_is_cut():
    entries = [{"name": f"l{n}", "type": "Linear", "parameters": 1} for n in range(40)]
    found = tree({"root": "Net", "tree": [{"name": "", "type": "Net", "parameters": 40}, *entries]}, lines=5)
    assert len(found.lines) == 5
    assert found.note.startswith("36 of 41")


def test_long_lists_of_parameters_are_counted():
    own = [{"name": f"weight_{n}", "shape": [10, 10]} for n in range(9)]
    own[0]["shared"] = "other.weight"
    text = tree({"root": "Net", "tree": [{"name": "", "type": "Net", "parameters": 900, "own": own}]}).text()
    assert text.startswith("Net  weight_0 10x10 = other.weight, weight_1 10x10")
    assert "more" in text
    assert len(text) <= 90


def test_older_trees_have_no_names(frozen):
    for description in frozen:
        assert tree(description).text().startswith(description["root"])


def test_numbers_in_names_are_not_always_repetition():
    entries = [("", "Net", 9), ("conv1", "Conv2d", 1), ("conv2", "Conv2d", 1), ("0", "Linear", 3), ("1", "Linear", 4)]
    found = patterns([{"name": name, "type": kind, "parameters": size} for name, kind, size in entries])
    assert list(found.values()) == ["", "conv1", "conv2", "0", "1"]


def test_a_description_is_read_from_a_file(tmp_path, described):
    path = tmp_path / "cnn.json"
    path.write_text(json.dumps(described["CNN"]))
    assert read_description(path) == described["CNN"]
    with pytest.raises(PodiumError, match=r"There is no .*gone.json. Write it: podium describe"):
        read_description(tmp_path / "gone.json")
    path.write_text("{")
    with pytest.raises(PodiumError, match="cannot be read as a description"):
        read_description(path)
    path.write_text("[]")
    with pytest.raises(PodiumError, match="holds no description of a model"):
        read_description(path)
