"""Tasks: what each model family trains on, its loss, its metrics and the samples that a page may show.

Shapes: B batch, N pictures, T tokens, V kinds of token.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from PIL import Image
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn
from torch.nn import functional

from podium.lab.data.augment import affine
from podium.lab.data.sets import Sets, Split, epoch_composites, load_sets, to_float
from podium.lab.models import VisionToSequence, ViT
from podium.lab.models.vit import CLASSES
from podium.lab.randomness import at, generator
from podium.lab.training.looks import looks_of_classifier, looks_of_reader
from podium.lab.training.stages import Batch, Stage, take
from podium.lab.transcripts import PADDING, as_text
from podium.spec import Config, VisionToSequenceConfig

EVALUATION_BATCH = 1_000  # pictures; no gradients are kept, so it may be large
SAMPLES = 8  # the first pictures of the test set
LOOKS = 4  # of them, whose attention is kept


class Task(Protocol):
    """One model family's training: `stages` is the step, `measure` the metrics, `samples` what a page may show.

    `epoch_images` is how many pictures an epoch has: the schedule's length follows from it.
    """

    sets: Sets
    stages: tuple[Stage, ...]
    epoch_images: int

    def example(self) -> tuple[Tensor, ...]:
        """Return what the model takes, for one picture: its shapes are described from it."""

    def epoch_data(self, epoch: int) -> Split:
        """Return the pictures of one epoch, counted from 1."""

    def correct(self, batch: Batch) -> Tensor:
        """Return the share of right answers in a batch, as a scalar on the device."""

    def measure(self, split: Split) -> dict[str, float]:
        """Return loss, accuracy and what else the family has, over a whole split."""

    def samples(self) -> dict[str, Any]:
        """Return what a page may show of single answers.

        `predictions` are pictures with the correct and the predicted answer; a classifier adds `confusion`, a model
        with attention `attention` (see `podium.lab.training.looks`).
        """


class Classify:
    """One digit a picture: cross-entropy over ten classes."""

    def __init__(self, config: Config, model: nn.Module, device: torch.device) -> None:
        self.config = config
        self.model = model
        self.device = device
        self.sets = load_sets(config, device)
        self.epoch_images = len(self.sets.train)
        self.stages: tuple[Stage, ...] = (
            Stage("data", "MNIST", f"{self.epoch_images:,} training pictures, 28 by 28"),
            *_input_stages(config),
            Stage("code", type(model).__name__, _model_detail(config), self.forward),
            Stage("code", "Cross-entropy", f"label smoothing {config.label_smoothing:g}", self.loss),
        )

    def example(self) -> tuple[Tensor, ...]:
        """Return one picture, (1, 1, H, W)."""
        return (to_float(self.sets.validation.images[:1]),)

    def epoch_data(self, epoch: int) -> Split:  # noqa: ARG002 - the same pictures every epoch
        """Return the training split."""
        return self.sets.train

    def forward(self, batch: Batch) -> Batch:
        """Compute the logits, (B, 10)."""
        with at(batch.seed, batch.step), _half_precision(self.device):
            return batch.but(logits=self.model(batch.images))

    def loss(self, batch: Batch) -> Batch:
        """Compute the mean cross-entropy, in nats."""
        assert batch.logits is not None  # noqa: S101 - the stage before this one sets it
        logits = batch.logits.float()
        smoothing = self.config.label_smoothing
        return batch.but(loss=functional.cross_entropy(logits, batch.targets, label_smoothing=smoothing))

    def correct(self, batch: Batch) -> Tensor:
        """Return the share of digits named right."""
        assert batch.logits is not None  # noqa: S101 - as above
        return (batch.logits.argmax(-1) == batch.targets).float().mean()

    @torch.inference_mode()
    def measure(self, split: Split) -> dict[str, float]:
        """Return `loss` in nats, without smoothing, and `accuracy` in [0, 1]; the device is asked once."""
        self.model.eval()
        totals = torch.zeros(2, dtype=torch.float64, device=self.device)
        for images, labels in _chunks(split):
            with _half_precision(self.device):
                logits = self.model(to_float(images)).float()
            loss = functional.cross_entropy(logits, labels, reduction="sum")
            totals += torch.stack([loss.double(), (logits.argmax(-1) == labels).sum().double()])
        loss, accuracy = (totals / len(split.images)).tolist()
        return {"loss": loss, "accuracy": accuracy}

    @torch.inference_mode()
    def samples(self) -> dict[str, Any]:
        """Return the first test pictures with their labels and what the model says, and the whole set's confusion.

        `confusion` is a row a digit, a column what it was taken for: how many pictures of the test set. `attention` of
        a ViT says where its last block looks in the first pictures.
        """
        self.model.eval()
        images = self.sets.test.images[:SAMPLES]
        predicted = self.model(to_float(images)).argmax(-1).tolist()
        correct = self.sets.test.targets[:SAMPLES].tolist()
        rows = zip(images, map(str, correct), map(str, predicted), strict=True)
        found: dict[str, Any] = {"predictions": [_sample(*row) for row in rows], "confusion": self.confusion()}
        if isinstance(self.model, ViT):
            found["attention"] = looks_of_classifier(self.model, to_float(images[:LOOKS]))
        return found

    @torch.inference_mode()
    def confusion(self) -> list[list[int]]:
        """Count the test set: a row a digit, a column what it was taken for; as `measure` sees it."""
        self.model.eval()
        counts = torch.zeros(CLASSES * CLASSES, dtype=torch.int64, device=self.device)
        for images, labels in _chunks(self.sets.test):
            with _half_precision(self.device):
                predicted = self.model(to_float(images)).float().argmax(-1)
            counts += torch.bincount(labels * CLASSES + predicted, minlength=CLASSES * CLASSES)
        return counts.view(CLASSES, CLASSES).tolist()


class Transcribe:
    """A number of one to five digits a picture: cross-entropy over the next token, padding left out."""

    def __init__(self, config: VisionToSequenceConfig, model: VisionToSequence, device: torch.device) -> None:
        self.config = config
        self.model = model
        self.device = device
        self.sets = load_sets(config, device)
        self.epoch_images = config.train_images
        digits = "1 digit" if config.digits == 1 else f"1 to {config.digits} digits"
        self.stages: tuple[Stage, ...] = (
            Stage("data", "MNIST", "single digits, 28 by 28"),
            Stage("data", "Composites", f"{digits} on 84 by 84, {config.train_images:,} new ones an epoch"),
            *_input_stages(config),
            Stage("code", type(model).__name__, _model_detail(config), self.forward),
            Stage("code", "Cross-entropy", "next token, padding left out", self.loss),
        )

    def example(self) -> tuple[Tensor, ...]:
        """Return one picture, (1, 1, H, W), and its tokens but the last, (1, T - 1)."""
        return to_float(self.sets.validation.images[:1]), self.sets.validation.targets[:1, :-1]

    def epoch_data(self, epoch: int) -> Split:
        """Return composites that no other epoch has, made on the device from training digits."""
        return epoch_composites(self.config, self.sets, epoch)

    def forward(self, batch: Batch) -> Batch:
        """Compute the logits of every next token, (B, T - 1, V), from the true tokens before it."""
        with at(batch.seed, batch.step), _half_precision(self.device):
            return batch.but(logits=self.model(batch.images, batch.targets[:, :-1]))

    def loss(self, batch: Batch) -> Batch:
        """Compute the mean cross-entropy a token, in nats."""
        assert batch.logits is not None  # noqa: S101 - the stage before this one sets it
        smoothing = self.config.label_smoothing
        return batch.but(loss=_token_loss(batch.logits, batch.targets, "mean", smoothing))

    def correct(self, batch: Batch) -> Tensor:
        """Return the share of next tokens named right."""
        assert batch.logits is not None  # noqa: S101 - as above
        right, counted = _token_hits(batch.logits, batch.targets)
        return right / counted

    @torch.inference_mode()
    def measure(self, split: Split) -> dict[str, float]:
        """Return `loss` and `accuracy` a token, and of greedy reading `exact_match` and `edit_distance`.

        `exact_match` is the share of numbers read without a fault; `edit_distance` the mean number of digits to
        insert, delete or change (Levenshtein 1966). The device is asked once for the sums and once for the readings.
        """
        self.model.eval()
        totals = torch.zeros(3, dtype=torch.float64, device=self.device)
        readings: list[Tensor] = []
        for images, tokens in _chunks(split):
            pictures = to_float(images)
            with _half_precision(self.device):
                logits = self.model(pictures, tokens[:, :-1])
                readings.append(self.model.read(pictures))
            right, counted = _token_hits(logits, tokens)
            totals += torch.stack([_token_loss(logits, tokens, "sum"), right, counted]).double()
        loss, right, counted = totals.tolist()
        correct = numbers(split.targets[:, 1:])
        predicted = [number for reading in readings for number in numbers(reading)]
        pairs = list(zip(correct, predicted, strict=True))
        return {
            "loss": loss / counted,
            "accuracy": right / counted,
            "exact_match": sum(a == b for a, b in pairs) / len(pairs),
            "edit_distance": sum(Levenshtein.distance(a, b) for a, b in pairs) / len(pairs),
        }

    @torch.inference_mode()
    def samples(self) -> dict[str, Any]:
        """Return the first test pictures with the numbers on them and what the model reads.

        `attention` says where the last block looks in the first pictures while it reads each digit.
        """
        self.model.eval()
        images = self.sets.test.images[:SAMPLES]
        predicted = numbers(self.model.read(to_float(images)))
        correct = numbers(self.sets.test.targets[:SAMPLES, 1:])
        return {
            "predictions": [_sample(*row) for row in zip(images, correct, predicted, strict=True)],
            "attention": looks_of_reader(self.model, to_float(images[:LOOKS])),
        }


TASKS: dict[str, type[Classify | Transcribe]] = {"vit": Classify, "cnn": Classify, "vision_to_sequence": Transcribe}


def build_task(config: Config, model: nn.Module, device: torch.device) -> Task:
    """Return the task of a config's model family, its data on the device."""
    return TASKS[config.model](config, model, device)  # ty: ignore[invalid-argument-type]


