# ruff: noqa: INP001 - a deck is no package: its cells run this before their own line
"""What the deck's cells compute: shapes beside code, kinds of attention with the same weights, edit distance, BLEU.

All of it is computed by the lab's own parts when the deck is built, and fails the build where it does not hold.
Shapes: B batch, T tokens, D model width, H heads, K width of a head.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn

from podium.lab.models.additive import Comparison
from podium.lab.models.attention import CrossAttention, SelfAttention
from podium.lab.models.positions import Sinusoidal, angles
from podium.lab.models.single_head import SingleHead, SingleSelfAttention
from podium.lab.training.describe import describe
from podium.press.pages.excerpts import excerpt

BLANK = "\N{NO-BREAK SPACE}"  # a line without shapes: HTML would drop an empty first one
ALIKE = 1e-6  # two answers in float32 that differ by less are the same
DEEPEST = 4  # the longest n-gram of BLEU
ON_THE_MAT = ["the", "cat", "is", "on", "the", "mat"]  # Papineni et al. 2002, section 2.1

torch.manual_seed(0)
torch.set_grad_enabled(False)


def shape(value: Tensor) -> str:
    """Write a tensor's shape."""
    return "\N{MULTIPLICATION SIGN}".join(map(str, value.shape))


def one_head(code: str, *, tokens: int, dim: int, width: int) -> str:
    """Run one head's code line by line on random tokens, and write beside each line what goes in and comes out.

    Args:
        code: an assignment a line, which reads `x` (T, D) and the lab's `head`.
        tokens: T.
        dim: D.
        width: K.

    Returns:
        As many lines as the code has.

    Raises:
        ValueError: where the last line gives other numbers than the lab's own head.
    """
    head = SingleHead(dim, width, rotary=None, causal=False, additive=False, dropout=0.0)
    names: dict[str, Any] = {"head": head, "x": torch.randn(tokens, dim), "math": math}
    made, told = names["x"], []
    for statement in ast.parse(code).body:
        exec(compile(ast.Module([statement], []), "<line>", "exec"), names)  # noqa: S102 - the slide's own code
        made = names[ast.unparse(statement).partition(" = ")[0]]
        products = [
            node for node in ast.walk(statement) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
        ]
        sides = [eval(ast.unparse(side), names) for node in products for side in (node.left, node.right)]  # noqa: S307
        sides = sides or [names["x"]] * ("(x)" in ast.unparse(statement))
        told.append(f"{' · '.join(map(shape, sides))} → {shape(made)}" if sides else shape(made))
    if not torch.allclose(made, head(names["x"][None], names["x"][None])[0], atol=ALIKE):
        raise ValueError("the slide's lines give other numbers than the lab's SingleHead")
    return "\n".join(told)


def margin(symbol: str, model: nn.Module, *inputs: Tensor) -> str:
    """Run a model and write the traced shapes that belong beside each line of an excerpt.

    Args:
        symbol: the excerpt's.
        model: one that runs this code.
        inputs: what its forward takes, a batch of one.
    """
    lines = excerpt(symbol, shapes=describe(model.eval(), inputs)).margin
    return "\n".join(line.replace("x", "\N{MULTIPLICATION SIGN}") or BLANK for line in lines)


def self_attention(*, tokens: int, dim: int, heads: int) -> str:
    """Write the shapes beside `SelfAttention.forward`."""
    model = SelfAttention(dim, heads)
    return margin("podium.lab.models.attention:SelfAttention.forward", model, torch.randn(1, tokens, dim))


def cross_attention(*, tokens: int, patches: int, dim: int, heads: int) -> str:
    """Write the shapes beside `CrossAttention.forward`: tokens of a number look at patches of a picture."""
    model = CrossAttention(dim, heads)
    inputs = torch.randn(1, tokens, dim), torch.randn(1, patches, dim)
    return margin("podium.lab.models.attention:CrossAttention.forward", model, *inputs)


def held_at_once(*, tokens: int, heads: int, width: int) -> pd.DataFrame:
    """Count what each kind of score holds at once: the largest tensor that it makes, in numbers."""
    q, k = torch.randn(2, 1, heads, tokens, width)
    dot = q @ k.mT
    added = q.unsqueeze(-2) + k.unsqueeze(-3)
    if Comparison(heads, width)(q, k).shape != dot.shape:
        raise ValueError("dot and additive scores have other shapes")
    rows = [
        [name, shape(held[0]), f"{held.numel():,}", f"{held.numel() // dot.numel()}"]
        for name, held in (("dot product", dot), ("additive", added))
    ]
    return pd.DataFrame(rows, columns=["scores", "largest tensor", "numbers", "for each pair"])


def with_same_weights(dim: int, heads: int) -> dict[str, Any]:
    """Return three kinds of attention with the same weights, by what they are called."""
    one, single = SelfAttention(dim, heads), SingleSelfAttention(dim, heads)
    theirs = nn.MultiheadAttention(dim, heads, batch_first=True)
    layers = one.query, one.key, one.value
    biases = [layer.bias if layer.bias is not None else torch.zeros(dim) for layer in layers]
    for number, head in enumerate(single.singles):
        rows = slice(number * dim // heads, (number + 1) * dim // heads)
        for layer, mine in zip(layers, (head.query, head.key, head.value), strict=True):
            mine.load_state_dict({name: value[rows] for name, value in layer.state_dict().items()})
    single.output.load_state_dict(one.output.state_dict())
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([layer.weight for layer in layers]),
            "in_proj_bias": torch.cat(biases),
            "out_proj.weight": one.output.weight,
            "out_proj.bias": one.output.bias,
        }
    )
    return {"head by head": single, "one projection": one, "torch's own": lambda x: theirs(x, x, x)[0]}


