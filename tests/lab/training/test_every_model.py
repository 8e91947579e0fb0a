"""Every model that there is, found by itself: it builds, learns in one step, and learns one batch by heart."""

import itertools
from typing import get_args, get_origin

import pytest
import torch

from podium.lab.models import MODELS, build_model
from podium.lab.training.describe import describe
from podium.lab.training.overfitting import overfit_one_batch
from podium.lab.training.stages import Batch, run_stages
from podium.lab.training.tasks import build_task
from podium.spec import CONFIGS, Config, PodiumError, field_types

CPU = torch.device("cpu")
SMALL = {
    "dim": 16, "depth": 1, "decoder_depth": 1, "heads": 2, "channels": 8, "digits": 2, "patch": 14, "batch_size": 8,
    "train_images": 8, "validation_images": 40, "learning_rate": 2e-2, "augment": 0.0,
}  # fmt: skip
SHARED = field_types(Config)
TAKEN = {name for name in dir(torch.nn.Module) if callable(getattr(torch.nn.Module, name))}
UNLEARNT = {"decoding", "fresh"}  # what comes after learning, or before it
OF_ATTENTION = ("loss", "ignore_padding", "padding_mask", "attention", "scores")


def small(model):
    known = field_types(CONFIGS[model])
    return CONFIGS[model]().but(**{name: value for name, value in SMALL.items() if name in known})


def choices(model):
    """Return every field of a family that is a choice or a switch, with what it may be."""
    own = {name: kind for name, kind in field_types(CONFIGS[model]).items() if name not in SHARED}
    found = {name: get_args(kind) for name, kind in own.items() if get_origin(kind) is not None}
    return {**found, **{name: (False, True) for name, kind in own.items() if kind is bool}}


def variants():
    """Every choice of every field, one at a time; and each encoding with each reader, where there are readers."""
    for model in MODELS:
        options = choices(model)
        for name, values in options.items():
            by = {"reader": "attention"} if "reader" in options and name in OF_ATTENTION else {}
            yield from ((model, {name: value, **by}) for value in values)
        pairs = [name for name in ("position", "reader") if name in options]
        if len(pairs) == 2:
            yield from (
                (model, dict(zip(pairs, values, strict=True)) | {"encoder": "transformer"})
                for values in itertools.product(*(options[name] for name in pairs))
            )


def named(case):
    return "-".join(map(str, case.values())) if isinstance(case, dict) else case


def gradient_step(task, model, batch, rate):
    loss = run_stages(task.stages, batch).loss
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        size = torch.stack([p.grad.square().sum() for p in model.parameters() if p.grad is not None]).sum().sqrt()
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.sub_(rate * parameter.grad / size)
    return loss.item(), run_stages(task.stages, batch).loss.item()


@pytest.mark.parametrize(("model", "changes"), list(variants()), ids=named)
def test_it_builds_and_one_step_lowers_its_loss(tiny, model, changes):
    config = small(model).but(**changes)
    net = build_model(config)
    task = build_task(config, net, CPU)
    assert not [name for module in net.modules() for name in vars(module) if name in TAKEN]
    split = task.epoch_data(1)
    batch = Batch(torch.arange(8), split.images, split.targets, seed=0, step=0)
    before, after = gradient_step(task, net, batch, 0.01)
    assert after < before
    unused = [name for name, parameter in net.named_parameters() if parameter.grad is None]
    assert not unused
    measured = task.measure(task.sets.validation)
    assert set(measured) >= {"loss", "accuracy"}
    answers = task.answers(task.sets.validation.targets[:3])
    assert len(task.predict(task.sets.validation.images[:3])) == len(answers) == 3
    assert task.terms(split.targets[:8]) > 0
    assert len(task.examine()[1]["predictions"]) == 8
    assert describe(net, task.example())["parameters"] == sum(parameter.numel() for parameter in net.parameters())


def kinds():
    """Every model as it is by itself, then every choice that changes what learns, each config once."""
    seen = {small(model) for model in MODELS}
    yield from (pytest.param(model, {}, id=model) for model in MODELS)
    for model, changes in variants():
        config = small(model).but(**changes)
        if config not in seen and not UNLEARNT & changes.keys():
            seen.add(config)
            yield pytest.param(model, changes, id=f"{model}-{named(changes)}", marks=pytest.mark.slow)


@pytest.mark.parametrize(("model", "changes"), list(kinds()))
def test_it_learns_one_batch_by_heart(tiny, model, changes):
    found = overfit_one_batch(small(model).but(**changes), steps=1_500)
    assert found.reached, found
    assert found.loss < 0.01


def test_torchs_own_attention_has_no_additive_scores():
    with pytest.raises(PodiumError, match="attention='torch' has no additive scores"):
        build_model(small("vit").but(attention="torch", scores="additive"))
