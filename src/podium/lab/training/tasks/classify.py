"""Classify: one answer a picture. Shapes: B batch, V classes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from podium.lab.data.sets import Sets, Split, load_sets, to_float
from podium.lab.models import ViT
from podium.lab.training.looks import looks_of_classifier
from podium.lab.training.precision import autocast
from podium.lab.training.stages import Batch, Stage
from podium.lab.training.tasks.losses import class_weights, cross_entropy, terms
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
from podium.spec import Config


class Classify:
    """One digit a picture, or any other class: cross-entropy over the classes."""

    def __init__(self, config: Config, model: nn.Module, device: torch.device, sets: Sets | None = None) -> None:
        self.config = config
        self.model = model
        self.device = device
        self.sets = sets or load_sets(config, device)
        self.classes = int(getattr(config, "classes", 10))
        self.weights_V = class_weights(config, self.sets.train.targets, self.classes)
        self.epoch_images = len(self.sets.train)
        weighted = "" if self.weights_V is None else ", class weights"
        self.stages: tuple[Stage, ...] = (
            Stage(
                "data",
                data_name(self.sets),
                f"{self.epoch_images:,} training pictures, {size_of(self.sets.train)}",
            ),
            *input_stages(config),
            Stage("code", type(model).__name__, model_detail(config), self.forward, parts=True, judges=True),
            Stage(
                "code", "Cross-entropy", f"label smoothing {config.label_smoothing:g}{weighted}", self.loss, parts=True
            ),
        )

    def example(self) -> tuple[Tensor, ...]:
        """Return one picture, (1, 1, H, W)."""
        return (to_float(self.sets.validation.images[:1]),)

    def epoch_data(self, epoch: int) -> Split:  # noqa: ARG002 - the same pictures every epoch
        """Return the training split."""
        return self.sets.train

    def forward(self, batch: Batch) -> Batch:
        """Compute the logits, (B, V)."""
        with batch.at(), autocast(self.config, self.device):
            return batch.but(logits=self.model(batch.images))

    def loss(self, batch: Batch) -> Batch:
        """Compute the mean cross-entropy, in nats."""
        assert batch.logits is not None  # noqa: S101 - the stage before this one sets it
        smoothing = self.config.label_smoothing
        return batch.but(loss=cross_entropy(batch.logits, batch.targets, smoothing=smoothing, weights_V=self.weights_V))

    def terms(self, targets: Tensor) -> Tensor:
        """Return the number of pictures, by their classes' weights."""
        return terms(targets, weights_V=self.weights_V)

    def correct(self, batch: Batch) -> Tensor:
        """Return the share of pictures named right."""
        assert batch.logits is not None  # noqa: S101 - as above
        return (batch.logits.argmax(-1) == batch.targets).float().mean()

    @torch.inference_mode()
    def measure(self, split: Split) -> dict[str, float]:
        """Return `loss` in nats, without smoothing and weights, and `accuracy` in [0, 1]; the device is asked once."""
        self.model.eval()
        totals = torch.zeros(2, dtype=torch.float64, device=self.device)
        for images, labels in chunks(split):
            totals += self.tally(images, labels)
        return self.metrics(totals.tolist(), len(split))

    def tally(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the sums of loss and right answers over pictures of bytes (B, H, W), float64, on the device."""
        return self._sums(self._logits(images), labels)

    def _sums(self, logits: Tensor, labels: Tensor) -> Tensor:
        right = (logits.argmax(-1) == labels).sum()
        return torch.stack([(cross_entropy(logits, labels) * len(labels)).double(), right.double()])

    def _logits(self, images: Tensor) -> Tensor:
        with autocast(self.config, self.device):
            return self.model(to_float(images))

    def metrics(self, totals: list[float], pictures: int) -> dict[str, float]:
        """Make metrics of the sums of `tally` over so many pictures."""
        loss, right = totals
        return {"loss": loss / pictures, "accuracy": right / pictures}

    def answers(self, targets: Tensor) -> list[str]:
        """Write classes as texts."""
        return list(map(str, targets.tolist()))

    @torch.inference_mode()
    def predict(self, images: Tensor) -> list[str]:
        """Name pictures of bytes (B, H, W), as `measure` does."""
        self.model.eval()
        return self.answers(self.named(images))

    def named(self, images: Tensor) -> Tensor:
        """Return the classes (B,) of pictures of bytes (B, H, W), on the device."""
        return self._logits(images).argmax(-1)

    @torch.inference_mode()
    def examine(self) -> tuple[dict[str, float], dict[str, Any]]:
        """Pass the test set once: return its metrics, and what a page may show of it.

        `predictions` are the first pictures with their labels and what the model says. `confusion` is a row a digit, a
        column what it was taken for: how many pictures of the whole set. `attention` of a ViT says where its last block
        looks in the first pictures.
        """
        self.model.eval()
        totals = torch.zeros(2, dtype=torch.float64, device=self.device)
        counts = torch.zeros(self.classes**2, dtype=torch.int64, device=self.device)
        for images, labels in chunks(self.sets.test):
            logits = self._logits(images)
            totals += self._sums(logits, labels)
            counts += torch.bincount(labels * self.classes + logits.argmax(-1), minlength=self.classes**2)
        metrics = self.metrics(totals.tolist(), len(self.sets.test))
        images = self.sets.test.images[:SAMPLES]
        correct = self.answers(self.sets.test.targets[:SAMPLES])
        found: dict[str, Any] = {
            "predictions": prediction_samples(images, correct, self.predict(images)),
            "confusion": counts.view(self.classes, self.classes).tolist(),
        }
        if isinstance(self.model, ViT):
            found["attention"] = looks_of_classifier(self.model, to_float(images[:LOOKS]))
        return metrics, found
