"""Tasks: what each model family trains on, its loss, its metrics and the samples that a page may show."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from podium.lab.data.sets import Sets
from podium.lab.models import LineByAttention, LineByCTC, VisionToSequence
from podium.lab.training.tasks.classify import Classify
from podium.lab.training.tasks.metrics import numbers
from podium.lab.training.tasks.parts import encoding_sample
from podium.lab.training.tasks.recognise import Recognise
from podium.lab.training.tasks.task import Task
from podium.lab.training.tasks.transcribe import Transcribe
from podium.spec import Config

__all__ = ["Classify", "Recognise", "Task", "Transcribe", "build_task", "encoding_sample", "numbers"]

# By the model's class; every other model, a user's own too, names one class a picture.
TASKS: dict[type[nn.Module], Any] = {
    VisionToSequence: Transcribe,
    LineByAttention: Transcribe,
    LineByCTC: Recognise,
}


def build_task(config: Config, model: nn.Module, device: torch.device, sets: Sets | None = None) -> Task:
    """Return the task of a model, its data on the device; `sets` is the data where it lies there already.

    Raises:
        PodiumError: where the data cannot be had or does not fit the model, or the loss cannot be what is asked for.
    """
    return TASKS.get(type(model), Classify)(config, model, device, sets)
