"""Train, validation and test sets of a config, on the device as bytes; the test set's digits are nobody else's."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from podium.lab import randomness
from podium.lab.data.composites import assert_disjoint, compose
from podium.lab.data.mnist import Mnist, load_mnist
from podium.spec import Config, PodiumError, VisionToSequenceConfig

MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's training pixels in [0, 1]
SPLIT_SEED = 0  # the split is the same for every run
VALIDATION_COMPOSITES = 2_000
TEST_COMPOSITES = 4_000


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures and what they show, on one device.

    Attributes:
        images: uint8 (N, H, W).
        targets: int64; labels (N,), or tokens (N, digits + 2) of composites.
    """

    images: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Sets:
    """What a run learns from, chooses by and is judged by.

    Attributes:
        train: single digits (28x28) in every case; vision_to_sequence draws each epoch's composites from them.
        validation: split off MNIST's training set; composites for vision_to_sequence.
        test: MNIST's test set, whole; composites of its digits for vision_to_sequence.
        data: "MNIST" and its checksum: the receipt's words.
    """

    train: Split
    validation: Split
    test: Split
    data: str


def load_sets(config: Config, device: torch.device | str = "cpu", mnist: Mnist | None = None) -> Sets:
    """Split MNIST as the config says, and put it on a device.

    Args:
        config: its train_images, validation_images and, for composites, digits are used.
        device: where everything will lie.
        mnist: loaded already; `load_mnist()` when None.

    Raises:
        PodiumError: where validation leaves nothing to train on, or MNIST cannot be had.
    """
    mnist = mnist or load_mnist()
    pool = len(mnist.train_images)
    if not 0 < config.validation_images < pool:
        msg = f"validation_images must be above 0 and below {pool}; got {config.validation_images}."
        raise PodiumError(msg)
    order = torch.randperm(pool, generator=randomness.generator(SPLIT_SEED, 0, "split"))
    validation = order[pool - config.validation_images :]
    rest = order[: pool - config.validation_images]
    composites = isinstance(config, VisionToSequenceConfig)
    train = rest if composites else rest[: config.train_images]
    assert_disjoint(train=train, validation=validation)
    digits = {
        "train": Split(mnist.train_images[train].to(device), mnist.train_labels[train].to(device)),
        "validation": Split(mnist.train_images[validation].to(device), mnist.train_labels[validation].to(device)),
        "test": Split(mnist.test_images.to(device), mnist.test_labels.to(device)),
    }
    if isinstance(config, VisionToSequenceConfig):
        for name, count in (("validation", VALIDATION_COMPOSITES), ("test", TEST_COMPOSITES)):
            generator = randomness.generator(SPLIT_SEED, 0, name, device)
            digits[name] = _composites(digits[name], count, config.digits, generator)
    return Sets(**digits, data=f"MNIST {mnist.checksum}")


def epoch_composites(config: VisionToSequenceConfig, sets: Sets, epoch: int) -> Split:
    """Draw `config.train_images` fresh composites of training digits: a function of (seed, epoch)."""
    generator = randomness.generator(config.seed, epoch, "composites", sets.train.images.device)
    return _composites(sets.train, config.train_images, config.digits, generator)


def to_float(images: torch.Tensor) -> torch.Tensor:
    """Turn bytes (N, H, W) into normalised float32 (N, 1, H, W)."""
    return (images.unsqueeze(1).float() / 255 - MEAN) / DEVIATION


def _composites(source: Split, count: int, digits: int, generator: torch.Generator) -> Split:
    made = compose(source.images, source.targets, count, digits, generator)
    return Split(made.pictures, made.tokens)
