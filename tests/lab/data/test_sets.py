"""Sets of a config: sizes, order, and that no split sees another's digits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from podium.lab.data import sets as sets_module
from podium.lab.data.mnist import DEVIATION, MEAN, Mnist
from podium.lab.data.sets import epoch_pictures, load_sets, picture_size, to_float
from podium.lab.training.tasks.metrics import numbers as as_numbers
from podium.spec import CNNConfig, LinesConfig, PodiumError, VisionToSequenceConfig, ViTConfig

TEST_COMPOSITES, VALIDATION_COMPOSITES = 60, 30


@pytest.fixture(autouse=True)
def few_composites(monkeypatch):
    monkeypatch.setattr(sets_module, "VALIDATION_COMPOSITES", VALIDATION_COMPOSITES)
    monkeypatch.setattr(sets_module, "TEST_COMPOSITES", TEST_COMPOSITES)


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
    first = epoch_pictures(config, sets, 1)
    assert first.images.shape == (30, 84, 84)
    assert torch.equal(first.targets, epoch_pictures(config, sets, 1).targets)
    assert not torch.equal(first.targets, epoch_pictures(config, sets, 2).targets)
    assert not torch.equal(first.targets, epoch_pictures(config.but(seed=1), sets, 1).targets)


def test_floats_are_normalised():
    images = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    assert to_float(images).flatten().tolist() == pytest.approx([-MEAN / DEVIATION, (1 - MEAN) / DEVIATION])
    assert to_float(images).shape == (1, 1, 1, 2)


def test_pictures_that_stay_are_the_same_for_every_epoch_and_seed(mnist):
    config = VisionToSequenceConfig(digits=2, train_images=30, validation_images=50, fresh=False)
    sets = load_sets(config, "cpu", mnist)
    assert sets.train.images.shape == (30, 84, 84)
    assert epoch_pictures(config, sets, 1) is epoch_pictures(config, sets, 2)
    assert torch.equal(load_sets(config.but(seed=5), "cpu", mnist).train.images, sets.train.images)


def test_lines_come_from_their_own_digits_and_are_fresh(mnist):
    config = LinesConfig(digits=3, train_images=20, validation_images=50)
    sets = load_sets(config, "cpu", mnist)
    height, width = picture_size(config)
    assert sets.test.images.shape == (TEST_COMPOSITES, height, width)
    assert sets.validation.targets.shape == (VALIDATION_COMPOSITES, 5)
    first, second = epoch_pictures(config, sets, 1), epoch_pictures(config, sets, 2)
    assert first.images.shape == (20, height, width)
    assert not torch.equal(first.targets, second.targets)


def lengths(split):
    return [len(number) for number in as_numbers(split.targets[:, 1:])]


@pytest.mark.parametrize("family", [VisionToSequenceConfig, LinesConfig])
def test_under_a_curriculum_numbers_grow_and_shapes_stay(mnist, family):
    config = family(digits=3, train_images=60, validation_images=50, epochs=8, curriculum=0.5)
    sets, whole = load_sets(config, "cpu", mnist), load_sets(config.but(curriculum=0.0), "cpu", mnist)
    assert torch.equal(sets.test.images, whole.test.images)
    assert torch.equal(sets.validation.targets, whole.validation.targets)
    epochs = [epoch_pictures(config, sets, number) for number in range(1, 9)]
    assert [max(lengths(split)) for split in epochs] == [1, 1, 2, 2, 3, 3, 3, 3]
    assert {split.images.shape for split in epochs} == {(60, *picture_size(config))}
    assert {split.targets.shape for split in epochs} == {(60, 5)}
    assert torch.equal(epochs[2].images, epoch_pictures(config, sets, 3).images)
    plain = epoch_pictures(config.but(curriculum=0.0), whole, 7)
    assert torch.equal(epochs[6].images, plain.images)


def test_short_lines_stand_anywhere(mnist):
    config = LinesConfig(digits=6, train_images=200, validation_images=50, epochs=8, curriculum=0.5)
    bright = replace(mnist, train_images=mnist.train_images.clamp(min=200))
    split = epoch_pictures(config, load_sets(config, "cpu", bright), 1)
    ink = split.images.amax(dim=1) > 100
    first = ink.float().argmax(dim=1)
    width = picture_size(config)[1]
    assert first.min() < width / 8
    assert first.max() > width / 2
    assert (ink.sum(dim=1) < width / 3).all()


@pytest.mark.parametrize("name", ["curriculum", "digit_augment"])
def test_a_folders_numbers_are_as_they_are(folder, name):
    config = VisionToSequenceConfig(dataset=str(folder), validation_images=4, digits=3).but(**{name: 0.5})
    with pytest.raises(PodiumError, match=f"{name} needs numbers that are made"):
        load_sets(config)


@pytest.mark.parametrize("family", [VisionToSequenceConfig, LinesConfig])
def test_digits_are_bent_before_numbers_are_made_of_them(mnist, family):
    config = family(digits=3, train_images=60, validation_images=50, digit_augment=1.0)
    sets, plain = load_sets(config, "cpu", mnist), load_sets(config.but(digit_augment=0.0), "cpu", mnist)
    assert torch.equal(sets.validation.images, plain.validation.images)
    assert torch.equal(sets.test.images, plain.test.images)
    assert torch.equal(sets.train.images, plain.train.images)
    first, straight = epoch_pictures(config, sets, 1), epoch_pictures(config.but(digit_augment=0.0), plain, 1)
    assert torch.equal(first.targets, straight.targets)
    assert not torch.equal(first.images, straight.images)
    assert torch.equal(first.images, epoch_pictures(config, sets, 1).images)
    assert torch.equal(sets.train.images, plain.train.images)


def test_a_classifiers_epoch_is_its_training_set(mnist):
    config = ViTConfig(train_images=100, validation_images=50)
    sets = load_sets(config, "cpu", mnist)
    assert epoch_pictures(config, sets, 3) is sets.train


def test_classes_that_do_not_suffice_are_said(mnist):
    with pytest.raises(PodiumError, match="classes must be at least 10 for MNIST; got 4"):
        load_sets(ViTConfig(validation_images=50, classes=4), "cpu", mnist)


def test_the_second_domain_is_a_name_away():
    pytest.importorskip("sklearn")
    sets = load_sets(CNNConfig(dataset="digits", train_images=450, validation_images=300))
    assert [len(split) for split in (sets.train, sets.validation, sets.test)] == [450, 300, 510]
    assert sets.data.startswith("scikit-learn digits ")


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(PodiumError, match=r"no data set or folder 'mnits'; did you mean 'mnist'"):
        load_sets(ViTConfig(dataset="mnits"))


@pytest.fixture
def folder(tmp_path):
    """Twenty pictures with numbers for labels, of five classes."""
    chance = np.random.default_rng(0)
    rows = ["file,label"]
    for number in range(20):
        Image.fromarray(chance.integers(0, 90, (20, 40), np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{number % 5 + 30}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    return tmp_path


def test_a_folder_of_ones_own(folder):
    sets = load_sets(ViTConfig(dataset=str(folder), validation_images=4))
    assert [len(split) for split in (sets.train, sets.validation, sets.test)] == [12, 4, 4]
    targets = torch.cat([split.targets for split in (sets.train, sets.validation, sets.test)])
    assert sorted(targets.unique().tolist()) == [0, 1, 2, 3, 4]
    assert sets.data.startswith(folder.name)
    with pytest.raises(PodiumError, match=r"has 5 classes, and classes is 3\. Set classes=5"):
        load_sets(ViTConfig(dataset=str(folder), validation_images=4, classes=3))
    (folder / "labels.csv").write_text("file,label\n" + "".join(f"{n}.png,{n % 3 + 2}\n" for n in range(20)))
    digits = load_sets(ViTConfig(dataset=str(folder), validation_images=4))
    assert set(digits.train.targets.tolist()) == {2, 3, 4}  # a digit is its own class


def test_a_folder_of_numbers_is_read(folder):
    config = VisionToSequenceConfig(dataset=str(folder), validation_images=4, digits=3)
    sets = load_sets(config)
    assert sets.train.images.shape == (12, 84, 84)
    assert set(as_numbers(sets.train.targets)) <= {"30", "31", "32", "33", "34"}
    assert epoch_pictures(config, sets, 1) is sets.train
    line = load_sets(LinesConfig(dataset=str(folder), validation_images=4))
    assert line.test.images.shape == (4, *picture_size(LinesConfig()))
    with pytest.raises(PodiumError, match=r"a number of 1 to 1 digits; .* has '30'"):
        load_sets(config.but(digits=1))
