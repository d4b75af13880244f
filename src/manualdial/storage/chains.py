"""The chains of evidence, one for each tenant: links are sealed and put to their ends, each link once."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Dialect, Integer, bindparam, case, exists, literal_column, null, select

from manualdial.calls import Call
from manualdial.evidence import Draft, Head, Kind, LegState, Sealed, outcome, retraction, seal
from manualdial.ports import StoreUnavailable
from manualdial.storage.rows import (
    DIALECTS,
    REFUSALS,
    TEXT_PARAMETERS,
    TIMES,
    AnyText,
    Prepared,
    fetch,
    lock_key,
    unescaped,
)
from manualdial.storage.tables import evidence, insert

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


INSERT_LINKS = {dialect.name: _insertion(dialect) for dialect in DIALECTS}
_TAKE_LOCKS = "SELECT count(pg_advisory_xact_lock(key)) FROM unnest($1::bigint[]) AS key"
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
    _take_locks(connection, [lock_key("chain", tenant_id) for tenant_id in unknown])
    for tenant_id in unknown:
        found[tenant_id] = head_of(connection, tenant_id)
    return found


def head_of(connection: Connection, tenant_id: str) -> Head:
    """The end of a chain, as this transaction sees it."""
    row = connection.execute(_NEWEST, {"of_tenant": tenant_id}).first()
    return Head() if row is None else Head(seq=row.seq, seal=row.seal)


def _take_locks(connection: Connection, keys: Iterable[int]) -> None:
    """Take locks of the database until the transaction ends. On SQLite the right to write stands for all of them."""
    # In the order of the array, which is sorted: two transactions wait for one another in one direction only.
    wanted = sorted(set(keys))
    if wanted and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_TAKE_LOCKS, (wanted,)).close()


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


# ── what the journal puts into them ───────────────────────────────────────────────────────────────────────────────────

_OVER = f"('{Kind.OUTCOME}', '{Kind.RETRACTION}')"
"""Behind these links there comes none about how the attempt ended."""
_IN_JSON = f"""
SELECT evidence.call_id, evidence.kind, NULL, NULL, NULL
  FROM json_each(?) AS asked CROSS JOIN evidence
  WHERE evidence.call_id = asked.value
UNION ALL
SELECT line.call_id, line.leg, line.state, line.at, line.step
  FROM json_each(?) AS asked CROSS JOIN call_changes AS line
  WHERE line.call_id = asked.value
    AND NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.call_id = asked.value AND evidence.kind IN {_OVER})
"""  # noqa: S608  # all of it stands here
# OFFSET 0 keeps PostgreSQL from joining, which it does by reading the whole table where it does not know it yet.
_IN_ARRAYS = f"""
SELECT link.call_id, link.kind, NULL, NULL, NULL
  FROM unnest($1::text[]) AS asked(call)
  CROSS JOIN LATERAL (SELECT call_id, kind FROM evidence WHERE call_id = asked.call OFFSET 0) AS link
UNION ALL
SELECT line.call_id, line.leg, line.state, line.at, line.step
  FROM unnest($2::text[]) AS asked(call)
  CROSS JOIN LATERAL (SELECT * FROM call_changes WHERE call_id = asked.call OFFSET 0) AS line
  WHERE NOT EXISTS (SELECT 1 FROM evidence WHERE call_id = asked.call AND kind IN {_OVER} OFFSET 0)
