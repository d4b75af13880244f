"""Locks of the database for what several processes count or continue. They end with their transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sqlalchemy import Connection

from manualdial.ports import Person

# In the order of the array, which is sorted: two transactions wait for one another in one direction only.
_TAKE = "SELECT count(pg_advisory_xact_lock(key)) FROM unnest($1::bigint[]) AS key"


def take_locks(connection: Connection, keys: Iterable[int]) -> None:
    """Take locks of the database until the transaction ends. On SQLite the right to write stands for all of them."""
    wanted = sorted(set(keys))
    if wanted and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_TAKE, (wanted,)).close()


def chain_lock(tenant_id: str) -> int:
    """The lock of the end of a tenant's chain of evidence."""
    return _key("chain", tenant_id)


def person_locks(tenant_id: str, person: Person) -> list[int]:
    """The locks of a person: attempts of whoever shares a number or an account are counted one after the other."""
    keys = [_key("number", tenant_id, person.number)]
    if person.account_number is not None:
        keys.append(_key("account", tenant_id, person.account_number))
    return keys


def _key(*parts: str) -> int:
    name = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)
