"""Train, validation and test sets of a config, on the device as bytes; the test set's digits are nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from podium.lab import randomness
from podium.lab.data.augment import bent
from podium.lab.data.composites import as_tokens, assert_disjoint, compose
from podium.lab.data.domains import load_digits, load_fashion
from podium.lab.data.folder import Labelled, load_folder
from podium.lab.data.lines import compose_lines
from podium.lab.data.mnist import DEVIATION, MEAN, Mnist, load_mnist
from podium.lab.transcripts import LINE_HEIGHT, SIDE, line_width
from podium.spec import Config, LinesConfig, PodiumError, SequenceConfig, unknown

SPLIT_SEED = 0  # the split is the same for every run
VALIDATION_COMPOSITES = 2_000
TEST_COMPOSITES = 4_000

SOURCES: dict[str, Callable[[], Mnist]] = {
    "mnist": lambda: load_mnist(),  # noqa: PLW0108 - looked up when it is called
    "fashion": load_fashion,
    "digits": load_digits,
}


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures and what they show, on one device.

    Attributes:
        images: uint8 (N, H, W).
        targets: int64; labels (N,), or tokens (N, digits + 2) of numbers.
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
        train: single digits (28x28) or labelled pictures; for readers whose pictures are fresh each epoch, the digits
            that they are made of.
        validation: split off the training set; numbers for readers.
        test: the test set, whole; for readers numbers, made of its digits.
        data: name and checksum: the receipt's words.
    """

    train: Split
    validation: Split
    test: Split
    data: str


def load_sets(config: Config, device: torch.device | str = "cpu", source: Mnist | None = None) -> Sets:
    """Split the data that the config names, and put it on a device.

    Args:
        config: its data, train_images, validation_images and, for readers, what its numbers look like are used.
        device: where everything will lie.
        source: single digits, loaded already; what `config.dataset` names when None.

    Raises:
        PodiumError: where validation leaves nothing to train on, the data cannot be had, or it does not fit the model.
    """
    if source is None and config.dataset not in SOURCES:
        return _labelled_sets(config, device)
    source = source or SOURCES[config.dataset]()
    train, validation = _split(config, len(source.train_images))
    fresh = isinstance(config, SequenceConfig)
    train = train if fresh else train[: config.train_images]
    assert_disjoint(train=train, validation=validation)
    digits = {
        "train": Split(source.train_images[train].to(device), source.train_labels[train].to(device)),
        "validation": Split(source.train_images[validation].to(device), source.train_labels[validation].to(device)),
        "test": Split(source.test_images.to(device), source.test_labels.to(device)),
    }
    if isinstance(config, SequenceConfig):
        counts = {"validation": VALIDATION_COMPOSITES, "test": TEST_COMPOSITES}
        if not config.fresh:
            counts["train"] = config.train_images
        for name, count in counts.items():
            generator = randomness.generator(SPLIT_SEED, 0, name, device)
            digits[name] = composed(config, digits[name], count, generator)
    elif int(source.train_labels.max()) >= _classes(config):
        msg = (
            f"classes must be at least {int(source.train_labels.max()) + 1} for {source.name}; got {_classes(config)}."
        )
        raise PodiumError(msg)
    return Sets(**digits, data=f"{source.name} {source.checksum}")


def epoch_pictures(config: Config, sets: Sets, epoch: int) -> Split:
    """Return what one epoch learns from: the training set, or `train_images` fresh numbers of training digits.

    Fresh numbers are a function of (seed, epoch), of how long a curriculum lets them be, and of how far each digit is
    bent before a number is made of it.
    """
    if not isinstance(config, SequenceConfig) or sets.train.targets.ndim == 2:
        return sets.train
    generator = randomness.generator(config.seed, epoch, "composites", sets.train.images.device)
    source = sets.train
    if config.digit_augment:
        with randomness.at(config.seed, epoch):
            source = Split(bent(source.images, config.digit_augment, "digits"), source.targets)
    return composed(config, source, config.train_images, generator, longest_at(config, epoch))


