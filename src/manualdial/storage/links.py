"""What the journal puts into the chains of evidence, each link once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, select

from manualdial.calls import Call
from manualdial.evidence import Draft, Head, Kind, LegState, Sealed, outcome, pruned, retraction
from manualdial.storage.chains import heads_of, sealed, write_links
from manualdial.storage.driver import fetch
from manualdial.storage.tables import TEXTS, TIMES, evidence, unescaped


@dataclass(slots=True, eq=False)
class QueuedDraft:
    """A draft for which nobody waits, and the places in the chain that it was tried to be put to."""

    draft: Draft
    tried: set[tuple[int, bytes]] = field(default_factory=set)
    """Numbers and seals: where a commit was not answered, one of these links may be there."""


_KINDS = frozenset(Kind)
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
_OLDEST = (
    select(evidence)
    .where(evidence.c.tenant_id == bindparam("of_tenant"))
    .order_by(evidence.c.seq)
    .limit(bindparam("limit"))
)
_REMOVE = delete(evidence).where(evidence.c.tenant_id == bindparam("of_tenant"), evidence.c.seq <= bindparam("through"))


def link_of(row: Row[Any]) -> Sealed:
    """The link of a row, whatever somebody has made of it: a proof of the chain then names it."""
    return Sealed(
        tenant_id=row.tenant_id,
        seq=row.seq,
        kind=Kind(row.kind) if row.kind in _KINDS else row.kind,
        at=row.at,
        number=row.number,
        call_id=row.call_id,
        # SQLite's functions make text of it.
        body=row.body if isinstance(row.body, bytes) else str(row.body).encode(),
        seal=row.seal,
    )


def links_after(connection: Connection, tenant_id: str, *, after: int, limit: int) -> list[Sealed]:
    """Links of a chain behind that number, in their order."""
    query = _OLDEST.where(evidence.c.seq > after)
    return [link_of(row) for row in connection.execute(query, {"of_tenant": tenant_id, "limit": limit})]


def kinds_of_calls(connection: Connection, call_ids: Collection[str]) -> set[tuple[str, str]]:
    """Which calls have links of which kinds."""
    return _told(connection, call_ids, gone=())[0]


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
    there, legs = _told(connection, about, gone=[call.id for call in gone])
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


def prune(connection: Connection, *, tenant_id: str, before: datetime, limit: int) -> int:
    """Remove the oldest links of a chain, and put to its end how far. Returns how many. Raises ChainMoved."""
    heads = heads_of(connection, [tenant_id], known={})
    old: list[Sealed] = []
    for row in connection.execute(_OLDEST, {"of_tenant": tenant_id, "limit": limit}):
        if row.at >= before:
            break
        old.append(link_of(row))
    # What is left of a chain that was pruned is not worth another link.
    if all(link.kind is Kind.PRUNED for link in old):
        return 0
    cut = pruned(old[-1], at=datetime.now(UTC), count=len(old))
    write_links(connection, sealed([cut], heads))
    connection.execute(_REMOVE, {"of_tenant": tenant_id, "through": old[-1].seq}).close()
    return len(old)


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
    for seq, seal in each.tried:
        place = {"of_tenant": each.draft.tenant_id, "place": seq}
        if connection.execute(_AT_PLACE, place).scalar() == seal:
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


def _told(
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
    text, time = TEXTS[dialect], TIMES[dialect]
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
