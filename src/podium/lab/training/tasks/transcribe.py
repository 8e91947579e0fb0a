"""Transcribe: a number a picture, written token by token. Shapes: B batch, T tokens, V kinds of token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from podium.lab.data.sets import Sets, Split, epoch_pictures, load_sets, to_float
from podium.lab.models import TokenReader
from podium.lab.models.token_reader import VOCABULARY
from podium.lab.training.looks import looks_of_reader
from podium.lab.training.precision import autocast
from podium.lab.training.stages import Batch, Stage
from podium.lab.training.tasks.losses import class_weights, cross_entropy, ctc, order_blind, terms
from podium.lab.training.tasks.metrics import numbers, reading_metrics, token_hits
from podium.lab.training.tasks.parts import (
    LOOKS,
    SAMPLES,
    chunks,
    data_name,
    input_stages,
    model_detail,
    prediction_samples,
    size_of,
)
from podium.lab.transcripts import BLANK, PADDING
from podium.spec import PodiumError, SequenceConfig

LOSSES = {"cross_entropy": "Cross-entropy", "order_blind": "Order-blind loss"}


class Reads:
    """What every task has whose model reads numbers: its answers are texts, its pictures may be new each epoch."""

    config: SequenceConfig
    model: Any
    device: torch.device
    sets: Sets

    def epoch_data(self, epoch: int) -> Split:
        """Return pictures that no other epoch has, made on the device from training digits; or those that stay."""
        return epoch_pictures(self.config, self.sets, epoch)

    def answers(self, targets: Tensor) -> list[str]:
        """Write tokens as numbers."""
        return numbers(targets[:, 1:])

    @torch.inference_mode()
    def predict(self, images: Tensor) -> list[str]:
        """Read pictures of bytes (B, H, W), as `measure` does."""
        self.model.eval()
        with autocast(self.config, self.device):
            return numbers(self.model.read(to_float(images)))


class Transcribe(Reads):
    """A number of one digit or more a picture: by default cross-entropy over the next token, padding left out."""

    def __init__(
        self, config: SequenceConfig, model: TokenReader, device: torch.device, sets: Sets | None = None
    ) -> None:
        self.config = config
        self.model = model
        self.device = device
        self.sets = sets or load_sets(config, device)
        self.weights_V = class_weights(config, self.sets.train.targets, VOCABULARY)
        if self.weights_V is not None and config.loss == "order_blind":
            msg = f"loss='order_blind' takes no class_weights: they must be none; not {config.class_weights!r}."
            raise PodiumError(msg)
        self.epoch_images = epoch_images(config, self.sets)
        padding = "padding left out" if config.ignore_padding else "padding too"
        said = f"next token, {padding}" if config.loss == "cross_entropy" else f"counts of tokens, {padding}"
        self.auxiliary = float(getattr(config, "auxiliary", 0.0))  # a picture that is no line has no columns to spell
        if self.auxiliary:
            said += f"; {self.auxiliary:.0%} CTC over the columns"
        self.stages: tuple[Stage, ...] = (
            *number_stages(config, self.sets),
            *input_stages(config),
            Stage("code", type(model).__name__, model_detail(config), self.forward, parts=True, judges=True),
            Stage("code", LOSSES[config.loss], said, self.loss, parts=True),
        )

    def example(self) -> tuple[Tensor, ...]:
        """Return one picture, (1, 1, H, W), and its tokens but the last, (1, T - 1)."""
        return to_float(self.sets.validation.images[:1]), self.sets.validation.targets[:1, :-1]

    def forward(self, batch: Batch) -> Batch:
        """Compute the logits of every next token, (B, T - 1, V), from the true tokens before it."""
        with batch.at(), autocast(self.config, self.device):
            if not self.auxiliary:
                return batch.but(logits=self.model(batch.images, batch.targets[:, :-1]))
            memory_BSD = self.model.encode(batch.images)
            logits = self.model.decode(batch.targets[:, :-1], memory_BSD)
            return batch.but(logits=logits, columns=self.model.spelling(memory_BSD))

    def loss(self, batch: Batch) -> Batch:
        """Compute the loss: attention's, and a share of CTC's where that helps it to find its way along the line.

        Kim, Hori and Watanabe 2017, Joint CTC-Attention Based End-to-End Speech Recognition: (1 - share) * attention's
        + share * CTC's, both summed over the batch and divided by the same number of terms, in nats.
        """
        spoken = self.spoken(batch)
        if batch.columns is None:
            return batch.but(loss=spoken)
        tokens_BN = batch.targets[:, 1:]
        spelt = ctc(batch.columns, tokens_BN) * ((tokens_BN < BLANK).sum() / self.terms(batch.targets))
        return batch.but(loss=(1 - self.auxiliary) * spoken + self.auxiliary * spelt)

    def spoken(self, batch: Batch) -> Tensor:
        """Return the decoder's mean loss a token, or a picture where it is blind to order, in nats."""
        assert batch.logits is not None  # noqa: S101 - the stage before this one sets it
        wanted_BT = batch.targets[:, 1:]
        smoothing = self.config.label_smoothing
        if self.config.loss == "order_blind":
            return order_blind(batch.logits, wanted_BT, smoothing=smoothing, ignore_padding=self.config.ignore_padding)
        kept_BT = self._kept(wanted_BT)
        return cross_entropy(batch.logits, wanted_BT, smoothing=smoothing, weights_V=self.weights_V, kept_B=kept_BT)

    def terms(self, targets: Tensor) -> Tensor:
        """Return the number of tokens that count, by their weights; of pictures for the order-blind loss."""
        if self.config.loss == "order_blind":
            return torch.ones_like(targets[:, 0], dtype=torch.float32).sum()
        wanted_BT = targets[:, 1:]
        return terms(wanted_BT, weights_V=self.weights_V, kept_B=self._kept(wanted_BT))

    def correct(self, batch: Batch) -> Tensor:
        """Return the share of next tokens named right."""
        assert batch.logits is not None  # noqa: S101 - as above
        right, counted = token_hits(batch.logits, batch.targets[:, 1:])
        return right / counted

    @torch.inference_mode()
    def measure(self, split: Split) -> dict[str, float]:
        """Return `loss` and `accuracy` a token, and of reading what `reading_metrics` has.

        The loss is plain cross-entropy, padding left out, so that runs of any loss compare. The device is asked once
        for the sums and once for the readings.
        """
        self.model.eval()
        totals = torch.zeros(3, dtype=torch.float64, device=self.device)
        readings: list[Tensor] = []
        for images, tokens in chunks(split):
            wanted_BT = tokens[:, 1:]
            with autocast(self.config, self.device):
                memory_BSD = self.model.encode(to_float(images))
                logits = self.model.decode(tokens[:, :-1], memory_BSD)
                readings.append(self.model.read_memory(memory_BSD))
            right, counted = token_hits(logits, wanted_BT)
            loss = cross_entropy(logits, wanted_BT, kept_B=wanted_BT != PADDING) * counted
            totals += torch.stack([loss, right, counted]).double()
        loss, right, counted = totals.tolist()
        predicted = [number for reading in readings for number in numbers(reading)]
        read = reading_metrics(self.answers(split.targets), predicted)
        return {"loss": loss / counted, "accuracy": right / counted, **read}

    @torch.inference_mode()
    def examine(self) -> tuple[dict[str, float], dict[str, Any]]:
        """Read the test set: return its metrics, and the first pictures with their numbers and what the model reads.

        `attention` says where the last block looks in the first pictures while it reads each digit.
        """
        images = self.sets.test.images[:SAMPLES]
        correct = self.answers(self.sets.test.targets[:SAMPLES])
        return self.measure(self.sets.test), {
            "predictions": prediction_samples(images, correct, self.predict(images)),
            "attention": looks_of_reader(self.model, to_float(images[:LOOKS])),
        }

    def _kept(self, wanted_BT: Tensor) -> Tensor | None:
        return wanted_BT != PADDING if self.config.ignore_padding else None


def number_stages(config: SequenceConfig, sets: Sets) -> list[Stage]:
    """Return what lies there before the first step: the data, and the numbers that are made of it."""
    kind = "Lines" if config.model == "lines" else "Composites"
    size = size_of(sets.validation)
    if config.dataset not in ("mnist", "fashion", "digits"):
        return [Stage("data", data_name(sets), f"{len(sets.train):,} labelled pictures, {size}")]
    digits = "1 digit" if config.digits == 1 else f"1 to {config.digits} digits"
    new = "new ones an epoch" if config.fresh else "that stay"
    if config.curriculum:
        new += f", longer and longer over {config.curriculum:.0%} of the epochs"
    if config.digit_augment:
        new += ", each digit bent its own way"
    return [
        Stage("data", data_name(sets), "single digits, 28 by 28"),
        Stage("data", kind, f"{digits} on {size}, {config.train_images:,} {new}"),
    ]


def epoch_images(config: SequenceConfig, sets: Sets) -> int:
    """Return how many pictures an epoch has."""
    return len(sets.train) if sets.train.targets.ndim == 2 else config.train_images
