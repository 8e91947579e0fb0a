"""Recognise: a number a line, by CTC. Shapes: B batch, T columns, V = 11 answers a column."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from podium.lab.data.sets import Sets, Split, load_sets, to_float
from podium.lab.models import LineByCTC
from podium.lab.models.ctc import best_path
from podium.lab.training.precision import autocast
from podium.lab.training.stages import Batch, Stage
from podium.lab.training.tasks.losses import ctc
from podium.lab.training.tasks.metrics import numbers, reading_metrics
from podium.lab.training.tasks.parts import SAMPLES, chunks, input_stages, prediction_samples
from podium.lab.training.tasks.transcribe import Reads, epoch_images, number_stages
from podium.lab.transcripts import BLANK
from podium.spec import LinesConfig, PodiumError

NONE = {"class_weights": "none", "label_smoothing": 0.0, "loss": "cross_entropy"}  # what CTC has not


class Recognise(Reads):
    """A number of one digit or more a line: CTC over the columns."""

    def __init__(self, config: LinesConfig, model: LineByCTC, device: torch.device, sets: Sets | None = None) -> None:
        for name, usual in NONE.items():
            if getattr(config, name) != usual:
                msg = f"reader='ctc' has a loss of its own: {name} must be {usual!r}; not {getattr(config, name)!r}."
                raise PodiumError(msg)
        self.config = config
        self.model = model
        self.device = device
        self.sets = sets or load_sets(config, device)
        self.epoch_images = epoch_images(config, self.sets)
        self.stages: tuple[Stage, ...] = (
            *number_stages(config, self.sets),
            *input_stages(config),
            Stage(
                "code", type(model).__name__, f"columns read by {config.encoder}", self.forward, parts=True, judges=True
            ),
            Stage("code", "CTC", "all ways to spell the number, nats a digit", self.loss, parts=True),
        )

    def example(self) -> tuple[Tensor, ...]:
        """Return one line, (1, 1, H, W)."""
        return (to_float(self.sets.validation.images[:1]),)

    def forward(self, batch: Batch) -> Batch:
        """Compute the logits of every column, (B, T, V)."""
        with batch.at(), autocast(self.config, self.device):
            return batch.but(logits=self.model(batch.images))

    def loss(self, batch: Batch) -> Batch:
        """Compute the mean loss a digit, in nats."""
        assert batch.logits is not None  # noqa: S101 - the stage before this one sets it
        return batch.but(loss=ctc(batch.logits, batch.targets[:, 1:]))

    def terms(self, targets: Tensor) -> Tensor:
        """Return the number of digits."""
        return (targets < BLANK).sum().float()

    def correct(self, batch: Batch) -> Tensor:
        """Return the share of lines whose likeliest columns spell the number."""
        assert batch.logits is not None  # noqa: S101 - as above
        read_BN = best_path(batch.logits, self.config.digits)
        return (read_BN == batch.targets[:, 1:]).all(dim=1).float().mean()

    @torch.inference_mode()
    def measure(self, split: Split) -> dict[str, float]:
        """Return `loss` a digit, and of reading what `reading_metrics` has; `accuracy` is the exact match."""
        self.model.eval()
        totals = torch.zeros(2, dtype=torch.float64, device=self.device)
        readings: list[Tensor] = []
        for images, tokens in chunks(split):
            with autocast(self.config, self.device):
                logits = self.model(to_float(images))
            readings.append(self.model.read_columns(logits.float()))
            digits = self.terms(tokens)
            totals += torch.stack([ctc(logits, tokens[:, 1:]) * digits, digits]).double()
        loss, digits = totals.tolist()
        predicted = [number for reading in readings for number in numbers(reading)]
        read = reading_metrics(self.answers(split.targets), predicted)
        return {"loss": loss / digits, "accuracy": read["exact_match"], **read}

    @torch.inference_mode()
    def examine(self) -> tuple[dict[str, float], dict[str, Any]]:
        """Read the test set: return its metrics, and the first lines with their numbers and what the model reads."""
        images = self.sets.test.images[:SAMPLES]
        correct = self.answers(self.sets.test.targets[:SAMPLES])
        samples = {"predictions": prediction_samples(images, correct, self.predict(images))}
        return self.measure(self.sets.test), samples
