"""Blocks equal torch's own with norm_first; the patch embedding equals a cut and a linear layer."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from podium.lab.models.patches import PatchEmbedding
from podium.lab.models.transformer import Decoder, DecoderBlock, Encoder, EncoderBlock
from podium.spec import PodiumError

SIZES = {"dim_feedforward": 32, "dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}


def copy_attention(ours, theirs):
    theirs.in_proj_weight.copy_(torch.cat((ours.query.weight, ours.key.weight, ours.value.weight)))
    bias = torch.cat((ours.query.bias, torch.zeros_like(ours.query.bias), ours.value.bias))
    theirs.in_proj_bias.copy_(bias)
    theirs.out_proj.load_state_dict(ours.output.state_dict())


def copy_rest(ours, theirs, norms):
    for norm, name in norms.items():
        nn.init.normal_(getattr(ours, norm).weight)  # a norm of ones and zeros would hide a swap
        nn.init.normal_(getattr(ours, norm).bias)
        getattr(theirs, name).load_state_dict(getattr(ours, norm).state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.widen.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.narrow.state_dict())


@torch.no_grad()
def torchs_encoder_layer(ours):
    theirs = nn.TransformerEncoderLayer(16, 4, **SIZES)
    copy_attention(ours.attention, theirs.self_attn)
    copy_rest(ours, theirs, {"attention_norm": "norm1", "forward_norm": "norm2"})
    return theirs


@torch.no_grad()
def torchs_decoder_layer(ours):
    theirs = nn.TransformerDecoderLayer(16, 4, **SIZES)
    copy_attention(ours.attention, theirs.self_attn)
    copy_attention(ours.cross_attention, theirs.multihead_attn)
    copy_rest(ours, theirs, {"attention_norm": "norm1", "cross_norm": "norm2", "forward_norm": "norm3"})
    return theirs


def test_an_encoder_block_equals_torchs():
    ours = EncoderBlock(16, 4, 2)
    theirs = torchs_encoder_layer(ours)
    x = torch.randn(3, 5, 16)
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_a_decoder_block_equals_torchs():
    ours = DecoderBlock(16, 4, 2)
    theirs = torchs_decoder_layer(ours)
    x, memory = torch.randn(3, 5, 16), torch.randn(3, 9, 16)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    assert torch.allclose(ours(x, memory), theirs(x, memory, tgt_mask=mask), atol=1e-5)


def test_encoder_and_decoder_are_their_blocks_and_a_norm():
    x, memory = torch.randn(2, 5, 16), torch.randn(2, 9, 16)
    encoder, decoder = Encoder(16, 2, 4, 2), Decoder(16, 2, 4, 2)
    by_hand = x
    for block in encoder.blocks:
        by_hand = torchs_encoder_layer(block)(by_hand)
    assert torch.allclose(encoder(x), F.layer_norm(by_hand, (16,)), atol=1e-4)
    by_hand = x
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    for block in decoder.blocks:
        by_hand = torchs_decoder_layer(block)(by_hand, memory, tgt_mask=mask)
    assert torch.allclose(decoder(x, memory), F.layer_norm(by_hand, (16,)), atol=1e-4)


def test_patches_are_cut_in_reading_order_and_projected():
    patches = PatchEmbedding(28, 7, 12)
    images = torch.randn(2, 1, 28, 28)
    cut = F.unfold(images, 7, stride=7).mT  # (2, 16, 49)
    wanted = F.linear(cut, patches.convolution.weight.flatten(1), patches.convolution.bias)
    assert patches.tokens == 16
    assert torch.allclose(patches(images), F.layer_norm(wanted, (12,)), atol=1e-5)


@pytest.mark.parametrize("patch", [5, 0])
def test_a_patch_must_divide_the_picture(patch):
    with pytest.raises(PodiumError, match=f"got {patch}. There are: 1, 2, 4, 7, 14, 28"):
        PatchEmbedding(28, patch, 12)
