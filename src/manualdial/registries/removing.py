"""Taking the copy of a registry away."""

from __future__ import annotations

from pathlib import Path

from manualdial.registries.held_copies import registry_file
from manualdial.registries.rejects import rejects_file
from manualdial.registries.workspace import Workspace, fsync_folder


def remove_registry(directory: Path, name: str) -> bool:
    """Remove the copy, its rejected rows and what an import left unfinished. Returns whether there was a copy.

    Raises ImportRunning, OSError, and ValueError where no registry can be called so.
    """
    path = registry_file(directory, name)
    if not directory.is_dir():
        return False
    with Workspace(directory, name):
        was_there = path.exists()
        path.unlink(missing_ok=True)
        rejects_file(path).unlink(missing_ok=True)
        fsync_folder(directory)
    return was_there
