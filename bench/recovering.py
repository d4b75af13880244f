"""The service that recovers, for `bench.recovery`: it starts in this process, on an engine that has calls already.

    python -m bench.recovering CONFIG ORDERS

Prints the moment at which the start begins (monotonic, which all processes share), and when standard input ends, as
JSON, how long it took until it listened and the longest time for which the event loop stood still since then.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from manualdial.app.service import serving
from manualdial.calls import CallSignal, Report
from manualdial.commands.running import collect_less, collect_nothing, run
from manualdial.config import Config, load
from manualdial.engines.simulator import SimulatorEngine
from manualdial.ports import Originate
from manualdial.telemetry import log

SPEED = 1000.0
REPORTS = 5
"""What the simulator tells of a call until it is connected; then it stays so."""
TICK = 0.001


class OutlivingEngine(SimulatorEngine):
    """A simulator that went on while the service was away, and tells how each call stands when it is asked."""

    async def outlive(self, orders: Collection[Originate]) -> None:
        """Place the calls, and let them come as far as they come. Nobody hears of it."""
        for order in orders:
            await self.originate(order)
        missed = self.reports()
        for _ in range(REPORTS * len(orders)):
            await anext(missed)

    async def adopt(self, orders: Collection[Originate]) -> frozenset[str]:
        """As an engine does whose far end has a life of its own."""
        found = await super().adopt(orders)
        now = datetime.now(UTC)
        for call_id in found:
            self._put(Report(call_id=call_id, signal=CallSignal.CONNECTED, at=now))
        return found


class StandStill:
    """The longest time between two turns of the event loop."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Go on until cancelled."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            self.longest = max(self.longest, now - last - TICK)
            last = now


async def _recover(config: Config, orders: Collection[Originate]) -> None:
    engine = OutlivingEngine(speed=SPEED)
    await engine.outlive(orders)
    still = StandStill()
    watching = asyncio.create_task(still.watch())
    collect_nothing()
    began = time.monotonic()
    print(began, flush=True)
    async with serving(config, engine=engine):
        listening = time.monotonic() - began
        still.longest = 0.0
        collect_less()
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps({"listening": listening, "still": still.longest}), flush=True)
    watching.cancel()


def main() -> None:
    """Run it."""
    config = load(Path(sys.argv[1]), {})
    orders = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=list[Originate])
    log.set_up(console=False, level=config.log.level)
    run(_recover(config, orders))


if __name__ == "__main__":
    main()