def longest_at(config: SequenceConfig, epoch: int) -> int:
    """Return the most digits of an epoch's fresh numbers: from one to all over the curriculum's share of the epochs.

    Bengio et al. 2009, Curriculum Learning.

    >>> from podium.spec import VisionToSequenceConfig
    >>> config = VisionToSequenceConfig(epochs=20, digits=5, curriculum=0.4)
    >>> [longest_at(config, epoch) for epoch in range(1, 12)]
    [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5]
    """
    growing = config.curriculum * config.epochs  # epochs
    if epoch - 1 >= growing - 1e-9:
        return config.digits
    return 1 + int((epoch - 1) * (config.digits - 1) / growing + 1e-9)


def composed(
    config: SequenceConfig, source: Split, count: int, generator: torch.Generator, longest: int | None = None
) -> Split:
    """Make numbers of single digits, as the config's family reads them: in a line, or anywhere on a picture.

    Args:
        config: of the model.
        source: single digits.
        count: of pictures.
        generator: on the source's device; decides everything.
        longest: most digits in a number for now; the config's when None.
    """
    if isinstance(config, LinesConfig):
        made = compose_lines(
            source.images,
            source.targets,
            count,
            config.digits,
            generator,
            spacing=config.spacing,
            overlap=config.overlap,
            longest=longest,
        )
    else:
        made = compose(source.images, source.targets, count, config.digits, generator, longest=longest)
    return Split(made.pictures, made.tokens)


def picture_size(config: Config) -> tuple[int, int]:
    """Return height and width, in pixels, of the pictures that a config's model takes."""
    if isinstance(config, LinesConfig):
        return LINE_HEIGHT, line_width(config.digits, config.spacing)
    return (SIDE, SIDE) if isinstance(config, SequenceConfig) else (28, 28)


def to_float(images: torch.Tensor) -> torch.Tensor:
    """Turn bytes (N, H, W) into normalised float32 (N, 1, H, W)."""
    return (images.unsqueeze(1).float() / 255 - MEAN) / DEVIATION


def _split(config: Config, pool: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which pictures of a pool are for training and which for validation: the same for every run."""
    if not 0 < config.validation_images < pool:
        msg = f"validation_images must be above 0 and below {pool}; got {config.validation_images}."
        raise PodiumError(msg)
    order = torch.randperm(pool, generator=randomness.generator(SPLIT_SEED, 0, "split"))
    return order[: pool - config.validation_images], order[pool - config.validation_images :]


def _labelled_sets(config: Config, device: torch.device | str) -> Sets:
    """Split somebody's own folder of labelled pictures."""
    folder = Path(config.dataset)
    if not folder.is_dir():
        raise unknown("data set or folder", config.dataset, SOURCES)
    found = load_folder(folder, *picture_size(config))
    targets = _numbers(config, found) if isinstance(config, SequenceConfig) else _class_indices(config, found)
    pool, test = torch.nonzero(~found.test).squeeze(1), torch.nonzero(found.test).squeeze(1)
    train, validation = (pool[part] for part in _split(config, len(pool)))
    parts = {"train": train[: config.train_images], "validation": validation, "test": test}
    assert_disjoint(**parts)
    splits = {name: Split(found.images[part].to(device), targets[part].to(device)) for name, part in parts.items()}
    return Sets(**splits, data=f"{folder.name} {found.checksum}")


def _class_indices(config: Config, found: Labelled) -> torch.Tensor:
    names = sorted(set(found.labels))
    if all(name.isdecimal() and int(name) < 10 for name in names):
        return torch.tensor([int(label) for label in found.labels])
    if len(names) > _classes(config):
        msg = f"{config.dataset} has {len(names)} classes, and classes is {_classes(config)}. Set classes={len(names)}."
        raise PodiumError(msg)
    return torch.tensor([names.index(label) for label in found.labels])


def _numbers(config: SequenceConfig, found: Labelled) -> torch.Tensor:
    for label in found.labels:
        if not (label.isascii() and label.isdigit() and len(label) <= config.digits):
            msg = f"A label must be a number of 1 to {config.digits} digits; {config.dataset} has {label!r}."
            raise PodiumError(msg)
    for name in ("curriculum", "digit_augment"):
        if getattr(config, name):
            msg = f"{name} needs numbers that are made: those in {config.dataset} are as they are. Set it to 0."
            raise PodiumError(msg)
    rows = [[int(digit) for digit in label.ljust(config.digits, "0")] for label in found.labels]
    return as_tokens(torch.tensor(rows), torch.tensor([len(label) for label in found.labels]))


def _classes(config: Config) -> int:
    return int(getattr(config, "classes", 10))
