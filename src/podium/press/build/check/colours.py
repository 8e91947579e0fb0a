"""Colours of series as people see them who lack one kind of cone.

Simulation: Machado, Oliveira and Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency,
IEEE TVCG 15(6), 2009, the matrices of severity 1.0, on linear RGB. Distance: Euclidean in Oklab (Ottosson, 2020),
where 0.02 is about what can just be told apart side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

DEFICIENCIES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
APART = 0.12  # two series of a chart that differ at least so much are meant to be told apart by their colours
ONE = 0.06  # and under this, thin lines some way from each other are one (Okabe and Ito's eight colours stay above)
SCALE = 10  # more colours than this in one chart are a colour scale, no series


def simulated(colour: Sequence[float], deficiency: str) -> np.ndarray:
    """Return a colour (0..255) as somebody with a deficiency sees it, in linear RGB from 0 to 1."""
    return np.clip(np.array(DEFICIENCIES[deficiency]) @ _linear(colour), 0, 1)


def distance(first: Sequence[float], second: Sequence[float], deficiency: str | None = None) -> float:
    """Return how far two colours (0..255) lie apart in Oklab, for somebody with a deficiency where one is named.

    >>> round(distance([255, 255, 255], [0, 0, 0]), 2)
    1.0
    >>> red, green = (192, 80, 77), (111, 139, 40)
    >>> distance(red, green) > 0.12 > distance(red, green, "deuteranopia")
    True
    """
    seen = [_linear(c) if deficiency is None else simulated(c, deficiency) for c in (first, second)]
    return float(np.linalg.norm(_oklab(seen[0]) - _oklab(seen[1])))


def merging(series: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any], str]]:
    """Return the pairs of series in one chart that become one for somebody, and for whom.

    Series that are named at their ends, or differ in dashes or in the shape of their marks, are told apart without
    colour.

    Args:
        series: what look.js measured of one chart: type, colour, dashes, shapes, count, named.
    """
    if len(series) > SCALE:
        return []
    found = []
    for first, second in combinations(series, 2):
        if first["type"] != second["type"] or _told_apart(first, second):
            continue
        apart = distance(first["colour"], second["colour"])
        for deficiency in DEFICIENCIES:
            left = distance(first["colour"], second["colour"], deficiency)
            if apart >= APART and left < ONE:
                found.append((first, second, deficiency))
                break
    return found


def hexadecimal(colour: Sequence[float]) -> str:
    """Return a colour (0..255) as it is written in a style sheet.

    >>> hexadecimal([192, 80, 77])
    '#c0504d'
    """
    return "#" + "".join(f"{round(part):02x}" for part in colour)


def _told_apart(first: dict[str, Any], second: dict[str, Any]) -> bool:
    named = any(2 * one["named"] > one["count"] for one in (first, second))
    dashed = not set(first["dashes"]) & set(second["dashes"]) and first["type"] == "line"
    shaped = bool(first["shapes"] and second["shapes"]) and not set(first["shapes"]) & set(second["shapes"])
    return named or dashed or shaped


def _linear(colour: Sequence[float]) -> np.ndarray:
    parts = np.asarray(colour, dtype=float) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def _oklab(linear: np.ndarray) -> np.ndarray:
    cones = np.cbrt(
        np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        )
        @ linear
    )
    return (
        np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        @ cones
    )
