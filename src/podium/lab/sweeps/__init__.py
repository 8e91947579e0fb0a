"""Many runs: a W&B sweep run here without a server, over several machines, or by W&B's own agents."""

from podium.lab.sweeps.job import find_target
from podium.lab.sweeps.online import run_online
from podium.lab.sweeps.run import run_sweep

__all__ = ["find_target", "run_online", "run_sweep"]
