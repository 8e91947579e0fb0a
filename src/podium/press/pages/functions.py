"""Everything that a template can call, by its name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from podium.press.pages import cells, claims, pictures, words
from podium.press.pages.page import Page

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "cell": cells.cell,
    "changes": words.changes,
    "claim": claims.claim,
    "diagram": pictures.diagram,
    "difference": words.difference,
    "excerpt": pictures.excerpt,
    "facts": words.facts,
    "failure_table": words.failure_table,
    "failures": words.failures,
    "figure": pictures.figure,
    "layer_table": pictures.layer_table,
    "module_tree": pictures.module_tree,
    "morph": pictures.morph,
    "number": words.number,
    "predictions": pictures.predictions,
    "provenance": words.provenance,
    "ranked": words.ranked,
    "receipt_pages": words.receipt_pages,
    "receipts": words.receipts,
    "run_names": words.run_names,
    "table": words.table,
}


def functions_of(page: Page) -> dict[str, Callable[..., Any]]:
    """Bind every function to the page that asks."""
    return {
        "literal": page.medium.text,
        "slide": page.slide,
        **{name: partial(function, page) for name, function in FUNCTIONS.items()},
    }
