"""Capsule: one zip that holds a talk and everything its numbers come from; it opens and verifies on its own.

Import from the modules: `making` writes one, `opening` reads one safely, `recomputing` computes its numbers again.
"""
