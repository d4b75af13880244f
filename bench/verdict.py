"""Press → verdict over the wire with the simulator: from the press to the reply that carries the verdict.

The journal is on disk and synchronous. Presses come at a fixed rate whether or not earlier ones were answered.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator

import uvloop

from bench.agent import Agent
from bench.database import Database, on_all
from bench.press import COMMITS, ENDS_SOON, QUIET, SPEED, commits_row
from bench.service import Settings, running
from bench.table import Row, milliseconds, percentile

AGENTS = 100
RATE = 200
SECONDS = 10.0
WARM_UP = 200
REACH = {"SQLite": 0.005, "PostgreSQL": 0.010}


def measure() -> list[Row]:
    """Run it; the rows of the table. Without PostgreSQL one row says so."""
    return on_all(_measured, what="press → verdict")


def _measured(database: Database) -> list[Row]:
    bare = database.bare_commits(pause=1 / RATE)
    settings: Settings = {"engine.simulator": {"speed": SPEED}, "storage": {"url": database.new()}}
    with running(agents=AGENTS, settings=settings) as service, asyncio.Runner(loop_factory=uvloop.new_event_loop) as on:
        agents = [on.run(Agent.connect(service.url, token)) for token in service.tokens]
        turns = itertools.cycle(agents)
        on.run(_press(turns, WARM_UP))
        before = service.figure(COMMITS)
        times = on.run(_press(turns, int(RATE * SECONDS)))
        commits = (service.figure(COMMITS) - before) / len(times)
        for agent in agents:
            agent.close()
    what = f"press → verdict at {RATE} presses/s, simulator, {database.name}"
    reach = REACH[database.name]
    median, slow = percentile(times, 0.5), percentile(times, 0.99)
    bare_median, bare_slow = percentile(bare, 0.5), percentile(bare, 0.99)
    return [
        Row(
            what=f"{what}, p50",
            measured=milliseconds(median),
            floor=f"{milliseconds(bare_median)} (a bare commit at this rate, p50)",
            ratio=f"{median / bare_median:.1f} ×",
        ),
        Row(
            what=f"{what}, p99",
            measured=milliseconds(slow),
            floor=f"{milliseconds(bare_slow)} (a bare commit at this rate, p99)",
            ratio=f"{slow / bare_slow:.1f} ×",
            reach=f"< {milliseconds(reach)}",
            reached=slow < reach,
        ),
        commits_row(database, f"{RATE} presses/s", commits),
    ]


async def _press(turns: Iterator[Agent], presses: int) -> list[float]:
    """Press that often, at the rate; the seconds from each press to its reply. Ends when all is quiet."""
    under_way: list[asyncio.Task[tuple[float, str]]] = []
    start = time.perf_counter()
    for number in range(presses):
        await asyncio.sleep(max(0.0, start + number / RATE - time.perf_counter()))
        under_way.append(asyncio.create_task(next(turns).press(ENDS_SOON)))
    answered = await asyncio.gather(*under_way)
    await asyncio.sleep(QUIET)
    return [seconds for seconds, _ in answered]
