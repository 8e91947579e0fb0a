"""Descriptions of real models, made by the lab once; the press itself needs no torch."""

import json
from pathlib import Path

import pytest

MODELS = ("vit_b_16", "resnet18", "Transformer", "ViT", "CNN", "VisionToSequence")


@pytest.fixture(scope="session")
def described():
    """The three foreign models and our three, by name."""
    import torch
    import torchvision

    from podium.lab.models import build_model
    from podium.lab.training.describe import describe
    from podium.spec import CNNConfig, VisionToSequenceConfig, ViTConfig

    digit = torch.zeros(1, 1, 28, 28)
    number = (torch.zeros(1, 1, 84, 84), torch.zeros(1, 3, dtype=torch.int64))
    with torch.device("meta"):  # shapes alone: nothing is initialised, nothing computed
        picture = torch.zeros(1, 3, 224, 224)
        foreign = (
            (torchvision.models.vit_b_16(), (picture,)),
            (torchvision.models.resnet18(), (picture,)),
            (torch.nn.Transformer(), (torch.zeros(10, 1, 512), torch.zeros(7, 1, 512))),
        )
    models = (
        *foreign,
        (build_model(ViTConfig(depth=6)), (digit,)),
        (build_model(CNNConfig()), (digit,)),
        (build_model(VisionToSequenceConfig()), number),
    )
    found = {name: describe(model, inputs) for name, (model, inputs) in zip(MODELS, models, strict=True)}
    return json.loads(json.dumps(found))


@pytest.fixture(scope="session")
def frozen():
    """Descriptions as the lab's first version wrote them into results: without FLOPs, some without names."""
    return json.loads((Path(__file__).parent / "older.json").read_text("utf-8"))
