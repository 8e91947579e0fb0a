# ruff: noqa: INP001 - a deck is no package: its cells run this before their own line
"""What the deck's cells compute: curves of one function, gradients, names by walking, our own Module beside torch's.

All of it runs when the deck is built, and fails the build where it does not hold.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import Parameter  # noqa: F401 - the slides' own code takes it from here
from torch.nn.functional import cross_entropy  # noqa: F401 - as above

from podium.lab.models import build_model
from podium.press.figures.drawing import PLACES, TEXT, Drawing, canvas, place, save
from podium.press.figures.tokens import Tokens
from podium.spec import ViTConfig

POINTS = 0.75  # points in a pixel
WIDTH, HEIGHT = PLACES["half"]
TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
ALIKE = 1e-6  # two answers in float32 that differ by less are the same

torch.manual_seed(0)
torch.set_num_threads(1)


class Shown:
    """A picture as a cell gives it, written by the one place that saves figures: equal ones have equal bytes."""

    def __init__(self, draw: Callable[[Tokens], Figure]) -> None:
        self.drawing = Drawing(draw, "", "", "", place="half")

    def savefig(self, buffer: IO[bytes], **_: Any) -> None:
        """Write the SVG for a light slide."""
        with tempfile.TemporaryDirectory() as folder:
            buffer.write(save(self.drawing, Path(folder) / "picture.svg").read_bytes())


def shape(value: Tensor) -> str:
    """Write a tensor's shape."""
    return TIMES.join(map(str, value.shape))


def family(model: Callable[..., Tensor], *parameters: tuple[float, float]) -> Shown:
    """Draw one function of x with several pairs of parameters: the last one is lit."""
    x = torch.linspace(-3, 3, 121)
    curves = [model(x, *pair).numpy() for pair in parameters]

    def draw(tokens: Tokens) -> Figure:
        figure = canvas()
        left, top, right, foot = 34, 8, 124, 56
        axes = place(figure, left, top, WIDTH - left - right, HEIGHT - top - foot)
        axes.axhline(0, color=tokens.line, linewidth=1)
        axes.set_ylim(-1.12, 1.12)
        axes.set_yticks([-1, 0, 1], [f"{MINUS}1", "0", "1"])
        axes.set_xticks([-3, 0, 3], [f"{MINUS}3", "0", "3"])
        axes.set_xlabel("x", labelpad=2)
        for number, (curve, (weight, bias)) in enumerate(zip(curves, parameters, strict=True)):
            lit = number == len(curves) - 1
            colour = tokens.accent if lit else tokens.grey(number)
            axes.plot(x, curve, color=colour, linewidth=3 if lit else 2)
            axes.annotate(
                f"{weight:g}, {bias:g}".replace("-", MINUS), (1, 0.93 - 0.14 * number), (16, 0), "axes fraction",
                "offset points", va="center", fontsize=TEXT * POINTS, fontweight="bold" if lit else "normal",
                color=tokens.accent if lit else tokens.soft,
            )  # fmt: skip
            axes.plot(
                [1.005, 1.05], [0.93 - 0.14 * number] * 2, color=colour, linewidth=3, transform=axes.transAxes,
                clip_on=False,
            )  # fmt: skip
        return figure

    return Shown(draw)


def parameters_of(layer: nn.Module) -> pd.DataFrame:
    """List a layer's parameters with their gradients, and how many numbers there are of each.

    Raises:
        ValueError: where a parameter has no gradient of its own shape.
    """
    rows = []
    for name, value in layer.named_parameters():
        if value.grad is None or value.grad.shape != value.shape:
            raise ValueError(f"{name} has no gradient of its shape")
        rows.append([name, shape(value), f"{value.numel():,}", shape(value.grad)])
    total = sum(value.numel() for value in layer.parameters())
    rows.append(["together", "", f"{total:,}", ""])
    return pd.DataFrame(rows, columns=["parameter", "shape", "numbers", "gradient"])


