import shutil

import pytest
import torch
from torch import nn

from podium.lab.models import build_model
from podium.lab.training import train_all
from podium.lab.training.checkpoint import FILE, load_checkpoint
from podium.lab.training.experiment import is_done, waves
from podium.lab.training.finetuning import encoder_parts, find_start, freeze, take_weights
from podium.lab.training.loop import train_run
from podium.press.pages.render import render
from podium.press.results import freeze as freeze_results
from podium.press.results import load_results
from podium.spec import CNNConfig, PodiumError, Variant


def train(project, tiny, name, config, **changes):
    options = {"tracker_mode": "off", "device": "cpu", **changes}
    return train_run(project, tiny.TINY, Variant(name, config), "quick", **options)


def kept(record):
    return load_checkpoint(record.folder, record.folder.name[-8:])


@pytest.fixture
def first(project, tiny):
    return train(project, tiny, "first", tiny.TINY_VIT.but(epochs=1, average=0.5))


def test_a_run_starts_with_anothers_judged_weights(project, tiny, first):
    said = []
    tuned = tiny.TINY_VIT.but(epochs=1, start_from="tiny/first", learning_rate=1e-9, weight_decay=0.0)
    record = train(project, tiny, "tuned", tuned, notify=said.append)
    assert record.provenance["start"] == f"tiny/{first.id}"
    assert record.provenance["start_fresh"] == ""
    assert said == [f"{record.id} starts from tiny/{first.id}."]
    for name, value in kept(first).judged.items():
        torch.testing.assert_close(kept(record).model[name], value, atol=1e-6, rtol=0)


def test_what_does_not_fit_begins_fresh_and_is_said(project, tiny, first):
    said = []
    wider = tiny.TINY_VIT.but(epochs=1, start_from="tiny/first", expansion=3)
    record = train(project, tiny, "wider", wider, notify=said.append)
    assert "widen.weight" in record.provenance["start_fresh"]
    assert "begin fresh" in said[0]


def test_nothing_fits(project, tiny, first):
    other = CNNConfig(epochs=1, start_from="tiny/first", train_images=32, validation_images=40)
    with pytest.raises(PodiumError, match=r"Of [\d,]+ weights of this CNN, 10 are in start_from"):
        train(project, tiny, "cnn", other)


def test_the_encoder_is_held_still(project, tiny, first):
    tuned = tiny.TINY_VIT.but(epochs=1, start_from="tiny/first", freeze="encoder")
    record = train(project, tiny, "tuned", tuned)
    before, after = kept(first).judged, kept(record).model
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}
    assert [row["layer"] for row in record.samples["gradients"]["layers"]] == ["head"]


