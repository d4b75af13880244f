"""The thread that makes checkpoints."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from manualdial.storage.sqlite import Checkpoints
from tests.contract.stores import LIMIT


async def test_it_ends_at_whatever_moment_it_is_told_to(tmp_path: Path) -> None:
    async with asyncio.timeout(LIMIT):
        for turn in range(200):
            checkpoints = Checkpoints(pause=0.000_01 * (turn % 20))
            checkpoints.start(sqlite3.connect(tmp_path / "journal.sqlite3", check_same_thread=False))
            for _ in range(turn):
                checkpoints.committed()
            await asyncio.to_thread(checkpoints.stop)


async def test_one_that_was_never_started_ends_too() -> None:
    await asyncio.to_thread(Checkpoints(pause=60.0).stop)


async def test_it_does_not_wait_for_the_pause_to_end(tmp_path: Path) -> None:
    checkpoints = Checkpoints(pause=3600.0)
    checkpoints.start(sqlite3.connect(tmp_path / "journal.sqlite3", check_same_thread=False))
    checkpoints.committed()
    async with asyncio.timeout(LIMIT):
        await asyncio.to_thread(checkpoints.stop)
