import pytest

from podium.lab.training.stopping import best_epoch, stop_reason, validation_metric


def rows(*values, name="val_accuracy"):
    return [{"epoch": epoch, name: value} for epoch, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("test_accuracy", "val_accuracy"),
        ("val_accuracy", "val_accuracy"),
        ("test_exact_match", "val_loss"),
        ("seconds", "val_loss"),
    ],
)
def test_the_metric_that_is_watched(metric, expected):
    assert validation_metric(metric, {"val_accuracy": 1.0, "val_loss": 0.0}) == expected


def test_the_best_epoch_is_the_first_of_equals():
    assert best_epoch(rows(0.5, 0.9, 0.9), "test_accuracy") == 2
    assert best_epoch(rows(3.0, 1.0, 1.0, name="val_edit_distance"), "test_edit_distance") == 2
    assert best_epoch(rows(3.0, 4.0, name="val_character_error_rate"), "test_character_error_rate") == 1


@pytest.mark.parametrize(
    ("values", "patience", "stops"),
    [
        ((0.5, 0.4), 1, True),
        ((0.5, 0.4), 2, False),
        ((0.5, 0.4, 0.5), 2, True),
        ((0.5, 0.4, 0.6), 2, False),
        ((0.5, 0.4, 0.3), None, False),
        ((), 1, False),
    ],
)
def test_patience(values, patience, stops):
    reason = stop_reason(rows(*values), "test_accuracy", patience)
    assert bool(reason) is stops


def test_the_reason_is_a_sentence():
    said = "stopped early: no better val_accuracy than epoch 1's in the last "
    assert stop_reason(rows(0.5, 0.4), "test_accuracy", 1) == said + "epoch"
    assert stop_reason(rows(0.5, 0.4, 0.4), "test_accuracy", 2) == said + "2 epochs"