@pytest.mark.parametrize("family", ["vit", "reader"])
def test_a_decoder_goes_on_learning(tiny, family):
    model = build_model(tiny.FAMILIES[family])
    frozen = freeze(tiny.FAMILIES[family].but(freeze="encoder"), model)
    assert model.encoder in frozen
    learning = {name.partition(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert learning == ({"head"} if family == "vit" else {"embedding", "token_position", "decoder", "head"})


def test_encoders_of_other_models():
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Linear(1, 1), nn.Softmax())
    assert encoder_parts(net) == ["0", "1"]
    assert encoder_parts(nn.Identity()) == []
    only = nn.Module()
    only.encoder = nn.Linear(1, 1)
    with pytest.raises(PodiumError, match="leaves nothing of Module to learn"):
        freeze(CNNConfig(freeze="encoder"), only)


@pytest.mark.parametrize("changes", [{"replay": 0.25}, {"freeze": "encoder"}], ids=str)
def test_a_fine_tuned_run_resumes(project, tiny, first, changes):
    tuned = tiny.TINY_VIT.but(epochs=2, start_from="tiny/first", **changes)
    for epochs in (0, 1):  # in the first epoch: it starts from the same run again; in the second

        def stop(moment, *, epochs=epochs):
            if moment.epochs_done > epochs:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(project, tiny, "tuned", tuned, progress=stop)
    resumed, unbroken = train(project, tiny, "tuned", tuned), train(project, tiny, "unbroken", tuned)
    assert kept(resumed).model.keys() == kept(unbroken).model.keys()
    assert all(torch.equal(value, kept(unbroken).model[name]) for name, value in kept(resumed).model.items())


def test_a_start_that_went_away_is_said(project, tiny, first):
    def stop(_):
        raise KeyboardInterrupt

    tuned = tiny.TINY_VIT.but(epochs=1, start_from="tiny/first")
    with pytest.raises(KeyboardInterrupt):
        train(project, tiny, "tuned", tuned, progress=stop)
    shutil.rmtree(first.folder)
    record = train(project, tiny, "tuned", tuned)
    assert record.reason == f"no weights to start from: the run tiny/{first.id}, which this one began with, is gone."
    assert not is_done(record)


def test_the_nearest_run_is_taken(project, tiny):
    config = tiny.TINY_VIT.but(epochs=1)
    runs = {seed: train(project, tiny, "first", config.but(seed=seed)) for seed in (5, 6)}
    tuned = config.but(start_from="tiny/first")
    assert find_start(project, tuned.but(seed=5), "quick").name == f"tiny/{runs[5].id}"
    assert find_start(project, tuned.but(seed=6), "quick").name == f"tiny/{runs[6].id}"
    assert find_start(project, tuned.but(seed=9), "quick").name in {f"tiny/{run.id}" for run in runs.values()}
    (runs[5].folder / FILE).write_bytes(b"torn")
    assert find_start(project, tuned.but(seed=5), "quick").name == f"tiny/{runs[6].id}"


def test_weights_from_a_file(project, tiny):
    model = build_model(tiny.TINY_VIT.but(seed=11))
    torch.save({"state_dict": model.state_dict()}, project.root / "mine.pt")
    start = find_start(project, tiny.TINY_VIT.but(start_from="mine.pt"), "quick")
    assert start.name.startswith("mine.pt ")
    other = build_model(tiny.TINY_VIT)
    assert take_weights(other, start.weights) == []
    assert torch.equal(other.head.weight, model.head.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start_from": "first"}, "must be experiment/variant, or a file ending with .pt; not 'first'"),
        ({"start_from": "tiny/none"}, "Run `podium train tiny --only 'none' --profile quick` first"),
        ({"start_from": "none.pt"}, "there is no file"),
        ({"start_from": "broken.pt"}, "holds no weights that torch reads safely"),
        ({"start_from": "list.pt"}, r"holds no model.state_dict\(\)"),
        ({"start_from": "list.pt", "replay": 0.5}, "replay needs to know what list.pt learnt from"),
        ({"replay": 0.5}, "replay mixes in pictures"),
    ],
)
def test_what_is_no_start_is_a_sentence(project, tiny, changes, message):
    (project.root / "broken.pt").write_bytes(b"not torch's")
    torch.save([1, 2], project.root / "list.pt")
    with pytest.raises(PodiumError, match=message):
        find_start(project, tiny.TINY_VIT.but(**changes), "quick")


def test_who_is_started_from_is_trained_first(project, tiny):
    config = tiny.TINY_VIT.but(epochs=1)
    asked = [Variant("tuned", config.but(start_from="tiny/first")), Variant("first", config)]
    records = train_all(project, tiny.TINY, asked, "quick", device="cpu", wandb="off")
    assert [(record.variant, record.state) for record in records] == [("tuned", "finished"), ("first", "finished")]


def test_without_an_epoch_the_start_is_measured(project, tiny, first):
    said = []
    asked = tiny.TINY_VIT.but(epochs=0, start_from="tiny/first")
    record = train(project, tiny, "zero-shot", asked, notify=said.append)
    assert (record.state, record.reason, record.history) == ("finished", "", [])
    assert record.provenance["start"] == f"tiny/{first.id}"
    assert said == [f"{record.id} starts from tiny/{first.id}."]
    assert record.model["parameters"] == first.model["parameters"]
    same = {name for name in first.summary if name.startswith(("val_", "test_"))}
    assert {name: record.summary[name] for name in same} == {name: first.summary[name] for name in same}
    of_training = {"train_loss", "train_accuracy", "gradient_norm", "images_per_second"}
    assert record.summary.keys() == first.summary.keys() - of_training
    assert record.samples["predictions"] == first.samples["predictions"]
    assert not {"gradients", "progress"} & record.samples.keys()
    assert [step["label"] for step in record.model["pipeline"]] == ["MNIST", "Normalise", "ViT"]
    assert record.model["pipeline"][0]["detail"] == "40 validation and 40 test pictures, 28 by 28"
    assert is_done(record)


