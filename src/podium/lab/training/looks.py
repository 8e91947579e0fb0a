"""Looks: where a model's attention lay on a picture, small enough for a record.

The models compute attention explicitly (`podium.lab.models.attention`); its weights are what the dropout behind the
softmax returns, which while evaluating is the softmax itself. Nothing in a model changes to be looked at; torch's own
attention does openly, while it is looked at, what it else does out of sight.

Shapes: B batch, H heads, T queries, S keys (patches, or columns of a line).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from podium.lab.models import TokenReader, VisionToSequence, ViT
from podium.lab.models.dropout import Dropout
from podium.lab.models.torch_attention import TorchCrossAttention, TorchSelfAttention
from podium.lab.transcripts import START, as_text

DECIMALS = 3  # of a weight over its map's largest


@torch.inference_mode()
def looks_of_classifier(model: ViT, images_B1HW: Tensor) -> list[dict[str, Any]]:
    """Return a map a picture: what the last block's tokens, which are averaged, look at, mean over heads.

    Where a class token is what the answer is read from, it is what the class token looks at, itself left out.

    Each picture is `{"picture": its index, "maps": [{"token": "", "maximum": the largest weight, "map": rows}]}`;
    weights are over the largest one, so that three decimals tell them apart however many patches there are.
    """
    depth = len(model.encoder.blocks)
    if not depth:
        return []
    model.eval()
    with _watched(model.get_submodule(f"encoder.blocks.{depth - 1}.attention")) as seen:
        model(images_B1HW)
    weights_BHTS = _weights(seen)
    maps_BS = weights_BHTS.mean(dim=(1, 2)) if model.class_token is None else weights_BHTS[:, :, 0, 1:].mean(dim=1)
    return [{"picture": index, "maps": [_map("", weights)]} for index, weights in enumerate(maps_BS)]


@torch.inference_mode()
def looks_of_reader(model: TokenReader, images_B1HW: Tensor) -> list[dict[str, Any]]:
    """Return a map for each digit that the model reads: its last block's cross-attention, mean over heads.

    The format is `looks_of_classifier`'s, with the digit as `token`; a picture on which nothing is read has no map.
    """
    depth = len(model.decoder.blocks)
    if not depth:
        return []
    model.eval()
    read_BT = model.read(images_B1HW)
    start_B1 = torch.full((len(read_BT), 1), START, device=read_BT.device)
    with _watched(model.get_submodule(f"decoder.blocks.{depth - 1}.cross_attention")) as seen:
        model(images_B1HW, torch.cat((start_B1, read_BT[:, :-1]), dim=1))
    maps_BTS = _weights(seen).mean(dim=1)
    square = isinstance(model, VisionToSequence)
    return [
        {
            "picture": index,
            "maps": [
                _map(digit, weights, square=square) for digit, weights in zip(as_text(row), maps_TS, strict=False)
            ],
        }
        for index, (row, maps_TS) in enumerate(zip(read_BT.tolist(), maps_BTS, strict=True))
    ]


@contextmanager
def _watched(attention: nn.Module) -> Generator[list[Tensor]]:
    """Collect what stands behind the softmax of an attention, once a head where it has heads of their own."""
    seen: list[Tensor] = []
    dropouts = [module for module in attention.modules() if isinstance(module, Dropout)]
    handles = [
        dropout.register_forward_hook(lambda _module, _inputs, output: seen.append(output)) for dropout in dropouts
    ]
    torchs = isinstance(attention, TorchSelfAttention | TorchCrossAttention)
    try:
        if torchs:
            attention.in_the_open = True
        yield seen
    finally:
        if torchs:
            attention.in_the_open = False
        for handle in handles:
            handle.remove()


def _weights(seen: list[Tensor]) -> Tensor:
    """Return the weights of all heads, (B, H, T, S)."""
    together = seen[0] if seen[0].ndim == 4 else torch.stack(seen, dim=1)
    return together.float()


def _map(token: str, weights_S: Tensor, *, square: bool = True) -> dict[str, Any]:
    side = round(len(weights_S) ** 0.5) if square else 1  # patches are square and so is the picture; a line is one row
    largest = float(weights_S.max())
    rows = (weights_S / largest).cpu().view(side, -1).tolist()
    return {
        "token": token,
        "maximum": round(largest, 6),
        "map": [[round(weight, DECIMALS) for weight in row] for row in rows],
    }
