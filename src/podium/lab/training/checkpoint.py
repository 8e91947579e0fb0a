"""Checkpoints: whole or absent, never half; what a run needs to go on as if nothing had happened.

The file is a SHA-256 in hexadecimal, a newline, and torch's own bytes; a flipped bit anywhere is noticed.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from podium.spec import PodiumError

FILE = "checkpoint.pt"


@dataclass(frozen=True)
class Checkpoint:
    """A run after some whole epochs.

    Attributes:
        epoch: epochs done.
        digest: of the config that made it.
        seconds: training time so far.
        model: the model's state_dict.
        optimizer: the optimiser's state_dict.
        average: the averaged weights, where the config asks for them (`podium.lab.training.averaging`).
        best: the weights after the best epoch so far, as they were judged, where the run may stop early.
    """

    epoch: int
    digest: str
    seconds: float
    model: dict[str, Any]
    optimizer: dict[str, Any]
    average: dict[str, Any] | None = None
    best: dict[str, Any] | None = None

    @property
    def judged(self) -> dict[str, Any]:
        """The weights that the run is judged by: the best epoch's, else the averaged ones, else the last."""
        return self.best or {**self.model, **(self.average or {})}


def save_checkpoint(
    folder: Path,
    *,
    epoch: int,
    digest: str,
    seconds: float,
    model: nn.Module,
    optimizer: Optimizer,
    average: Mapping[str, Tensor] | None = None,
    best: Mapping[str, Tensor] | None = None,
) -> Path:
    """Write a checkpoint beside the record, in one atomic step: a kill leaves the old one or the new one.

    Raises:
        PodiumError: when the disk is full or refuses the write.
    """
    buffer = io.BytesIO()
    state = {
        "epoch": epoch,
        "digest": digest,
        "seconds": seconds,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": None if average is None else dict(average),
        "best": None if best is None else dict(best),
    }
    torch.save(state, buffer)
    payload = buffer.getvalue()
    path = folder / FILE
    partial = folder / f"{FILE}.partial"
    try:
        with partial.open("wb") as file:
            file.write(hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        msg = f"The checkpoint {path} cannot be written: {error.strerror}. Make room, then train again: it resumes."
        raise PodiumError(msg) from error
    return path


def load_checkpoint(folder: Path, digest: str, device: torch.device | str = "cpu") -> Checkpoint | None:
    """Read a run's checkpoint back; None when there is none, it is damaged, or another config made it."""
    found = read_checkpoint(folder, device)
    return found if found is not None and found.digest == digest else None


def read_checkpoint(folder: Path, device: torch.device | str = "cpu") -> Checkpoint | None:
    """Read a checkpoint of whatever config back; None when there is none or it is damaged."""
    try:
        signature, _, payload = (folder / FILE).read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if hashlib.sha256(payload).hexdigest().encode() != signature:
        return None
    return Checkpoint(**torch.load(io.BytesIO(payload), map_location=device, weights_only=True))
