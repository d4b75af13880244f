"""The ports of the screening: to storage (contact history, closures, policies once in force), and to registries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from manualdial.law.attempts import Attempt
from manualdial.law.closure import Closure
from manualdial.law.records import Record
from manualdial.law.registry_look import RegistryLook
from manualdial.ports.clock import Health


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who is called, as far as is known: a number, and the account that it belongs to where the press names one.

    The person is everybody at the number, always; and the account's other numbers, where an account is named. So naming
    an account, or another one, never makes that less is on record about a number.
    """

    number: str
    """E.164."""
    account_number: str | None = None


class ContactHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The records about a person, and the attempts to reach them."""

    records: tuple[Record, ...]
    """About the person, oldest first; what has ended since the moment of the question may be among it.

    Those about the number, whatever account they name; and those that name the account, whatever number they are about,
    but of these only what is `of_the_person`. No record twice.
    """
    attempts: tuple[Attempt, ...]
    """Dials to the person, oldest first: those to the number, whatever account they name, and those that name the
    account, whatever number was dialled. No dial twice."""


class RecordStore(Protocol):
    """Records, closures, and what the journal knows of earlier dials. Every method raises StoreUnavailable."""

    async def contact_history(
        self, tenant_id: str, people: Sequence[Person], *, attempts_since: datetime
    ) -> Sequence[ContactHistory]:
        """The history of each of some people (1,000 at most), in their order. One question to the database.

        Left out are dials up to `attempts_since`, and records that were over or withdrawn by then: no moment for which
        those attempts are counted is before it.
        It sees what is committed; of dials that are being written down now it may not know.
        """
        ...

    async def add_records(self, records: Sequence[Record]) -> None:
        """Write records; on return they are committed. A record whose id is there already is left as it is."""
        ...

    async def records(self, tenant_id: str, people: Sequence[Person]) -> Sequence[Sequence[Record]]:
        """All records about each of some people (1,000 at most), in their order: those of `ContactHistory`, and also
        what was over or withdrawn long ago. No dial is looked at.
        """
        ...

    async def records_of_kind(
        self, tenant_id: str, kind: str, *, after: str | None = None, limit: int = 1000
    ) -> Sequence[Record]:
        """Records of one kind (the tag of their content), by id, those after the id `after`."""
        ...

    async def withdraw_records(
        self, tenant_id: str, ids: Collection[str], *, by: str, at: datetime, reason: str | None = None
    ) -> int:
        """End records that are not withdrawn yet; they stay readable, with who ended them and why. Returns how many."""
        ...

    async def add_closure(self, closure: Closure) -> None:
        """Write a closure; on return it is committed."""
        ...

    async def lift_closure(self, closure_id: str, *, at: datetime, by: str) -> bool:
        """End a closure that has not ended yet. Returns False where there is none of this id."""
        ...

    async def closures(self, *, ending_after: datetime) -> Sequence[Closure]:
        """The closures that have not ended by that moment, also those still to come."""
        ...

    async def keep_policies(self, version: str, data: bytes, *, at: datetime) -> None:
        """Keep the policies of a version, so that old evidence can be read; kept already: nothing."""
        ...

    async def kept_policies(self, version: str) -> bytes | None:
        """The policies of a version."""
        ...


class Registries(Protocol):
    """Our copies. They are files on this machine: a look takes microseconds and waits for nobody."""

    def look_up(self, name: str, e164: str) -> RegistryLook | None:
        """The answer of the copy of that registry; None where there is no copy. Raises RegistryUnreadable."""
        ...

    def health(self) -> Health:
        """Whether every copy that is there can be read."""
        ...
