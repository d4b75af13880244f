"""The port to the chain of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from manualdial.evidence import Draft, Head, Sealed


class CallLinks(msgspec.Struct, frozen=True, kw_only=True):
    """A call of the journal, and which links about it are stored."""

    call_id: str
    requested_at: datetime
    is_over: bool
    """Whether its legs are gone: then its end is written, in the same transaction."""
    has_attempt: bool
    has_ending: bool
    """An `outcome`, or a `retraction`."""
    verdict: bytes | None
    """The verdict that allowed it, as JSON. None where there is the link: nobody asks then."""


class EvidenceStore(Protocol):
    """The chains of evidence, one for each tenant. What reads raises StoreUnavailable."""

    def record_evidence(self, draft: Draft) -> None:
        """Put a record in the queue to be sealed and written, behind those before it. Does not wait.

        What cannot be written now is tried again until it is written or the store closes. `Store.flush` waits for it.
        """
        ...

    async def evidence(self, tenant_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Sealed]:
        """Links of a tenant's chain in their order, those behind the link number `after`. Sees all recorded before."""
        ...

    async def evidence_head(self, tenant_id: str) -> Head:
        """The end of a tenant's chain, without proof. Sees all recorded before."""
        ...

    async def call_links(
        self, tenant_id: str, *, after: tuple[datetime, str] | None = None, limit: int = 1000
    ) -> Sequence[CallLinks]:
        """Calls of the journal with their links, all of the same moment. Sees all recorded before.

        By the time of the press and the id of the call, those behind `after`.
        """
        ...

    async def prune_evidence(self, tenant_id: str, *, before: datetime, limit: int) -> int:
        """Remove the oldest links, as long as they are older than that moment, at most `limit`. Returns how many.

        A link `pruned` is put to the end of the chain in the same transaction: it says how far was removed, and the
        seal of the last one that was, so that the rest stays provable.
        """
        ...

    async def tenants(self) -> Sequence[tuple[str, str]]:
        """Ids and names of all tenants."""
        ...
