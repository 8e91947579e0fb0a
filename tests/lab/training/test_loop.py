import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from podium.lab.models import build_model
from podium.lab.training import checkpoint, loop, recording
from podium.lab.training.experiment import is_done
from podium.lab.training.loop import choose_device, train_run
from podium.lab.training.tasks import Classify, build_task
from podium.lab.training.usage import CLOCK
from podium.runs import append_event, read_record, run_folder
from podium.runs.tracking import Silent
from podium.spec import PodiumError, Variant

CPU = torch.device("cpu")


def train(project, tiny, config, **changes):
    return train_run(
        project, tiny.TINY, Variant("v", config), "quick", **{"tracker_mode": "off", "device": "cpu", **changes}
    )


def numbers_of(record):
    rows = [{k: v for k, v in row.items() if k not in CLOCK} for row in record.history]
    return rows, {k: v for k, v in record.summary.items() if k not in CLOCK}, record.samples


def weights(record):
    kept = checkpoint.load_checkpoint(record.folder, record.folder.name[-8:])
    parts = {"model": kept.model, "average": kept.average or {}, "best": kept.best or {}}
    return {(part, name): value for part, values in parts.items() for name, value in values.items()}


def assert_same_run(one, other):
    assert numbers_of(one) == numbers_of(other)
    mine, its = weights(one), weights(other)
    assert mine.keys() == its.keys()
    assert all(torch.equal(mine[name], its[name]) for name in mine)


def test_a_classifier_leaves_a_whole_record(project, tiny):
    moments = []
    record = train(project, tiny, tiny.TINY_VIT, progress=moments.append)
    assert (record.state, record.reason, record.experiment, record.profile) == ("finished", "", "tiny", "quick")
    assert record.config == tiny.TINY_VIT.as_dict()
    assert record.provenance["data"] == "MNIST madeup00"
    assert record.provenance["device"] == "cpu"
    assert [row["epoch"] for row in record.history] == [1, 2, 3]
    assert set(record.history[0]) == {
        "epoch",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "gradient_norm",
        "images_per_second",
        "memory",
        "seconds",
    }
    assert all(row["memory"] > 50 and row["images_per_second"] > 0 for row in record.history)
    assert record.summary["peak_memory"] >= record.history[0]["memory"] * 0.99
    assert record.summary["images_per_second"] > 0
    layers = [row["layer"] for row in record.samples["gradients"]["layers"]]
    assert layers[-3:] == ["encoder.blocks.0", "encoder.norm", "head"]
    assert record.samples["gradients"]["epochs"] == [1, 2, 3]
    assert [len(row["predicted"]) for row in record.samples["progress"]["epochs"]] == [8, 8, 8]
    assert record.history[-1]["train_loss"] < record.history[0]["train_loss"]
    assert record.summary["val_accuracy"] == record.history[-1]["val_accuracy"]
    assert 0 <= record.summary["test_accuracy"] <= 1
    assert record.summary["test_images"] == 40
    assert record.summary["parameters"] == record.model["parameters"]
    assert len(record.samples["predictions"]) == 8
    assert record.samples["predictions"][0]["picture"].startswith("data:image/png;base64,")
    assert record.samples["encoding"]["name"] == "learned"
    assert len(record.samples["encoding"]["table"]) == 4
    assert moments[-1].epochs_done == 3
    assert "accuracy" in str(moments[-1])


def test_a_reader_measures_whole_numbers(project, tiny):
    record = train(project, tiny, tiny.TINY_READER)
    assert record.state == "finished"
    assert {"val_exact_match", "val_edit_distance", "test_exact_match", "test_edit_distance"} <= set(record.summary)
    assert record.summary["test_images"] == 24
    assert all(sample["correct"].isdigit() for sample in record.samples["predictions"])
    assert [step["label"] for step in record.model["pipeline"][:2]] == ["MNIST", "Composites"]


