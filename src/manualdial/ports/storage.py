"""All that one database gives the core."""

from __future__ import annotations

from typing import Protocol

from manualdial.ports.evidence import EvidenceStore
from manualdial.ports.records import RecordStore
from manualdial.ports.store import Store


class Storage(Store, RecordStore, EvidenceStore, Protocol):
    """Users, the journal, records and evidence, behind one door: a press and its evidence share a transaction."""

    async def __aenter__(self) -> Storage: ...
