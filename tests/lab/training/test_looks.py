import pytest
import torch

from podium.lab.data.sets import load_sets, to_float
from podium.lab.models import build_model
from podium.lab.training import tasks
from podium.lab.training.looks import looks_of_classifier, looks_of_reader
from podium.lab.training.loop import train_run
from podium.lab.transcripts import PADDING, START
from podium.spec import CNNConfig, LinesConfig, Variant

CPU = torch.device("cpu")


def train(project, tiny, config):
    return train_run(project, tiny.TINY, Variant("v", config), "quick", tracker_mode="off", device="cpu")


def task_of(config):
    return tasks.build_task(config, build_model(config), CPU)


def test_confusion_is_the_test_set_counted(project, tiny):
    record = train(project, tiny, tiny.TINY_VIT)
    counts = torch.tensor(record.samples["confusion"])
    assert counts.shape == (10, 10)
    assert counts.sum() == record.summary["test_images"]
    assert counts.trace() / counts.sum() == pytest.approx(record.summary["test_accuracy"], abs=1e-6)
    labels = load_sets(tiny.TINY_VIT, CPU).test.targets
    assert counts.sum(1).tolist() == torch.bincount(labels, minlength=10).tolist()  # a row is a digit
    assert set(record.samples) == {"predictions", "confusion", "attention", "encoding", "gradients", "progress"}


def test_a_classifier_without_attention_keeps_none(tiny):
    found = task_of(CNNConfig(channels=4, dim=8, train_images=96, validation_images=40)).examine()[1]
    assert set(found) == {"predictions", "confusion"}
    assert len(found["predictions"]) == 8


@torch.no_grad()
def test_looks_are_the_weights_that_the_model_uses(tiny):
    config = tiny.TINY_VIT.but(depth=2, position="rotary")
    task = task_of(config)
    images = to_float(task.sets.test.images[:4])
    looks = task.examine()[1]["attention"]
    assert [look["picture"] for look in looks] == [0, 1, 2, 3]
    model = task.model
    x = model.encoder.blocks[0](model.patches(images))
    attention = model.encoder.blocks[1].attention
    normed = model.encoder.blocks[1].attention_norm(x)
    q, k = (layer(normed).unflatten(-1, (2, -1)).transpose(1, 2) for layer in (attention.query, attention.key))
    q, k = attention.rotary(q), attention.rotary(k)
    weights = torch.softmax(q @ k.mT / 8**0.5, -1).mean((1, 2))
    for look, wanted in zip(looks, weights, strict=True):
        (one,) = look["maps"]
        assert one["token"] == ""
        assert one["maximum"] == pytest.approx(float(wanted.max()), abs=1e-6)
        drawn = torch.tensor(one["map"])
        assert drawn.shape == (2, 2)
        assert torch.allclose(drawn, (wanted / wanted.max()).view(2, 2), atol=6e-4)


@torch.no_grad()
def test_a_reader_looks_once_a_digit(tiny, monkeypatch):
    config = tiny.TINY_READER
    task = task_of(config)
    images = to_float(task.sets.test.images[:4])
    read = torch.tensor([[7, 3, 11], [4, 11, 12], [11, 12, 12], [1, 2, 3]])
    monkeypatch.setattr(task.model, "read", lambda pictures: read[: len(pictures)])
    looks = looks_of_reader(task.model, images)
    assert [[one["token"] for one in look["maps"]] for look in looks] == [["7", "3"], ["4"], [], ["1", "2", "3"]]
    seen = []
    dropout = task.model.decoder.blocks[-1].cross_attention.dropout
    handle = dropout.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    task.model(images[:1], torch.tensor([[START, 7, 3]]))  # while it says 3, it has read 7
    handle.remove()
    second = seen[0].mean(1)[0, 1]
    assert looks[0]["maps"][1]["maximum"] == pytest.approx(float(second.max()), abs=1e-6)
    assert torch.tensor(looks[0]["maps"][1]["map"]).shape == (3, 3)
    assert int(read.max()) == PADDING


def test_a_reader_keeps_what_it_looked_at(project, tiny):
    record = train(project, tiny, tiny.TINY_READER)
    assert set(record.samples) == {"predictions", "attention", "encoding", "gradients", "progress"}
    assert len(record.samples["attention"]) == 4


def test_looking_changes_nothing(tiny):
    model = build_model(tiny.TINY_VIT)
    images = to_float(load_sets(tiny.TINY_VIT, CPU).test.images[:4])
    model.eval()
    before = model(images)
    looks_of_classifier(model, images)
    assert torch.equal(model(images), before)
    assert not any(module._forward_hooks for module in model.modules())


def test_models_without_blocks_have_no_looks(tiny):
    flat = build_model(tiny.TINY_VIT.but(depth=0))
    assert looks_of_classifier(flat, torch.zeros(1, 1, 28, 28)) == []
    reader = build_model(tiny.TINY_READER.but(decoder_depth=0))
    assert looks_of_reader(reader, torch.zeros(1, 1, 84, 84)) == []


@pytest.mark.parametrize("attention", ["single", "torch"])
def test_every_kind_of_attention_can_be_looked_at(tiny, attention):
    model = build_model(tiny.TINY_VIT.but(attention=attention)).eval()
    images = to_float(load_sets(tiny.TINY_VIT, CPU).test.images[:2])
    before = model(images)
    looks = looks_of_classifier(model, images)
    assert [len(look["maps"][0]["map"]) for look in looks] == [2, 2]
    assert torch.equal(model(images), before)
    if attention == "torch":
        multi = build_model(tiny.TINY_VIT)
        assert looks_of_classifier(multi, images) == looks


def test_a_class_token_looks_at_the_patches(tiny):
    model = build_model(tiny.TINY_VIT.but(pool="class"))
    looks = looks_of_classifier(model, to_float(load_sets(tiny.TINY_VIT, CPU).test.images[:2]))
    assert [torch.tensor(look["maps"][0]["map"]).shape for look in looks] == [(2, 2), (2, 2)]


def test_a_line_is_one_row_of_columns(tiny, monkeypatch):
    config = LinesConfig(
        reader="attention", encoder="cnn", dim=8, heads=2, depth=1, channels=2, digits=2, validation_images=40
    )
    task = task_of(config)
    monkeypatch.setattr(task.model, "read", lambda pictures: torch.tensor([[7, 3, 11]]))
    looks = looks_of_reader(task.model, to_float(task.sets.test.images[:1]))
    assert [torch.tensor(one["map"]).shape for one in looks[0]["maps"]] == [(1, 14), (1, 14)]
