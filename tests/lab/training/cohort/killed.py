"""A cohort that trains slowly until it is killed: `killed.py <project>` forks a new one at every line of its input.

Forked, not started: torch is imported once. It prints a child's number, "on" at each report of progress, and "ended".
"""

import os
import runpy
import sys
import time
from pathlib import Path

import torch

from podium.spec import Project, Variant

MADE_UP = runpy.run_path(str(Path(__file__).parents[1] / "made_up.py"))
VIT = MADE_UP["TINY_VIT"].but(epochs=10, dim=8)
VARIANTS = [
    Variant("learned", VIT),
    Variant("rotary", VIT.but(position="rotary", learning_rate=1e-3, seed=5)),
    Variant("short", VIT.but(epochs=4, optimizer="adam", dropout=0.2)),
    Variant("wild", VIT.but(learning_rate=1e30, clip=None, warmup=0.0)),
    Variant("averaged", VIT.but(average=0.8, patience=6, position="none", augment=0.5)),
]


def train(project: Project) -> None:
    """Train what is not done yet."""
    from podium.lab.training.cohort import train_together
    from podium.lab.training.experiment import is_done
    from podium.runs import read_record, run_folder

    def slowly(*_: object) -> None:
        print("on", flush=True)
        time.sleep(0.002)

    folders = {v: run_folder(project.runs, "tiny", v.name, v.config) for v in VARIANTS}
    waiting = [v for v in VARIANTS if not is_done(read_record(folders[v]))]
    train_together(
        project, MADE_UP["TINY"], waiting, "quick", tracker_mode="off", device="cpu", mode="always", progress=slowly
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    MADE_UP["put_in_place"]()
    import podium.lab.training.cohort  # noqa: F401 - before the first fork

    while sys.stdin.readline():
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the next line is not for a child's child
            train(Project(Path(sys.argv[1])))
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)
