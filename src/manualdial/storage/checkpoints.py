"""A thread that copies what SQLite's log holds into the database, so that no commit has to wait for it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress


class Checkpoints:
    """One thread, from `start` to `stop`, with a connection of its own.

    A checkpoint does not keep anybody from writing. It is made `pause` seconds after the first commit since the one
    before, so that a page that many commits change is copied once. One that fails is made after the next commit.
    """

    def __init__(self, *, pause: float) -> None:
        self._pause = pause
        self._thread: threading.Thread | None = None
        self._committed = threading.Event()
        self._stopped = threading.Event()

    def start(self, connection: sqlite3.Connection) -> None:
        """Start it; the connection is closed at the end."""
        self._thread = threading.Thread(target=self._serve, args=(connection,), name="sqlite-checkpoint", daemon=True)
        self._thread.start()

    def committed(self) -> None:
        """There is something to copy. Does not wait; call it from any thread."""
        self._committed.set()

    def stop(self) -> None:
        """Wait for the checkpoint that runs, and end."""
        self._stopped.set()
        self._committed.set()
        if self._thread is not None:
            self._thread.join()

    def _serve(self, connection: sqlite3.Connection) -> None:
        while True:
            self._committed.wait()
            self._committed.clear()
            # Asked after the clearing: `stop` sets both, in this order, so that neither is missed.
            if self._stopped.wait(self._pause):
                break
            with suppress(sqlite3.Error):  # the next commit meets the same fault, and tells of it
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        connection.close()
