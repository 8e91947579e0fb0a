import math

import pytest

from podium.press.results import load_results, results_from
from podium.runs import read_runs
from podium.spec import PodiumError, ViTConfig


def results(project, name="positional_encoding"):
    return results_from(read_runs(project.runs, name), name)


def test_a_row_a_run_with_everything_it_says(trained):
    found = results(trained)
    assert len(found.runs) == 20
    assert len(found.history) == 20 * 12
    row = found.rows("rotary").iloc[0]
    assert (row["position"], row["seed"], row["state"]) == ("rotary", 0, "finished")
    assert (row["commit"], row["test_images"], row["versions"]) == ("3f9c1e2ab0c4", 10_000, {"torch": "2.11.0"})
    assert found.variants == ["none", "sinusoidal", "learned", "rotary"]  # the order in which they were trained
    assert found.profile_note == ""
    assert {"run", "variant", "seed", "epoch", "val_accuracy"} <= set(found.history)
    assert "test_accuracy" in found.metrics()
    assert "learning_rate" not in found.metrics()
    assert "versions" not in found.metrics()


def test_models_and_samples_of_a_variant(trained, write):
    found = results(trained)
    assert found.model()["root"] == "ViT"
    assert found.sample("learned")["encoding"]["name"] == "learned"
    write(trained.runs, "bare", samples={})
    with pytest.raises(PodiumError, match="'bare', hold no samples"):
        results(trained).sample("bare")


def test_values_come_from_the_summary_else_the_last_epoch(trained):
    found = results(trained)
    rows = found.rows("learned")
    assert found.by_seed("learned", "test_accuracy") == dict(zip(rows["seed"], rows["test_accuracy"], strict=True))
    last = found.history[(found.history["variant"] == "learned") & (found.history["epoch"] == 12)]
    assert found.by_seed("learned", "val_accuracy") == dict(zip(last["seed"], last["val_accuracy"], strict=True))
    assert found.curves("learned", "val_accuracy").shape == (12, 5)


def test_unknown_names_name_the_nearest(trained):
    found = results(trained)
    with pytest.raises(PodiumError, match="did you mean 'learned'"):
        found.by_seed("learnt", "test_accuracy")
    with pytest.raises(PodiumError, match="did you mean 'test_accuracy'"):
        found.by_seed("learned", "test_acuracy")
    with pytest.raises(PodiumError, match="no metric by epoch 'test_accuracy'; did you mean 'val_accuracy'"):
        found.curves("learned", "test_accuracy")


@pytest.mark.parametrize("value", [math.nan, None, math.inf])
def test_a_missing_value_is_never_averaged_away(trained, write, value):
    write(trained.runs, "learned", seed=7, config=ViTConfig(position="learned"), summary={"test_accuracy": value})
    with pytest.raises(PodiumError, match="test_accuracy is missing or not finite for seed 7 of 6"):
        results(trained).by_seed("learned", "test_accuracy")


def test_a_run_without_history_or_value(project, write):
    write(project.runs, "learned", epochs=1)
    folder = write(project.runs, "learned", seed=1, epochs=1, summary={})
    lines = [line for line in (folder / "record.jsonl").read_text().splitlines() if '"epoch":' not in line]
    (folder / "record.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(PodiumError, match="val_accuracy is missing"):
        results(project).by_seed("learned", "val_accuracy")


def test_sweeps_and_unfinished_runs_are_not_compared(trained, write):
    write(trained.runs, "trial-000", sweep="ab12cd34", epochs=3)
    write(trained.runs, "cut", state="running", epochs=3)
    write(trained.runs, "broken", state="failed", epochs=3)
    found = results(trained)
    assert len(found.runs) == 23
    assert found.variants == ["none", "sinusoidal", "learned", "rotary"]


def test_nothing_finished(project, write):
    write(project.runs, "cut", state="running", epochs=3)
    with pytest.raises(PodiumError, match=r"No run of positional_encoding is finished \(1 running\)"):
        _ = results(project).variants
    with pytest.raises(PodiumError, match=r"optimizer has no runs\. Run `podium train optimizer`"):
        results(project, "optimizer")


def test_only_running_and_no_epoch(project, write):
    write(project.runs, "cut", state="running", epochs=1)
    assert len(results(project).history) == 1


def test_quick_runs_say_so_and_full_ones_replace_them(project, write):
    for variant in ("none", "learned"):
        quick = ViTConfig(position=variant, train_images=10_000)
        write(project.runs, variant, profile="quick", epochs=2, config=quick)
    assert results(project).profile_note == "quick profile: 2 epochs, 10,000 images, CPU"
    write(project.runs, "none", config=ViTConfig(position="none"))
    assert results(project).profile == "quick"  # half a full comparison is none
    write(project.runs, "learned")
    assert results(project).profile == "full"
    assert len(results(project).compared) == 2


def test_quick_notes_name_ranges_and_devices(project, write):
    write(project.runs, "none", profile="quick", epochs=2, provenance={"device": "NVIDIA H100"})
    write(project.runs, "learned", profile="quick", epochs=3)
    assert results(project).profile_note == "quick profile: 2 to 3 epochs, 60,000 images, CPU and NVIDIA H100"


def test_settings_of_the_newest_run_count(project, write):
    for seed in (0, 1):
        write(project.runs, "learned", seed=seed, epochs=2, provenance={"started": "2026-01-01"})
    write(project.runs, "learned", seed=1, epochs=4, provenance={"started": "2026-02-01"})
    assert results(project).compared["epochs"].tolist() == [4]


def test_sources(trained):
    assert len(load_results(trained, "positional_encoding", "local").runs) == 20
    with pytest.raises(PodiumError, match="did you mean 'optimizer'"):
        load_results(trained, "optimiser")
    with pytest.raises(PodiumError, match=r"optimizer has no runs on this machine\. Run `podium train optimizer`"):
        load_results(trained, "optimizer")
    with pytest.raises(PodiumError, match=r"no frozen runs.*podium freeze optimizer"):
        load_results(trained, "optimizer", "frozen")
    with pytest.raises(PodiumError, match="no source of runs 'wandb'"):
        load_results(trained, "positional_encoding", "wandb")
