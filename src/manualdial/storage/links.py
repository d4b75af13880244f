"""What the journal puts into the chains of evidence, each link once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from manualdial.calls import Call
from manualdial.evidence import Draft, Kind, LegState, Sealed, outcome, pruned, retraction
from manualdial.storage.chains import Head, heads_of, sealed, write_links
from manualdial.storage.tables import call_changes, evidence


@dataclass(slots=True, eq=False)
class QueuedDraft:
    """A draft for which nobody waits, and the places in the chain that it was tried to be put to."""

    draft: Draft
    tried: set[tuple[int, bytes]] = field(default_factory=set)
    """Numbers and seals: where a commit was not answered, one of these links may be there."""


_KINDS = frozenset(Kind)
_OF_CALLS = select(evidence.c.call_id, evidence.c.kind).where(
    evidence.c.call_id.in_(bindparam("call_ids", expanding=True))
)
_LEGS = (
    select(call_changes.c.call_id, call_changes.c.leg, call_changes.c.state, call_changes.c.at)
    .where(call_changes.c.call_id.in_(bindparam("call_ids", expanding=True)))
    # Where both legs change in one step, the customer's does so first (see calls.advance).
    .order_by(call_changes.c.call_id, call_changes.c.step, call_changes.c.leg.desc())
)
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


def links_of_number(connection: Connection, tenant_id: str, number: str) -> list[Sealed]:
    """All links about a number, in their order."""
    query = select(evidence).where(evidence.c.tenant_id == tenant_id, evidence.c.number == number)
    return [link_of(row) for row in connection.execute(query.order_by(evidence.c.seq))]


def kinds_of_calls(connection: Connection, call_ids: Collection[str]) -> set[tuple[str, str]]:
    """Which calls have links of which kinds."""
    if not call_ids:
        return set()
    return {(row.call_id, row.kind) for row in connection.execute(_OF_CALLS, {"call_ids": sorted(call_ids)})}


def write_evidence(
    connection: Connection,
    *,
    attempts: Sequence[Draft],
    queued: Sequence[QueuedDraft],
    ended: Sequence[Call],
    known: Mapping[str, Head],
) -> dict[str, Head]:
    """Seal and write the drafts, and the outcome of each attempt that has ended and has none yet.

    Returns the new ends of the chains. Raises ChainMoved. The changes of calls must be written before.
    """
    about = {call.id for call in ended} | {each.draft.call_id for each in queued if each.draft.call_id is not None}
    there = kinds_of_calls(connection, about) | {(draft.call_id or "", draft.kind.value) for draft in attempts}
    waiting = _unwritten(connection, queued, there)
    drafts = [*attempts, *(each.draft for each in waiting), *_outcomes(connection, ended, there)]
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


def _outcomes(connection: Connection, ended: Iterable[Call], there: set[tuple[str, str]]) -> list[Draft]:
    due = [
        call
        for call in ended
        if (call.id, Kind.ATTEMPT) in there
        and (call.id, Kind.OUTCOME) not in there
        and (call.id, Kind.RETRACTION) not in there
    ]
    if not due:
        return []
    legs: dict[str, list[LegState]] = {call.id: [] for call in due}
    for row in connection.execute(_LEGS, {"call_ids": sorted(legs)}):
        legs[row.call_id].append(LegState(leg=row.leg, state=row.state, at=row.at))
    return [outcome(call, legs[call.id]) for call in due]
