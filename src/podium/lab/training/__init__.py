"""Runs, alone or in cohorts: config in, record out, exact again after a kill."""

from podium.lab.training.experiment import train_all, train_experiment
from podium.lab.training.loop import choose_device, train_run
from podium.lab.training.overfitting import overfit_one_batch, overfit_variants

__all__ = ["choose_device", "overfit_one_batch", "overfit_variants", "train_all", "train_experiment", "train_run"]
