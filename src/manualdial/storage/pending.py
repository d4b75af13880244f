"""What waits to be written: presses, whose callers wait for them, and changes, for which nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from manualdial.calls import Call, Change
from manualdial.ports import StoreUnavailable
from manualdial.storage.batch import Recorded


@dataclass(frozen=True, slots=True)
class Press:
    """A call to be written, and the future that its caller waits for."""

    call: Call
    done: asyncio.Future[Recorded]

    def settle(self, outcome: Recorded) -> None:
        """Tell the caller what became of it."""
        if not self.done.done():
            self.done.set_result(outcome)

    def fail(self, reason: str) -> None:
        """Tell the caller that it was not written."""
        if not self.done.done():
            self.done.set_exception(StoreUnavailable(reason))


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written in one transaction."""

    presses: Sequence[Press] = ()
    changes: Sequence[Change] = ()

    def __len__(self) -> int:
        return len(self.presses) + len(self.changes)

    def singly(self) -> Iterator[Batch]:
        """Each press and each change as a batch of its own."""
        yield from (Batch(presses=[press]) for press in self.presses)
        yield from (Batch(changes=[change]) for change in self.changes)


@dataclass(slots=True)
class Pending:
    """What waits. Of each call the changes are in the order in which they came.

    Where `room` changes wait already, a new one takes the place of the older ones of its call: so there is never more
    than that and one for each call, and the newest state of each call is kept.
    """

    room: int
    presses: list[Press] = field(default_factory=list)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    count: int = 0
    """How many changes wait."""

    def __bool__(self) -> bool:
        return bool(self.presses or self.changes)

    def add(self, change: Change) -> int:
        """Add a change. Returns how many older ones of its call it replaced."""
        waiting = self.changes.setdefault(change.call.id, [])
        replaced = len(waiting) if self.count >= self.room else 0
        if replaced:
            waiting.clear()
        waiting.append(change)
        self.count += 1 - replaced
        return replaced

    def put_back(self, changes: Sequence[Change]) -> int:
        """Put changes that were not written before those that came since. Returns how many were replaced."""
        since = [change for of_call in self.changes.values() for change in of_call]
        self.changes, self.count = {}, 0
        return sum(self.add(change) for change in (*changes, *since))

    def take(self, *, with_changes: bool = True) -> Batch:
        """Take all presses whose callers still wait, and all changes or none."""
        presses = [press for press in self.presses if not press.done.done()]
        if not with_changes:
            self.presses = []
            return Batch(presses=presses)
        changes = [change for of_call in self.changes.values() for change in of_call]
        self.presses, self.changes, self.count = [], {}, 0
        return Batch(presses=presses, changes=changes)
