"""The ways into a ViT and out of it: patches or a stem, the tokens' mean or a class token."""

import pytest
import torch
from torch.nn import functional as F

from podium.lab.models import build_model
from podium.lab.models.patches import ConvolutionalStem
from podium.spec import PodiumError, ViTConfig


@pytest.mark.parametrize("patch", [1, 2, 4, 7, 14, 28])
def test_a_stem_makes_as_many_tokens_as_patches_do(patch):
    stem = ConvolutionalStem(28, patch, 6)
    assert stem(torch.randn(2, 1, 28, 28)).shape == (2, stem.tokens, 6)
    assert stem.tokens == (28 // patch) ** 2


def test_a_stem_is_its_convolutions():
    stem = ConvolutionalStem(28, 4, 6)
    images = torch.randn(2, 1, 28, 28)
    maps = F.gelu(F.conv2d(images, stem.first.weight, stem.first.bias, stride=2, padding=1))
    maps = F.gelu(F.conv2d(maps, stem.second.weight, stem.second.bias, stride=2, padding=1))
    rows = maps.permute(0, 2, 3, 1).flatten(1, 2) @ stem.last.weight.flatten(1).T + stem.last.bias
    assert torch.allclose(stem(images), F.layer_norm(rows, (6,)), atol=1e-5)


def test_a_patch_must_fit_a_stem_too():
    with pytest.raises(PodiumError, match="patch must divide the picture's 28 pixels; got 5"):
        build_model(ViTConfig(stem="convolution", patch=5))


def test_a_class_token_is_where_the_answer_is_read():
    model = build_model(ViTConfig(pool="class", depth=1, dim=16, heads=2, patch=14)).eval()
    assert model.position.length == 5
    outputs = []
    model.encoder.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    images = torch.randn(2, 1, 28, 28)
    logits = model(images)
    assert outputs[0].shape == (2, 5, 16)
    assert torch.equal(logits, model.head(outputs[0][:, 0]))
    first = model.class_token(torch.zeros(2, 3, 16))[:, 0]
    assert torch.equal(first, model.class_token.row.expand(2, -1))


def test_classes_are_counted():
    assert build_model(ViTConfig(classes=26)).head.out_features == 26