def block() -> nn.Module:
    """Return one encoder block of the lab's vision transformer."""
    return build_model(ViTConfig(depth=1)).encoder.blocks[0]


def listed(found: Iterable[tuple[str, nn.Module]], module: nn.Module) -> str:
    """Write the names that a walk found, a line each, with their classes.

    Raises:
        ValueError: where torch's own walk finds others.
    """
    rows = list(found)
    if [name for name, _ in rows] != [name for name, _ in module.named_modules() if name]:
        raise ValueError("the slide's walk finds other names than torch's named_modules")
    wide = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{wide}}  {type(value).__name__}" for name, value in rows)


def intercepted(module: Any) -> str:
    """Tell where an object of the slide's Module put what was assigned to it."""
    own = vars(module)
    plain = [name for name in own if name != "kept"]
    return f"in kept: {', '.join(own['kept'])}\nelsewhere: {', '.join(plain)}"


def against_torch(ours: type, code: str) -> pd.DataFrame:
    """Build the slide's Net from its own code once more, with torch's Module beneath it, and compare the two.

    Args:
        ours: the slide's Net, on the slide's Module.
        code: which says `Module` and means whatever it is given.

    Raises:
        ValueError: where names, shapes, answers or gradients differ.
    """
    names: dict[str, Any] = {"Module": nn.Module, "Parameter": nn.Parameter, "torch": torch}
    exec(compile(code, "<slide>", "exec"), names)  # noqa: S102 - the slide's own code
    nets = []
    for net in (ours, names["Net"]):
        torch.manual_seed(0)
        nets.append(net())
    x = torch.randn(16, 2)
    answers = [net(x) for net in nets]
    for answer in answers:
        answer.square().mean().backward()
    mine, theirs = (dict(net.named_parameters()) for net in nets)
    if list(mine) != list(theirs) or not torch.equal(*answers):
        raise ValueError("the slide's Module gives other names or answers than torch's")
    rows = []
    for name, value in mine.items():
        apart = float((value.grad - theirs[name].grad).abs().max())
        if apart > ALIKE:
            raise ValueError(f"the gradients of {name} differ by {apart}")
        rows.append([name, shape(value), "the same"])
    return pd.DataFrame(rows, columns=["name", "shape", "gradient"])


def quadrants(count: int = 64) -> tuple[Tensor, Tensor]:
    """Return points (N, 2) of the square from -1 to 1, and 1.0 for those in two opposite quarters (N, 1)."""
    points = 2 * torch.rand(count, 2) - 1
    return points, (points.prod(dim=1, keepdim=True) < 0).float()


def curve(losses: Sequence[float]) -> Shown:
    """Draw the loss of every step, with the first and the last in numbers.

    Raises:
        ValueError: for a training that did not lower the loss.
    """
    if losses[-1] > losses[0] / 2:
        raise ValueError(f"the loss went from {losses[0]:.2f} to {losses[-1]:.2f} only")

    def draw(tokens: Tokens) -> Figure:
        figure = canvas()
        left, top, right, foot = 40, 26, 52, 52
        axes = place(figure, left, top, WIDTH - left - right, HEIGHT - top - foot)
        axes.grid(axis="y", color=tokens.line, linewidth=1)
        axes.plot(losses, color=tokens.accent, linewidth=3)
        axes.set_ylim(0, float(np.max(losses)) * 1.05)
        axes.set_xlim(0, len(losses) - 1)
        axes.set_xticks([0, len(losses)], ["0", str(len(losses))])
        axes.set_xlabel("step", labelpad=-14)
        axes.set_title("loss", loc="left", fontsize=TEXT * POINTS, color=tokens.ink, fontweight="bold", pad=8)
        axes.annotate(
            f"{losses[-1]:.2f}", (1, losses[-1]), (8, 0), ("axes fraction", "data"), "offset points", va="center",
            fontsize=TEXT * POINTS, color=tokens.accent, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
        return figure

    return Shown(draw)
