"""What became of an import, for whoever ordered it."""

from __future__ import annotations

from manualdial.commands.failure import CommandFailed
from manualdial.commands.terminal import say
from manualdial.imports.number_files import Rejects
from manualdial.imports.record_writing import WrittenRecords
from manualdial.plain_text import counted


def show_import(written: WrittenRecords, rejects: Rejects) -> None:
    """Say it, a sentence a line. Raises CommandFailed where a line was rejected: the others are taken."""
    say(f"{written.added:,} added, {written.there:,} there already, {rejects.count:,} rejected.")
    if written.withdrawn:
        say(f"{written.withdrawn:,} withdrawn earlier and left so; --again writes anew.")
    if rejects.count:
        say(f"The rejected lines are in {rejects.path}.")
        were = "was" if rejects.count == 1 else "were"
        raise CommandFailed(
            f"{counted(rejects.count, 'line')} {were} rejected; the first: {rejects.first.rstrip('.')}."
        )
