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


def test_waves_end_where_variants_start_from_one_another(tiny):
    a, b = (Variant(one, tiny.TINY_VIT.but(start_from=f"tiny/{other}")) for one, other in ("ab", "ba"))
    assert waves("tiny", [a, b]) == [[a, b]]
