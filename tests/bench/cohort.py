"""Measure training together: `nox -s bench -- cohort` writes reports/bench/cohort.json.

Arms take turns in one process, a few steps each, and every ratio is of neighbours in time; on a CPU the clock is this
process's CPU time on one thread, on a GPU the wall's with the device waited for. A ratio stands in the record only
where it is further from one than its repeats are from each other.

`cohort.py arm WORKLOAD STEPS` is what the processes at once run; `cohort.py sweep FOLDER` the sweep of 64.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from podium.lab.data.sets import DEVIATION, MEAN, load_sets
from podium.lab.models import build_model
from podium.lab.training import choose_device, train_all
from podium.lab.training.cohort.adam import constants, table
from podium.lab.training.cohort.encoding import with_shared_encoding
from podium.lab.training.cohort.graphs import Replayed
from podium.lab.training.cohort.memory import Fit
from podium.lab.training.cohort.stacking import stack
from podium.lab.training.cohort.step import Member, Step
from podium.lab.training.optimizers import build_optimizer, clip_gradients, learning_rate_at, set_learning_rate
from podium.lab.training.precision import autocast
from podium.lab.training.stages import Batch, run_stages
from podium.lab.training.tasks import build_task
from podium.runs.provenance import git_state, processor
from podium.spec import Experiment, Project, Variant, ViTConfig

ROOT = Path(__file__).parents[2]
OUT = ROOT / "reports" / "bench" / "cohort.json"
WORKLOADS = {
    "ViT-64, 3 layers, batch 128, affine": ViTConfig(depth=3),
    "ViT-32, 2 layers, batch 32, the quick profile": ViTConfig(dim=32, batch_size=32, augment=0.0, learning_rate=5e-3),
}
VARIANTS = {"cpu": (4, 12), "cuda": (64, 64)}  # of each workload
STEPS = {"cpu": 6, "cuda": 40}
REPEATS = 9
PROCESSES = (2, 4, 8, 16)
SWEEP = ViTConfig(depth=6, epochs=10, train_images=55_000)

Arm = Callable[[int], int]  # does so many steps of every variant; returns how many pictures that were


def main() -> None:
    """Measure every workload, and write the record."""
    torch.set_num_threads(1)
    device = choose_device("auto")
    counts = dict(zip(WORKLOADS, VARIANTS[device.type], strict=True))
    found = {name: measured(name, count, device) for name, count in counts.items()}
    commit, dirty = git_state(ROOT)
    record = {
        "command": "nox -s bench -- cohort",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit + (" and changes" if dirty else ""),
        "machine": f"{os.cpu_count()} cores ({processor()})",
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu, one thread",
        "load": [round(load, 2) for load in os.getloadavg()],
        "steps in a turn": STEPS[device.type],
        "turns": REPEATS,
        "workloads": found,
        "peak memory of this process, MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if device.type == "cuda":
        record["peak memory of the device, MiB"] = round(torch.cuda.max_memory_allocated() / 2**20)
        record["ceilings"] = ceilings()
        record["sweep of 64"] = sweep_of_64()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record, indent=1))


def measured(name: str, count: int, device: torch.device) -> dict[str, object]:
    """Let the arms of one workload take turns; return pictures a second, and ratios to the stacked arm's."""
    configs = [
        WORKLOADS[name].but(seed=number, position=("learned", "rotary", "sinusoidal", "none")[number % 4])
        for number in range(count)
    ]
    arms: dict[str, Arm] = {
        "stacked": stacked(configs, device),
        "one after the other": one_by_one(configs, device),
        "DataLoader and PIL": loader(configs[0], device, workers=0 if device.type == "cpu" else 1),
    }
    if device.type == "cuda":
        arms["one after the other, CUDA graphs"] = captured(configs, device)
    steps = STEPS[device.type]
    first = {arm: timed(run, 5, device)[0] for arm, run in arms.items()}  # a capture comes at the fourth step
    rates: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(REPEATS):
        for arm, run in arms.items():
            seconds, pictures = timed(run, steps, device)
            rates[arm].append(pictures / seconds)
    told: dict[str, object] = {
        "variants": len(configs),
        "pictures a second": {arm: round(median(rate)) for arm, rate in rates.items()},
        "warm-up, seconds": {arm: round(seconds, 2) for arm, seconds in first.items()},
        "stacked over": {arm: ratio(rates["stacked"], rate) for arm, rate in rates.items() if arm != "stacked"},
        "one after the other over DataLoader and PIL": ratio(rates["one after the other"], rates["DataLoader and PIL"]),
    }
    if device.type == "cuda":
        told["processes at once, pictures a second"] = {count: round(at_once(name, count)) for count in PROCESSES}
    else:
        told["two processes at once over one after the other"] = two_at_once(name)
    return told