"""  # noqa: S608  # all of it stands here
_AT_PLACE = select(evidence.c.seal).where(
    evidence.c.tenant_id == bindparam("of_tenant"), evidence.c.seq == bindparam("place")
)


@dataclass(slots=True, eq=False)
class QueuedDraft:
    """A draft for which nobody waits, and the places in the chain that it was tried to be put to."""

    draft: Draft
    tried: set[tuple[int, bytes]] = field(default_factory=set)
    """Numbers and seals: where a commit was not answered, one of these links may be there."""


def kinds_of_calls(connection: Connection, call_ids: Collection[str]) -> set[tuple[str, str]]:
    """Which calls have links of which kinds."""
    return _links_and_legs(connection, call_ids, gone=())[0]


def write_evidence(
    connection: Connection,
    *,
    attempts: Sequence[Draft],
    queued: Sequence[QueuedDraft],
    gone: Sequence[Call],
    known: Mapping[str, Head],
) -> dict[str, Head]:
    """Seal and write the drafts, and the outcome of each attempt whose legs are `gone` and that has none yet.

    Returns the new ends of the chains. Raises ChainMoved. The changes of calls must be written before.
    """
    about = {call.id for call in gone} | {each.draft.call_id for each in queued if each.draft.call_id is not None}
    there, legs = _links_and_legs(connection, about, gone=[call.id for call in gone])
    there |= {(draft.call_id or "", draft.kind.value) for draft in attempts}
    waiting = _unwritten(connection, queued, there)
    drafts = [*attempts, *(each.draft for each in waiting), *_outcomes(gone, there, legs)]
    if not drafts:
        return {}
    heads = heads_of(connection, {draft.tenant_id for draft in drafts}, known=known)
    links = sealed(drafts, heads)
    for each, link in zip(waiting, links[len(attempts) :], strict=False):
        each.tried.add((link.seq, link.seal))
    return write_links(connection, links)


def write_retraction(connection: Connection, call: Call) -> None:
    """Write that nothing rang for a call, where there is evidence of an attempt. Raises ChainMoved."""
    there = kinds_of_calls(connection, [call.id])
    if (call.id, Kind.ATTEMPT) in there and (call.id, Kind.RETRACTION) not in there:
        # The time of the link, and no part of a decision: it may be the database's turn long after it was asked for.
        draft = retraction(call, datetime.now(UTC))
        write_links(connection, sealed([draft], heads_of(connection, [call.tenant_id], known={})))


def _unwritten(connection: Connection, queued: Iterable[QueuedDraft], there: set[tuple[str, str]]) -> list[QueuedDraft]:
    """Those that are not in the chain yet, whatever became of earlier tries."""
    waiting = []
    for each in queued:
        draft = each.draft
        name = (draft.call_id or "", draft.kind.value)
        if name in there or _is_written(connection, each):
            continue
        if draft.call_id is not None:
            there.add(name)
        waiting.append(each)
    return waiting


def _is_written(connection: Connection, each: QueuedDraft) -> bool:
    for seq, its_seal in each.tried:
        place = {"of_tenant": each.draft.tenant_id, "place": seq}
        if connection.execute(_AT_PLACE, place).scalar() == its_seal:
            return True
    return False


def _outcomes(gone: Iterable[Call], there: set[tuple[str, str]], legs: Mapping[str, Sequence[LegState]]) -> list[Draft]:
    return [
        outcome(call, legs.get(call.id, ()))
        for call in gone
        if (call.id, Kind.ATTEMPT) in there
        and (call.id, Kind.OUTCOME) not in there
        and (call.id, Kind.RETRACTION) not in there
    ]


def _links_and_legs(
    connection: Connection, call_ids: Collection[str], *, gone: Collection[str]
) -> tuple[set[tuple[str, str]], dict[str, list[LegState]]]:
    """Which calls have links of which kinds, and the history of those of `gone` whose outcome is not written.

    One statement straight at the driver: a list that SQLAlchemy writes out, and its processing of each row, took most
    of the time of a batch of ends.
    """
    kinds: set[tuple[str, str]] = set()
    if not call_ids:
        return kinds, {}
    dialect = connection.dialect.name
    text, time = TEXT_PARAMETERS[dialect], TIMES[dialect]
    lists = ([text(each) for each in call_ids], [text(each) for each in gone])
    if dialect == "sqlite":
        found = fetch(connection, _IN_JSON, tuple(msgspec.json.encode(each).decode() for each in lists))
    else:
        found = fetch(connection, _IN_ARRAYS, lists)
    lines = []
    for call_id, kind_or_leg, state, at, step in found:
        if state is None:
            kinds.add((unescaped(call_id), kind_or_leg))
        else:
            lines.append((step, kind_or_leg, state, at, call_id))
    # Where both legs change in one step, the customer's does so first (see calls.advance).
    lines.sort(key=lambda line: line[1], reverse=True)
    lines.sort(key=lambda line: line[0])
    legs: dict[str, list[LegState]] = {}
    for _, leg, state, at, call_id in lines:
        legs.setdefault(unescaped(call_id), []).append(LegState(leg=leg, state=state, at=time(at)))
    return kinds, legs
