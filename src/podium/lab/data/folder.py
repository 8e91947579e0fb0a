"""A folder of pictures with labels, of anybody's: a folder a class, or a `labels.csv` that names file and label."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from podium.lab import randomness
from podium.spec import PodiumError

LABELS = "labels.csv"
KINDS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm")
TEST_SHARE = 0.2  # of the pictures, where nothing says which are the test set
BRIGHT = 127  # a ground above it is paper: the picture is turned over


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pictures of one size, their labels as texts, and which of them are the test set.

    Attributes:
        images: uint8 (N, H, W), ink bright on a dark ground.
        labels: N texts.
        test: bool (N,).
        checksum: first eight characters of an MD5 over names, labels and contents.
    """

    images: torch.Tensor
    labels: list[str]
    test: torch.Tensor
    checksum: str


def load_folder(folder: Path, height: int, width: int) -> Labelled:
    """Read every labelled picture of a folder, grey, shrunk or enlarged to fit, its proportions kept.

    `labels.csv` has the columns `file` and `label`, and maybe `split` with "train" or "test". Without it, each folder
    is a class and holds its pictures; `train` and `test` may stand above them. Where nothing says what the test set
    is, it is a fifth of the pictures, the same for every run.

    Raises:
        PodiumError: where there is no picture, or a file is missing, is no picture or has no label.
    """
    rows = _listed(folder) if (folder / LABELS).is_file() else _found(folder)
    if len(rows) < 3:
        msg = f"{folder} has {len(rows)} labelled pictures; it needs a folder a class with pictures, or {LABELS}."
        raise PodiumError(msg)
    digest = hashlib.md5(usedforsecurity=False)
    images = np.empty((len(rows), height, width), np.uint8)
    for index, (path, label, _) in enumerate(rows):
        images[index] = _picture(path, height, width)
        digest.update(f"{path.relative_to(folder).as_posix()}\0{label}\0".encode())
        digest.update(path.read_bytes())
    splits = [split for _, _, split in rows]
    test = torch.tensor([split == "test" for split in splits])
    if not any(splits):
        order = torch.randperm(len(rows), generator=randomness.generator(0, 0, "test pictures"))
        test[order[: max(1, round(TEST_SHARE * len(rows)))]] = True
    if test.all() or not test.any():
        msg = f"{folder} must have pictures to learn from and pictures to test with; it names only one kind."
        raise PodiumError(msg)
    return Labelled(torch.from_numpy(images), [label for _, label, _ in rows], test, digest.hexdigest()[:8])


def _listed(folder: Path) -> list[tuple[Path, str, str]]:
    rows: list[tuple[Path, str, str]] = []
    with (folder / LABELS).open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            name, label, split = ((row.get(column) or "").strip() for column in ("file", "label", "split"))
            if not name or not label or split not in ("", "train", "test"):
                msg = (
                    f"{folder / LABELS}, line {number}: it needs `file`, `label` and, if anything, `split` train or "
                    f"test; got file={name!r}, label={label!r}, split={split!r}."
                )
                raise PodiumError(msg)
            rows.append((folder / name, label, split))
    return rows


def _found(folder: Path) -> list[tuple[Path, str, str]]:
    parted = (folder / "train").is_dir() and (folder / "test").is_dir()
    tops = [(folder / split, split) for split in ("train", "test")] if parted else [(folder, "")]
    return [
        (path, kind.name, split)
        for top, split in tops
        for kind in sorted(top.iterdir())
        if kind.is_dir()
        for path in sorted(kind.iterdir())
        if path.suffix.lower() in KINDS
    ]


def _picture(path: Path, height: int, width: int) -> np.ndarray:
    """Return one picture, bright on dark: one whose border is bright is dark ink on paper, and is turned over."""
    try:
        with Image.open(path) as opened:
            grey = ImageOps.exif_transpose(opened).convert("L")
    except FileNotFoundError as error:
        raise PodiumError(f"{path} is missing.") from error
    except (UnidentifiedImageError, OSError) as error:
        raise PodiumError(f"{path} is no picture that can be read ({error}).") from error
    edge = np.asarray(grey)
    border = np.concatenate((edge[0], edge[-1], edge[:, 0], edge[:, -1]))
    ground = int(np.median(border))
    if ground > BRIGHT:
        grey, ground = ImageOps.invert(grey), 255 - ground
    return np.asarray(ImageOps.pad(grey, (width, height), method=Image.Resampling.BILINEAR, color=ground))