def ratio(one: list[float], other: list[float]) -> dict[str, object]:
    """Return the median of the ratios turn by turn and their spread, or that the spread does not carry one."""
    found = sorted(a / b for a, b in zip(one, other, strict=True))
    quarter = len(found) // 4
    low, high = found[quarter], found[-1 - quarter]
    spread = {"middle half": [round(low, 2), round(high, 2)]}
    middle = median(found)
    carried = abs(middle - 1) > high - low
    return {"ratio": round(middle, 2), **spread} if carried else {"ratio": "no difference beyond the spread", **spread}


def timed(run: Arm, steps: int, device: torch.device) -> tuple[float, int]:
    """Return seconds (of this process's CPU, or of the wall on a GPU) and pictures."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    wait(device)
    began = clock()
    pictures = run(steps)
    wait(device)
    return clock() - began, pictures


def wait(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def batches(config: ViTConfig, images: torch.Tensor) -> Callable[[int], torch.Tensor]:
    """Return a function of the step: which pictures, (B,), as an epoch's order cut into batches gives them."""
    order = torch.randperm(len(images), device=images.device)
    whole = order[: len(order) // config.batch_size * config.batch_size].view(-1, config.batch_size)
    return lambda step: whole[step % len(whole)]


def stacked(configs: list[ViTConfig], device: torch.device) -> Arm:
    """Train all together, as a cohort does."""
    members = [Member(c, with_shared_encoding(c, build_model(c)).to(device)) for c in configs]
    task = build_task(members[0].live, members[0].model, device)
    weights = stack(members, device)
    fixed = constants(configs, weights.values_KP)
    goes = torch.ones(len(configs), dtype=torch.bool, device=device)
    step = Step(members[0], task, weights, fixed=fixed, goes_K=goes, fit=Fit(len(configs)))
    step.feed(task.sets.train.images, task.sets.train.targets)
    run = Replayed(step, device)
    course = table(configs, [0] * len(configs), 400, weights.values_KP)
    picks = [batches(config, task.sets.train.images) for config in configs]
    done = [0]

    def arm(steps: int) -> int:
        for _ in range(steps):
            row = done[0] % 400
            run(torch.stack([pick(row) for pick in picks]), course.keys_SK[row], course.numbers_S4K[row])
            done[0] += 1
        return steps * len(configs) * configs[0].batch_size

    return arm


def one_by_one(configs: list[ViTConfig], device: torch.device) -> Arm:
    """Train each as a run alone does: data on the device, no question to it."""
    runs = [alone(config, device) for config in configs]

    def arm(steps: int) -> int:
        for run in runs:
            run(steps)
        return steps * len(configs) * configs[0].batch_size

    return arm


def alone(config: ViTConfig, device: torch.device, *, capture: bool = False) -> Arm:
    """Train one run; captured as a CUDA graph where that is asked for."""
    model = build_model(config).to(device).train()
    task = build_task(config, model, device)
    if capture:
        rate = torch.tensor(config.learning_rate, device=device)
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(
            model.parameters(), lr=rate, weight_decay=config.weight_decay, fused=True, capturable=True
        )
    else:
        optimizer = build_optimizer(config, model.parameters())
    train = task.sets.train
    pick = batches(config, train.images)
    done = [0]

    def step(chosen: torch.Tensor) -> torch.Tensor:
        batch = run_stages(task.stages, Batch(chosen, train.images, train.targets, config.seed, done[0]))
        if not capture:
            set_learning_rate(optimizer, learning_rate_at(config, done[0], 4_000))
        optimizer.zero_grad(set_to_none=True)
        assert batch.loss is not None
        batch.loss.backward()
        clip_gradients(config, model)
        optimizer.step()
        return batch.loss.detach()

    run = Replayed(step, device) if capture else step

    def arm(steps: int) -> int:
        for _ in range(steps):
            run(pick(done[0]))
            done[0] += 1
        return steps * config.batch_size

    return arm


def captured(configs: list[ViTConfig], device: torch.device) -> Arm:
    """Train each alone by CUDA graphs; one is enough to know the rate."""
    return alone(configs[0], device, capture=True)


class Pictures(Dataset):
    """MNIST as most loops have it: a PIL picture and its transforms, one by one."""

    def __init__(self, config: ViTConfig) -> None:
        split = load_sets(config).train
        self.images, self.labels = split.images.numpy(), split.targets.tolist()
        moved = [transforms.RandomAffine(15, translate=(0.08, 0.08), scale=(0.88, 1.12), shear=8)]
        ready = [transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)]
        self.transform = transforms.Compose([*(moved if config.augment else []), *ready])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def loader(config: ViTConfig, device: torch.device, *, workers: int) -> Arm:
    """Train as most loops do: a DataLoader, a picture at a time, and `.item()` in every step."""
    model = build_model(config.but(position="learned")).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    data = DataLoader(
        Pictures(config),
        config.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )

    def endless():
        while True:
            yield from data

    source = endless()
    total = [0.0]

    def arm(steps: int) -> int:
        for _ in range(steps):
            images, labels = next(source)
            images, labels = images.to(device), labels.to(device)
            with autocast(config, device):
                logits = model(images)
            loss = functional.cross_entropy(logits.float(), labels)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total[0] += loss.item()
        return steps * config.batch_size

    return arm


