"""The chains of evidence: links are sealed and put to their ends, one chain for each tenant."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Integer,
    bindparam,
    case,
    exists,
    literal_column,
    null,
    select,
)

from manualdial.evidence import Draft, Head, Sealed, seal
from manualdial.ports import StoreUnavailable
from manualdial.storage.driver import REFUSALS
from manualdial.storage.locks import chain_lock, take_locks
from manualdial.storage.prepared import Prepared
from manualdial.storage.tables import AnyText, evidence, insert

SHARED_FOR = 60.0
"""Seconds for which, after another process has put links to the chains, their ends are asked for under a lock."""


class ChainMoved(StoreUnavailable):
    """Another process has put a link to the chain meanwhile. Nothing was written; try again, with the end as it is."""


class Chains:
    """The ends of the chains as this process left them, so that a press need not ask for them.

    They are a guess: another process may have put links behind them. Then the database refuses the next link, and the
    transaction is tried again, with the ends read under a lock; for a while all are.
    """

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self._shared_until = 0.0

    def known(self) -> Mapping[str, Head]:
        """The ends that are worth a guess."""
        return {} if time.monotonic() < self._shared_until else dict(self._heads)

    def written(self, heads: Mapping[str, Head]) -> None:
        """A transaction has left the chains like that."""
        self._heads.update(heads)

    def moved(self) -> None:
        """Another process writes too."""
        self._heads.clear()
        self._shared_until = time.monotonic() + SHARED_FOR

    def forget(self) -> None:
        """Nobody knows how a transaction has left them."""
        self._heads.clear()


LINK_COLUMNS = ("tenant_id", "at", "kind", "number", "call_id", "body", "seal", "of_tenant", "place")


def _insertion(dialect: Dialect) -> Prepared:
    """A link takes its number, unless there is one of that number or behind it: then the number is NULL, and refused.

    The primary key would not notice where the links behind a stale end were removed since.
    """
    place = bindparam("place", type_=Integer)
    later = evidence.alias("later")
    is_taken = exists(
        select(literal_column("1")).where(
            later.c.tenant_id == bindparam("of_tenant", type_=AnyText()), later.c.seq >= place
        )
    )
    new = insert(evidence, dialect.name).values(seq=case((is_taken, null()), else_=place)).inline()
    return Prepared(new, dialect, names=LINK_COLUMNS)


INSERT_LINKS = {
    dialect.name: _insertion(dialect)
    for dialect in (URL.create(driver).get_dialect()() for driver in ("sqlite", "postgresql+asyncpg"))
}
_NEWEST = (
    select(evidence.c.seq, evidence.c.seal)
    .where(evidence.c.tenant_id == bindparam("of_tenant"))
    .order_by(evidence.c.seq.desc())
    .limit(1)
)


def heads_of(connection: Connection, tenant_ids: Iterable[str], *, known: Mapping[str, Head]) -> dict[str, Head]:
    """The ends of the chains of some tenants; what is not known is read, under a lock until the transaction ends."""
    found = {tenant_id: known[tenant_id] for tenant_id in tenant_ids if tenant_id in known}
    unknown = sorted(set(tenant_ids) - found.keys())
    take_locks(connection, [chain_lock(tenant_id) for tenant_id in unknown])
    for tenant_id in unknown:
        found[tenant_id] = head_of(connection, tenant_id)
    return found


def head_of(connection: Connection, tenant_id: str) -> Head:
    """The end of a chain, as this transaction sees it."""
    row = connection.execute(_NEWEST, {"of_tenant": tenant_id}).first()
    return Head() if row is None else Head(seq=row.seq, seal=row.seal)


def sealed(drafts: Sequence[Draft], heads: Mapping[str, Head]) -> list[Sealed]:
    """The drafts as links, in their order, behind the ends of their chains."""
    ends = dict(heads)
    links = []
    for draft in drafts:
        end = ends[draft.tenant_id]
        link = seal(draft, seq=end.seq + 1, before=end.seal)
        ends[draft.tenant_id] = Head(seq=link.seq, seal=link.seal)
        links.append(link)
    return links


def write_links(connection: Connection, links: Sequence[Sealed]) -> dict[str, Head]:
    """Put links to the ends of their chains. Returns the new ends. Raises ChainMoved."""
    # Sorted, so that two transactions wait for one another in one direction only.
    in_order = sorted(links, key=lambda link: (link.tenant_id, link.seq))
    try:
        INSERT_LINKS[connection.dialect.name].execute(connection, map(link_values, in_order))
    except REFUSALS:
        raise ChainMoved("another process writes to the chain of evidence") from None
    return {link.tenant_id: Head(seq=link.seq, seal=link.seal) for link in in_order}


def link_values(link: Sealed) -> list[Any]:
    """The row of a link, for INSERT_LINKS."""
    columns = (link.tenant_id, link.at, link.kind.value, link.number, link.call_id, link.body, link.seal)
    return [*columns, link.tenant_id, link.seq]
