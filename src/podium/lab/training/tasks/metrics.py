"""Metrics of numbers that were read. Shapes: B batch, T tokens, V kinds of token."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein
from torch import Tensor

from podium.lab.transcripts import PADDING, as_text


def numbers(tokens_BT: Tensor) -> list[str]:
    """Write token rows as numbers, up to the first sign that is no digit.

    >>> import torch
    >>> numbers(torch.tensor([[7, 3, 11, 12], [4, 11, 9, 9]]))
    ['73', '4']
    """
    return [as_text(row) for row in tokens_BT.tolist()]


def reading_metrics(correct: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Return how well numbers were read.

    `exact_match` is the share without a fault; `edit_distance` the mean number of digits to insert, delete or change
    (Levenshtein 1966); `character_error_rate` all of these over all digits there are.

    >>> reading_metrics(["12", "345"], ["12", "35"])
    {'exact_match': 0.5, 'edit_distance': 0.5, 'character_error_rate': 0.2}
    """
    edits = [Levenshtein.distance(right, read) for right, read in zip(correct, predicted, strict=True)]
    return {
        "exact_match": edits.count(0) / len(edits),
        "edit_distance": sum(edits) / len(edits),
        "character_error_rate": sum(edits) / max(1, sum(map(len, correct))),
    }


def token_hits(logits_BTV: Tensor, wanted_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many tokens are named right, and how many there are; padding is none."""
    real_BT = wanted_BT != PADDING
    return ((logits_BTV.argmax(-1) == wanted_BT) & real_BT).sum().float(), real_BT.sum().float()
