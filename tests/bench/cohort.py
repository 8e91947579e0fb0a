"""Measure training together: `nox -s bench -- cohort` writes reports/bench/cohort.json.

Arms take turns, a few steps each, and every ratio is of neighbours in time; on a CPU the clock is this process's CPU
time on one thread, on a GPU its own events; where processes train at once, the wall's. A ratio stands in the record
only where it is further from one than its repeats are from each other.

On a GPU the first workload is the sweep of 64 (`nox -s bench -- sweep`). `cohort.py arm WORKLOAD STEPS` is what the
processes at once run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

import torch

from bench.lab.arms import alone, loader, one_by_one, stacked
from bench.lab.machine import REPORTS, write
from bench.lab.sweep import SWEEP, sweep_variants
from bench.lab.turns import Arm, Processes, answer, rate_by_the_wall, ratio, take_turns
from podium.lab.training import choose_device
from podium.lab.training.usage import make_room
from podium.spec import ViTConfig

QUICK = ViTConfig(dim=32, batch_size=32, augment=0.0, learning_rate=5e-3)
POSITIONS = ("learned", "rotary", "sinusoidal", "none")


def alike(config: ViTConfig, count: int) -> list[ViTConfig]:
    """Return so many variants of a config; the first is the config itself."""
    return [config.but(seed=number, position=POSITIONS[number % 4]) for number in range(count)]


# By device, then by name: the config that is trained alone, and the variants that are trained together.
WORKLOADS: dict[str, dict[str, tuple[ViTConfig, list[ViTConfig]]]] = {
    "cpu": {
        "ViT-64, 3 layers, batch 128, affine": (ViTConfig(depth=3), alike(ViTConfig(depth=3), 4)),
        "ViT-32, 2 layers, batch 32, the quick profile": (QUICK, alike(QUICK, 12)),
    },
    "cuda": {
        "the sweep of 64: ViT-64, 6 layers, batch 128, affine": (SWEEP, [v.config for v in sweep_variants()]),
        "ViT-32, 2 layers, batch 32, the quick profile": (QUICK, alike(QUICK, 64)),
    },
}
STEPS = {"cpu": 6, "cuda": 40}  # of a turn
REPEATS = 9
PROCESSES = {"cpu": (2,), "cuda": (1, 2, 4, 8, 16)}  # at once; two on a CPU are compared with one after the other
PROCESS_STEPS = {"cpu": 60, "cuda": 100}
PROCESS_REPEATS = {"cpu": 9, "cuda": 5}


def main(reports: Path = REPORTS) -> None:
    """Measure every workload, and write the record."""
    torch.set_num_threads(1)
    device = choose_device("auto")
    found = {name: measured(name, device) for name in WORKLOADS[device.type]}
    told = {"steps in a turn": STEPS[device.type], "turns": REPEATS, "workloads": found}
    if device.type == "cuda":
        told["ceilings"] = ceilings()
    write("cohort", device, told, reports)


def measured(name: str, device: torch.device) -> dict[str, object]:
    """Let the arms of one workload take turns; return pictures a second, and ratios."""
    config, configs = WORKLOADS[device.type][name]
    arms: dict[str, Arm] = {
        "stacked": stacked(configs, device),
        "one after the other": one_by_one(configs, device),
        "one run": alone(config, device),
        "DataLoader and PIL": loader(config, device, workers=0 if device.type == "cpu" else 1),
    }
    if device.type == "cuda":
        arms["one run, CUDA graphs"] = alone(config, device, capture=True)
    rates, first = take_turns(arms, device, steps=STEPS[device.type], repeats=REPEATS)
    told: dict[str, object] = {
        "variants": len(configs),
        "pictures a second": {arm: round(median(rate)) for arm, rate in rates.items()},
        "warm-up, seconds": {arm: round(seconds, 2) for arm, seconds in first.items()},
        "stacked over": {arm: ratio(rates["stacked"], rate) for arm, rate in rates.items() if arm != "stacked"},
        "one run over DataLoader and PIL": ratio(rates["one run"], rates["DataLoader and PIL"]),
    }
    together = arms["stacked"]
    del arms
    make_room(device)  # for the processes
    if device.type == "cuda":
        return {**told, "processes at once": against_processes(name, together, device)}
    return {**told, "two processes at once over one after the other": two_at_once(name)}


def against_processes(name: str, together: Arm, device: torch.device) -> dict[str, object]:
    """Let processes at once and the stacked arm take turns, for each number of processes; the best one counts."""
    found: dict[int, tuple[list[float], list[float]]] = {}
    took: dict[int, float] = {}
    for count in PROCESSES[device.type]:
        both: tuple[list[float], list[float]] = ([], [])
        with processes(name, count, device) as at_once:
            for _ in range(PROCESS_REPEATS[device.type]):
                both[0].append(rate_by_the_wall(together, STEPS[device.type], device))
                both[1].append(at_once.turn())
        found[count], took[count] = both, at_once.device_memory
    best = max(found, key=lambda count: median(found[count][1]))
    return {
        "pictures a second": {count: round(median(rates)) for count, (_, rates) in found.items()},
        "memory of the device, all of them, MiB": {count: round(size) for count, size in took.items()},
        "best": best,
        "stacked over the best": ratio(*found[best]),
    }


def two_at_once(name: str) -> dict[str, object]:
    """Let two processes side by side and one alone take turns: how much more the two do together."""
    device = torch.device("cpu")
    both, single = [], []
    with processes(name, 1, device) as one, processes(name, 2, device) as two:
        for _ in range(PROCESS_REPEATS["cpu"]):
            both.append(two.turn())
            single.append(one.turn())
    return ratio(both, single)


def processes(name: str, count: int, device: torch.device) -> Processes:
    """Return so many processes, each of which trains the workload's one run."""
    return Processes(count, [__file__, "arm", name, str(PROCESS_STEPS[device.type])])


def arm_process(name: str, steps: int) -> None:
    """Be one of the processes at once."""
    torch.set_num_threads(1)
    device = choose_device("auto")
    answer(alone(WORKLOADS[device.type][name][0], device), steps, device)


def ceilings() -> dict[str, float]:
    """Return what this device does at best: a product of 8192-cubed bfloat16 matrices, a copy of 8 GB."""
    square = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    block = torch.empty(2_000_000_000, device="cuda")
    found = {}
    for name, run, work in (
        ("TFLOP/s, bfloat16", lambda: square @ square, 2 * 8192**3 / 1e12),
        ("TB/s, read and written", block.clone, 16e9 / 1e12),
    ):
        run()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(5):
            run()
        end.record()
        torch.cuda.synchronize()
        found[name] = round(5 * work / (begin.elapsed_time(end) / 1e3), 2)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["arm"]:
        arm_process(sys.argv[2], int(sys.argv[3]))
    else:
        main()
