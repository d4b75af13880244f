"""Errors of reading a file; the text of each is one sentence for whoever wrote or named it."""

from __future__ import annotations


class LineRefused(Exception):
    """A line that cannot be taken, and why."""


class FileUnusable(Exception):
    """A file that cannot be read or written."""


class NotAsSaid(Exception):
    """The file or the policies have no such thing as was said of them: a column, a registry of answers."""
