"""A database with one tenant, and what the commands have written into it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from manualdial.app.adapters import store_for
from manualdial.config import load
from manualdial.evidence import Draft
from manualdial.ports import Storage
from tests.commands.service import command, settings

Answer = TypeVar("Answer")


def a_database(folder: Path, *tenants: str) -> Path:
    """The configuration of a new database with these tenants, or with the tenant `one`."""
    config = settings(folder)
    for number, tenant in enumerate(tenants or ("one",)):
        options = ("--tenant", tenant, "--password-stdin", "--config", str(config))
        assert command("user", "add", f"user{number}", *options, stdin="secret\n").exit_code == 0
    return config


def told(*arguments: str, config: Path) -> list[dict[str, Any]]:
    """What a command that works prints as JSON, line by line."""
    result = command(*arguments, "--json", "--config", str(config))
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def in_store(config: Path, work: Callable[[Storage, str], Awaitable[Answer]]) -> Answer:
    """Do something with the store, and the id of the first tenant by name."""

    async def opened() -> Answer:
        async with store_for(load(config, {})) as store:
            tenants = sorted(await store.tenants(), key=lambda each: each[1])
            return await work(store, tenants[0][0])

    return asyncio.run(opened())


def put_evidence(config: Path, drafts: Callable[[str], Sequence[Draft]]) -> None:
    """Write links to the chain of the first tenant, whose id `drafts` gets."""

    async def work(store: Storage, tenant_id: str) -> None:
        for draft in drafts(tenant_id):
            store.record_evidence(draft)
        await store.flush()

    in_store(config, work)


def tamper(config: Path, statement: str) -> None:
    """Change the database's file behind the back of the service."""
    connection = sqlite3.connect(config.with_name("manualdial.sqlite3"))
    try:
        with connection:
            assert connection.execute(statement).rowcount > 0
    finally:
        connection.close()
