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
Position = typing.Literal["none", "sinusoidal", "learned", "rotary"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """The training fields that every model family shares.

    >>> ViTConfig(seed=1).but(position="rotary").position
    'rotary'
    """

    model: ClassVar[str]

    seed: int = 0
    epochs: int = 12
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

    def __post_init__(self) -> None:
        """Check every value against its field, so that no impossible config exists."""
        for field_name, kind in field_types(type(self)).items():
            _check(type(self).__name__, field_name, getattr(self, field_name), kind)
        for name in ("epochs", "train_images", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                msg = f"{name} must be above 0; got {getattr(self, name)!r}."
                raise PodiumError(msg)
        for name in ("dropout", "label_smoothing", "warmup"):
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
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True, kw_only=True)
class ViTConfig(Config):
    """A vision transformer that names one digit (Dosovitskiy et al. 2021, An Image is Worth 16x16 Words)."""

    model: ClassVar[str] = "vit"

    position: Position = "learned"
    patch: int = 7  # pixels a side; divides 28
    dim: int = 64
    depth: int = 2  # encoder blocks
    heads: int = 4
    expansion: int = 2  # feed-forward width over dim


@dataclass(frozen=True, kw_only=True)
class CNNConfig(Config):
    """A plain convolutional network that names one digit: the yardstick."""

    model: ClassVar[str] = "cnn"

    channels: int = 32  # of the first convolution; doubled in the second
    dim: int = 128  # of the hidden layer


@dataclass(frozen=True, kw_only=True)
class VisionToSequenceConfig(Config):
    """An encoder-decoder transformer that reads a whole number off an 84x84 picture."""

    model: ClassVar[str] = "vision_to_sequence"

    position: Position = "learned"
    patch: int = 14  # pixels a side; divides 84
    dim: int = 64
    depth: int = 2  # encoder blocks
    decoder_depth: int = 2
    heads: int = 4
    expansion: int = 2
    digits: int = 5  # most digits in a number; the fewest is one
    batch_size: int = 128
    learning_rate: float = 1e-3


CONFIGS: dict[str, type[Config]] = {c.model: c for c in (ViTConfig, CNNConfig, VisionToSequenceConfig)}


def config_from(values: dict[str, Any]) -> Config:
    """Rebuild a config from `as_dict`'s answer, as read back from a record.

    >>> config_from(ViTConfig(seed=3).as_dict()) == ViTConfig(seed=3)
    True
    """
    rest = dict(values)
    name = rest.pop("model", None)
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
    scalar = next((t for t in (int, float) if wanted is t or t in options), str)
    try:
        return name, scalar(value)
    except ValueError:
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
