"""Every model that can be stacked has, in a stack, the loss and the gradients that it has alone."""

import pytest
import torch

from podium.lab.models import MODELS, build_model
from podium.lab.randomness import step_key
from podium.lab.training.cohort.adam import constants
from podium.lab.training.cohort.encoding import with_shared_encoding
from podium.lab.training.cohort.grouping import why_alone
from podium.lab.training.cohort.memory import Fit
from podium.lab.training.cohort.stacking import stack
from podium.lab.training.cohort.step import Member, Step
from podium.lab.training.cohort.together import why_not
from podium.lab.training.recording import Assignment
from podium.lab.training.stages import Batch, run_stages
from podium.lab.training.tasks import build_task
from podium.spec import CNNConfig, LinesConfig, Variant, VisionToSequenceConfig, ViTConfig

CPU = torch.device("cpu")
DATA = {"train_images": 64, "validation_images": 40, "batch_size": 8, "dropout": 0.2, "label_smoothing": 0.1}
VIT = ViTConfig(dim=8, depth=1, heads=2, patch=14, **DATA)
READER = VisionToSequenceConfig(dim=8, depth=1, decoder_depth=1, heads=2, patch=28, digits=2, **DATA)
LINES = LinesConfig(dim=8, depth=1, heads=2, digits=2, channels=4, reader="attention", encoder="transformer", **DATA)
STACKED = {
    "vit": VIT,
    "vit, single heads": VIT.but(attention="single", position="rotary"),
    "vit, torch's attention": VIT.but(attention="torch"),
    "vit, torch's attention, nothing dropped": VIT.but(attention="torch", dropout=0.0),
    "vit, additive scores": VIT.but(scores="additive"),
    "vit, class token, stem": VIT.but(pool="class", stem="convolution", position="none"),
    "vit, class weights, every augmentation": VIT.but(class_weights="balanced", elastic=1.0, noise=0.5, background=0.5),
    "cnn": CNNConfig(channels=4, dim=8, **DATA),
    "cnn, residual": CNNConfig(channels=4, dim=8, residual=True, **DATA),
    "vision_to_sequence": READER,
    "vision_to_sequence, order-blind": READER.but(loss="order_blind", padding_mask=True),
    "lines": LINES,
}
ALONE = {"lstm": LINES.but(encoder="lstm"), "ctc": LINES.but(reader="ctc", label_smoothing=0.0)}


def test_every_family_is_tried():
    assert {config.model for config in STACKED.values()} == set(MODELS)


@pytest.mark.parametrize("name", STACKED)
def test_gradients_are_those_alone(tiny, name):
    configs = [STACKED[name].but(seed=seed) for seed in (1, 2)]
    members = [Member(config, with_shared_encoding(config, build_model(config))) for config in configs]
    task = build_task(members[0].live, members[0].model, CPU)
    split = task.sets.validation
    weights = stack(members, CPU)
    goes = torch.ones(2, dtype=torch.bool)
    step = Step(members[0], task, weights, fixed=constants(configs, weights.values_KP), goes_K=goes, fit=Fit(2))
    step.feed(split.images, split.targets)
    chosen = torch.stack([torch.arange(8), torch.arange(8, 16)])
    gradients, told = step.gradients(chosen, torch.tensor([step_key(config.seed, 3) for config in configs]))
    for slot, config in enumerate(configs):
        model = build_model(config).train()
        own = build_task(config, model, CPU, task.sets)
        batch = run_stages(own.stages, Batch(chosen[slot], split.images, split.targets, config.seed, 3))
        batch.loss.backward()
        torch.testing.assert_close(told[:, slot], torch.stack([batch.loss.detach(), own.correct(batch)]))
        views = weights.views(gradients)
        for place, parameter in model.named_parameters():
            torch.testing.assert_close(views[f"model.{place}"][slot], parameter.grad, rtol=1e-3, atol=1e-5, msg=place)


@pytest.mark.parametrize("name", ALONE)
def test_what_torch_has_no_rule_for_is_said(project, tiny, name):
    asked = Assignment(
        project=project, experiment=tiny.TINY, variant=Variant(name, ALONE[name]), profile="quick", device=CPU
    )
    assert name in why_not(asked)[1]  # where torch has learnt it, `why_alone` need not say it any more
    assert name in why_alone(ALONE[name]).lower()
