"""The store over SQL: what the port promises, on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import NoReturn

from sqlalchemy import Connection, Executable, select

from manualdial.agents import AgentSession
from manualdial.callers import User
from manualdial.calls import Call, Change
from manualdial.evidence import Draft, Head, Sealed
from manualdial.law.closure import Closure
from manualdial.law.records import Record
from manualdial.ports import (
    AttemptsSeen,
    CallHistory,
    CallLinks,
    CallQuery,
    ContactHistory,
    Health,
    Person,
    Storage,
    StoreUnavailable,
)
from manualdial.storage.batch import NewPress
from manualdial.storage.call_history import call_histories, call_history
from manualdial.storage.chains import head_of
from manualdial.storage.closures import add_closure, closures_after, lift_closure
from manualdial.storage.contact_history import HistoryInquiries
from manualdial.storage.database import Result, database
from manualdial.storage.journal import Journal, WritePacing
from manualdial.storage.links import call_links, links_after
from manualdial.storage.logins import OPEN_LOGINS, login_of
from manualdial.storage.records import add_records, records_of_kind, records_of_people, withdraw_records
from manualdial.storage.retention import forget_presses, remove_calls
from manualdial.storage.rows import call_of, key
from manualdial.storage.tables import calls, insert, is_open, policy_versions
from manualdial.storage.users import (
    add_user,
    all_tenants,
    all_users,
    set_caller_ids,
    set_password,
    user_of_id,
    user_of_login,
)
from manualdial.tasks import Tasks

HEALTH_TIMEOUT = 1.0
"""Seconds; the port's word."""
PEOPLE_TOGETHER = 200
"""A question about so many takes SQLite and PostgreSQL 5 ms: a press that comes meanwhile waits for it."""


