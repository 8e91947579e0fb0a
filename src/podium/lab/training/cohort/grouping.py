"""Grouping: which variants can be trained together, because they differ only in what is data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from podium.spec import Cohorts, Config, LinesConfig, Variant, ViTConfig

# What may differ inside a cohort: numbers in an array, not shapes and not code.
SMALL, MANY = 2_048, 8  # pictures of a batch times width, and variants: where a CPU gains, see `stacks`
STRENGTHS = ("augment", "elastic", "noise", "background")  # of these, on or off is code
DATA = frozenset(
    {
        *("seed", "epochs", "optimizer", "learning_rate", "beta1", "beta2", "weight_decay", "warmup", "clip"),
        *("label_smoothing", "dropout", "position", "average", "patience", *STRENGTHS),
    }
)


def why_alone(config: Config) -> str:
    """Say why a variant is trained alone, without a try; "" where a cohort is tried."""
    if config.start_from or config.replay or config.freeze != "none":
        return "fine-tuning is trained run by run."
    if config.checkpoint_activations:
        return "checkpoint_activations is for one run; a cohort computes activations again where memory wants it."
    if isinstance(config, LinesConfig) and config.encoder == "lstm":
        return "torch has no rule for many LSTMs at once (vmap); encoder='cnn' and encoder='transformer' are stacked."
    if isinstance(config, LinesConfig) and (config.reader == "ctc" or config.auxiliary):
        return "torch has no rule for many CTC losses at once (vmap); reader='attention' with auxiliary=0 is stacked."
    return ""


def shape_of(config: Config) -> str:
    """Return twelve hexadecimal characters that are equal where two configs may share a cohort.

    >>> from podium.spec import ViTConfig
    >>> base = shape_of(ViTConfig())
    >>> shape_of(ViTConfig(learning_rate=0.1, position="none")) == base, shape_of(ViTConfig(dim=32)) == base
    (True, False)
    """
    fields: dict[str, Any] = {name: value for name, value in config.as_dict().items() if name not in DATA}
    if fields.get("curriculum"):
        fields["epochs"] = config.epochs  # what an epoch's numbers look like follows from how many there are
    fields["on"] = [name for name in STRENGTHS if getattr(config, name)]
    fields["drops"] = config.dropout > 0  # masks cost more than they are worth where nobody drops
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]


def group(variants: Iterable[Variant]) -> list[list[Variant]]:
    """Return the variants in groups of one shape, each in the order that they came in."""
    found: dict[str, list[Variant]] = {}
    for variant in variants:
        found.setdefault(shape_of(variant.config), []).append(variant)
    return list(found.values())


def stacks(mode: Cohorts, device: torch.device, config: Config, count: int) -> bool:
    """Say whether so many variants of one shape are trained together.

    "auto" stacks two or more on a GPU. On a CPU it stacks only where a step is so small that calling it costs more than
    computing it, and many share the call: measured on one core with torch 2.15, pictures a second over those of one
    after the other are 1.6 for twelve variants of ViT-32 at batch 32 and 1.2 at batch 64, but 0.9 at batch 128, and 0.7
    for four of ViT-64 at batch 128 (`nox -s bench -- cohort`).
    """
    if mode == "auto" and device.type == "cpu":
        return isinstance(config, ViTConfig) and config.batch_size * config.dim <= SMALL and count >= MANY
    return mode == "always" or (mode == "auto" and count > 1)


def capacity(count: int) -> int:
    """Return how many slots so many variants get, once some have ended: a power of two, and no fewer than two.

    A captured step (see `podium.lab.training.cohort.graphs`) is for one number of slots: few numbers, few captures.

    >>> [capacity(count) for count in (1, 2, 3, 33, 64)]
    [2, 2, 4, 64, 64]
    """
    return max(2, 1 << (count - 1).bit_length())


def slots_for(count: int, now: int) -> int:
    """Return how many slots are kept, of those that are there now, for the variants that go on.

    >>> slots_for(6, 6), slots_for(5, 6), slots_for(4, 6), slots_for(1, 4)
    (6, 6, 4, 2)
    """
    return min(now, capacity(count))


def first_slots(variants: Sequence[Variant]) -> int:
    """Return how many slots a cohort starts with: an even number, see `podium.lab.training.cohort.memory`."""
    return len(variants) + len(variants) % 2
