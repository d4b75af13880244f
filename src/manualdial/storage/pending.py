"""What waits to be written: presses, whose callers wait, and changes, logins and evidence, for which nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from manualdial.agents import AgentSession
from manualdial.calls import Change
from manualdial.ports import StoreUnavailable
from manualdial.storage.batch import Content, NewPress, Recorded
from manualdial.storage.links import QueuedDraft
from manualdial.storage.logins import LoginChange

DRAFTS_FOR_CHANGES = 10
"""In the room of so many changes waits one piece of evidence: it is longer."""


@dataclass(frozen=True, slots=True)
class Press:
    """A call to be written, and the future that its caller waits for."""

    new: NewPress
    done: asyncio.Future[Recorded]

    def settle(self, outcome: Recorded) -> None:
        """Tell the caller what became of it."""
        if not self.done.done():
            self.done.set_result(outcome)

    def fail(self, reason: str) -> None:
        """Tell the caller that it was not done."""
        if not self.done.done():
            self.done.set_exception(StoreUnavailable(reason))


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written in one transaction."""

    presses: Sequence[Press] = ()
    changes: Sequence[Change] = ()
    logins: Sequence[LoginChange] = ()
    drafts: Sequence[QueuedDraft] = ()

    def __len__(self) -> int:
        return len(self.presses) + self.unasked

    @property
    def unasked(self) -> int:
        """How much of it nobody waits for."""
        return len(self.changes) + len(self.logins) + len(self.drafts)

    def content(self) -> Content:
        """What it writes."""
        return Content(
            presses=[press.new for press in self.presses],
            changes=self.changes,
            logins=self.logins,
            drafts=self.drafts,
        )

    def fail(self, reason: str) -> None:
        """Tell whoever waits for it and has no answer that it was not done."""
        for press in self.presses:
            press.fail(reason)

    def apart(self) -> Iterator[Batch]:
        """What somebody waits for, and then the rest, as batches of their own."""
        yield Batch(presses=self.presses)
        yield Batch(changes=self.changes, logins=self.logins, drafts=self.drafts)

    def singly(self) -> Iterator[Batch]:
        """Each of them as a batch of its own."""
        yield from (Batch(presses=[press]) for press in self.presses)
        yield from (Batch(changes=[change]) for change in self.changes)
        yield from (Batch(logins=[login]) for login in self.logins)
        yield from (Batch(drafts=[draft]) for draft in self.drafts)


@dataclass(slots=True)
class Pending:
    """What waits. Of each call the changes are in the order in which they came.

    Where `room` changes wait already, a new one takes the place of the older ones of its call: so there is never more
    than that and one for each call, and the newest state of each call is kept. Of each agent the newest login waits.
    Of evidence so much waits as there is room for: one more is not taken.
    """

    room: int
    presses: list[Press] = field(default_factory=list)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    count: int = 0
    """How many changes wait."""
    logins: dict[str, AgentSession | None] = field(default_factory=dict)
    drafts: list[QueuedDraft] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.asked or self.changes or self.logins or self.drafts)

    @property
    def asked(self) -> int:
        """How many callers wait."""
        return len(self.presses)

    @property
    def unasked(self) -> int:
        """How much waits that nobody waits for."""
        return self.count + len(self.logins) + len(self.drafts)

    def add(self, change: Change) -> int:
        """Add a change. Returns how many older ones of its call it replaced."""
        waiting = self.changes.setdefault(change.call.id, [])
        replaced = len(waiting) if self.count >= self.room else 0
        if replaced:
            waiting.clear()
        waiting.append(change)
        self.count += 1 - replaced
        return replaced

    def add_draft(self, draft: QueuedDraft) -> bool:
        """Add evidence. Returns whether there was room for it."""
        if len(self.drafts) >= self.room // DRAFTS_FOR_CHANGES:
            return False
        self.drafts.append(draft)
        return True

    def put_back(self, changes: Sequence[Change]) -> int:
        """Put changes that were not written before those that came since. Returns how many were replaced."""
        waiting: dict[str, list[Change]] = {}
        for change in changes:
            waiting.setdefault(change.call.id, []).append(change)
        for call_id, since in self.changes.items():
            waiting.setdefault(call_id, []).extend(since)
        self.changes = waiting
        self.count += len(changes)
        return self._make_room()

    def _make_room(self) -> int:
        replaced = 0
        for of_call in self.changes.values():
            if self.count <= self.room:
                break
            older = len(of_call) - 1
            del of_call[:older]
            self.count -= older
            replaced += older
        return replaced

    def put_back_logins(self, logins: Iterable[LoginChange]) -> None:
        """Put back logins that were not written; those that came since are newer."""
        for login in logins:
            self.logins.setdefault(login.agent_id, login.session)

    def put_back_drafts(self, drafts: Sequence[QueuedDraft]) -> None:
        """Put evidence that was not written before what came since."""
        self.drafts[:0] = drafts

    def fail(self, reason: str) -> None:
        """Tell all callers who wait that it was not done."""
        for press in self.presses:
            press.fail(reason)

    def take(self, *, changes: int) -> Batch:
        """Take all presses whose callers still wait, all logins, and some changes and evidence.

        Of the changes about so many: those of the calls that have waited longest, and of each call all. Of evidence
        so many.
        Logins always, so that no press is stored before the login that it was made in.
        """
        presses = [press for press in self.presses if not press.done.done()]
        logins = [LoginChange(agent_id, session) for agent_id, session in self.logins.items()]
        self.presses, self.logins = [], {}
        drafts, self.drafts = self.drafts[:changes], self.drafts[changes:]
        return Batch(presses=presses, changes=self._take_changes(changes), logins=logins, drafts=drafts)

    def _take_changes(self, number: int) -> list[Change]:
        taken: list[Change] = []
        calls = 0
        for of_call in self.changes.values():
            if len(taken) >= number:
                break
            taken += of_call
            calls += 1
        for call_id in list(islice(self.changes, calls)):
            del self.changes[call_id]
        self.count -= len(taken)
        return taken
