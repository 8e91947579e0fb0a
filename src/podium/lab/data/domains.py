"""Other domains with MNIST's shape: Fashion-MNIST where its files are given, and scikit-learn's digits.

Xiao, Rasul and Vollgraf 2017, Fashion-MNIST. Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits: the
1,797 pictures of 8 by 8 that scikit-learn's package holds are a copy of that set's test part. Its description tells of
a preprinted form and of thirteen people, none of them among the thirty of the training part, which is not here.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from podium.lab.data.mnist import MD5, Mnist, cache_folder, parse_idx
from podium.spec import PodiumError

FASHION = "fashion"  # folder beside MNIST's files
LAST_LEARNT = 1287  # scikit-learn's pictures stand form by form, and the eleventh begins here: see `load_digits`
INK = 20  # pixels that a digit's ink has in MNIST's 28
DIGITS_FILE = Path("datasets") / "data" / "digits.csv.gz"


def load_fashion(folder: Path | None = None) -> Mnist:
    """Read Fashion-MNIST's four idx files, packed or not, from a folder: `fashion` among MNIST's files when None.

    Raises:
        PodiumError: where a file is missing, naming the folder to put it in, or is no idx file.
    """
    folder = folder or cache_folder() / FASHION
    contents = {name: _idx_content(folder, name) for name in MD5}
    arrays = [torch.from_numpy(parse_idx(name, content)) for name, content in contents.items()]
    checksum = hashlib.md5(contents["train-images-idx3-ubyte"], usedforsecurity=False).hexdigest()[:8]
    return Mnist(arrays[0], arrays[1].long(), arrays[2], arrays[3].long(), checksum, "Fashion-MNIST")


def load_digits() -> Mnist:
    """Read scikit-learn's digits, enlarged to 28 by 28 with MNIST's margin: people and pens that MNIST has not.

    The file names no writer, but its labels go through the same sequence, of about 130 digits, fourteen times: one
    form each, filled by one hand (scikit-learn's course, Sample grouping, takes the same places for the writers' ends).
    The first ten forms, 1,287 pictures, are the training set, the last four, 510 pictures, the test set: no form is in
    both. Fourteen forms of thirteen people leave it open which of them filled two.

    Raises:
        PodiumError: where scikit-learn is not installed.
    """
    found = importlib.util.find_spec("sklearn")  # only its file is read: nothing of it is imported
    path = Path(str(found.origin)).parent / DIGITS_FILE if found else None
    if path is None or not path.is_file():
        msg = 'dataset="digits" reads what comes with scikit-learn, which is not here: uv pip install scikit-learn.'
        raise PodiumError(msg)
    content = path.read_bytes()
    rows = np.loadtxt(gzip.decompress(content).decode().splitlines(), delimiter=",", dtype=np.int64)
    small_N188 = torch.from_numpy(rows[:, :64]).view(-1, 1, 8, 8).float() * (255 / 16)
    large_N1HW = F.interpolate(small_N188, (INK, INK), mode="bilinear", align_corners=False)
    images = F.pad(large_N1HW, [(28 - INK) // 2] * 4).squeeze(1).round().to(torch.uint8)
    labels = torch.from_numpy(rows[:, 64])
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()[:8]
    learnt, kept = slice(None, LAST_LEARNT), slice(LAST_LEARNT, None)
    return Mnist(images[learnt], labels[learnt], images[kept], labels[kept], checksum, "scikit-learn digits")


def _idx_content(folder: Path, name: str) -> bytes:
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.is_file():
        return plain.read_bytes()
    if not packed.is_file():
        msg = f'dataset="fashion" needs {name} or {name}.gz in {folder}; put Fashion-MNIST\'s four idx files there.'
        raise PodiumError(msg)
    try:
        return gzip.decompress(packed.read_bytes())
    except (OSError, EOFError) as error:
        msg = f"{packed} is no whole gzip file ({error}). Put Fashion-MNIST's file there again."
        raise PodiumError(msg) from error