def at_once(name: str, count: int, steps: int = 60) -> float:
    """Return the pictures a second that so many processes do together, each a run alone; the wall's seconds."""
    words = [sys.executable, __file__, "arm", name, str(steps)]
    there = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    for process in there:
        process.stdout.readline()  # ready
    began = time.perf_counter()
    for process in there:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in there:
        process.stdout.readline()  # done
    seconds = time.perf_counter() - began
    for process in there:
        process.stdin.close()
        process.wait()
        process.stdout.close()
    return count * steps * WORKLOADS[name].batch_size / seconds


def two_at_once(name: str) -> dict[str, object]:
    """Let two processes train side by side and one alone take turns: how much more the two do together."""
    both, single = [], []
    for _ in range(3):
        both.append(at_once(name, 2))
        single.append(at_once(name, 1))
    return ratio(both, single)


def arm_process(name: str, steps: int) -> None:
    """Warm up, say so, wait to be told, train, say so."""
    torch.set_num_threads(1)
    device = choose_device("auto")
    run = alone(WORKLOADS[name], device)
    run(5)
    wait(device)
    print("ready", flush=True)
    sys.stdin.readline()
    run(steps)
    wait(device)
    print("done", flush=True)
    with contextlib.suppress(OSError):
        sys.stdin.readline()


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


def sweep_variants() -> list[Variant]:
    """Name the 64 variants: encoding, optimiser, rate, strength of augmentation and seed."""
    return [
        Variant(
            f"{position} {optimizer} {rate:g} affine {strength:g}",
            SWEEP.but(position=position, optimizer=optimizer, learning_rate=rate, augment=strength, seed=seed),
        )
        for position in ("none", "sinusoidal", "learned", "rotary")
        for optimizer in ("adam", "adamw")
        for rate in (1e-3, 3e-3)
        for strength in (0.5, 1.0)
        for seed in (0, 1)
    ]


def sweep_of_64() -> dict[str, object]:
    """Train 64 variants of ViT-64 on all of MNIST in a new process; time it from its start to the last record."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run([sys.executable, __file__, "sweep", folder], check=True)
        seconds = time.perf_counter() - began
        told = json.loads((Path(folder) / "accuracy.json").read_text())
    meant = [accuracy for name, accuracy in told.items() if not name.startswith("none")]
    return {
        "seconds": round(seconds, 1),
        "median test accuracy, without encoding none": median(meant),
        "test accuracy": told,
    }


def sweep_process(folder: Path) -> None:
    """Train the sweep, and write each variant's test accuracy."""
    question = Experiment(
        name="bench",
        question="How fast are 64 variants?",
        expectation="Under a minute.",
        baseline=SWEEP,
        variants={},
        metric="test_accuracy",
    )
    records = train_all(Project(folder), question, sweep_variants(), "full", wandb="off", cohort="always")
    told = {f"{r.variant} seed {r.config['seed']}": r.summary.get("test_accuracy") for r in records}
    (folder / "accuracy.json").write_text(json.dumps(told))


if __name__ == "__main__":
    if sys.argv[1:2] == ["arm"]:
        arm_process(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["sweep"]:
        sweep_process(Path(sys.argv[2]))
    else:
        main()
