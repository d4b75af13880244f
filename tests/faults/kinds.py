"""All kinds of faults: each is played once in its round, and everything works again when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial

from tests.faults.asterisk_faults import asterisk_faults
from tests.faults.database import PostgresqlDatabase, SqliteFile
from tests.faults.database_faults import database_faults
from tests.faults.fault import Fault
from tests.faults.service_faults import service_faults
from tests.faults.world import World

_CLOCK_BOUND = 6 * 3600.0
"""Seconds that the service's clock is ahead or behind at most."""


def kinds(database: SqliteFile | PostgresqlDatabase) -> Sequence[Fault]:
    """Every kind that there is with this database."""
    return [
        *service_faults(),
        *asterisk_faults(),
        *database_faults(database),
        Fault(name="client's socket cut between press and reply", play=_cut_clients),
        Fault(name="clock set forward", play=partial(_step_clock, signal=1)),
        Fault(name="clock set back", play=partial(_step_clock, signal=-1)),
    ]


async def _cut_clients(world: World) -> bool:
    for agent in world.agents:
        agent.cut_next = True
    await asyncio.sleep(1.0)
    return any(not agent.cut_next for agent in world.agents)


async def _step_clock(world: World, *, signal: int) -> bool:
    seconds = signal * world.random.choice((5.0, 60.0, 3600.0))
    if abs(world.service.offset + seconds) > _CLOCK_BOUND:
        seconds = -seconds
    if seconds < 0:
        world.clock_set_back_at.append(time.time())
    world.service.step_clock(seconds)
    return True
