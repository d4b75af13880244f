"""The journal of calls beside the chain of evidence: each call was written together with its link `attempt`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from manualdial.commands.evidence_chain import Proven
from manualdial.evidence import Kind, Sealed
from manualdial.ports import Storage

_PAGE = 1000
_OUT_OF_ORDER = timedelta(minutes=1)
"""Presses that come together may stand in the chain in another order than that of their times."""


class LinkedCalls:
    """The calls of which a chain has the attempt: shown each link of it while it is proved."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def note(self, link: Sealed) -> bool:
        """Take note of a link. Returns False: none is to be collected."""
        if link.kind is Kind.ATTEMPT and link.call_id is not None:
            self._ids.add(link.call_id)
        return False

    async def missing(self, store: Storage, tenant_id: str, proven: Proven) -> Sequence[str]:
        """Ids of the journal's calls that have no link, newest first. Raises StoreUnavailable.

        Calls that are older than the oldest link do not count: evidence was not kept yet, or the retention has it.
        """
        if proven.begins is None:
            return ()
        begins = proven.begins + (_OUT_OF_ORDER if proven.first > 1 else timedelta())
        found: list[str] = []
        before = None
        while page := await store.calls(tenant_id, before=before, limit=_PAGE):
            found += [call.id for call in page if call.requested_at > begins and call.id not in self._ids]
            if page[-1].requested_at <= begins:
                break
            before = page[-1].id
        if found:
            await self._go_on(store, tenant_id, proven.head[0])
        return [call_id for call_id in found if call_id not in self._ids]

    async def _go_on(self, store: Storage, tenant_id: str, after: int) -> None:
        """Take note of the links that were written since the chain was proved."""
        while links := await store.evidence(tenant_id, after=after, limit=_PAGE):
            for link in links:
                self.note(link)
            after = links[-1].seq
