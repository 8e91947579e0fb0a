"""The command line: each command parses, calls one library function, and prints what was written."""

from podium.cli import machine, pages, runs, stage
from podium.cli.group import main, podium

__all__ = ["machine", "main", "pages", "podium", "runs", "stage"]
