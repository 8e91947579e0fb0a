"""A worker as a program of its own, to be killed: runs a sweep over made-up digits, or a sweep file, to its end.

Arguments: the project's folder, a sweep file or "tiny", the storage, and the number of workers.
"""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

from podium.lab.sweeps import find_target, run_sweep
from podium.spec import Project, Sweep

MADE_UP = Path(__file__).parent.parent / "training" / "made_up.py"

SEARCH = {
    "method": "random",
    "metric": {"name": "val_accuracy", "goal": "maximize"},
    "parameters": {"learning_rate": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2}},
    "run_cap": 3,
}

if __name__ == "__main__":
    folder, what, storage, workers = sys.argv[1:]
    project = Project(Path(folder))
    if what == "tiny":
        import torch  # slow, and programs need none

        torch.set_num_threads(1)
        made_up = runpy.run_path(str(MADE_UP))
        made_up["put_in_place"]()
        target = replace(made_up["TINY"], sweep=Sweep(config=SEARCH))
    else:
        target = find_target(project, what)
    for record in run_sweep(project, target, "full", device="cpu", storage=storage, workers=int(workers), wandb="auto"):
        print(record.variant, record.state, record.reason)