def test_the_pipeline_on_the_slide_is_what_runs(project, tiny, monkeypatch):
    ran = []
    whole = loop.run_stages

    def spied(stages, batch):
        ran.append([stage.label for stage in stages if stage.run is not None])
        return whole(stages, batch)

    monkeypatch.setattr(loop, "run_stages", spied)
    record = train(project, tiny, tiny.TINY_VIT.but(epochs=1))
    described = record.model["pipeline"]
    assert ran[0] == [step["label"] for step in described if step["kind"] == "code"]
    assert [step["label"] for step in described] == [
        "MNIST",
        "Batch of 32",
        "Normalise",
        "Augment",
        "ViT",
        "Cross-entropy",
        "AdamW",
    ]


def test_no_stage_that_does_nothing(project, tiny):
    record = train(project, tiny, tiny.TINY_VIT.but(epochs=1, augment=0.0))
    assert "Augment" not in [step["label"] for step in record.model["pipeline"]]


def test_seeds_decide_everything(project, tiny):
    first = train(project, tiny, tiny.TINY_VIT)
    torch.manual_seed(99)  # hidden state has no say
    other = train_run(project, tiny.TINY, Variant("again", tiny.TINY_VIT), "quick", tracker_mode="off", device="cpu")
    assert_same_run(first, other)
    assert train(project, tiny, tiny.TINY_VIT.but(seed=4)).history[0] != first.history[0]


