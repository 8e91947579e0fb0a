"""Metrics in words: how a results column is named, scaled and rounded for people.

A metric's name is `<split>_<quantity>`; `test_accuracy` is the quantity `accuracy` on the split `test`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Quantity:
    """What a metric measures.

    Attributes:
        words: its name in a sentence.
        unit: what stands behind a value, such as "%".
        step: what stands behind a difference, such as "points".
        scale: what the stored value is multiplied with to be shown in `unit`.
        better: whether the higher or the lower value is the better one.
        decimals: shown where no uncertainty says how many.
    """

    words: str
    unit: str = ""
    step: str = ""
    scale: float = 1.0
    better: Literal["higher", "lower"] = "higher"
    decimals: int = 2


QUANTITIES: dict[str, Quantity] = {
    "accuracy": Quantity("accuracy", "%", "points", 100.0, decimals=1),
    "exact_match": Quantity("exact match", "%", "points", 100.0, decimals=1),
    "edit_distance": Quantity("edit distance", "edits", "edits", better="lower"),
    "character_error_rate": Quantity("character error rate", "%", "points", 100.0, better="lower", decimals=2),
    "loss": Quantity("loss", "nats", "nats", better="lower", decimals=3),
    "seconds": Quantity("training time", "s", "s", better="lower", decimals=0),
    "parameters": Quantity("parameters", better="lower", decimals=0),
    "epochs": Quantity("epochs", better="lower", decimals=0),
    "images": Quantity("pictures", decimals=0),
    "images_per_second": Quantity("pictures a second", decimals=0),
    "gradient_norm": Quantity("gradient norm", better="lower"),
    "memory": Quantity("memory", "MiB", "MiB", better="lower", decimals=0),
    "device_memory": Quantity("GPU memory", "MiB", "MiB", better="lower", decimals=0),
    "peak_memory": Quantity("peak memory", "MiB", "MiB", better="lower", decimals=0),
    "peak_device_memory": Quantity("peak GPU memory", "MiB", "MiB", better="lower", decimals=0),
    "best_epoch": Quantity("best epoch", better="lower", decimals=0),
}

HIGHER = re.compile(
    "accuracy|acc|top1|top5|f1|f1score|auc|auroc|auprc|ap|map|miou|iou|dice|precision|recall|bleu|rouge|meteor|chrf|r2|"
    "score|reward|return|psnr|ssim|ndcg|mrr|kappa|mcc|exact|match|elbo|likelihood|throughput"
)
LOWER = re.compile(
    "loss|error|err|mse|rmse|mae|mape|nll|perplexity|ppl|cer|wer|distance|fid|kl|divergence|regret|latency|"
    "crossentropy|xent|brier|ece|eer|bpc|bpb"
)

SPLITS: dict[str, str] = {"train": "training set", "val": "validation set", "test": "test set"}


def direction(name: str) -> Literal["higher", "lower"] | None:
    """Say which way a metric is better where its name tells; None where it does not, or tells both.

    >>> direction("eval/top1_acc"), direction("val.loss"), direction("my_thing"), direction("log_likelihood_loss")
    ('higher', 'lower', None, None)
    """
    words = [part.lower() for part in re.split(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])", name)]
    up, down = (any(map(pattern.fullmatch, words)) for pattern in (HIGHER, LOWER))
    return None if up == down else "higher" if up else "lower"


@dataclass(frozen=True)
class Metric:
    """A metric's name taken apart: the quantity, and the split it was measured on ("" where it has none)."""

    name: str
    quantity: Quantity
    split: str

    @property
    def words(self) -> str:
        """Name the metric for a person: "test accuracy"."""
        return f"{ {'val': 'validation'}.get(self.split, self.split) } {self.quantity.words}".strip()


def metric_named(name: str) -> Metric:
    """Take a metric's name apart; an unlisted quantity is its own words and shows plain numbers.

    >>> metric_named("val_exact_match").words
    'validation exact match'
    """
    split, _, rest = name.partition("_")
    if split not in SPLITS:
        split, rest = "", name
    return Metric(name, QUANTITIES.get(rest, Quantity(rest.replace("_", " "))), split)


def decimals_for(half_width: float, fallback: int = 1) -> int:
    """Return how many decimals an uncertainty leaves meaningful: two digits of it where it leads with 1, else one.

    >>> decimals_for(0.14), decimals_for(0.2), decimals_for(3.0), decimals_for(float("nan"))
    (2, 1, 0, 1)
    """
    if not math.isfinite(half_width) or half_width <= 0:
        return fallback
    exponent = math.floor(math.log10(half_width))
    two_digits = half_width / 10**exponent < 2
    return max(0, min(4, int(two_digits) - exponent))


def decimals_between(low: float, high: float, decimals: int) -> int:
    """Return the decimals that keep an end of an interval from rounding to zero: its side is the news.

    >>> decimals_between(0.4, 9.8, 0), decimals_between(-3.0, 5.0, 0), decimals_between(0.0, 1.0, 0)
    (1, 0, 0)
    """
    ends = [end for end in (low, high) if math.isfinite(end) and end != 0]
    while decimals < 4 and any(round(end, decimals) == 0 for end in ends):
        decimals += 1
    return decimals


def in_figures(value: float, decimals: int, *, sign: bool = False) -> str:
    """Write a number for people: thousands parted by commas, a real minus, no "-0.0".

    >>> in_figures(12345.678, 1), in_figures(-0.04, 1), in_figures(0.45, 2, sign=True)
    ('12,345.7', '0.0', '+0.45')
    """
    text = f"{abs(value):,.{decimals}f}"
    if not any(digit in text for digit in "123456789"):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def listed(names: list[str], last: str = "and") -> str:
    """Join names as a sentence does.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
