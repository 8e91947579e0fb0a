"""A description says which classes a model is made of, whoever wrote them."""

import json

import pytest
import torch
import torchvision
from torch import nn

from podium.lab.models import build_model
from podium.lab.training.describe import describe
from podium.spec import VisionToSequenceConfig, ViTConfig

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
        "parameters": sum(p.numel() for p in model.encoder.blocks.parameters()),
        "members": ["LayerNorm (2)", "Dropout (2)"],
        "bases": [],
        "source": "podium.lab.models.transformer:EncoderBlock",
    }
    assert classes["Learned"]["members"] == ["Parameter rows 16x64"]
    assert classes["ViT"]["members"] == ["Linear head"]
    assert {"owner": "Encoder", "part": "EncoderBlock", "count": 6} in description["relations"]
    assert json.loads(json.dumps(description)) == description


def test_an_encoder_decoder_fits_a_slide_and_says_what_differs():
    model = build_model(VisionToSequenceConfig())
    description = describe(model, (torch.zeros(1, 1, 84, 84), torch.zeros(1, 3, dtype=torch.int64)))
    classes = by_name(description)
    assert len(classes) == 10
    assert classes["SelfAttention"]["count"] == 4
    assert classes["Learned"]["members"] == ["Parameter rows 36x64 or Parameter rows 7x64"]


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


def test_every_class_is_kept_however_many():
    kinds = [type(f"Part{number}", (Part,), {}) for number in range(30)]
    description = describe(Whole(*(kind() for kind in kinds)), (torch.zeros(1, 2),))
    assert len(description["classes"]) == 31


def test_classes_of_one_name_are_told_apart():
    other = type("Left", (Part,), {})
    foreign = type("Left", (Part,), {"__module__": "somewhere.else"})
    description = describe(Whole(Left(), other(), foreign(), Left()), (torch.zeros(1, 2),))
    assert [(entry["name"], entry["count"]) for entry in description["classes"][1:]] == [
        ("Left (test_classes)", 2),
        ("Left (test_classes) no. 2", 1),
        ("Left (else)", 1),
    ]
    assert {"owner": "Whole", "part": "Left (test_classes)", "count": 2} in description["relations"]


def test_many_ways_to_be_built_are_counted():
    description = describe(Whole(*(Left(size) for size in range(1, 9))), (torch.zeros(1, 2),))
    (member,) = by_name(description)["Left"]["members"]
    assert member == "Parameter bias 1 or Parameter bias 2 or Parameter bias 3 or 5 other ways"


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_torchs_own_parts_that_have_parts_are_boxes():
    description = describe(nn.Transformer(8, 2, 2, 2, 16), (torch.zeros(3, 1, 8), torch.zeros(2, 1, 8)))
    assert list(by_name(description)) == [
        "Transformer", "TransformerEncoder", "TransformerEncoderLayer", "MultiheadAttention",
        "TransformerDecoder", "TransformerDecoderLayer",
    ]  # fmt: skip
    assert by_name(description)["MultiheadAttention"]["members"][-1] == "Linear out_proj"


def test_a_subclass_of_a_container_is_a_class_of_its_own():
    description = describe(torchvision.models.vit_b_32(), (torch.zeros(1, 3, 224, 224),))
    assert "MLPBlock" in by_name(description)
    assert {"owner": "Encoder", "part": "EncoderBlock", "count": 12} in description["relations"]
