"""Tasks: stages that say what they do, metrics that add up, and choices that are refused where they mean nothing."""

import pytest
import torch
from torch.nn import functional as F

from podium.lab.data import augment, sets
from podium.lab.data.sets import to_float
from podium.lab.models import build_model
from podium.lab.training.describe import describe
from podium.lab.training.stages import Batch, run_stages
from podium.lab.training.tasks import Classify, Recognise, Transcribe, build_task, encoding_sample, parts
from podium.lab.training.tasks.metrics import reading_metrics, token_hits
from podium.lab.transcripts import END, PADDING
from podium.spec import CNNConfig, LinesConfig, PodiumError

CPU = torch.device("cpu")
CNN = CNNConfig(channels=2, dim=4, train_images=64, validation_images=40, batch_size=16)
LINE = LinesConfig(
    channels=2, dim=8, heads=2, depth=1, digits=2, train_images=16, validation_images=40, encoder="cnn", batch_size=8
)


def task_of(config, found=None):
    return build_task(config, build_model(config), CPU, found)


def batch_of(task, count=8):
    split = task.epoch_data(1)
    return Batch(torch.arange(count), split.images, split.targets, 0, 0)


def stages_of(task):
    return {stage.label: stage.detail for stage in task.stages}


def test_every_model_has_its_task(tiny):
    kinds = {type(task_of(config)) for config in (CNN, tiny.TINY_VIT)}
    assert kinds == {Classify}
    assert type(task_of(tiny.TINY_READER)) is type(task_of(LINE.but(reader="attention"))) is Transcribe
    assert type(task_of(LINE)) is Recognise


def test_data_that_is_there_already_is_used(tiny):
    first = task_of(LINE)
    assert task_of(LINE.but(seed=3), first.sets).sets is first.sets


def test_measuring_is_torchs_cross_entropy_and_a_count(tiny, monkeypatch):
    monkeypatch.setattr(parts, "EVALUATION_BATCH", 7)
    task = task_of(CNN)
    split = task.sets.validation
    logits = task.model(to_float(split.images))
    measured = task.measure(split)
    assert measured["loss"] == pytest.approx(F.cross_entropy(logits, split.targets).item(), rel=1e-5)
    assert measured["accuracy"] == pytest.approx((logits.argmax(-1) == split.targets).float().mean().item())


def test_smoothing_and_weights_are_of_training_alone(tiny):
    plain, weighted = task_of(CNN), task_of(CNN.but(class_weights="balanced", label_smoothing=0.1))
    assert plain.measure(plain.sets.test) == weighted.measure(weighted.sets.test)
    ours = run_stages(weighted.stages[:-1], batch_of(weighted))
    wanted = F.cross_entropy(ours.logits, ours.targets, weight=weighted.weights_V, label_smoothing=0.1)
    assert weighted.loss(ours).loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert stages_of(weighted)["Cross-entropy"] == "label smoothing 0.1, class weights"


def test_padding_counts_where_it_is_not_ignored(tiny):
    usual, all_of_it = task_of(tiny.TINY_READER), task_of(tiny.TINY_READER.but(ignore_padding=False))
    batch = run_stages(usual.stages[:-1], batch_of(usual))
    wanted = batch.targets[:, 1:]
    theirs = F.cross_entropy(batch.logits.flatten(0, 1), wanted.flatten(), ignore_index=PADDING)
    assert usual.loss(batch).loss.item() == pytest.approx(theirs.item(), rel=1e-5)
    theirs = F.cross_entropy(batch.logits.flatten(0, 1), wanted.flatten())
    assert all_of_it.loss(batch).loss.item() == pytest.approx(theirs.item(), rel=1e-5)
    assert usual.terms(batch.targets) == (wanted != PADDING).sum()
    assert all_of_it.terms(batch.targets) == wanted.numel()
    assert stages_of(all_of_it)["Cross-entropy"] == "next token, padding too"


def test_an_order_blind_reader(tiny):
    task = task_of(tiny.TINY_READER.but(loss="order_blind"))
    batch = run_stages(task.stages, batch_of(task))
    assert batch.loss > 0
    assert task.terms(batch.targets) == 8
    assert stages_of(task)["Order-blind loss"] == "counts of tokens, padding left out"
    with pytest.raises(PodiumError, match="takes no class_weights"):
        task_of(tiny.TINY_READER.but(loss="order_blind", class_weights="balanced"))


@pytest.mark.parametrize("changes", [{"class_weights": "balanced"}, {"label_smoothing": 0.1}, {"loss": "order_blind"}])
def test_ctc_has_a_loss_of_its_own(tiny, changes):
    (name,) = changes
    with pytest.raises(PodiumError, match=f"reader='ctc' has a loss of its own: {name} must be"):
        task_of(LINE.but(**changes))


@pytest.mark.parametrize("decoding", ["greedy", "beam"])
def test_a_line_that_is_read_right_is_an_exact_match(tiny, monkeypatch, decoding):
    task = task_of(LINE.but(decoding=decoding))
    split = task.sets.validation
    columns = 12
    said = torch.full((len(split), columns), 10)
    said[:, 2], said[:, 6] = split.targets[:, 1], split.targets[:, 2]
    said[said > 10] = 10
    said[0, 2] = (said[0, 2] + 1) % 10  # one fault
    monkeypatch.setattr(task.model, "forward", lambda images: F.one_hot(said, 11).float() * 30)
    measured = task.measure(split)
    assert measured["exact_match"] == measured["accuracy"] == pytest.approx(1 - 1 / len(split))
    assert measured["edit_distance"] == pytest.approx(1 / len(split))
    digits = (split.targets < 10).sum().item()
    assert measured["character_error_rate"] == pytest.approx(1 / digits)
    batch = Batch(torch.arange(3), split.images, split.targets, 0, 0, logits=F.one_hot(said, 11).float() * 30)
    assert task.correct(batch).item() == pytest.approx(1 - 1 / len(split))


