"""One run at a time: config in, record out, exact again after a kill."""

from podium.lab.training.experiment import train_all, train_experiment
from podium.lab.training.loop import choose_device, train_run

__all__ = ["choose_device", "train_all", "train_experiment", "train_run"]