class SqlStore:
    """Users, agents' logins, the journal of calls, what is on record about numbers, and evidence in a SQL database.

    `url` is `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; ValueError where it is neither.
    All times are in seconds: `flush_timeout` for what is pending when the store is left (0: it is given up),
    `answer_timeout` for one transaction (on SQLite: for another process that is writing), `migration_timeout` for
    bringing the schema up to date, `linger` for a change that waits to share a commit, `first_retry` and
    `longest_retry` for the pauses after a failure. `max_pending_changes` is how many changes wait for a database that
    is away before history is dropped.

    Beyond the port: any text can be stored, with NUL and lone surrogates too. `record_press` whose caller is cancelled
    leaves it open whether the call is written, and so does StoreUnavailable where the connection was lost during the
    commit: then the row may be there, and nothing was dialled for it. `press` tells, `record_press` again of the same
    call raises RequestIdTaken with that very call, and `retract_press` takes it back. `call`, `calls`, `open_calls`,
    `logins` and `flush` raise StoreUnavailable while changes or logins cannot be written.
    A press is not stored before its agent's login, but after a failure, when presses go first. A stored state of an
    agent that is unknown, or is none to choose, counts as Not Ready. `forget_presses` and `remove_calls` look at what
    is stored; the latter also forgets calls that it would remove next.
    A record was used when the press that relied on it was requested. An attempt is over when its legs are gone, also
    while its wrap-up lasts. For a tenth of `max_pending_changes` pieces of evidence there is room; one more is lost,
    and the log says so. What is left of a chain after `prune_evidence` is not pruned further by itself.
    Several processes may write to one chain: who is late tries again, and gives up after some tries.
    """

    def __init__(
        self,
        url: str,
        *,
        flush_timeout: float,
        answer_timeout: float = 5.0,
        migration_timeout: float = 600.0,
        linger: float = 0.03,
        first_retry: float = 0.1,
        longest_retry: float = 5.0,
        max_pending_changes: int = 100_000,
    ) -> None:
        self._flush_timeout = flush_timeout
        self._database = database(url, answer_timeout=answer_timeout, migration_timeout=migration_timeout)
        self._journal = Journal(
            self._database,
            pacing=WritePacing(linger=linger, first_retry=first_retry, longest_retry=longest_retry),
            room=max_pending_changes,
        )
        self._inquiries = HistoryInquiries(self._database, together=PEOPLE_TOGETHER)
        self._tasks = Tasks()

    async def __aenter__(self) -> SqlStore:
        try:
            await self._database.open()
        except BaseException:
            await self._database.close()
            raise
        self._journal.start(self._tasks)
        self._inquiries.start(self._tasks)
        return self

    async def __aexit__(self, *exception: object) -> None:
        try:
            await self._journal.close(limit=self._flush_timeout)
        finally:
            await self._tasks.close()
            await self._database.close()

    async def death(self) -> NoReturn:
        """Wait until one of its tasks has ended."""
        await self._tasks.death()

    # ── users ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def add_user(self, user: User) -> None:
        """Add a user, and the tenant if it is new; a tenant that is there keeps its name. Raises LoginNameTaken."""
        await self._database.write(partial(add_user, user=user))

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Replace the password hash of a user; without effect where there is none of this id."""
        await self._database.write(partial(set_password, user_id=user_id, password_hash=password_hash))

    async def set_caller_ids(self, user_id: str, caller_ids: Sequence[str] | None) -> None:
        """Say which caller IDs a user may show; without effect where there is none of this id."""
        await self._database.write(partial(set_caller_ids, user_id=user_id, caller_ids=caller_ids))

    async def user(self, user_id: str) -> User | None:
        """The user of this id."""
        return await self._database.read(partial(user_of_id, user_id=user_id))

    async def user_by_login(self, login_name: str) -> User | None:
        """The user of this login name, whatever its case."""
        return await self._database.read(partial(user_of_login, login_name=login_name))

    async def users(self) -> Sequence[User]:
        """All users, by tenant and login name, whatever their case."""
        return await self._database.read(all_users)

    async def tenants(self) -> Sequence[tuple[str, str]]:
        """Ids and names of all tenants, by id."""
        return await self._database.read(all_tenants)

    # ── the journal ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def record_press(
        self,
        call: Call,
        *,
        evidence: Draft | None = None,
        expects: AttemptsSeen | None = None,
        relied_on: Sequence[str] = (),
    ) -> None:
        """Write a new call, its first state and its evidence; on return it is committed to disk."""
        await self._journal.record_press(NewPress(call, evidence, expects, relied_on))

    async def retract_press(self, call: Call) -> None:
        """Take back a press whose `record_press` failed; on return it is not in the journal, and does not come back."""
        await self._journal.retract_press(call)

    def record_change(self, change: Change) -> None:
        """Put a change in the queue to be written."""
        self._journal.record_change(change)

    async def flush(self) -> None:
        """Wait until all that is pending is committed."""
        await self._journal.flush()

    @property
    def commits(self) -> int:
        """How many transactions the journal's writer has committed since the store was made."""
        return self._journal.commits

    async def forget_presses(self, *, before: datetime, limit: int) -> int:
        """Free the `requestId`s of the oldest ended calls that were requested before that moment. Returns how many."""
        return await self._database.write(partial(forget_presses, before=before, limit=limit))

    async def remove_calls(self, *, before: datetime, limit: int) -> int:
        """Remove the oldest ended calls that were requested before that moment. Returns how many."""
        return await self._database.write(partial(remove_calls, before=before, limit=limit))

    # ── logins ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def record_login(self, session: AgentSession) -> None:
        """Put an agent's login in the queue to be written."""
        self._journal.record_login(session.agent_id, session)

    def record_logout(self, agent_id: str) -> None:
        """Put the end of an agent's login in the queue to be written."""
        self._journal.record_login(agent_id, None)

    async def logins(self) -> Sequence[AgentSession]:
        """The logins that are open, by agent, each in the state that the agent has chosen."""
        return await self._read_all(lambda connection: [login_of(row) for row in connection.execute(OPEN_LOGINS)])

    # ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def press(self, agent_id: str, request_id: str) -> Call | None:
        """The call that an agent's `requestId` names, as far as it is written."""
        query = select(calls).where(calls.c.agent_id == agent_id, calls.c.request_key == key(request_id))
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else call_of(row)

    async def call(self, tenant_id: str, call_id: str) -> CallHistory | None:
        """A call of the tenant with its history."""
        return await self._read_all(partial(call_history, tenant_id=tenant_id, call_id=call_id))

    async def calls(self, query: CallQuery) -> Sequence[CallHistory]:
        """Calls of a tenant with their history, newest first."""
        return await self._read_all(partial(call_histories, query=query))

    async def open_calls(self) -> Sequence[Call]:
        """All calls that are not ended, oldest first."""
        query = select(calls).where(is_open).order_by(calls.c.requested_at, calls.c.id)
        return await self._read_all(lambda connection: [call_of(row) for row in connection.execute(query)])

    # ── the screening ───────────────────────────────────────────────────────────────────────────────────────────────

    async def contact_history(
        self, tenant_id: str, people: Sequence[Person], *, attempts_since: datetime
    ) -> Sequence[ContactHistory]:
        """The records about each of some people and the attempts to reach them, in their order."""
        return await self._inquiries.contact_history(tenant_id, people, since=attempts_since)

    async def add_records(self, records: Sequence[Record]) -> None:
        """Write records; on return they are committed."""
        await self._database.write(partial(add_records, records=records))

    async def records(self, tenant_id: str, people: Sequence[Person]) -> Sequence[Sequence[Record]]:
        """All records about each of some people, in their order."""
        return await self._database.read(partial(records_of_people, tenant_id=tenant_id, people=people))

    async def records_of_kind(
        self, tenant_id: str, kind: str, *, after: str | None = None, limit: int = 1000
    ) -> Sequence[Record]:
        """Records of one kind by id, those after the id `after`."""
        work = partial(records_of_kind, tenant_id=tenant_id, kind=kind, after=after, limit=limit)
        return await self._database.read(work)

    async def withdraw_records(
        self, tenant_id: str, ids: Collection[str], *, by: str, at: datetime, reason: str | None = None
    ) -> int:
        """End records that are not withdrawn yet. Returns how many."""
        work = partial(withdraw_records, tenant_id=tenant_id, ids=ids, by=by, at=at, reason=reason)
        return await self._database.write(work)

    async def add_closure(self, closure: Closure) -> None:
        """Write a closure; on return it is committed."""
        await self._database.write(partial(add_closure, closure=closure))

    async def lift_closure(self, closure_id: str, *, at: datetime, by: str) -> bool:
        """End a closure. Returns False where there is none of this id that has not ended by then."""
        return await self._database.write(partial(lift_closure, closure_id=closure_id, at=at, by=by))

    async def closures(self, *, ending_after: datetime) -> Sequence[Closure]:
        """The closures that have not ended by that moment, the first to begin first."""
        return await self._database.read(partial(closures_after, moment=ending_after))

    async def keep_policies(self, version: str, data: bytes, *, at: datetime) -> None:
        """Keep the policies of a version; kept already: nothing."""
        row = {"version": version, "data": data, "kept_at": at}
        new = insert(policy_versions, self._database.dialect).on_conflict_do_nothing().values(row)
        await self._database.write(partial(_execute, new))

    async def kept_policies(self, version: str) -> bytes | None:
        """The policies of a version."""
        query = select(policy_versions.c.data).where(policy_versions.c.version == version)
        return await self._database.read(lambda connection: connection.execute(query).scalar())

    # ── evidence ────────────────────────────────────────────────────────────────────────────────────────────────────

    def record_evidence(self, draft: Draft) -> None:
        """Put a record in the queue to be sealed and written."""
        self._journal.record_evidence(draft)

    async def evidence(self, tenant_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Sealed]:
        """Links of a tenant's chain in their order, those behind the link number `after`."""
        return await self._read_all(partial(links_after, tenant_id=tenant_id, after=after, limit=limit))

    async def evidence_head(self, tenant_id: str) -> Head:
        """The end of a tenant's chain, without proof."""
        return await self._read_all(partial(head_of, tenant_id=tenant_id))

    async def call_links(
        self, tenant_id: str, *, after: tuple[datetime, str] | None = None, limit: int = 1000
    ) -> Sequence[CallLinks]:
        """Calls of the journal with their links, by the time of the press and their id, those behind `after`."""
        return await self._read_all(partial(call_links, tenant_id=tenant_id, after=after, limit=limit))

    async def prune_evidence(self, tenant_id: str, *, before: datetime, limit: int) -> int:
        """Remove the oldest links, and say in a new one how far. Returns how many."""
        return await self._journal.prune(tenant_id, before=before, limit=limit)

    # ── health ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def health(self) -> Health:
        """Whether a press could be written now."""
        if not self._journal.is_running:
            return Health(ok=False, detail="the journal's writer does not run")
        if self._journal.is_failing:
            return Health(ok=False, detail="the journal cannot be written; the log says why")
        try:
            async with asyncio.timeout(HEALTH_TIMEOUT):
                await self._database.write(partial(_execute, select(1)))
        except TimeoutError:
            return Health(ok=False, detail="the database does not answer in time")
        except StoreUnavailable as fault:
            return Health(ok=False, detail=f"the database fails: {fault}")
        return Health(ok=True)

    async def _read_all(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` over all that was recorded before."""
        await self._journal.flush()
        return await self._database.read(work)


def _execute(statement: Executable, connection: Connection) -> None:
    connection.execute(statement).close()


_FITS: type[Storage] = SqlStore
