"""Diagrams: mermaid and PlantUML sources drawn from a model's description, as the lab wrote it into the record."""

from podium.press.diagrams.mermaid import pipeline
from podium.press.diagrams.plantuml import classes

DIAGRAMS = {"pipeline": pipeline, "classes": classes}

__all__ = ["DIAGRAMS", "classes", "pipeline"]
