"""Looks: where a model's attention lay on a picture, small enough for a record.

The models compute attention explicitly (`podium.lab.models.attention`); its weights are what the dropout behind the
softmax returns, which while evaluating is the softmax itself. Nothing in a model changes to be looked at.

Shapes: B batch, H heads, T queries, S keys (patches).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from podium.lab.models import VisionToSequence, ViT
from podium.lab.transcripts import START, as_text

DECIMALS = 3  # of a weight over its map's largest


@torch.inference_mode()
def looks_of_classifier(model: ViT, images_B1HW: Tensor) -> list[dict[str, Any]]:
    """Return a map a picture: what the last block's tokens, which are averaged, look at, mean over heads.

    Each picture is `{"picture": its index, "maps": [{"token": "", "maximum": the largest weight, "map": rows}]}`;
    weights are over the largest one, so that three decimals tell them apart however many patches there are.
    """
    depth = len(model.encoder.blocks)
    if not depth:
        return []
    model.eval()
    with _watched(model, f"encoder.blocks.{depth - 1}.attention.dropout") as seen:
        model(images_B1HW)
    maps_BS = seen[0].float().mean(dim=(1, 2))
    return [{"picture": index, "maps": [_map("", weights)]} for index, weights in enumerate(maps_BS)]


@torch.inference_mode()
def looks_of_reader(model: VisionToSequence, images_B1HW: Tensor) -> list[dict[str, Any]]:
    """Return a map for each digit that the model reads: its last block's cross-attention, mean over heads.

    The format is `looks_of_classifier`'s, with the digit as `token`; a picture on which nothing is read has no map.
    """
    depth = len(model.decoder.blocks)
    if not depth:
        return []
    model.eval()
    read_BT = model.read(images_B1HW)
    start_B1 = torch.full((len(read_BT), 1), START, device=read_BT.device)
    with _watched(model, f"decoder.blocks.{depth - 1}.cross_attention.dropout") as seen:
        model(images_B1HW, torch.cat((start_B1, read_BT[:, :-1]), dim=1))
    maps_BTS = seen[0].float().mean(dim=1)
    return [
        {
            "picture": index,
            "maps": [_map(digit, weights) for digit, weights in zip(as_text(row), maps_TS, strict=False)],
        }
        for index, (row, maps_TS) in enumerate(zip(read_BT.tolist(), maps_BTS, strict=True))
    ]


@contextmanager
def _watched(model: nn.Module, name: str) -> Generator[list[Tensor]]:
    """Collect what one of a model's modules returns while the context lasts."""
    seen: list[Tensor] = []
    handle = model.get_submodule(name).register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        yield seen
    finally:
        handle.remove()


def _map(token: str, weights_S: Tensor) -> dict[str, Any]:
    side = round(len(weights_S) ** 0.5)  # patches are square and so is the picture
    largest = float(weights_S.max())
    rows = (weights_S / largest).cpu().view(side, side).tolist()
    return {
        "token": token,
        "maximum": round(largest, 6),
        "map": [[round(weight, DECIMALS) for weight in row] for row in rows],
    }
