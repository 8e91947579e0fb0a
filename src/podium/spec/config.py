"""Config: every value that decides a run, flat and frozen; one class per model family.

A field's name is also the W&B config key, the sweep parameter, the results column and the axis label.
"""

from __future__ import annotations

import hashlib
import json
import typing
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any, ClassVar, Self, get_args, get_origin

from podium.spec.errors import PodiumError, unknown

Value = str | int | float | bool | None

Optimizer = typing.Literal["adam", "adamw"]
Precision = typing.Literal["auto", "float32", "bfloat16"]
Freeze = typing.Literal["none", "encoder"]
Position = typing.Literal["none", "sinusoidal", "learned", "rotary"]
Attention = typing.Literal["single", "multi", "torch"]
Scores = typing.Literal["dot", "additive"]
Stem = typing.Literal["patch", "convolution"]
Pool = typing.Literal["mean", "class"]
SequenceLoss = typing.Literal["cross_entropy", "order_blind"]
Decoding = typing.Literal["greedy", "beam"]

BOOLEANS = {"true": True, "false": False}  # as `--set` writes them

# Fields that came after the first release: at their defaults they do what was done before them, and a digest leaves
# them out there, so that runs of that release are still found.
LATER = frozenset(
    {
        "dataset",
        "classes",
        "elastic",
        "noise",
        "background",
        "class_weights",
        "precision",
        "accumulate",
        "checkpoint_activations",
        "average",
        "patience",
        "start_from",
        "freeze",
        "replay",
        "attention",
        "scores",
        "stem",
        "pool",
        "padding_mask",
        "loss",
        "ignore_padding",
        "decoding",
        "beam",
        "fresh",
        "curriculum",
        "digit_augment",
        "auxiliary",
    }
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The training fields that every model family shares.

    >>> ViTConfig(seed=1).but(position="rotary").position
    'rotary'
    """

    model: ClassVar[str]

    seed: int = 0
    epochs: int = 12  # 0 only measures what start_from names
    dataset: str = "mnist"  # mnist, fashion, digits (scikit-learn's), or a folder of labelled pictures
    train_images: int = 60_000  # training pictures an epoch; validation_images of them are split off first
    validation_images: int = 5_000  # split off the training set, never trained on
    batch_size: int = 128  # pictures
    optimizer: Optimizer = "adamw"
    learning_rate: float = 3e-3  # peak, after the warm-up
    beta1: float = 0.9
    beta2: float = 0.98
    weight_decay: float = 0.05
    warmup: float = 0.08  # fraction of all steps; cosine to zero after it
    clip: float | None = 1.0  # global gradient norm
    label_smoothing: float = 0.0
    dropout: float = 0.0
    augment: float = 1.0  # strength of the affine augmentation; 0 is off
    elastic: float = 0.0  # strength of the elastic distortion; 0 is off
    noise: float = 0.0  # strength of the noise; 0 is off
    background: float = 0.0  # strength of the uneven ground; 0 is off
    class_weights: str = "none"  # none, balanced, or a number a class, joined by commas
    precision: Precision = "auto"  # auto: bfloat16 products on a GPU, float32 on a CPU
    accumulate: int = 1  # parts that a batch is computed in; the result is the whole batch's
    checkpoint_activations: bool = False  # compute activations again on the way back: slower, less memory
    average: float = 0.0  # decay of the averaged weights that are judged; 0 is off
    patience: int | None = None  # epochs without a better validation before the run stops early
    start_from: str = ""  # experiment/variant whose finished weights are the start
    freeze: Freeze = "none"  # what does not learn
    replay: float = 0.0  # share of each batch that is of the data that start_from learnt from

    def __post_init__(self) -> None:
        """Check every value against its field, so that no impossible config exists."""
        for field_name, kind in field_types(type(self)).items():
            _check(type(self).__name__, field_name, getattr(self, field_name), kind)
        if self.epochs < (0 if self.start_from else 1):
            msg = f"epochs must be above 0, or 0 where start_from names weights to measure; got {self.epochs}."
            raise PodiumError(msg)
        for name in ("train_images", "batch_size", "learning_rate", "accumulate"):
            if getattr(self, name) <= 0:
                msg = f"{name} must be above 0; got {getattr(self, name)!r}."
                raise PodiumError(msg)
        for name in ("augment", "elastic", "noise", "background"):
            if getattr(self, name) < 0:
                msg = f"{name} must be 0, which is off, or above; got {getattr(self, name)!r}."
                raise PodiumError(msg)
        if self.patience is not None and self.patience < 1:
            msg = f"patience must be 1 epoch or more, or none; got {self.patience}."
            raise PodiumError(msg)
        for name in ("dropout", "label_smoothing", "warmup", "average", "replay"):
            if not 0 <= getattr(self, name) < 1:
                msg = f"{name} must be at least 0 and below 1; got {getattr(self, name)!r}."
                raise PodiumError(msg)

    def but(self, **changes: Value) -> Self:
        """Return this config with some fields changed: the one way to make a variant.

        Raises:
            PodiumError: for an unknown field (naming the nearest) or a value that the field cannot hold.

        >>> ViTConfig().but(positon="rotary")
        Traceback (most recent call last):
        ...
        podium.spec.errors.PodiumError: ViTConfig has no field 'positon'; did you mean 'position'? ...
        """
        known = field_types(type(self))
        for name in changes:
            if name not in known:
                raise unknown("field", name, known, owner=type(self).__name__)
        numbers = {
            name: float(value) if known[name] in (float, float | None) and type(value) is int else value
            for name, value in changes.items()
        }
        return replace(self, **numbers)

    def as_dict(self) -> dict[str, Value]:
        """Return every field, and the model's name first: what a record and W&B store."""
        return {"model": self.model, **asdict(self)}

    def digest(self) -> str:
        """Return eight hexadecimal characters that are equal exactly when all fields are."""
        usual = {field.name: field.default for field in fields(self) if field.name in LATER}
        told = {name: value for name, value in self.as_dict().items() if name not in usual or value != usual[name]}
        text = json.dumps(told, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True, kw_only=True)
class ViTConfig(Config):
    """A vision transformer that names one digit (Dosovitskiy et al. 2021, An Image is Worth 16x16 Words)."""

    model: ClassVar[str] = "vit"

    classes: int = 10
    position: Position = "learned"
    patch: int = 7  # pixels a side; divides 28
    stem: Stem = "patch"  # what makes tokens of pixels: one convolution, or three
    pool: Pool = "mean"  # what the head sees: the tokens' mean, or a class token
    dim: int = 64
    depth: int = 2  # encoder blocks
    heads: int = 4
    attention: Attention = "multi"  # head by head, all heads in one projection, or torch's own
    scores: Scores = "dot"
    expansion: int = 2  # feed-forward width over dim


@dataclass(frozen=True, kw_only=True)
class CNNConfig(Config):
    """A plain or residual convolutional network that names one digit: the yardstick."""

    model: ClassVar[str] = "cnn"

    classes: int = 10
    channels: int = 32  # of the first half of the blocks; doubled in the second
    blocks: int = 2  # half of them see 28 pixels a side, half 14
    residual: bool = False  # two convolutions, norms and a shortcut a block, where a plain one is a convolution
    dim: int = 128  # of the hidden layer


@dataclass(frozen=True, kw_only=True)
class SequenceConfig(Config):
    """The fields that the families share which read a number digit by digit."""

    position: Position = "learned"
    dim: int = 64
    depth: int = 2  # encoder blocks
    decoder_depth: int = 2
    heads: int = 4
    attention: Attention = "multi"  # head by head, all heads in one projection, or torch's own
    scores: Scores = "dot"
    expansion: int = 2  # feed-forward width over dim
    digits: int = 5  # most digits in a number; the fewest is one
    fresh: bool = True  # new pictures every epoch; else train_images that stay
    curriculum: float = 0.0  # share of the epochs over which the longest number grows from 1 digit to all; 0 is off
    digit_augment: float = 0.0  # strength of the affine augmentation of each digit of a fresh number; 0 is off
    loss: SequenceLoss = "cross_entropy"  # order_blind counts digits, wherever they stand
    ignore_padding: bool = True  # what comes after the end costs nothing
    padding_mask: bool = False  # attention does not look at padding
    decoding: Decoding = "greedy"
    beam: int = 4  # readings that a beam search keeps

    def __post_init__(self) -> None:
        """Check what only a reader has, too."""
        super().__post_init__()
        for name in ("digits", "beam"):
            if getattr(self, name) <= 0:
                msg = f"{name} must be above 0; got {getattr(self, name)!r}."
                raise PodiumError(msg)
        if not 0 <= self.curriculum <= 1:
            msg = f"curriculum must be between 0, which is off, and 1, which is all epochs; got {self.curriculum!r}."
            raise PodiumError(msg)
        if self.digit_augment < 0:
            msg = f"digit_augment must be 0, which is off, or above; got {self.digit_augment!r}."
            raise PodiumError(msg)
        for name in ("curriculum", "digit_augment"):
            if getattr(self, name) and not self.fresh:
                msg = f"{name} makes other numbers each epoch, and fresh=false keeps them: set one of the two back."
                raise PodiumError(msg)


@dataclass(frozen=True, kw_only=True)
class VisionToSequenceConfig(SequenceConfig):
    """An encoder-decoder transformer that reads a whole number off an 84x84 picture."""

    model: ClassVar[str] = "vision_to_sequence"

    patch: int = 14  # pixels a side; divides 84
    stem: Stem = "patch"  # what makes tokens of pixels: one convolution, or three
    learning_rate: float = 1e-3


@dataclass(frozen=True, kw_only=True)
class LinesConfig(SequenceConfig):
    """A network that reads a line of digits: convolutions make columns of it, and CTC or attention text of these."""

    model: ClassVar[str] = "lines"

    digits: int = 8  # most digits in a line; the fewest is one
    spacing: float = 0.4  # widest gap between two digits, over a digit's width
    overlap: float = 0.1  # deepest overlap of two digits, over a digit's width
    channels: int = 32  # of the first convolution; doubled in the second
    encoder: typing.Literal["cnn", "lstm", "transformer"] = "lstm"  # what reads the columns
    reader: typing.Literal["ctc", "attention"] = "ctc"  # loss, ignore_padding, class_weights are attention's
    decoder_depth: int = 1  # of attention
    auxiliary: float = 0.0  # share of CTC over the columns in attention's loss while it trains; 0 is off
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Check the distances, too."""
        super().__post_init__()
        for name in ("spacing", "overlap"):
            if not 0 <= getattr(self, name) <= 1:
                msg = f"{name} must be between 0 and 1 digit's width; got {getattr(self, name)!r}."
                raise PodiumError(msg)
        if not 0 <= self.auxiliary < 1:
            msg = f"auxiliary must be at least 0, which is off, and below 1; got {self.auxiliary!r}."
            raise PodiumError(msg)
        if self.auxiliary and self.reader == "ctc":
            msg = "auxiliary adds CTC to attention's loss, and reader='ctc' has no other: set auxiliary=0."
            raise PodiumError(msg)


CONFIGS: dict[str, type[Config]] = {c.model: c for c in (ViTConfig, CNNConfig, VisionToSequenceConfig, LinesConfig)}


def config_from(values: dict[str, Any]) -> Config:
    """Rebuild a config from `as_dict`'s answer, as read back from a record.

    >>> config_from(ViTConfig(seed=3).as_dict()) == ViTConfig(seed=3)
    True
    """
    rest = dict(values)
    name = rest.pop("model", None)
    if isinstance(name, str) and ":" in name:
        from podium.spec.own import own_config  # it stands on this module

        return own_config(name, **rest)
    if name not in CONFIGS:
        raise unknown("model", name, CONFIGS)
    return CONFIGS[name]().but(**rest)


@cache
def field_types(kind: type[Config]) -> dict[str, Any]:
    """Return each field's declared type, in order of declaration."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def parse_setting(kind: type[Config], text: str) -> tuple[str, Value]:
    """Read one `--set field=value` into a name and a value of the field's type.

    >>> parse_setting(ViTConfig, "learning_rate=1e-3")
    ('learning_rate', 0.001)
    >>> parse_setting(ViTConfig, "clip=none")
    ('clip', None)
    >>> parse_setting(CNNConfig, "residual=true")
    ('residual', True)
    """
    name, equals, value = text.partition("=")
    if not equals:
        msg = f"--set takes field=value; got {text!r}."
        raise PodiumError(msg)
    known = field_types(kind)
    if name not in known:
        raise unknown("field", name, known, owner=kind.__name__)
    wanted = known[name]
    options = get_args(wanted) if get_origin(wanted) is not typing.Literal else (str,)
    if type(None) in options and value.lower() == "none":
        return name, None
    scalar = next((t for t in (bool, int, float) if wanted is t or t in options), str)
    try:
        return name, BOOLEANS[value.lower()] if scalar is bool else scalar(value)
    except (ValueError, KeyError):
        msg = f"{name} must be {_words(wanted)}; got {value!r}."
        raise PodiumError(msg) from None


def _words(kind: Any) -> str:
    if get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(repr, get_args(kind)))
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "none"}
    return " or ".join(names[t] for t in (get_args(kind) or (kind,)))


def _check(owner: str, name: str, value: object, kind: Any) -> None:
    if get_origin(kind) is typing.Literal:
        fits = value in get_args(kind)
    else:
        fits = any(
            type(value) is t or (t is float and type(value) is int and not isinstance(value, bool))
            for t in (get_args(kind) or (kind,))
        )
    if not fits:
        msg = f"{owner}.{name} must be {_words(kind)}; not {value!r}."
        raise PodiumError(msg)
