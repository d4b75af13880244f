"""The backlog: changes, logins and evidence, for which nobody waits, until they are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import structlog

from manualdial.agents import AgentSession
from manualdial.calls import Change
from manualdial.evidence import Draft
from manualdial.storage.batch import BatchContent
from manualdial.storage.chains import QueuedDraft
from manualdial.storage.logins import LoginChange

DRAFTS_FOR_CHANGES = 10
"""In the room of so many changes waits one piece of evidence: it is longer."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Backlog:
    """The queue of what nobody waits for. Of each call the changes are in the order in which they came.

    Where `room` changes wait already, a new one takes the place of the older ones of its call: so there is never more
    than that and one for each call, and the newest state of each call is kept. Of each agent the newest login waits.
    Of evidence so much waits as there is room for: one more is lost. The log says so once, and how much when the
    database is back: not a line for each.
    """

    room: int
    changes: dict[str, list[Change]] = field(default_factory=dict)
    count: int = 0
    """How many changes wait."""
    logins: dict[str, AgentSession | None] = field(default_factory=dict)
    drafts: list[QueuedDraft] = field(default_factory=list)
    lost_changes: int = 0
    """How many changes were replaced since `tell_losses`."""
    lost_drafts: int = 0
    """How much evidence found no room since."""
    _unwritten: list[BatchContent] = field(default_factory=list)

    def __len__(self) -> int:
        return self.count + len(self.logins) + len(self.drafts)

    def add(self, change: Change) -> None:
        """Add a change."""
        waiting = self.changes.setdefault(change.call.id, [])
        replaced = len(waiting) if self.count >= self.room else 0
        if replaced:
            waiting.clear()
        waiting.append(change)
        self.count += 1 - replaced
        self._lose(replaced)

    def add_draft(self, draft: Draft) -> None:
        """Add evidence."""
        if len(self.drafts) < self.room // DRAFTS_FOR_CHANGES:
            self.drafts.append(QueuedDraft(draft))
            return
        if not self.lost_drafts:
            log.error("evidence gets lost: too much of it waits for the database")
        self.lost_drafts += 1

    def take(self, changes: int) -> BatchContent:
        """Take all logins, and some changes and evidence.

        Of the changes about so many: those of the calls that have waited longest, and of each call all. Of evidence
        so many.
        Logins always, so that no press is stored before the login that it was made in.
        """
        logins = [LoginChange(agent_id, session) for agent_id, session in self.logins.items()]
        self.logins = {}
        drafts, self.drafts = self.drafts[:changes], self.drafts[changes:]
        return BatchContent(changes=self._take_changes(changes), logins=logins, drafts=drafts)

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

    def give_back(self, unwritten: BatchContent) -> None:
        """Keep what was taken and not written, in the order of such calls, until it is put back."""
        self._unwritten.append(unwritten)

    def put_back(self) -> None:
        """Put what was given back before what came since. Logins that came since are newer."""
        waiting: dict[str, list[Change]] = {}
        drafts: list[QueuedDraft] = []
        for content in self._unwritten:
            for change in content.changes:
                waiting.setdefault(change.call.id, []).append(change)
            self.count += len(content.changes)
            for login in content.logins:
                self.logins.setdefault(login.agent_id, login.session)
            drafts += content.drafts
        for call_id, since in self.changes.items():
            waiting.setdefault(call_id, []).extend(since)
        self.changes, self.drafts, self._unwritten = waiting, drafts + self.drafts, []
        self._make_room()

    def _make_room(self) -> None:
        for of_call in self.changes.values():
            if self.count <= self.room:
                break
            older = len(of_call) - 1
            del of_call[:older]
            self.count -= older
            self._lose(older)

    def _lose(self, replaced: int) -> None:
        if replaced and not self.lost_changes:
            log.error("parts of the history of calls get lost: too many changes wait for the database")
        self.lost_changes += replaced

    def tell_losses(self) -> None:
        """Say how much was lost while the database was away."""
        if self.lost_changes:
            log.error("parts of the history of calls are lost", changes=self.lost_changes)
        if self.lost_drafts:
            log.error("evidence is lost", links=self.lost_drafts)
        self.lost_changes = self.lost_drafts = 0