def test_what_was_measured_only_is_a_start_too(project, tiny, first):
    train(project, tiny, "zero-shot", tiny.TINY_VIT.but(epochs=0, start_from="tiny/first", average=0.5))
    start = find_start(project, tiny.TINY_VIT.but(start_from="tiny/zero-shot"), "quick")
    assert all(torch.equal(value, kept(first).judged[name]) for name, value in start.weights.items())


def test_a_measurement_that_was_cut_off_is_done_again(project, tiny, first, monkeypatch):
    asked = tiny.TINY_VIT.but(epochs=0, start_from="tiny/first")

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("podium.lab.training.tasks.classify.Classify.measure", stop)
        with pytest.raises(KeyboardInterrupt):
            train(project, tiny, "zero-shot", asked)
    record = train(project, tiny, "zero-shot", asked)
    assert record.state == "finished"
    assert record.summary["test_loss"] == first.summary["test_loss"]


@pytest.mark.parametrize("family", ["reader", "lines"])
def test_readers_are_measured_without_an_epoch(project, tiny, family):
    config = tiny.FAMILIES[family].but(epochs=1)
    train(project, tiny, "first", config)
    record = train(project, tiny, "zero-shot", config.but(epochs=0, start_from="tiny/first"))
    assert {"val_exact_match", "test_exact_match", "test_character_error_rate"} <= record.summary.keys()
    assert [step["kind"] for step in record.model["pipeline"]] == ["data", "data", "code", "code"]


def test_a_measurement_stands_beside_those_who_learn(project, tiny):
    config = tiny.TINY_VIT.but(epochs=1)
    asked = [Variant("zero-shot", config.but(start_from="tiny/first", epochs=0)), Variant("first", config)]
    records = train_all(project, tiny.TINY, asked, "quick", device="cpu", wandb="off", cohort="always")
    assert [record.state for record in records] == ["finished", "finished"]
    assert records[0].summary["test_accuracy"] == records[1].summary["test_accuracy"]


DECK = """<%= slide("default", kicker="k") %>
<%= number("tiny", "zero-shot", "test_accuracy") %>
<%= table("tiny", ["test_accuracy", "seconds", "val_loss"]) %>
<%= diagram("pipeline", "tiny", "zero-shot") %>
<%= figure("curves", "tiny", metric="val_loss") %>
<%= claim("tiny", "first", "zero-shot", "test_accuracy") %>
<%= predictions("tiny", "zero-shot") %>
"""


def test_a_measurement_lands_on_a_slide_and_freezes(project, tiny):
    config = tiny.TINY_VIT.but(epochs=1)
    zero = config.but(epochs=0, start_from="tiny/first")
    asked = [Variant(name, each.but(seed=s)) for name, each in (("first", config), ("zero-shot", zero)) for s in (0, 1)]
    train_all(project, tiny.TINY, asked, "full", device="cpu", wandb="off")
    project.experiments.mkdir()
    (project.slides / "theme").mkdir(parents=True)
    deck = project.decks / "talk" / "slides.md.j2"
    deck.parent.mkdir(parents=True)
    deck.write_text(DECK)
    (project.experiments / "tiny.py").write_text(
        "from podium.spec import Experiment, ViTConfig\n"
        "EXPERIMENT = Experiment(question='?', expectation='', baseline=ViTConfig(), variants={'first': {}}, "
        "metric='test_accuracy')\n"
    )
    rendered = render(project, "talk").markdown
    assert "40 test pictures" in rendered
    assert "unequal budget: epochs" in rendered
    freeze_results(project, "tiny")
    frozen = load_results(project, "tiny", "frozen")
    assert frozen.by_seed("zero-shot", "test_accuracy") == frozen.by_seed("first", "test_accuracy")
    assert frozen.model("zero-shot")["pipeline"][-1]["label"] == "ViT"


def test_waves_end_where_variants_start_from_one_another(tiny):
    a, b = (Variant(one, tiny.TINY_VIT.but(start_from=f"tiny/{other}")) for one, other in ("ab", "ba"))
    assert waves("tiny", [a, b]) == [[a, b]]
