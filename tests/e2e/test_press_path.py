"""The way of a press through the source stays short enough to be read in one sitting."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import manualdial
from tests.support.running_service import finish, number, press, running_service, settle_in

SOURCE = str(Path(manualdial.__file__).parent) + "/"
MOST_FILES = 35
MOST_ROOMS = 12
PRESSES = 4


class CrossedFiles:
    """The files of the package in which a function is called, as they come."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def profile(self, frame: FrameType, event: str, _argument: object) -> None:
        """Called by the interpreter at each call of each thread."""
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(SOURCE):
            self.names.add(name.removeprefix(SOURCE))


@contextmanager
def crossed_files() -> Iterator[CrossedFiles]:
    """Watch this thread and those that begin in the block."""
    crossed = CrossedFiles()
    threading.setprofile(crossed.profile)
    sys.setprofile(crossed.profile)
    try:
        yield crossed
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


async def test_a_press_goes_from_the_first_byte_to_its_reply_through_few_files_and_rooms(tmp_path: Path) -> None:
    await settle_in(tmp_path)
    ways = []

    with crossed_files() as crossed:
        # Slow enough that nothing is reported of the call before the reply.
        async with running_service(tmp_path, ENGINE_SIMULATOR_SPEED="1") as running:
            desk = await running.desk()
            for which in range(PRESSES):
                await running.service.store.flush()  # what came of the press before
                crossed.names.clear()
                dial = await press(desk, number(which))
                ways.append(set(crossed.names))
                await finish(desk, dial["callId"])

    # The first reads tables that later ones find; and something that is done every so often may fall into one of them.
    shortest = min(ways, key=len)
    rooms = {name.partition("/")[0] for name in shortest if "/" in name}
    assert {"transports", "requests", "dialing", "law", "storage", "engines"} <= rooms
    assert len(shortest) <= MOST_FILES, "\n".join(sorted(shortest))
    assert len(rooms) <= MOST_ROOMS, sorted(rooms)
