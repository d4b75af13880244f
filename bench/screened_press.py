"""Press → verdict over the wire with all rules on, beside the same service without screening, and without evidence too.

The services run side by side and are pressed by turns, so that what else the machine does meets all alike. Each figure
is the middle of the turns.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import uvloop

from bench.agent import Agent
from bench.called_numbers import numbers_called
from bench.database import Database
from bench.press import QUIET, SPEED
from bench.service import Settings, running
from bench.table import Row, milliseconds, percentile

AGENTS = 100
RATE = 200
PRESSES_A_TURN = 400
TURNS = 7
WARM_UP = 400
NUMBERS = 2000
"""So many different ones: each is called more than once, so that there are attempts to be counted."""
REACH = 0.001
OVERRIDABLE = ("calling-hours", "do-not-call", "attempts")
COMMANDS = ("bench.short_calls", "bench.unscreened", "bench.unscreened --without-evidence")
_OVERRIDES = [{"rule": rule, "reason": "a measurement"} for rule in OVERRIDABLE]


def settings_of(registries: Path) -> Settings:
    """All rules on; each is run, and what the hour or the list says against a number is overridden."""
    return {
        "engine.simulator": {"speed": SPEED},
        "dialing": {"purpose": "sales"},
        "screening": {
            "registries_path": str(registries),
            "registrations": ["*"],
            "overridable": [f"{rule}=agent" for rule in OVERRIDABLE],
        },
    }


class _Side(msgspec.Struct):
    """One of the services as the load sees it."""

    agents: Iterator[Agent]
    turns: list[list[float]]
    """The seconds of the presses of each turn."""

    def middle(self, share: float) -> float:
        """The percentile of a turn, in the middle of the turns."""
        return statistics.median(percentile(turn, share) for turn in self.turns)


def measure(database: Database, registries: Path) -> list[Row]:
    """Run it on one database; the rows of the table."""
    with ExitStack() as stack:
        on = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        sides = []
        for command in COMMANDS:
            settings = {**settings_of(registries), "storage": {"url": database.new()}}
            service = stack.enter_context(running(agents=AGENTS, settings=settings, command=command))
            agents = [on.run(Agent.connect(service.url, token)) for token in service.tokens]
            stack.callback(_close, agents)
            sides.append(_Side(itertools.cycle(agents), []))
        numbers = numbers_called(NUMBERS)
        called = [itertools.cycle(numbers) for _ in sides]
        for side, to in zip(sides, called, strict=True):
            on.run(_press(side.agents, to, WARM_UP))
        for turn in range(TURNS):
            for which in range(len(sides)) if turn % 2 else reversed(range(len(sides))):
                sides[which].turns.append(on.run(_press(sides[which].agents, called[which], PRESSES_A_TURN)))
    return _rows(database, *sides)


def _close(agents: Sequence[Agent]) -> None:
    for agent in agents:
        agent.close()


async def _press(agents: Iterator[Agent], numbers: Iterator[str], presses: int) -> list[float]:
    """Press that often, at the rate; the seconds from each press to its reply. Ends when all is quiet."""
    under_way: list[asyncio.Task[tuple[float, str]]] = []
    start = time.perf_counter()
    for number in range(presses):
        await asyncio.sleep(max(0.0, start + number / RATE - time.perf_counter()))
        under_way.append(asyncio.create_task(next(agents).press(next(numbers), Overrides=_OVERRIDES)))
    answered = await asyncio.gather(*under_way)
    await asyncio.sleep(QUIET)
    return [seconds for seconds, _ in answered]


def _rows(database: Database, screened: _Side, unscreened: _Side, bare: _Side) -> list[Row]:
    rows = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ours, floor, least = (side.middle(share) for side in (screened, unscreened, bare))
        judged = name == "p99"
        rows.append(
            Row(
                what=f"press → verdict at {RATE} presses/s, all rules on, simulator, {database.name}, {name}",
                measured=milliseconds(ours),
                floor=f"{milliseconds(floor)} (without screening), {milliseconds(least)} (without evidence, too)",
                ratio=f"{(ours - floor) * 1000:+.2f} ms, {(ours - least) * 1000:+.2f} ms",
                reach=f"≤ {REACH * 1000:+.2f} ms" if judged else "",
                reached=ours - floor <= REACH if judged else None,
            )
        )
    return rows
