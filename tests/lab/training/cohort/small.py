"""Forty random pictures, a task in any precision, and its training alone by torch's own optimisers."""

from dataclasses import dataclass

import torch

from podium.lab.models import build_model
from podium.lab.training.cohort.adam import constants, table
from podium.lab.training.cohort.encoding import with_shared_encoding
from podium.lab.training.cohort.memory import Fit
from podium.lab.training.cohort.stacking import stack
from podium.lab.training.cohort.step import Member, Step
from podium.lab.training.stages import Batch, Stage, run_stages, take
from podium.spec import ViTConfig

BASE = ViTConfig(dim=8, depth=1, heads=2, patch=14, batch_size=12, dropout=0.1, augment=0.0)
PICTURES = 40
CPU = torch.device("cpu")
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def every_kind():
    """Return a config for each encoding and optimiser; all that may differ in a cohort differs."""
    kinds = [(p, o) for p in ("none", "sinusoidal", "learned", "rotary") for o in OPTIMIZERS]
    return [
        BASE.but(
            position=position,
            optimizer=optimizer,
            seed=number,
            learning_rate=1e-3 * (1 + number),
            beta1=0.9 - 0.02 * number,
            dropout=0.04 * (1 + number),
            label_smoothing=0.02 * number,
            weight_decay=0.1,
            warmup=0.02 * number,
            clip=None if number == 3 else 0.5 + number,
        )
        for number, (position, optimizer) in enumerate(kinds)
    ]


def pictures():
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 255, (PICTURES, 28, 28), dtype=torch.uint8, generator=rng)
    return images, torch.randint(0, 10, (PICTURES,), generator=rng)


def order(config, step):
    rng = torch.Generator().manual_seed(1000 * config.seed + step)
    return torch.randperm(PICTURES, generator=rng)[: config.batch_size]


class Task:
    """Name random pictures, in the precision that is asked for."""

    def __init__(self, config, model, dtype):
        self.config, self.model, self.dtype = config, model, dtype
        self.stages = (
            Stage("code", "Batch", "", take),
            Stage("code", "Normalise", "", lambda batch: batch.but(images=(batch.images.to(dtype) / 255).unsqueeze(1))),
            Stage("code", "Model", "", self.forward, parts=True),
            Stage("code", "Loss", "", self.loss, parts=True),
        )

    def forward(self, batch):
        with batch.at():
            return batch.but(logits=self.model(batch.images))

    def loss(self, batch):
        log = batch.logits.log_softmax(-1)
        smoothing = self.config.label_smoothing
        right = log.gather(-1, batch.targets[:, None]).mean()
        return batch.but(loss=-(1 - smoothing) * right - smoothing * log.mean())

    def terms(self, targets):
        return torch.ones_like(targets).sum()

    def correct(self, batch):
        return (batch.logits.argmax(-1) == batch.targets).float().mean()


def rate(config, step, steps):
    """Return linear warm-up and cosine, written anew."""
    rising = round(config.warmup * steps)
    if step < rising:
        return config.learning_rate * (step + 1) / rising
    turn = torch.tensor(torch.pi * (step - rising) / max(1, steps - rising), dtype=torch.float64)
    return config.learning_rate * 0.5 * (1 + turn.cos().item())


def trained_alone(config, steps, dtype=torch.float64):
    """Train the plain model with torch's own optimiser; return its parameters by name."""
    model = build_model(config).to(dtype).train()
    task = Task(config, model, dtype)
    optimizer = OPTIMIZERS[config.optimizer](
        model.parameters(), betas=(config.beta1, config.beta2), weight_decay=config.weight_decay
    )
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate(config, step, steps)
        batch = run_stages(task.stages, Batch(order(config, step), *pictures(), config.seed, step))
        optimizer.zero_grad()
        batch.loss.backward()
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
    return dict(model.named_parameters())


@dataclass
class Small:
    """A cohort that can be stepped by hand."""

    configs: list
    steps: int
    dtype: torch.dtype = torch.float32
    fit: Fit | None = None

    def __post_init__(self):
        members = [
            Member(config, with_shared_encoding(config, build_model(config)).to(self.dtype), self.dtype)
            for config in self.configs
        ]
        self.weights = stack(members, CPU)
        self.goes = torch.ones(len(members), dtype=torch.bool)
        self.step = Step(
            members[0],
            Task(members[0].live, members[0].model, self.dtype),
            self.weights,
            fixed=constants(self.configs, self.weights.values_KP),
            goes_K=self.goes,
            fit=self.fit or Fit(len(members)),
        )
        self.step.feed(*pictures())

    def train(self, first=0, last=None):
        """Do some of the steps of the one epoch that there is; return losses and right answers of the last."""
        course = table(
            [c.but(epochs=1) for c in self.configs], [0] * len(self.configs), self.steps, self.weights.values_KP
        )
        told = None
        for number in range(first, self.steps if last is None else last):
            chosen = torch.stack([order(config, number) for config in self.configs])
            told = self.step(chosen, course.keys_SK[number], course.numbers_S4K[number])
        return told

    def keep(self, slots):
        self.weights.keep(slots)
        self.configs = [self.configs[slot] for slot in slots]
        self.step.fixed = self.step.fixed.keep(slots)
        self.step.goes_K = self.step.goes_K[slots]

    def of(self, slot):
        """Return a variant's parameters by name."""
        return {name: view[slot] for name, view in self.weights.views(self.weights.values_KP).items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
