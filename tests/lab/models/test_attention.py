"""Attention written out equals torch's own."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from podium.lab.models.attention import CrossAttention, SelfAttention, later, merge, split
from podium.lab.models.positions import Rotary
from podium.spec import PodiumError


def torchs_own(ours):
    dim = ours.query.in_features
    theirs = nn.MultiheadAttention(dim, ours.heads, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.query.weight, ours.key.weight, ours.value.weight)))
        theirs.in_proj_bias.copy_(torch.cat((ours.query.bias, torch.zeros(dim), ours.value.bias)))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    return theirs


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_equals_multihead_attention(causal):
    ours = SelfAttention(16, 4, causal=causal)
    x = torch.randn(3, 7, 16)
    mask = nn.Transformer.generate_square_subsequent_mask(7).isinf() if causal else None
    wanted, _ = torchs_own(ours)(x, x, x, attn_mask=mask)
    assert torch.allclose(ours(x), wanted, atol=1e-6)


def test_cross_attention_equals_multihead_attention():
    ours = CrossAttention(16, 2)
    x, memory = torch.randn(3, 5, 16), torch.randn(3, 9, 16)
    wanted, _ = torchs_own(ours)(x, memory, memory)
    assert torch.allclose(ours(x, memory), wanted, atol=1e-6)


def test_gradients_equal_torchs_too():
    ours = SelfAttention(8, 2, causal=True)
    theirs = torchs_own(ours)
    x = torch.randn(2, 5, 8)
    ours(x).square().sum().backward()
    mask = nn.Transformer.generate_square_subsequent_mask(5).isinf()
    theirs(x, x, x, attn_mask=mask)[0].square().sum().backward()
    weights = torch.cat((ours.query.weight.grad, ours.key.weight.grad, ours.value.weight.grad))
    assert torch.allclose(weights, theirs.in_proj_weight.grad, atol=1e-5)


def test_rotary_attention_equals_scaled_dot_product_of_turned_vectors():
    rotary = Rotary(6, 16, 4)
    ours = SelfAttention(16, 4, rotary=rotary)
    x = torch.randn(2, 6, 16)
    q, k, v = (split(layer(x), 4) for layer in (ours.query, ours.key, ours.value))
    wanted = ours.output(merge(F.scaled_dot_product_attention(rotary(q), rotary(k), v)))
    assert torch.allclose(ours(x), wanted, atol=1e-6)


def test_a_causal_token_does_not_see_the_future():
    attention = SelfAttention(8, 2, causal=True)
    x = torch.randn(1, 6, 8)
    changed = x.clone()
    changed[:, 4:] = 9.0
    assert torch.equal(attention(x)[:, :4], attention(changed)[:, :4])
    assert later(torch.zeros(1, 1, 3, 3)).tolist() == [[False, True, True], [False, False, True], [False] * 3]


def test_split_and_merge_are_opposites():
    x = torch.randn(2, 3, 12)
    assert torch.equal(merge(split(x, 4)), x)


@pytest.mark.parametrize("heads", [3, 0])
def test_heads_must_divide_the_width(heads):
    with pytest.raises(PodiumError, match="dim must be a multiple of heads; got dim=16"):
        SelfAttention(16, heads)
