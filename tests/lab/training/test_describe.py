"""A description says what a model is made of, as plain values."""

import json

import pytest
import torch
from torch import nn

from podium.lab.models import build_model
from podium.lab.training.describe import describe
from podium.spec import PodiumError, VisionToSequenceConfig, ViTConfig

PICTURE = torch.zeros(1, 1, 28, 28)


def by_name(description):
    return {entry["name"]: entry for entry in description["classes"]}


def test_a_vit():
    model = build_model(ViTConfig(depth=6))
    description = describe(model, (PICTURE,))
    classes = by_name(description)
    assert description["root"] == "ViT"
    assert description["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert list(classes) == [
        "ViT", "PatchEmbedding", "Learned", "Encoder", "EncoderBlock", "SelfAttention", "FeedForward",
    ]  # fmt: skip
    assert classes["EncoderBlock"] == {
        "name": "EncoderBlock",
        "count": 6,
        "members": ["LayerNorm (2)", "Dropout (2)"],
        "bases": [],
        "source": "podium.lab.models.transformer:EncoderBlock",
    }
    assert classes["Learned"]["members"] == ["Parameter rows 16x64"]
    assert classes["ViT"]["members"] == ["Linear head"]
    assert {"owner": "Encoder", "part": "EncoderBlock", "count": 6} in description["relations"]
    assert json.loads(json.dumps(description)) == description


def test_shapes_are_those_of_a_real_forward_pass():
    model = build_model(ViTConfig()).train()
    model.head.eval()
    shapes = describe(model, (PICTURE,))["shapes"]
    assert shapes[0] == {"name": "", "type": "ViT", "in": [[1, 1, 28, 28]], "out": [[1, 10]]}
    assert [(step["name"], step["out"]) for step in shapes[1:3]] == [
        ("patches", [[1, 16, 64]]),
        ("patches.convolution", [[1, 64, 4, 4]]),
    ]
    assert model.training
    assert not model.head.training
    assert not model._forward_hooks


def test_the_tree_counts_parameters_with_children():
    description = describe(build_model(ViTConfig()), (PICTURE,))
    tree = {entry["name"]: entry for entry in description["tree"]}
    assert tree[""]["parameters"] == description["parameters"]
    assert tree["head"] == {"name": "head", "type": "Linear", "parameters": 650}


def test_an_encoder_decoder_fits_a_slide_and_says_what_differs():
    model = build_model(VisionToSequenceConfig())
    description = describe(model, (torch.zeros(1, 1, 84, 84), torch.zeros(1, 3, dtype=torch.int64)))
    classes = by_name(description)
    assert len(classes) == 10
    assert classes["SelfAttention"]["count"] == 4
    assert classes["Learned"]["members"] == ["Parameter rows 36x64 or Parameter rows 7x64"]
    assert description["shapes"][0]["in"] == [[1, 1, 84, 84], [1, 3]]


def test_a_shared_part_belongs_to_both_owners():
    relations = describe(build_model(ViTConfig(position="rotary")), (PICTURE,))["relations"]
    owners = [relation["owner"] for relation in relations if relation["part"] == "Rotary"]
    assert owners == ["ViT", "SelfAttention"]


class Part(nn.Module):
    def __init__(self, bias=None):
        super().__init__()
        if bias:
            self.bias = nn.Parameter(torch.zeros(bias))

    def forward(self, x):
        return (x, {"not": "a tensor"})


class Left(Part):
    pass


class Right(Part):
    pass


class Whole(nn.Module):
    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.ModuleDict({str(i): nn.Sequential(part, nn.Identity()) for i, part in enumerate(parts)})

    def forward(self, x):
        for pair in self.parts.values():
            x, _ = pair(x)
        return x


def test_containers_are_transparent_and_their_children_counted():
    description = describe(Whole(Left(), Left(3), Right()), (torch.zeros(1, 2),))
    classes = by_name(description)
    assert description["relations"] == [
        {"owner": "Whole", "part": "Left", "count": 2},
        {"owner": "Whole", "part": "Right", "count": 1},
    ]
    assert classes["Whole"]["members"] == ["Identity (3)"]
    assert classes["Left"]["members"] == ["nothing or Parameter bias 3"]
    assert classes["Left"]["bases"] == ["Part"]


def test_a_base_of_one_class_says_nothing():
    description = describe(Whole(Left()), (torch.zeros(1, 2),))
    assert by_name(description)["Left"]["bases"] == []


def test_a_model_of_torchs_own_layers_is_one_box():
    description = describe(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), (torch.zeros(1, 2),))
    assert [entry["members"] for entry in description["classes"]] == [["Linear 0", "ReLU 1"]]


def test_more_classes_than_a_slide_shows_are_refused():
    kinds = [type(f"Part{number}", (Part,), {}) for number in range(10)]
    with pytest.raises(PodiumError, match=r"Whole is made of 11 classes .* a slide shows 10 at most"):
        describe(Whole(*(kind() for kind in kinds)), (torch.zeros(1, 2),))


def test_two_classes_of_one_name_are_refused():
    other = type("Left", (Part,), {})
    with pytest.raises(PodiumError, match="two classes of the name Left"):
        describe(Whole(Left(), other()), (torch.zeros(1, 2),))
