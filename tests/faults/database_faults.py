"""What happens to the database: locked, slow, full, gone, and of a server also hung."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from tests.faults.database import PostgresqlDatabase, SqliteFile
from tests.faults.fault import Fault
from tests.faults.world import World


def database_faults(database: SqliteFile | PostgresqlDatabase) -> list[Fault]:
    """Every kind that there is with this database."""
    found = [
        Fault(name="database locked", play=partial(_for_a_while, do=database.locked)),
        Fault(name="database slow", play=partial(_for_a_while, do=database.slow)),
    ]
    if isinstance(database, PostgresqlDatabase):
        found += [
            Fault(name="database server crashed", play=partial(_for_a_while, do=database.gone)),
            Fault(name="database server hung", play=partial(_for_a_while, do=database.hung)),
        ]
        return found
    found.append(Fault(name="database's file moved away", play=partial(_for_a_while, do=database.gone)))
    full = partial(_for_a_while, do=database.full) if database.is_mounted else _forbid_writing
    found.append(Fault(name="database's disk full", play=full))
    return found


async def _forbid_writing(world: World) -> bool:
    """Where no file system can be mounted to be filled."""
    with world.database_away():
        world.service.limit_files(limited=True)
        await asyncio.sleep(world.random.uniform(0.8, 2.2))
        world.service.limit_files(limited=False)
    return True


async def _for_a_while(world: World, *, do: Callable[[float], Awaitable[None]]) -> bool:
    with world.database_away():
        await do(world.random.uniform(0.8, 2.2))
    return True
