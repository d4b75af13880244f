"""Durable accepted presses a second with the simulator, and how many commits of the database a press costs.

So many presses are under way at once: whenever one is answered, the next agent presses. Accepted is a press whose reply
names its call, and that reply comes after the commit. What follows a press is played beside it and is part of what is
measured: each call rings its agent, dials and ends by itself, with an event to the agent for each state.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator

import msgspec
import uvloop

from bench.agent import Agent
from bench.database import Database, on_all
from bench.service import Service, Settings, running
from bench.table import Row, milliseconds, percentile

AGENTS = 1000
"""So many that an agent's call has long ended when the agent's next turn comes."""
MOST_AT_ONCE = 100
PRESSES = {1: 500, 10: 2000, MOST_AT_ONCE: 4000}
"""How many presses a round, by how many at once."""
ROUNDS = 3
REACH_RATE = 1000.0
REACH_COMMITS = 1.3
ENDS_SOON = "+12025550104"
"""The simulator ends this call by itself, so that the agent is free again before the next turn."""
SPEED = 20.0
QUIET = 0.5
"""Seconds after which the last states of the last calls are written, too."""
COMMITS = "manualdial_journal_commits_total"


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one round took."""

    rate: float
    """Presses a second."""
    slow: float
    """The seconds from press to reply, at the 99th percentile."""
    commits: float
    """Commits of the journal a press, with those for the states that followed."""
    bare: float
    """Bare commits a second, one after the other, just before."""


def measure() -> list[Row]:
    """Run it; the rows of the table. Without PostgreSQL one row says so."""
    return on_all(_measured, what="presses/s")


def _measured(database: Database) -> list[Row]:
    settings: Settings = {"engine.simulator": {"speed": SPEED}, "storage": {"url": database.new()}}
    with running(agents=AGENTS, settings=settings) as service, asyncio.Runner(loop_factory=uvloop.new_event_loop) as on:
        agents = on.run(_connected(service))
        turns = itertools.cycle(agents)
        on.run(_press(turns, presses=AGENTS, at_once=10))
        rounds = {
            at_once: [_round(on, service, database, turns, at_once) for _ in range(ROUNDS)] for at_once in PRESSES
        }
        for agent in agents:
            agent.close()
    return [row for at_once in PRESSES for row in _rows(database, at_once, rounds[at_once])]


async def _connected(service: Service) -> list[Agent]:
    return [await Agent.connect(service.url, token) for token in service.tokens]


def _round(on: asyncio.Runner, service: Service, database: Database, turns: Iterator[Agent], at_once: int) -> Round:
    bare = database.bare_commits()
    time.sleep(QUIET)
    before = service.figure(COMMITS)
    began = time.perf_counter()
    times = on.run(_press(turns, presses=PRESSES[at_once], at_once=at_once))
    took = time.perf_counter() - began
    time.sleep(QUIET)
    return Round(
        rate=len(times) / took,
        slow=percentile(times, 0.99),
        commits=(service.figure(COMMITS) - before) / len(times),
        bare=len(bare) / sum(bare),
    )


async def _press(turns: Iterator[Agent], *, presses: int, at_once: int) -> list[float]:
    """Press that often, so many at once; the seconds from each press to its reply."""
    times: list[float] = []
    left = iter(range(presses))

    async def one_after_another() -> None:
        for _ in left:
            seconds, _call_id = await next(turns).press(ENDS_SOON)
            times.append(seconds)

    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return times


def _rows(database: Database, at_once: int, rounds: list[Round]) -> list[Row]:
    rate, bare = (statistics.median(getattr(one, figure) for one in rounds) for figure in ("rate", "bare"))
    slow, commits = (statistics.median(getattr(one, figure) for one in rounds) for figure in ("slow", "commits"))
    judged = at_once == MOST_AT_ONCE
    rows = [
        Row(
            what=f"durable accepted presses/s, simulator, {database.name}, {at_once} at once",
            measured=f"{rate:.0f} presses/s (p99 {milliseconds(slow)})",
            floor=f"{bare:.0f} commits/s (bare, one at a time)",
            ratio=f"{rate / bare:.2f} ×",
            reach=f"≥ {REACH_RATE:.0f} presses/s" if judged and database.name == "SQLite" else "",
            reached=rate >= REACH_RATE if judged and database.name == "SQLite" else None,
        )
    ]
    if judged:
        rows.append(commits_row(database, f"{at_once} at once", commits))
    return rows


def commits_row(database: Database, load: str, commits: float) -> Row:
    """What a press costs in commits, states included."""
    return Row(
        what=f"commits a press, states included, simulator, {database.name}, {load}",
        measured=f"{commits:.2f}",
        reach=f"≤ {REACH_COMMITS}",
        reached=commits <= REACH_COMMITS,
    )
