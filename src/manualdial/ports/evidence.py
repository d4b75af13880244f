"""What the core asks of the chain of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from manualdial.evidence import Draft, Sealed


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

    async def evidence_of_number(self, tenant_id: str, number: str) -> Sequence[Sealed]:
        """All links about a number, in their order."""
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
