"""Whether the service works, and each thing that it needs."""

from __future__ import annotations

import asyncio

import msgspec

from manualdial.ports import Engine, Health, Store
from manualdial.registries.held_copies import Registries


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the service works, and each thing that it needs."""

    ok: bool
    dependencies: dict[str, Health]


async def status_of(store: Store, engine: Engine, registries: Registries) -> Status:
    """Ask each of them."""
    database, telephony = await asyncio.gather(store.health(), engine.health())
    dependencies = {"database": database, "engine": telephony, "registries": registries.health()}
    return Status(ok=all(health.ok for health in dependencies.values()), dependencies=dependencies)