def numbers(tokens_BT: Tensor) -> list[str]:
    """Write token rows as numbers, up to the first sign that is no digit.

    >>> numbers(torch.tensor([[7, 3, 11, 12], [4, 11, 9, 9]]))
    ['73', '4']
    """
    return [as_text(row) for row in tokens_BT.tolist()]


def encoding_sample(config: Config, model: nn.Module) -> dict[str, Any] | None:
    """Return the model's first table of positions, four decimals, or None where the encoding has none."""
    for module in model.modules():
        table = getattr(module, "table", None)
        if isinstance(table, Tensor):
            rows = table.detach().float().cpu().squeeze().tolist()
            return {"name": getattr(config, "position", ""), "table": [[round(x, 4) for x in row] for row in rows]}
    return None


def _input_stages(config: Config) -> list[Stage]:
    def augment(batch: Batch) -> Batch:
        rng = generator(batch.seed, batch.step, "augment", batch.images.device)
        return batch.but(images=affine(batch.images, config.augment, rng))

    stages = [
        Stage("code", f"Batch of {config.batch_size}", "order from (seed, epoch)", take),
        Stage("code", "Normalise", "bytes to floats, on the device", lambda b: b.but(images=to_float(b.images))),
    ]
    if config.augment:
        stages.append(Stage("code", "Augment", f"affine, strength {config.augment:g}", augment))
    return stages


def _model_detail(config: Config) -> str:
    position = getattr(config, "position", None)
    return f"{position} positions" if position else "convolutions"


def _half_precision(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


def _chunks(split: Split) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(split.images.split(EVALUATION_BATCH), split.targets.split(EVALUATION_BATCH), strict=True)


def _token_loss(logits_BTV: Tensor, tokens_BT: Tensor, reduction: str, smoothing: float = 0.0) -> Tensor:
    return functional.cross_entropy(
        logits_BTV.flatten(0, 1).float(),
        tokens_BT[:, 1:].flatten(),
        ignore_index=PADDING,
        reduction=reduction,
        label_smoothing=smoothing,
    )


def _token_hits(logits_BTV: Tensor, tokens_BT: Tensor) -> tuple[Tensor, Tensor]:
    wanted = tokens_BT[:, 1:]
    real = wanted != PADDING
    return ((logits_BTV.argmax(-1) == wanted) & real).sum().float(), real.sum().float()


def _sample(image_HW: Tensor, correct: str, predicted: str) -> dict[str, str]:
    buffer = io.BytesIO()
    Image.fromarray(image_HW.cpu().numpy()).save(buffer, "png", optimize=True)
    picture = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"picture": picture, "correct": correct, "predicted": predicted}
