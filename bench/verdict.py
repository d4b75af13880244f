"""Press → verdict over the wire with the simulator: from the press to the reply that carries the verdict.

The journal is on disk and synchronous. Presses come at a fixed rate whether or not earlier ones were answered.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time

import uvloop

from bench.agent import Agent
from bench.service import running
from bench.table import Row, milliseconds, percentile

AGENTS = 100
RATE = 200
SECONDS = 10.0
WARM_UP = 200
REACH = 0.005
ENDS_SOON = "+12025550104"
"""The simulator ends this call by itself, so that the agent is free again before the next turn."""


def measure() -> list[Row]:
    """Run it; the rows of the table."""
    commit = _synchronous_write()
    with running(agents=AGENTS, settings={"engine.simulator": {"speed": 20.0}}) as service:
        times = uvloop.run(_load(service.url, list(service.tokens)))
    median, slow = percentile(times, 0.5), percentile(times, 0.99)
    what = f"press → verdict at {RATE} presses/s, simulator, SQLite"
    floor = f"{milliseconds(commit)} (one synchronous write)"
    return [
        Row(
            what=f"{what}, p50",
            measured=milliseconds(median),
            floor=floor,
            ratio=f"{median / commit:.1f} ×",
        ),
        Row(
            what=f"{what}, p99",
            measured=milliseconds(slow),
            floor=floor,
            ratio=f"{slow / commit:.1f} ×",
            reach=f"< {milliseconds(REACH)}",
            reached=slow < REACH,
        ),
    ]


async def _load(url: str, tokens: list[str]) -> list[float]:
    agents = [await Agent.connect(url, token) for token in tokens]
    turns = itertools.cycle(agents)
    presses: list[asyncio.Task[tuple[float, str]]] = []
    start = time.perf_counter()
    for number in range(int(RATE * SECONDS) + WARM_UP):
        await asyncio.sleep(max(0.0, start + number / RATE - time.perf_counter()))
        presses.append(asyncio.create_task(next(turns).press(ENDS_SOON)))
    answered = await asyncio.gather(*presses)
    for agent in agents:
        agent.close()
    return [seconds for seconds, _ in answered[WARM_UP:]]


def _synchronous_write() -> float:
    """What this disk takes for one page that must be on it, at the median, in seconds."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return percentile(times, 0.5)
