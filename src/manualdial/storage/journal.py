"""The journal's writer: presses and changes that come together share one transaction and one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from manualdial.agents import AgentSession
from manualdial.calls import Call, Change
from manualdial.evidence import Draft, Head
from manualdial.ports import AttemptsChanged, RequestIdTaken, StoreUnavailable
from manualdial.storage.backlog import Backlog
from manualdial.storage.batch import (
    NO_CONTENT,
    Batch,
    BatchContent,
    NewPress,
    QueuedPress,
    Recorded,
    Written,
    counting_locks,
    retract,
    write_batch,
    write_new,
)
from manualdial.storage.chains import ChainMoved, Chains
from manualdial.storage.database import Database
from manualdial.storage.faults import ContentRefused
from manualdial.storage.links import prune
from manualdial.tasks import Tasks

MAX_WAITING_PRESSES = 10_000
_FAILING_FOR = 60.0
"""Seconds after a failure in which the journal is called failing though nothing waits to be tried again."""
_MANY_CHANGES = 500
"""How many changes are written with the next press, though they have time: more would keep a later press waiting."""
_MOST_CHANGES = 2_000
"""About how many changes one transaction writes: a press that comes meanwhile waits for it."""
_TRIES = 10
"""How often a transaction is tried whose links another process was quicker with. Each try takes its turn by a lock."""

log = structlog.get_logger(__name__)

Work = Callable[[Connection, BatchContent, Mapping[str, Head]], Written]
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class WritePacing:
    """The moments at which the writer writes without being asked to, in seconds."""

    linger: float
    """How long a change may wait for company: nobody waits for it, and a commit for each would multiply the commits."""
    first_retry: float
    """The pause after the first failure; it doubles with each further one."""
    longest_retry: float

    def retry(self, failures: int) -> float:
        """The pause after so many failures in a row."""
        return min(self.first_retry * 2.0 ** min(failures - 1, 30), self.longest_retry)


class Journal:
    """Writes calls, their changes, agents' logins and evidence in the background, through one task.

    While one batch is being written the next one gathers, so that any number of presses at once costs few commits.
    Changes wait a moment for company and go apart from presses where they can: somebody waits for a press.
    A batch that fails fails its presses at once; its changes and logins are kept, in order, and tried again with
    growing pauses, and with the next press or flush. There is room for so many changes.
    """

    def __init__(self, database: Database, *, pacing: WritePacing, room: int) -> None:
        self._database = database
        self._pacing = pacing
        self.commits = 0
        """How many transactions were committed."""
        self._presses: list[QueuedPress] = []
        self._backlog = Backlog(room=room)
        self._flushes: list[asyncio.Future[None]] = []
        self._in_hand = Batch()
        self._at_rest = asyncio.Event()
        """Whether nothing is being written."""
        self._at_rest.set()
        self._chains = Chains()
        self._wake = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._due = False
        """Whether the time of the waiting changes has come."""
        self._failures = 0
        self._failed_at = 0.0
        self._writer: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is somebody to write."""
        return self._writer is not None and not self._writer.done()

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt to write failed, and not so long ago that the next one may well succeed."""
        recently = asyncio.get_running_loop().time() - self._failed_at < _FAILING_FOR
        return self._failures > 0 and (bool(self._backlog) or recently)

    def start(self, tasks: Tasks) -> None:
        """Start the writer, whose end is up to who owns the tasks."""
        self._writer = tasks.keep(self._write_for_ever(), name="the journal's writer")

    async def close(self, *, limit: float) -> None:
        """Write what is pending, for at most `limit` seconds (0: not at all), before the writer is ended."""
        if self._writer is None:
            return
        if limit > 0:
            await self._flush_within(limit, self._writer)
        if unwritten := len(self._backlog) + self._in_hand.size_of_rest:
            log.error("changes of calls, logins or evidence were not written before the end", changes=unwritten)

    async def record_press(self, new: NewPress) -> None:
        """Write a new call; on return it is committed. Raises RequestIdTaken, AttemptsChanged, StoreUnavailable."""
        self._require_writer()
        if len(self._presses) >= MAX_WAITING_PRESSES:
            raise StoreUnavailable("too many presses wait for the database")
        press = QueuedPress(new, asyncio.get_running_loop().create_future())
        self._presses.append(press)
        self._wake.set()
        outcome = await press.done
        if outcome.taken_by is not None:
            raise RequestIdTaken(outcome.taken_by)
        if outcome.attempts_changed:
            raise AttemptsChanged

    async def retract_press(self, call: Call) -> None:
        """Take back a call whose caller waits no more; on return it is not there, and stays away. StoreUnavailable.

        Beside the writer: it may have to wait for a transaction that was lost, and no press waits with it.
        """
        await self._at_rest.wait()  # the batch in hand may have the call in it; a later one has not
        self._require_writer()
        await self._write_beside(partial(retract, call=call))

    async def prune(self, tenant_id: str, *, before: datetime, limit: int) -> int:
        """Remove the oldest links of a chain of evidence. Raises StoreUnavailable."""
        self._require_writer()
        return await self._write_beside(partial(prune, tenant_id=tenant_id, before=before, limit=limit))

    def record_change(self, change: Change) -> None:
        """Put a change in the queue."""
        self._backlog.add(change)
        self._wake_in(self._pacing.linger)

    def record_evidence(self, draft: Draft) -> None:
        """Put evidence in the queue."""
        self._backlog.add_draft(draft)
        self._wake_in(self._pacing.linger)

    def record_login(self, agent_id: str, session: AgentSession | None) -> None:
        """Put the login of an agent, or its end, in the queue, in the place of what waits there of this agent."""
        self._backlog.logins[agent_id] = session
        self._wake_in(self._pacing.linger)

    async def flush(self) -> None:
        """Wait until all that is pending is committed. Raises StoreUnavailable where the next attempt fails."""
        if not self._presses and not self._backlog and not self._in_hand:
            return
        self._require_writer()
        flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append(flushed)
        self._wake.set()
        await flushed

    def _require_writer(self) -> None:
        if not self.is_running:
            raise StoreUnavailable("the store is closed")

    async def _flush_within(self, limit: float, writer: asyncio.Task[None]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not writer.done() and not await self._flushed():
                    await asyncio.wait([writer], timeout=self._pacing.first_retry)

    async def _flushed(self) -> bool:
        try:
            await self.flush()
        except StoreUnavailable:
            return False
        return True

    def _wake_in(self, delay: float) -> None:
        if self._alarm is None and not self._due:
            self._alarm = asyncio.get_running_loop().call_later(delay, self._changes_are_due)

    def _changes_are_due(self) -> None:
        self._alarm = None
        self._due = True
        self._wake.set()

    def _silence_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _write_for_ever(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._write_pending()
        finally:
            self._silence_alarm()
            Batch(self._presses).fail("the store is closed")
            _end_flushes(self._flushes, "the store is closed")

    async def _write_pending(self) -> None:
        # A press does not wait for changes that have time: it goes alone, unless they are due, or many.
        backlog, presses = self._backlog, self._presses
        many = backlog.count >= _MANY_CHANGES
        with_rest = self._due or many or not presses or bool(self._flushes or self._failures)
        if with_rest:
            self._due = False
            self._silence_alarm()
        self._presses = []
        rest = backlog.take(_MOST_CHANGES if with_rest else 0) if with_rest or backlog.logins else NO_CONTENT
        batch = self._in_hand = Batch([press for press in presses if not press.done.done()], rest)
        unfinished = with_rest and bool(backlog.count or backlog.drafts)
        flushes, self._flushes = self._flushes, []
        fault: str | None = "the store is closed"
        self._at_rest.clear()
        try:
            # After a failure apart, so that a change that the database does not take holds up no press.
            parts = batch.apart() if self._failures else (batch,)
            fault = await self._write_parts(parts)
        finally:
            self._in_hand = Batch()
            self._at_rest.set()
            batch.fail(fault or "the press was passed over")
            if fault is None and unfinished:
                self._flushes = [*flushes, *self._flushes]
            else:
                _end_flushes(flushes, fault)
        self._take_stock(fault)
        if fault is None and unfinished:
            self._changes_are_due()

    async def _write_parts(self, parts: Iterable[Batch]) -> str | None:
        """Write one after the other until one fails. Returns what failed it."""
        fault: str | None = None
        for part in parts:
            if fault is None:
                fault = await self._write(part)
            else:
                self._give_back(part, fault)
        return fault

    async def _write(self, batch: Batch) -> str | None:
        if not batch:
            return None
        try:
            outcomes = await self._write_in_one(batch)
            self.commits += 1
        except ContentRefused as refusal:
            if len(batch) > 1:
                return await self._write_parts(batch.singly())
            self._drop(batch, str(refusal))
            return None
        except StoreUnavailable as failure:
            self._give_back(batch, str(failure))
            return str(failure)
        for press, outcome in zip(batch.presses, outcomes, strict=True):
            press.settle(outcome)
        return None

    async def _write_in_one(self, batch: Batch) -> list[Recorded]:
        content = batch.content()
        if content.presses:
            with suppress(ContentRefused, ChainMoved):
                return await self._transact(write_new, content)
        # A press may have met another. That is found out anew, because PostgreSQL ends a transaction that it refuses.
        for _ in range(_TRIES - 1):
            with suppress(ChainMoved):
                return await self._transact(write_batch, content)
        return await self._transact(write_batch, content)

    async def _transact(self, work: Work, content: BatchContent) -> list[Recorded]:
        """Write it all in one transaction. Raises ChainMoved besides what the database raises."""
        known = self._chains.known()
        try:
            written = await self._database.write(
                lambda connection: work(connection, content, known),
                locks=counting_locks(content.presses),
            )
        except ChainMoved:
            self._chains.moved()
            raise
        except BaseException:
            self._chains.forget()
            raise
        self._chains.written(written.heads)
        return written.outcomes

    async def _write_beside(self, work: Callable[[Connection], Result]) -> Result:
        """Write something that puts a link to a chain, beside the writer."""
        try:
            for _ in range(_TRIES - 1):
                with suppress(ChainMoved):
                    return await self._database.write(work)
            return await self._database.write(work)
        finally:
            self._chains.forget()

    def _give_back(self, batch: Batch, fault: str) -> None:
        batch.fail(fault)
        self._backlog.give_back(batch.rest)

    def _drop(self, batch: Batch, refusal: str) -> None:
        batch.fail(refusal)
        for change in batch.rest.changes:
            log.error("a change is lost: the database refuses it", call_id=change.call.id, step=change.call.step,
                      reason=refusal)  # fmt: skip
        for login in batch.rest.logins:
            log.error("a login is lost: the database refuses it", agent=login.agent_id, reason=refusal)
        for each in batch.rest.drafts:
            log.error("evidence is lost: the database refuses it", kind=each.draft.kind.value, reason=refusal)

    def _take_stock(self, fault: str | None) -> None:
        """After an attempt: keep what was not written, and say when to try again."""
        if fault is None:
            if self._failures:
                log.info("the database takes the journal again", failures=self._failures)
            if self._backlog.lost_changes or self._backlog.lost_drafts:
                self._backlog.tell_losses()
            self._failures = 0
            return
        self._failures += 1
        self._failed_at = asyncio.get_running_loop().time()
        self._backlog.put_back()
        if self._failures == 1:
            log.error("the database does not take the journal", reason=fault, changes=len(self._backlog))
        if self._backlog:
            self._wake_in(self._pacing.retry(self._failures))


def _end_flushes(flushes: Iterable[asyncio.Future[None]], fault: str | None) -> None:
    """Let nobody wait on."""
    for flushed in flushes:
        if flushed.done():
            continue
        if fault is None:
            flushed.set_result(None)
        else:
            flushed.set_exception(StoreUnavailable(fault))
