import math

import pytest

from podium.press.numbers import difference, number
from podium.press.results import load_results, mean_interval, paired_difference, results_from
from podium.runs import read_runs
from podium.spec import PodiumError, ViTConfig

NAME = "positional_encoding"


def test_a_number_and_its_receipt(trained):
    results = load_results(trained, NAME)
    n = number(results, "learned", "test_accuracy")
    it = mean_interval(list(results.by_seed("learned", "test_accuracy").values()))
    assert n.value == pytest.approx(it.mean, abs=1e-12)
    assert str(n) == f"{n.text} %"
    assert n.interval.startswith("95 % interval 9")
    assert n.interval.endswith(", 5 seeds")
    assert n.verdict == ""
    r = n.receipt
    assert r["title"] == f"Where {n} comes from"
    assert r["is"] == "mean test accuracy on 10,000 pictures, variant learned"
    assert "95 % t interval, 5 seeds" in r["interval"]
    assert [s["seed"] for s in r["seeds"]] == [0, 1, 2, 3, 4]
    assert r["seeds"][0]["run"].startswith("learned-s0-")
    assert (r["code"], r["dirty"], r["data"]) == ("3f9c1e2, clean tree", False, "mnist 6bbc9ace")
    assert r["hardware"] == "2 CPU cores (a processor), 18 s a run"
    assert (r["profile"], r["again"]) == ("full profile", "podium train positional_encoding --profile full")
    assert "never chosen on test" in r["aggregation"]
    assert "Wilson" in r["test pictures"]


def test_digits_can_be_asked_for(trained):
    results = load_results(trained, NAME)
    assert len(number(results, "learned", "test_accuracy", digits=3).text.partition(".")[2]) == 3
    assert difference(results, "learned", "none", "test_accuracy", digits=0).text == "+2"


def test_other_units(trained):
    results = load_results(trained, NAME)
    assert str(number(results, "learned", "parameters")) == "105,000"
    assert str(number(results, "learned", "seconds")) == "18 s"
    loss = number(results, "learned", "val_loss")
    assert loss.unit == "nats"
    assert loss.receipt["aggregation"] == "mean over seeds, last epoch"


def test_a_difference_and_its_receipt(trained):
    results = load_results(trained, NAME)
    d = difference(results, "learned", "none", "test_accuracy")
    it = paired_difference(results.by_seed("learned", "test_accuracy"), results.by_seed("none", "test_accuracy"))
    assert (d.value, d.verdict, d.unit) == (pytest.approx(it.mean), "shown", "points")
    assert d.text.startswith("+2.")
    assert d.interval.endswith("5 paired seeds")
    assert d.receipt["is"] == "test accuracy on 10,000 pictures: learned minus none"
    assert " and none-s0-" in d.receipt["seeds"][0]["run"]
    back = difference(results, "none", "learned", "test_accuracy")
    assert back.text == d.text.replace("+", "\N{MINUS SIGN}")


def test_one_quick_seed_from_a_changed_tree(project, write):
    for variant in ("none", "learned"):
        write(project.runs, variant, profile="quick", epochs=2, config=ViTConfig(position=variant, train_images=10_000),
              provenance={"dirty": True, "hardware": {"cpu": "a", "cores": 2, "gpu": ""}, "data": ["mnist", "x"]},
              summary={"test_accuracy": 0.9})  # fmt: skip
    results = results_from(read_runs(project.runs, NAME), NAME)
    n = number(results, "learned", "test_accuracy")
    assert (str(n), n.interval) == ("90.0 %", "one seed, no interval")
    assert n.receipt["interval"] == "one seed, no interval"
    assert (n.receipt["code"], n.receipt["dirty"]) == ("3f9c1e2, uncommitted changes", True)
    assert (n.receipt["hardware"], n.receipt["data"]) == ("2, a", "mnist, x")
    assert n.receipt["profile"] == "quick profile: 2 epochs, 10,000 images, CPU"
    assert n.receipt["again"] == "podium train positional_encoding"
    assert "test pictures" not in n.receipt
    d = difference(results, "learned", "none", "test_accuracy")
    assert (d.text, d.verdict, d.interval) == ("0.00", "too few seeds", "one paired seed, no interval")


def test_runs_without_provenance(project, write):
    folder = write(project.runs, "learned", epochs=1)
    record = folder / "record.jsonl"
    record.write_text(
        record.read_text().replace('"commit": "3f9c1e2ab0c4", ', "").replace('"data": "mnist 6bbc9ace", ', "")
    )
    results = results_from(read_runs(project.runs, NAME), NAME)
    receipt = number(results, "learned", "test_accuracy").receipt
    assert receipt["code"] == "not under git"
    assert receipt["data"] == "not recorded"


def test_missing_numbers_are_errors(trained, write):
    results = load_results(trained, NAME)
    with pytest.raises(PodiumError, match="did you mean 'rotary'"):
        number(results, "rotery", "test_accuracy")
    with pytest.raises(PodiumError, match="no metric 'bleu'"):
        difference(results, "rotary", "none", "bleu")
    write(trained.runs, "learned", seed=9, config=ViTConfig(position="learned"), summary={"test_accuracy": math.nan})
    with pytest.raises(PodiumError, match="not finite for seed 9"):
        number(load_results(trained, NAME), "learned", "test_accuracy")
