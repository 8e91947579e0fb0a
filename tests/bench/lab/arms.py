"""Arms: the ways to train that are compared, a few steps at a time.

Every arm computes the same: the model, the loss, the clipping and AdamW of a config. They differ in how it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, islice

import torch
from PIL import Image
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bench.lab.turns import Arm
from podium.lab.data.mnist import DEVIATION, MEAN
from podium.lab.data.sets import Sets, load_sets
from podium.lab.models import build_model
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
from podium.spec import ViTConfig

COURSE = 4_000  # steps of a schedule: rates matter little to speed


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


def one_by_one(configs: list[ViTConfig], device: torch.device, most: int = 8) -> Arm:
    """Train each as a run alone does; of many, a turn trains so many at most, and the next turn the ones after them."""
    sets = load_sets(configs[0], device)
    all_runs = [alone(config, device, sets) for config in configs]
    for run in all_runs:
        run(1)  # none of them is cold when its turn comes
    runs = cycle(all_runs)

    def arm(steps: int) -> int:
        return sum(run(steps) for run in islice(runs, min(most, len(configs))))

    return arm


def alone(config: ViTConfig, device: torch.device, sets: Sets | None = None, *, capture: bool = False) -> Arm:
    """Train one run: data on the device, no question to it; captured as a CUDA graph where that is asked for."""
    model = build_model(config).to(device).train()
    task = build_task(config, model, device, sets)
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
            set_learning_rate(optimizer, learning_rate_at(config, done[0] % COURSE, COURSE))
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
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def loader(config: ViTConfig, device: torch.device, *, workers: int) -> Arm:
    """Train as most loops do: a DataLoader, a picture at a time, and `.item()` in every step."""
    model = build_model(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    data = DataLoader(
        Pictures(config),
        config.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )

    def endless() -> Iterator[list[torch.Tensor]]:
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
