"""The service under test, in a process of its own: the real one, its ports wrapped in fault points.

    python -m tests.faults.service SOCKET

The configuration stands in the environment, as for `manualdial serve`. For each line on standard input it lives once,
in a fresh process that has its modules already (they take two seconds to load): standard output tells its pid, and
later the status that it ended with. Each life connects to the driver's SOCKET and takes orders from it, one JSON a
line: `{"clock": seconds, "kill_at": step, "after": n}`; it tells there when it serves.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import traceback
from datetime import timedelta
from typing import Any, cast

from manualdial.app.adapters import store_for
from manualdial.app.engine import engine_for
from manualdial.app.service import serving
from manualdial.commands.running import collect_less, run, stopping, unless
from manualdial.config import load
from manualdial.ports import Engine, Storage
from manualdial.telemetry import log
from tests.faults.fault_points import FaultPoints, FragileEngine, FragileStore, SteppedClock


def main() -> None:
    """Live once for each line."""
    gc.freeze()
    while os.read(sys.stdin.fileno(), 1):
        pid = os.fork()
        if pid == 0:
            _live(sys.argv[1])
        _tell(f"pid {pid}")
        _, status = os.waitpid(pid, 0)
        _tell(f"ended {os.waitstatus_to_exitcode(status)}")


def _tell(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def _live(socket: str) -> None:
    status = 1
    try:
        run(_serve(socket))
        status = 0
    except BaseException:  # noqa: BLE001  # the last word of this process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)  # what the parent process has open is the parent's to close


async def _serve(socket: str) -> None:
    config = load(None, os.environ)
    log.set_up(console=False, level=config.log.level)
    clock, points = SteppedClock(), FaultPoints()
    reader, writer = await asyncio.open_unix_connection(socket)
    _obey(json.loads(await reader.readline()), clock, points)
    obeying = asyncio.create_task(_take_orders(reader, clock, points))
    # All else of the two ports is passed on by name, which no type checker can see.
    store = cast("Storage", FragileStore(store_for(config), points))
    engine = cast("Engine", FragileEngine(engine_for(config, clock), points))
    with stopping() as stop:
        async with serving(config, clock=clock, engine=engine, store=store) as service:
            collect_less()
            writer.write(json.dumps({"url": service.url}).encode() + b"\n")
            await unless(stop, service.ended())
    obeying.cancel()


async def _take_orders(reader: asyncio.StreamReader, clock: SteppedClock, points: FaultPoints) -> None:
    while line := await reader.readline():
        _obey(json.loads(line), clock, points)
    os._exit(1)  # nobody is left to serve for


def _obey(order: dict[str, Any], clock: SteppedClock, points: FaultPoints) -> None:
    if "clock" in order:
        clock.offset = timedelta(seconds=order["clock"])
    if "kill_at" in order:
        points.arm(order["kill_at"], after=order.get("after", 1))


if __name__ == "__main__":
    main()
