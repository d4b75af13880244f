"""All that one database gives the core."""

from __future__ import annotations

from typing import NoReturn, Protocol

from manualdial.ports.evidence import EvidenceStore
from manualdial.ports.records import RecordStore
from manualdial.ports.store import Store


class Storage(Store, RecordStore, EvidenceStore, Protocol):
    """Users, the journal, records and evidence, behind one door: a press and its evidence share a transaction."""

    async def __aenter__(self) -> Storage: ...

    async def death(self) -> NoReturn:
        """Wait until it can work no more, by a fault of its own from which it does not come back; then raise that."""
        ...
