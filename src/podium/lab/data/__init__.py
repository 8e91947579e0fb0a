"""What the models learn from: MNIST, composites of its digits, and augmentation; all of it on the device."""

from podium.lab.data.augment import affine
from podium.lab.data.composites import Composites, assert_disjoint, compose
from podium.lab.data.mnist import Mnist, cache_folder, load_mnist
from podium.lab.data.sets import Sets, Split, epoch_composites, load_sets, to_float

__all__ = [
    "Composites",
    "Mnist",
    "Sets",
    "Split",
    "affine",
    "assert_disjoint",
    "cache_folder",
    "compose",
    "epoch_composites",
    "load_mnist",
    "load_sets",
    "to_float",
]