def compared(answers: dict[str, Tensor], *, to: str) -> pd.DataFrame:
    """Show the first numbers of several answers, and how far each lies from one of them at the most.

    Raises:
        ValueError: where one is not the same.
    """
    rows = []
    for name, answer in answers.items():
        most = float((answer - answers[to]).abs().max())
        if most > ALIKE:
            raise ValueError(f"{name} differs from {to} by {most:.1e}")
        first = [f"{value:+.4f}".replace("-", "\N{MINUS SIGN}") for value in answer.flatten()[:4].tolist()]
        rows.append([name, *first, "compared to" if name == to else f"under {ALIKE:f}"])
    return pd.DataFrame(
        rows, columns=["attention", "1st", "2nd", "3rd", "4th", f"largest of {answers[to].numel():,} gaps"]
    )


def same(first: Tensor, second: Tensor, name: str) -> None:
    """Say how far two answers lie apart."""
    most = float((first - second).abs().max())
    print(f"{name}: {'the same, shuffled' if most < ALIKE else f'differs by up to {most:.2f}'}")


def turned_waves(*, places: int, dim: int, step: int) -> str:
    """Turn each pair of a place's waves by `step` places, and compare with the waves that stand there.

    Raises:
        ValueError: where they are others.
    """
    table_PF2 = Sinusoidal(places, dim, 1).table.unflatten(-1, (-1, 2))
    angle_F = step * angles(2, dim)[1]
    sin_PF, cos_PF = table_PF2.unbind(-1)
    further_PF = sin_PF * angle_F.cos() + cos_PF * angle_F.sin(), cos_PF * angle_F.cos() - sin_PF * angle_F.sin()
    most = float((torch.stack(further_PF, dim=-1)[:-step] - table_PF2[step:]).abs().max())
    if most > 10 * ALIKE:
        raise ValueError(f"turned waves differ by {most:.1e}")
    return f"turned by {step} places, {places - step} rows of the lab's table become the rows {step} further on"


def repairs(*pairs: tuple[str, str]) -> pd.DataFrame:
    """Name the fewest edits that turn what was read into what stands there (Levenshtein 1966)."""
    said = {"replace": "{0} to {1}", "insert": "add {1}", "delete": "drop {0}"}
    rows = []
    for right, read in pairs:
        edits = [
            said[kind].format(read[at : at + 1], right[to : to + 1])
            for kind, at, to in Levenshtein.editops(read, right)
        ]
        rows.append([right, read, ", ".join(edits) or "nothing", str(Levenshtein.distance(right, read))])
    return pd.DataFrame(rows, columns=["correct", "read", "repair", "distance"])


def ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """Count the runs of n words."""
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


def clipped(candidate: Sequence[str], references: Sequence[Sequence[str]], n: int) -> tuple[int, int]:
    """Count the candidate's n-grams that a reference has, each at most as often as there, and all of them.

    The modified precision of Papineni et al. 2002, section 2.1, as numerator and denominator.

    >>> clipped("the the the the the the the".split(), ["the cat is on the mat".split()], 1)
    (2, 7)
    """
    counts = ngrams(candidate, n)
    most = {gram: max(ngrams(reference, n)[gram] for reference in references) for gram in counts}
    return sum(min(count, most[gram]) for gram, count in counts.items()), sum(counts.values())


def bleu(candidate: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, float, float]:
    """Return BLEU, the brevity penalty, and the geometric mean of the precisions up to four words.

    Papineni et al. 2002, section 2.3: of one sentence, unsmoothed; the nearest reference's length counts.

    Raises:
        ValueError: for a candidate of fewer than four words.
    """
    if len(candidate) < DEEPEST:
        raise ValueError("BLEU-4 needs four words or more")
    shares = [hit / total for hit, total in (clipped(candidate, references, n) for n in range(1, DEEPEST + 1))]
    mean = math.prod(shares) ** (1 / DEEPEST)
    nearest = min((abs(len(reference) - len(candidate)), len(reference)) for reference in references)[1]
    brevity = 1.0 if len(candidate) > nearest else math.exp(1 - nearest / len(candidate))
    return brevity * mean, brevity, mean


def scored(reference: Sequence[str], *candidates: str) -> pd.DataFrame:
    """Work BLEU out for sentences: each precision as a fraction, the brevity penalty, the score."""
    rows = []
    for candidate in candidates:
        words, against = candidate.split(), [reference]
        shares = [f"{hit}/{total}" for hit, total in (clipped(words, against, n) for n in range(1, DEEPEST + 1))]
        score, brevity, _ = bleu(words, against)
        rows.append([candidate, *shares, f"{brevity:.2f}", f"{score:.2f}"])
    return pd.DataFrame(rows, columns=["candidate", "p1", "p2", "p3", "p4", "brevity", "BLEU"])
