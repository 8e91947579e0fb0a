"""Overfitting one batch: the first thing to try with a model that does not learn.

A model that can learn at all learns a few pictures by heart; where it does not, the fault is in the model, the loss or
the targets, and not in the data or the schedule. (Karpathy 2019, A Recipe for Training Neural Networks.)
"""

from __future__ import annotations

from dataclasses import dataclass

from podium.lab.models import build_model
from podium.lab.training.feeding import Feed
from podium.lab.training.hidden import drawn_at, drawn_here
from podium.lab.training.loop import choose_device
from podium.lab.training.optimizers import build_optimizer, clip_gradients, set_learning_rate
from podium.lab.training.stages import Batch, run_stages
from podium.lab.training.tasks import build_task
from podium.spec import Config, Experiment, Profile

GOAL = 0.01  # nats
STEPS = 1_000
WARMUP = 20  # steps
LOOK = 10  # steps between two looks at the loss
OFF = {  # what keeps a model from learning pictures by heart
    "augment": 0.0,
    "elastic": 0.0,
    "noise": 0.0,
    "background": 0.0,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "weight_decay": 0.0,
    "accumulate": 1,
    "freeze": "none",
    "start_from": "",
    "replay": 0.0,
    "curriculum": 0.0,
    "digit_augment": 0.0,
}


@dataclass(frozen=True)
class Overfit:
    """What became of one batch.

    Attributes:
        loss: of the last step, in nats.
        steps: that were taken.
        goal: what the loss should come below.
    """

    loss: float
    steps: int
    goal: float

    @property
    def reached(self) -> bool:
        """Whether the model learnt the batch by heart."""
        return self.loss < self.goal

    def __str__(self) -> str:
        """Say it in a line."""
        steps = f"after {self.steps} steps"
        return f"loss {self.loss:.4f} {steps}" + ("" if self.reached else f", not below {self.goal:g}")


def overfit_one_batch(config: Config, device: str = "cpu", *, steps: int = STEPS, goal: float = GOAL) -> Overfit:
    """Train on the first batch alone until the loss is below the goal, or the steps are used up; nothing is recorded.

    Augmentation, dropout, decay and label smoothing are off, and the learning rate stays where the warm-up brought it.

    Args:
        config: of the model; `batch_size` says how many pictures.
        device: "auto", "cpu" or "cuda".
        steps: the most.
        goal: in nats.
    """
    where = choose_device(device)
    plain = config.but(
        epochs=max(1, config.epochs), **{name: value for name, value in OFF.items() if hasattr(config, name)}
    )
    with drawn_here(plain, where):
        model = build_model(plain).to(where)
        task = build_task(plain, model, where)
        optimizer = build_optimizer(plain, model.parameters())
        split, batches = Feed(plain, task).epoch(1)
        model.train()
        loss = float("inf")
        step = 0
        while step < steps and not loss < goal:
            drawn_at(plain, step)
            set_learning_rate(optimizer, plain.learning_rate * min(1.0, (step + 1) / WARMUP))
            batch = run_stages(task.stages, Batch(batches[0], split.images, split.targets, plain.seed, step))
            assert batch.loss is not None  # noqa: S101 - a stage set it
            optimizer.zero_grad(set_to_none=True)
            batch.loss.backward()
            clip_gradients(plain, model)
            optimizer.step()
            step += 1
            if step % LOOK == 0 or step == steps:
                loss = batch.loss.item()
    return Overfit(loss, step, goal)


def overfit_variants(
    experiment: Experiment,
    profile: Profile,
    *,
    only: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    device: str = "auto",
) -> dict[str, Overfit]:
    """Let every variant of an experiment, with its first seed, learn one batch by heart.

    Raises:
        PodiumError: for an unknown variant or field, or no such device.
    """
    found: dict[str, Overfit] = {}
    for variant in experiment.runs(profile, only=only, settings=settings):
        if variant.name not in found:
            found[variant.name] = overfit_one_batch(variant.config, device)
    return found
