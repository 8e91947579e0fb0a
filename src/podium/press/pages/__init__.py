"""Pages: templates in, Markdown out; every text from a run is escaped, every number leaves its receipt.

Import from the modules: a template's functions take seconds to load.
"""