@pytest.mark.slow
@pytest.mark.parametrize(("family", "kills"), [("vit", (2, 7, 4)), ("reader", (5,)), ("practice", (5,))])
def test_killed_and_resumed_equals_unbroken(project, tiny, tmp_path, family, kills):
    """SIGKILL after some reports of progress, wherever the process then is; again and again."""
    for reports in kills:
        process = subprocess.Popen(
            [sys.executable, str(tiny.path), str(tmp_path), family], stdout=subprocess.PIPE, text=True
        )
        for _ in range(reports):
            process.stdout.readline()
        time.sleep(random.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
    config = tiny.FAMILIES[family].but(epochs=6)
    resumed = train_run(project, tiny.TINY, Variant("killed", config), "quick", tracker_mode="off", device="cpu")
    unbroken = train_run(project, tiny.TINY, Variant("unbroken", config), "quick", tracker_mode="off", device="cpu")
    assert resumed.state == "finished"
    assert_same_run(resumed, unbroken)


def stop_after(epochs):
    def progress(moment):
        if moment.epochs_done > epochs:
            raise KeyboardInterrupt

    return progress


def test_ctrl_c_leaves_a_run_that_resumes(project, tiny):
    with pytest.raises(KeyboardInterrupt):
        train(project, tiny, tiny.TINY_VIT, progress=stop_after(1))
    folder = run_folder(project.runs, "tiny", "v", tiny.TINY_VIT)
    assert read_record(folder).state == "interrupted"
    said = []
    resumed = train(project, tiny, tiny.TINY_VIT, notify=said.append)
    assert said == [f"{folder.name} goes on after epoch 1."]
    other = train_run(project, tiny.TINY, Variant("other", tiny.TINY_VIT), "quick", tracker_mode="off", device="cpu")
    assert_same_run(resumed, other)


@pytest.mark.parametrize(
    "practice",
    [
        {"average": 0.9},
        {"patience": 9},
        {"average": 0.9, "patience": 9},
        {"accumulate": 3},
        {"checkpoint_activations": True},
        {"precision": "bfloat16"},
    ],
    ids=" ".join,
)
def test_what_is_resumed_equals_what_was_not(project, tiny, practice):
    config = tiny.TINY_VIT.but(**practice)
    with pytest.raises(KeyboardInterrupt):
        train(project, tiny, config, progress=stop_after(1))
    resumed = train(project, tiny, config)
    other = train_run(project, tiny.TINY, Variant("other", config), "quick", tracker_mode="off", device="cpu")
    assert_same_run(resumed, other)


def test_a_corrupt_checkpoint_starts_again_and_says_so(project, tiny):
    with pytest.raises(KeyboardInterrupt):
        train(project, tiny, tiny.TINY_VIT, progress=stop_after(2))
    folder = run_folder(project.runs, "tiny", "v", tiny.TINY_VIT)
    (folder / checkpoint.FILE).write_bytes(b"torn")
    said = []
    resumed = train(project, tiny, tiny.TINY_VIT, notify=said.append)
    assert "from the beginning" in said[0]
    other = train_run(project, tiny.TINY, Variant("other", tiny.TINY_VIT), "quick", tracker_mode="off", device="cpu")
    assert_same_run(resumed, other)


def test_a_checkpoint_ahead_of_its_record_is_not_believed(project, tiny):
    first = train(project, tiny, tiny.TINY_VIT)
    record = first.folder / "record.jsonl"
    kept = [line for line in record.read_text().splitlines(keepends=True) if '"event": "epoch"' not in line]
    record.write_text("".join(line for line in kept if '"event": "end"' not in line))
    assert numbers_of(train(project, tiny, tiny.TINY_VIT)) == numbers_of(first)


def test_a_run_killed_before_its_description_gets_one(project, tiny):
    config = tiny.TINY_VIT.but(epochs=1)
    append_event(
        run_folder(project.runs, "tiny", "v", config),
        "start",
        experiment="tiny",
        variant="v",
        profile="quick",
        sweep="",
        config=config.as_dict(),
        provenance={},
    )
    assert train(project, tiny, config).model["root"] == "ViT"


def test_a_run_is_pruned_between_epochs(project, tiny):
    seen = []

    def stop(history):
        seen.append([row["epoch"] for row in history])
        return "weak" if len(history) == 2 else ""

    record = train(project, tiny, tiny.TINY_VIT, stop=stop)
    assert (record.state, record.reason, len(record.history)) == ("pruned", "weak", 2)
    assert seen == [[1], [1, 2]]
    assert record.summary["val_accuracy"] == record.history[-1]["val_accuracy"]
    assert not [name for name in record.summary if name.startswith("test_")]
    again = train(project, tiny, tiny.TINY_VIT)
    other = train_run(project, tiny.TINY, Variant("other", tiny.TINY_VIT), "quick", tracker_mode="off", device="cpu")
    assert_same_run(again, other)


def test_nobody_is_asked_after_the_last_epoch(project, tiny):
    assert train(project, tiny, tiny.TINY_VIT.but(epochs=1), stop=lambda _: "weak").state == "finished"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
@pytest.mark.parametrize("place", ["build_model", "run_stages"])
def test_want_of_memory_fails_the_run_and_may_be_tried_again(project, tiny, monkeypatch, error, place):
    def fail(*_, **__):
        raise error

    config = tiny.TINY_VIT.but(epochs=1)
    with monkeypatch.context() as starved:
        starved.setattr(loop, place, fail)
        record = train(project, tiny, config)
    assert record.state == "failed"
    assert record.reason.startswith("out of memory: ")
    assert "\n" not in record.reason
    assert not is_done(record)
    assert train(project, tiny, config).state == "finished"


def test_other_errors_keep_their_traceback(project, tiny, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(loop, "run_stages", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        train(project, tiny, tiny.TINY_VIT)


def test_a_loss_that_is_no_number_fails_the_run_alone(project, tiny):
    record = train(project, tiny, tiny.TINY_VIT.but(learning_rate=1e30, clip=None, warmup=0.0))
    assert record.state == "failed"
    assert "in epoch 1; a lower learning rate may help" in record.reason


def test_devices():
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in ("cpu", "cuda")
    with pytest.raises(PodiumError, match="must be auto, cpu or cuda; not 'tpu'"):
        choose_device("tpu")


def test_no_gpu_is_a_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(PodiumError, match="A GPU was asked for, and torch finds none here"):
        choose_device("cuda")


def test_a_gpu_is_called_by_its_own_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    assert choose_device("auto").type == "cuda"
    assert loop.device_name(choose_device("cuda")) == "NVIDIA H200"


def test_a_full_disk_is_a_sentence_and_nothing_is_lost(project, tiny, monkeypatch):
    def full(*_, **__):
        raise PodiumError("The checkpoint cannot be written: No space left on device.")

    with monkeypatch.context() as broken:
        broken.setattr(loop, "save_checkpoint", full)
        with pytest.raises(PodiumError, match="No space left"):
            train(project, tiny, tiny.TINY_VIT)
    assert train(project, tiny, tiny.TINY_VIT).state == "finished"


def test_the_tracker_hears_of_every_epoch_once_resumed(project, tiny, monkeypatch):
    heard = []

    class Listening(Silent):
        def log(self, metrics, step):
            heard.append(step)

        def finish(self, summary):
            heard.append(sorted(summary))

    with pytest.raises(KeyboardInterrupt):
        train(project, tiny, tiny.TINY_VIT, progress=stop_after(1))
    monkeypatch.setattr(recording, "open_tracker", lambda *_, **__: Listening())
    train(project, tiny, tiny.TINY_VIT)
    assert heard[:3] == [1, 2, 3]
    assert "test_accuracy" in heard[3]


def test_activations_computed_again_change_nothing(project, tiny):
    plain = train(project, tiny, tiny.TINY_VIT)
    again = train(project, tiny, tiny.TINY_VIT.but(checkpoint_activations=True))
    assert_same_run(plain, again)


def test_bfloat16_is_near_and_another_result(project, tiny):
    plain = train(project, tiny, tiny.TINY_VIT.but(epochs=1))
    half = train(project, tiny, tiny.TINY_VIT.but(epochs=1, precision="bfloat16"))
    assert half.history[0]["train_loss"] != plain.history[0]["train_loss"]
    assert half.history[0]["train_loss"] == pytest.approx(plain.history[0]["train_loss"], rel=0.05)
    assert {value.dtype for value in weights(half).values()} == {torch.float32}


def test_averaged_weights_are_judged_and_kept(project, tiny):
    config = tiny.TINY_VIT.but(average=0.9)
    record, plain = train(project, tiny, config), train(project, tiny, tiny.TINY_VIT)
    assert [row["train_loss"] for row in record.history] == [row["train_loss"] for row in plain.history]
    assert record.history[-1]["val_loss"] != plain.history[-1]["val_loss"]
    kept = checkpoint.load_checkpoint(record.folder, config.digest())
    assert kept.judged == {**kept.model, **kept.average}
    model = build_model(config)
    model.load_state_dict(kept.judged)
    task = build_task(config, model, CPU)
    assert task.measure(task.sets.test)["loss"] == record.summary["test_loss"]
    assert "weights averaged, 0.9" in record.model["pipeline"][-1]["detail"]


def test_a_run_without_progress_stops_early_with_its_best_weights(project, tiny, monkeypatch):
    values = iter([0.5, 0.9, 0.8, 0.7, 0.95, 0.95])  # of three epochs and a half; then of the test set

    def measured(self, split, whole=Classify.measure):
        return {**whole(self, split), "accuracy": next(values)}

    monkeypatch.setattr(Classify, "measure", measured)
    config = tiny.TINY_VIT.but(epochs=9, patience=2)
    record = train(project, tiny, config)
    assert (record.state, len(record.history)) == ("finished", 4)
    assert record.reason == "stopped early: no better val_accuracy than epoch 2's in the last 2 epochs"
    assert record.summary["best_epoch"] == 2
    assert record.summary["val_accuracy"] == 0.9
    assert record.summary["val_loss"] == record.history[1]["val_loss"]
    kept = checkpoint.load_checkpoint(record.folder, config.digest())
    assert not torch.equal(kept.best["head.weight"], kept.model["head.weight"])
    assert is_done(record)


def test_memory_does_not_grow_over_epochs(project, tiny):
    record = train(project, tiny, tiny.TINY_VIT.but(epochs=30, average=0.9, accumulate=2))
    held = [row["memory"] for row in record.history]
    assert max(held[20:]) - max(held[5:10]) < 4, held  # MiB; 20 epochs that each kept their pictures would take 6
