"""The journal of calls beside the chain of evidence: each call is written with its link, and so is its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from manualdial.audit.chain import Proven
from manualdial.evidence import Kind
from manualdial.plain_text import counted, listed, part, printable
from manualdial.ports import CallLinks, Storage

_PAGE = 1000
_TRIES = 3
_OUT_OF_ORDER = timedelta(minutes=1)
"""Presses that come together may stand in the chain in another order than that of their times."""
_NAMED = 100
"""So many calls are kept of all that have no link."""
_TOLD = 5
"""So many of them are named in a sentence; --json has more."""
_BEFORE_EVIDENCE = "built-in"
"""The policy that verdicts name from before there was evidence."""


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of the journal without one kind of link."""

    kind: Kind
    """`attempt`, or `outcome`: those have the first, and are over."""
    count: int
    first: Sequence[str]
    """Ids of the oldest of them."""


async def missing_links(
    store: Storage, tenant_id: str, proven: Proven, *, progress: Callable[[int], None] = lambda count: None
) -> Sequence[Missing]:
    """The links that a proved chain lacks; `progress` is told how many calls are read. Raises StoreUnavailable.

    Calls from before there was evidence do not count, nor those that are older than the first link of a chain whose
    beginning the retention has removed. Where more of it is removed meanwhile, the journal is read anew.
    """
    first, begins = proven.first, proven.begins
    found: Sequence[Missing] = ()
    for _ in range(_TRIES):
        found = await _read(store, tenant_id, after=_after(first, begins), progress=progress)
        start = await store.evidence(tenant_id, limit=1) if found else ()
        if not start or start[0].seq == first:
            break
        first, begins = start[0].seq, start[0].at
    return found


def _after(first: int, begins: datetime | None) -> tuple[datetime, str] | None:
    """The place in the journal from which on all calls have links; None where that is its beginning."""
    return None if begins is None or first <= 1 else (begins + _OUT_OF_ORDER, "")


async def _read(
    store: Storage, tenant_id: str, *, after: tuple[datetime, str] | None, progress: Callable[[int], None]
) -> list[Missing]:
    count = dict.fromkeys((Kind.ATTEMPT, Kind.OUTCOME), 0)
    first: dict[Kind, list[str]] = {kind: [] for kind in count}
    read = 0
    while page := await store.call_links(tenant_id, after=after, limit=_PAGE):
        for call in page:
            kind = _lacking(call)
            if kind is not None:
                count[kind] += 1
                if len(first[kind]) < _NAMED:
                    first[kind].append(call.call_id)
        read += len(page)
        after = (page[-1].requested_at, page[-1].call_id)
        progress(read)
    return [Missing(kind=kind, count=number, first=first[kind]) for kind, number in count.items() if number]


def _lacking(call: CallLinks) -> Kind | None:
    """The link that a call does not have and should."""
    if not call.has_attempt:
        return Kind.ATTEMPT if _is_of_evidence(call) else None
    return Kind.OUTCOME if call.is_over and not call.has_ending else None


def _is_of_evidence(call: CallLinks) -> bool:
    """Whether there was evidence when a call was dialled. A verdict that cannot be read is no proof of the contrary."""
    try:
        verdict = msgspec.json.decode(call.verdict or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True
    return bool(part(verdict, "policy", "name") != _BEFORE_EVIDENCE)


class CheckedChain(msgspec.Struct, frozen=True, kw_only=True):
    """One chain, proved and compared with the journal."""

    tenant: str
    proven: Proven
    missing: Sequence[Missing]
    """Links that calls of the journal do not have. A chain that is broken is not compared."""

    @property
    def holds(self) -> bool:
        """Whether there is nothing to tell."""
        return self.proven.whole and not self.missing


def whole(each: CheckedChain) -> str:
    """A line about a chain that holds, with its end."""
    name, proven = printable(each.tenant), each.proven
    if not proven.count:
        return f"{name}: the chain has no link yet."
    begins = "" if proven.first == 1 else f", from {proven.first} on; those before were removed by the retention"
    links = counted(proven.count, "link")
    return f"{name}: whole, {links}{begins}. Its end, to be kept elsewhere: {proven.head}"


def fault(each: CheckedChain) -> str:
    """A sentence about what does not hold: the chain, or its agreement with the journal."""
    if each.proven.broken is not None:
        return sentence(each.proven)
    return " ".join(map(_missing, each.missing))


def _missing(missing: Missing) -> str:
    ids, have = listed(missing.first, most=_TOLD, of=missing.count), "has" if missing.count == 1 else "have"
    return f"{counted(missing.count, 'call')} in the journal {have} no link `{missing.kind}`: {printable(ids)}."


def sentence(proven: Proven) -> str:
    """Which link is broken, and why; nothing where none is."""
    broken = proven.broken
    return "" if broken is None else f"the chain is broken at link {broken.seq}: {broken.reason}."


def shown(each: CheckedChain) -> dict[str, Any]:
    """As JSON."""
    missing = [msgspec.to_builtins(missing) for missing in each.missing]
    return {"tenant": each.tenant, **each.proven.to_json(), "missingLinks": missing}
