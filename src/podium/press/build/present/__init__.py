"""Presenting: a built deck before people, with presenter view, notes, timer and phone; or open for writing.

`talk` shows a built deck, `editing` shows every change as it is saved. Nothing here asks anybody outside.
"""
