"""Sets of a config: sizes, order, and that no split sees another's digits."""

import pytest
import torch

from podium.lab.data.mnist import Mnist
from podium.lab.data.sets import (
    DEVIATION,
    MEAN,
    TEST_COMPOSITES,
    VALIDATION_COMPOSITES,
    epoch_composites,
    load_sets,
    to_float,
)
from podium.spec import PodiumError, VisionToSequenceConfig, ViTConfig


@pytest.fixture
def mnist():
    """Pictures that each carry their own number in two pixels."""
    train = torch.zeros(300, 28, 28, dtype=torch.uint8)
    train[:, 14, 14], train[:, 15, 15] = torch.arange(300) % 256, torch.arange(300) // 256
    test = torch.full((40, 28, 28), 255, dtype=torch.uint8)
    return Mnist(train, torch.arange(300) % 10, test, torch.arange(40) % 10, "12345678")


def numbers(split):
    return (split.images[:, 14, 14].long() + 256 * split.images[:, 15, 15].long()).tolist()


def test_sizes_and_disjointness(mnist):
    sets = load_sets(ViTConfig(train_images=100, validation_images=50), "cpu", mnist)
    assert [len(split) for split in (sets.train, sets.validation, sets.test)] == [100, 50, 40]
    assert sets.data == "MNIST 12345678"
    assert not set(numbers(sets.train)) & set(numbers(sets.validation))
    assert all(number % 10 == label for number, label in zip(numbers(sets.train), sets.train.targets, strict=True))


def test_the_split_is_the_same_for_every_seed_and_size(mnist):
    small = load_sets(ViTConfig(seed=1, train_images=20, validation_images=50), "cpu", mnist)
    large = load_sets(ViTConfig(seed=2, train_images=60_000, validation_images=50), "cpu", mnist)
    assert torch.equal(small.validation.images, large.validation.images)
    assert torch.equal(small.train.images, large.train.images[:20])
    assert len(large.train) == 250
    assert sorted(numbers(large.train) + numbers(large.validation)) == list(range(300))


@pytest.mark.parametrize("count", [0, 300, 5_000])
def test_validation_must_leave_something(mnist, count):
    with pytest.raises(PodiumError, match="validation_images must be above 0 and below 300"):
        load_sets(ViTConfig(validation_images=count), "cpu", mnist)


def test_composites_of_each_split_come_from_its_own_digits(mnist):
    config = VisionToSequenceConfig(digits=2, train_images=30, validation_images=50)
    sets = load_sets(config, "cpu", mnist)
    assert sets.train.images.shape == (250, 28, 28)
    assert sets.validation.images.shape == (VALIDATION_COMPOSITES, 84, 84)
    assert sets.test.targets.shape == (TEST_COMPOSITES, 4)
    assert sets.test.images.float().mean() > 50  # made of the white pictures, which are the test set's alone
    assert sets.validation.images.float().mean() < 5
    again = load_sets(config.but(seed=9), "cpu", mnist)
    assert torch.equal(sets.test.images, again.test.images)


def test_each_epoch_has_fresh_composites_that_repeat(mnist):
    config = VisionToSequenceConfig(digits=2, train_images=30, validation_images=50)
    sets = load_sets(config, "cpu", mnist)
    first = epoch_composites(config, sets, 1)
    assert first.images.shape == (30, 84, 84)
    assert torch.equal(first.targets, epoch_composites(config, sets, 1).targets)
    assert not torch.equal(first.targets, epoch_composites(config, sets, 2).targets)
    assert not torch.equal(first.targets, epoch_composites(config.but(seed=1), sets, 1).targets)


def test_floats_are_normalised():
    images = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    assert to_float(images).flatten().tolist() == pytest.approx([-MEAN / DEVIATION, (1 - MEAN) / DEVIATION])
    assert to_float(images).shape == (1, 1, 1, 2)
