"""Many runs: W&B sweep configurations searched here, each trial a run of its own."""

from podium.lab.sweeps.run import run_sweep
from podium.lab.sweeps.search import sweep_id, trial_count, trial_parameters

__all__ = ["run_sweep", "sweep_id", "trial_count", "trial_parameters"]
