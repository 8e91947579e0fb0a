import pytest

from podium.press.results.metrics import decimals_for, in_figures, listed, metric_named


@pytest.mark.parametrize(
    ("name", "words", "unit"),
    [
        ("test_accuracy", "test accuracy", "%"),
        ("val_exact_match", "validation exact match", "%"),
        ("train_loss", "train loss", "nats"),
        ("seconds", "training time", "s"),
        ("test_images", "test pictures", ""),
        ("grad_norm", "grad norm", ""),
    ],
)
def test_metrics_in_words(name, words, unit):
    assert (metric_named(name).words, metric_named(name).quantity.unit) == (words, unit)


@pytest.mark.parametrize(("half", "decimals"), [(0.012, 3), (0.03, 2), (0.99, 1), (1.5, 1), (25, 0), (0, 1), (1e-9, 4)])
def test_rounding_follows_the_uncertainty(half, decimals):
    assert decimals_for(half) == decimals


def test_numbers_for_people():
    assert in_figures(-1234.5, 1) == "\N{MINUS SIGN}1,234.5"
    assert in_figures(-0.0001, 2, sign=True) == "0.00"
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"], "or") == "a or b"
