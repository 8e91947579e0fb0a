import pytest
import torch

from podium.lab.models import build_model
from podium.lab.training.feeding import Feed
from podium.lab.training.optimizers import build_optimizer
from podium.lab.training.stages import Batch, pipeline, run_stages
from podium.lab.training.tasks import build_task
from podium.lab.training.updating import Update
from podium.lab.training.watching import Gradients

CPU = torch.device("cpu")


def one_step(config):
    """Return a batch after its step, the gradients that it left, and the stages."""
    config = config.but(clip=None)
    model = build_model(config)
    task = build_task(config, model, CPU)
    feed = Feed(config, task)
    optimizer = build_optimizer(config, model.parameters())
    update = Update(config, model, optimizer, 10, None, Gradients(model, feed.steps))
    split, batches = feed.epoch(1)
    stages = update.stages(task)
    batch = run_stages(stages, Batch(batches[0], split.images, split.targets, config.seed, 0))
    return batch, {name: p.grad for name, p in model.named_parameters()}, stages, task


@pytest.mark.parametrize(
    ("family", "parts", "changes"),
    [
        ("vit", 2, {}),
        ("vit", 99, {"noise": 1.0, "class_weights": "balanced"}),
        ("reader", 5, {}),
        ("reader", 3, {"loss": "order_blind"}),
        ("reader", 3, {"ignore_padding": False, "class_weights": "balanced"}),
        ("lines", 3, {"reader": "ctc", "label_smoothing": 0.0}),
        ("lines", 3, {"reader": "attention", "auxiliary": 0.3}),
    ],
)
def test_in_parts_equals_whole(tiny, family, parts, changes):
    config = tiny.FAMILIES[family].but(**{"dropout": 0.3, "augment": 1.0, "label_smoothing": 0.1, **changes})
    whole, wanted, _, task = one_step(config)
    batch, got, _, _ = one_step(config.but(accumulate=parts))
    torch.testing.assert_close(batch.loss, whole.loss)
    torch.testing.assert_close(batch.logits, whole.logits.detach(), rtol=1e-4, atol=1e-5)
    assert task.correct(batch) == task.correct(whole)
    assert wanted.keys() == got.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-3, atol=1e-6, msg=name)


def test_the_slide_says_that_it_goes_in_parts(tiny):
    stages = one_step(tiny.TINY_VIT.but(accumulate=4))[2]
    assert [(stage["kind"], stage["label"]) for stage in pipeline(stages)][-4:] == [
        ("code", "In 4 parts"),
        ("code", "ViT"),
        ("code", "Cross-entropy"),
        ("code", "AdamW"),
    ]