def test_reading_metrics_by_hand():
    found = reading_metrics(["123", "7", "00"], ["13", "", "00"])
    assert found == {"exact_match": 1 / 3, "edit_distance": 2 / 3, "character_error_rate": 2 / 6}
    assert reading_metrics([""], [""])["character_error_rate"] == 0


def test_hits_leave_padding_out():
    wanted = torch.tensor([[3, END, PADDING], [4, 4, END]])
    logits = F.one_hot(torch.tensor([[3, END, PADDING], [4, 5, END]]), 13).float()
    assert [value.item() for value in token_hits(logits, wanted)] == [4, 5]


def test_pictures_are_never_augmented_but_in_training(tiny, monkeypatch):
    strengths = {"augment": 1.0, "elastic": 0.5, "noise": 0.5, "background": 0.5}
    task = task_of(CNN.but(**strengths))
    detail = "affine, strength 1; elastic, strength 0.5; noise, strength 0.5; background, strength 0.5"
    assert stages_of(task)["Augment"] == detail
    inputs = [stage for stage in task.stages if not stage.parts]
    batch = batch_of(task)
    assert not torch.equal(run_stages(inputs, batch).images, to_float(batch.images[:8]))

    def fail(*_, **__):
        raise AssertionError

    monkeypatch.setattr(parts, "augmented", fail)
    monkeypatch.setattr(augment, "augmented", fail)
    task.measure(task.sets.test)
    task.examine()
    task.predict(task.sets.test.images[:2])
    assert "Augment" not in stages_of(task_of(CNN.but(augment=0.0)))


def test_what_lies_there_is_told(tiny, tmp_path, monkeypatch):
    assert stages_of(task_of(CNN))["MNIST"] == "64 training pictures, 28 by 28"
    assert stages_of(task_of(LINE))["Lines"] == "1 to 2 digits on 32 by 56, 16 new ones an epoch"
    stays = task_of(tiny.TINY_READER.but(fresh=False, digits=1))
    assert stages_of(stays)["Composites"] == "1 digit on 84 by 84, 64 that stay"
    assert stays.epoch_images == 64
    own = sets.Split(stays.sets.train.images[:5], stays.sets.train.targets[:5])
    found = sets.Sets(own, own, own, "scans 01234567")
    folder = task_of(tiny.TINY_READER.but(dataset="scans", digits=1), found)
    assert stages_of(folder)["scans"] == "5 labelled pictures, 84 by 84"
    assert folder.epoch_images == 5


def test_a_model_without_positions_has_no_encoding_to_show(tiny):
    assert encoding_sample(CNN, build_model(CNN)) is None
    table = encoding_sample(tiny.TINY_VIT, build_model(tiny.TINY_VIT))
    assert table["name"] == "learned"
    assert len(table["table"]) == 4


def test_what_makes_other_numbers_stands_on_the_slide(tiny):
    assert stages_of(task_of(LINE))["Lines"] == "1 to 2 digits on 32 by 56, 16 new ones an epoch"
    assert stages_of(task_of(LINE.but(curriculum=0.3)))["Lines"].endswith("longer and longer over 30% of the epochs")
    assert stages_of(task_of(LINE.but(digit_augment=1.0)))["Lines"].endswith("an epoch, each digit bent its own way")


JOINT = LINE.but(reader="attention", auxiliary=0.3)


def test_an_auxiliary_ctc_is_a_share_of_attentions_loss(tiny):
    """Both sums over the same number of tokens, by torch's own losses."""
    task = task_of(JOINT)
    assert stages_of(task)["Cross-entropy"] == "next token, padding left out; 30% CTC over the columns"
    batch = run_stages(task.stages, batch_of(task))
    wanted = batch.targets[:, 1:]
    spoken = F.cross_entropy(batch.logits.flatten(0, 1), wanted.flatten(), ignore_index=PADDING, reduction="sum")
    logs = batch.columns.log_softmax(-1).transpose(0, 1)
    widths, lengths = torch.full((8,), len(logs)), (wanted < 10).sum(dim=1)
    spelt = F.ctc_loss(logs, wanted.where(wanted < 10, 0), widths, lengths, blank=10, reduction="sum")
    expected = (0.7 * spoken + 0.3 * spelt) / (wanted != PADDING).sum()
    torch.testing.assert_close(batch.loss, expected)
    batch.loss.backward()
    assert all(parameter.grad is not None for parameter in task.model.parameters())


def test_an_auxiliary_ctc_is_of_training_alone(tiny):
    plain, joint = task_of(JOINT.but(auxiliary=0.0)), task_of(JOINT)
    assert joint.model.state_dict().keys() - plain.model.state_dict().keys() == {"spelling.weight", "spelling.bias"}
    assert joint.measure(joint.sets.test) == plain.measure(plain.sets.test)
    assert describe(joint.model, joint.example())["parameters"] == sum(p.numel() for p in joint.model.parameters())
