"""Other domains: Fashion-MNIST's files where they are given, scikit-learn's digits where it is installed."""

import gzip
import importlib.util
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
import pytest
import torch

from podium.lab.data import domains, load_digits, load_fashion, mnist
from podium.spec import PodiumError


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Four small files as Fashion-MNIST's, two of them packed."""
    chance = np.random.default_rng(0)
    folder = tmp_path / "fashion"
    folder.mkdir()
    for number, name in enumerate(mnist.MD5):
        content = idx(chance.integers(0, 10, (6, 28, 28) if "images" in name else (6,)))
        if number % 2:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    monkeypatch.setenv("PODIUM_DATA", str(tmp_path))
    return folder


def test_fashion_is_read_packed_or_not(files):
    found = load_fashion()
    assert found.train_images.shape == found.test_images.shape == (6, 28, 28)
    assert found.train_labels.dtype == torch.int64
    assert found.name == "Fashion-MNIST"
    assert len(found.checksum) == 8


def test_fashion_that_is_missing_or_broken_is_said(files):
    (packed,) = files.glob("t10k-labels*")
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(PodiumError, match="is no whole gzip file"):
        load_fashion()
    packed.unlink()
    with pytest.raises(PodiumError, match=r"needs t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte\.gz in .*fashion"):
        load_fashion(files)


def test_digits_are_scikit_learns():
    found = load_digits()
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_digits()
    labels = torch.cat((found.train_labels, found.test_labels))
    assert labels.tolist() == theirs.target.tolist()
    assert found.train_images.shape == (1287, 28, 28)
    assert found.test_images.shape == (510, 28, 28)
    images = torch.cat((found.train_images, found.test_images)).float()
    small = torch.nn.functional.adaptive_avg_pool2d(images[:, None, 4:24, 4:24], 4).squeeze(1)
    wanted = torch.nn.functional.adaptive_avg_pool2d(
        torch.tensor(theirs.images)[:, None].float() * 255 / 16, 4
    ).squeeze(1)
    assert (small - wanted).abs().mean() < 12  # of 255: the same picture, larger
    assert not images[:, :4].any()


def test_no_form_of_the_digits_is_in_both_sets():
    """The labels go through one sequence fourteen times; the last four times are the test set."""
    pytest.importorskip("sklearn")
    found = load_digits()
    labels = "".join(map(str, [*found.train_labels.tolist(), *found.test_labels.tolist()]))
    starts = [0, 130, 256, 386, 516, 646, 776, 915, 1029, 1157, 1287, 1415, 1545, 1667, 1797]
    forms = [labels[start:end] for start, end in pairwise(starts)]
    assert len(found.train_labels) == starts[10]
    assert all(SequenceMatcher(None, forms[0], form, autojunk=False).ratio() > 0.9 for form in forms)
    across = labels[1287 - 64 : 1287 + 64]  # as long, half in each set: no form
    assert SequenceMatcher(None, forms[0], across, autojunk=False).ratio() < 0.8


def test_without_scikit_learn_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PodiumError, match="uv pip install scikit-learn"):
        domains.load_digits()
