"""Head by head, in one projection, by torch: the same function; additive scores by hand; a cache changes nothing."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from podium.lab.models.attention import merge, split
from podium.lab.models.positions import POSITIONS
from podium.lab.models.single_head import SingleSelfAttention
from podium.lab.models.torch_attention import TorchSelfAttention
from podium.lab.models.transformer import CROSS_ATTENTIONS, SELF_ATTENTIONS
from podium.lab.randomness import at

DIM, HEADS, TOKENS = 16, 4, 6
KINDS = list(SELF_ATTENTIONS)


def take_weights(single, multi):
    """Give the heads of one attention the rows that they have in the other's projection."""
    with torch.no_grad():
        for index, head in enumerate(single.singles):
            rows = slice(index * DIM // HEADS, (index + 1) * DIM // HEADS)
            for name in ("query", "key", "value"):
                for part, value in getattr(multi, name).named_parameters():
                    getattr(getattr(head, name), part).copy_(value[rows])
            if head.comparison is not None:
                head.comparison.rows.copy_(multi.comparison.rows[index : index + 1])
        single.output.load_state_dict(multi.output.state_dict())


def alike(table, kind, scores, **how):
    """Return this kind of attention, and the kind in one projection with the same weights."""
    multi, other = (table[name, scores](DIM, HEADS, **how) for name in ("multi", kind))
    if kind == "single":
        take_weights(other, multi)
    else:
        other.load_state_dict(multi.state_dict())
    return other, multi


def padding():
    """Return a mask whose rows have 0, 1, 2 padded tokens at their end."""
    return torch.arange(TOKENS) >= torch.tensor([TOKENS, TOKENS - 1, TOKENS - 2])[:, None]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("position", ["none", "rotary"])
@pytest.mark.parametrize(("kind", "scores"), KINDS)
def test_every_kind_of_self_attention_is_the_same_function(kind, scores, position, causal, masked):
    rotary = POSITIONS[position](TOKENS, DIM, HEADS) if position == "rotary" else None
    other, multi = alike(SELF_ATTENTIONS, kind, scores, rotary=rotary, causal=causal)
    x = torch.randn(3, TOKENS, DIM, requires_grad=True)
    mask = padding() if masked else None
    ours, wanted = other(x, mask), multi(x, mask)
    assert torch.allclose(ours, wanted, atol=1e-6)
    (theirs,) = torch.autograd.grad(wanted.square().sum(), x)
    assert torch.allclose(torch.autograd.grad(ours.square().sum(), x)[0], theirs, atol=1e-5)


@pytest.mark.parametrize(("kind", "scores"), KINDS)
def test_every_kind_of_cross_attention_is_the_same_function(kind, scores):
    other, multi = alike(CROSS_ATTENTIONS, kind, scores)
    x, memory = torch.randn(3, TOKENS, DIM), torch.randn(3, 9, DIM)
    assert torch.allclose(other(x, memory), multi(x, memory), atol=1e-6)


def test_a_padding_mask_is_torchs():
    ours = SELF_ATTENTIONS["multi", "dot"](DIM, HEADS, causal=True)
    theirs = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.query.weight, ours.key.weight, ours.value.weight)))
        theirs.in_proj_bias.copy_(torch.cat((ours.query.bias, torch.zeros(DIM), ours.value.bias)))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    x = torch.randn(3, TOKENS, DIM)
    causal = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)
    wanted, _ = theirs(x, x, x, attn_mask=causal, key_padding_mask=padding())
    assert torch.allclose(ours(x, padding()), wanted, atol=1e-6)


@pytest.mark.parametrize(("kind", "scores"), KINDS)
def test_nobody_sees_padding(kind, scores):
    attention = SELF_ATTENTIONS[kind, scores](DIM, HEADS)
    x = torch.randn(3, TOKENS, DIM)
    changed = torch.where(padding()[..., None], 9.0, x)
    real = ~padding()
    assert torch.allclose(attention(x, padding())[real], attention(changed, padding())[real], atol=1e-6)


def test_additive_scores_by_hand():
    attention = SELF_ATTENTIONS["multi", "additive"](2, 1)
    with torch.no_grad():
        for layer in (attention.query, attention.key, attention.value, attention.output):
            layer.weight.copy_(torch.eye(2))
            if layer.bias is not None:
                layer.bias.zero_()
        attention.comparison.rows.copy_(torch.tensor([[1.0, -1.0]]))
    x = torch.tensor([[[0.5, 0.0], [0.0, 1.0]]])
    first = [math.tanh(1.0) - math.tanh(0.0), math.tanh(0.5) - math.tanh(1.0)]
    weight = math.exp(first[0]) / (math.exp(first[0]) + math.exp(first[1]))
    assert attention(x)[0, 0].tolist() == pytest.approx([0.5 * weight, 1 - weight])


@pytest.mark.parametrize("position", ["none", "rotary"])
@pytest.mark.parametrize(("kind", "scores"), KINDS)
def test_a_cache_gives_what_the_whole_gives(kind, scores, position):
    rotary = POSITIONS[position](TOKENS, DIM, HEADS) if position == "rotary" else None
    attention = SELF_ATTENTIONS[kind, scores](DIM, HEADS, rotary=rotary, causal=True)
    x = torch.randn(3, TOKENS, DIM)
    past = attention.start(x)
    assert past.tokens == 0
    steps = torch.cat([attention.step(token, past) for token in x.split(1, dim=1)], dim=1)
    assert torch.allclose(steps, attention(x), atol=1e-6)
    assert past.tokens == TOKENS
    cross = CROSS_ATTENTIONS[kind, scores](DIM, HEADS)
    memory = torch.randn(3, 9, DIM)
    assert torch.allclose(cross.step(x, cross.start(memory)), cross(x, memory), atol=1e-6)


def test_torchs_own_drops_openly_while_training():
    multi, fused = SELF_ATTENTIONS["multi", "dot"](DIM, HEADS, dropout=0.5), TorchSelfAttention(DIM, HEADS, dropout=0.5)
    fused.load_state_dict(multi.state_dict())
    x = torch.randn(2, TOKENS, DIM)
    with at(0, 3):
        wanted, found = multi(x), fused(x)
    assert torch.equal(found, wanted)
    assert not torch.allclose(fused.eval()(x), wanted)


def test_torchs_own_can_be_watched():
    fused = TorchSelfAttention(DIM, HEADS)
    seen = []
    fused.dropout.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    x = torch.randn(2, TOKENS, DIM)
    out = fused(x)
    assert not seen
    fused.in_the_open = True
    assert torch.allclose(fused(x), out, atol=1e-6)
    assert seen[0].shape == (2, HEADS, TOKENS, TOKENS)


def test_a_single_head_is_scaled_dot_product_attention():
    attention = SingleSelfAttention(DIM, 1)
    (head,) = attention.singles
    x = torch.randn(2, TOKENS, DIM)
    wanted = F.scaled_dot_product_attention(head.query(x), head.key(x), head.value(x))
    assert torch.allclose(head(x, x), wanted, atol=1e-6)
    q, k, v = attention.projected(x, x)
    assert torch.equal(q, split(head.query(x), 1))
    assert merge(v).shape == k.squeeze(1).shape == (2, TOKENS, DIM)
