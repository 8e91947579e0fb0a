"""Anybody's folder of pictures: a folder a class, or labels.csv; every fault names its file."""

import numpy as np
import pytest
import torch
from PIL import Image

from podium.lab.data.folder import load_folder
from podium.spec import PodiumError


def save(path, bright=200, ground=0, size=(20, 30)):
    """Save a picture with a bar in its middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0]), ground, np.uint8)
    pixels[size[1] // 3 : -size[1] // 3, size[0] // 3 : -size[0] // 3] = bright
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    for kind in ("cat", "dog"):
        for number in range(5):
            save(tmp_path / kind / f"{number}.png", bright=100 + 20 * number)
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / "README.md").write_text("no class")
    return tmp_path


def test_a_folder_is_a_class(folder):
    found = load_folder(folder, 28, 28)
    assert found.images.shape == (10, 28, 28)
    assert found.images.dtype == torch.uint8
    assert found.labels == ["cat"] * 5 + ["dog"] * 5
    assert found.test.sum() == 2
    again = load_folder(folder, 28, 28)
    assert torch.equal(found.test, again.test)
    assert found.checksum == again.checksum
    save(folder / "dog" / "0.png", bright=11)
    assert load_folder(folder, 28, 28).checksum != found.checksum


def test_train_and_test_may_stand_above(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            save(tmp_path / split / "a" / f"{number}.png")
    found = load_folder(tmp_path, 28, 28)
    assert found.labels == ["a"] * 5
    assert found.test.tolist() == [False] * 3 + [True] * 2


def test_a_table_names_files_labels_and_maybe_splits(tmp_path):
    for number in range(4):
        save(tmp_path / "scans" / f"{number}.jpg")
    rows = "".join(f"scans/{number}.jpg,{number}07,{'test' if number == 3 else 'train'}\n" for number in range(4))
    (tmp_path / "labels.csv").write_text("file,label,split\n" + rows)
    found = load_folder(tmp_path, 84, 84)
    assert found.labels == ["007", "107", "207", "307"]
    assert found.test.tolist() == [False, False, False, True]
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"scans/{n}.jpg,1\n" for n in range(4)))
    assert load_folder(tmp_path, 84, 84).test.sum() == 1


def test_dark_ink_on_paper_is_turned_over_and_proportions_kept(tmp_path):
    for number in range(3):
        save(tmp_path / "a" / f"{number}.png", bright=20, ground=240, size=(10, 40))
    images = load_folder(tmp_path, 28, 28).images
    assert images[0, 14, 13] > 200  # the ink is bright
    assert images[0, :, 0].tolist() == [15] * 28  # a narrow picture stands in the middle, its ground beside it
    assert images[0, 0, 13] == 15


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("scans/9.png,1,\n", r"9\.png is missing"),
        ("scans/0.png,,\n", r"labels\.csv, line 5: .*label=''"),
        ("scans/0.png,3,exam\n", "got file='scans/0.png', label='3', split='exam'"),
        ("labels.csv,3,\n", "is no picture that can be read"),
    ],
)
def test_every_fault_names_its_file(tmp_path, row, sentence):
    for number in range(3):
        save(tmp_path / "scans" / f"{number}.png")
    rows = "".join(f"scans/{number}.png,5,\n" for number in range(3))
    (tmp_path / "labels.csv").write_text("file,label,split\n" + rows + row)
    with pytest.raises(PodiumError, match=sentence):
        load_folder(tmp_path, 28, 28)


def test_too_little_is_said(tmp_path):
    with pytest.raises(PodiumError, match="has 0 labelled pictures"):
        load_folder(tmp_path, 28, 28)
    for number in range(3):
        save(tmp_path / f"{number}.png")
    (tmp_path / "labels.csv").write_text("file,label,split\n" + "".join(f"{n}.png,1,test\n" for n in range(3)))
    with pytest.raises(PodiumError, match="it names only one kind"):
        load_folder(tmp_path, 28, 28)
