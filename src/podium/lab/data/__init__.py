"""What the models learn from: digits, numbers made of them, anybody's pictures; and augmentation, on the device."""

from podium.lab.data.augment import augmented
from podium.lab.data.composites import Composites, assert_disjoint, compose
from podium.lab.data.domains import load_digits, load_fashion
from podium.lab.data.folder import Labelled, load_folder
from podium.lab.data.lines import compose_lines
from podium.lab.data.mnist import Mnist, cache_folder, load_mnist
from podium.lab.data.sets import Sets, Split, epoch_pictures, load_sets, picture_size, to_float

__all__ = [
    "Composites",
    "Labelled",
    "Mnist",
    "Sets",
    "Split",
    "assert_disjoint",
    "augmented",
    "cache_folder",
    "compose",
    "compose_lines",
    "epoch_pictures",
    "load_digits",
    "load_fashion",
    "load_folder",
    "load_mnist",
    "load_sets",
    "picture_size",
    "to_float",
]
