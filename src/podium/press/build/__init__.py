"""Rendered decks become sites and PDFs: Node, the browser, and the check of what was built.

Import from the modules: a deck that is up to date is found so without loading what draws it.
"""
