"""Diagrams: mermaid and PlantUML sources drawn from a model's description, as the lab wrote it into the record."""

from podium.press.diagrams.architecture import architecture
from podium.press.diagrams.description import check_total, read_description
from podium.press.diagrams.diagram import Diagram
from podium.press.diagrams.imports import imports
from podium.press.diagrams.layers import LayerTable, layers
from podium.press.diagrams.mermaid import pipeline
from podium.press.diagrams.plantuml import classes
from podium.press.diagrams.rendered import PICTURE_TEXTS, labels, missing
from podium.press.diagrams.tree import Tree, tree

DIAGRAMS = {"architecture": architecture, "classes": classes, "pipeline": pipeline}

__all__ = [
    "DIAGRAMS",
    "PICTURE_TEXTS",
    "Diagram",
    "LayerTable",
    "Tree",
    "architecture",
    "check_total",
    "classes",
    "imports",
    "labels",
    "layers",
    "missing",
    "pipeline",
    "read_description",
    "tree",
]
