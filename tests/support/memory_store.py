"""A store in memory that can fail, be slow, and lag as a real one does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import NoReturn

import msgspec

from manualdial.agents import AgentSession
from manualdial.callers import User
from manualdial.calls import Call, Change, Leg, requested
from manualdial.evidence import Draft, Head, LegState, Sealed
from manualdial.law.closure import Closure
from manualdial.law.records import Record
from manualdial.ports import (
    AttemptsChanged,
    AttemptsSeen,
    CallHistory,
    CallLinks,
    CallQuery,
    ContactHistory,
    EvidenceStore,
    Health,
    LoginNameTaken,
    Person,
    RecordStore,
    RequestIdTaken,
    Store,
    StoredChange,
    StoreUnavailable,
)
from tests.support.memory_evidence import Chains, Closures, Records, attempts_of, contact_history

_BEFORE_ALL = (datetime.min.replace(tzinfo=UTC), "")


class MemoryStore:
    """Calls and users in dictionaries. A change is written at the next flush, as late as the port allows."""

    def __init__(self, *users: User) -> None:
        self._users = {user.id: user for user in users}
        self._calls: dict[str, Call] = {}
        self._history: dict[str, list[StoredChange]] = {}
        self._logins: dict[str, AgentSession] = {}
        self._forgotten: set[str] = set()
        self._pending: list[Callable[[], object]] = []
        self._chains = Chains()
        self._records = Records()
        self._closures = Closures()
        self._policies: dict[str, bytes] = {}
        self.unavailable = False
        """Everything fails as a database does that is not there."""
        self.loses_the_answer = False
        """A press is written, and its writer is told that it was not."""
        self.go_on = asyncio.Event()
        """A press waits for this before it is written."""
        self.go_on.set()
        self.refused = 0
        """How often something was asked of it while it was unavailable."""
        self.flushing = asyncio.Event()
        """A flush waits for this."""
        self.flushing.set()
        self.flushes_waiting = 0
        """How many flushes wait for `flushing`."""
        self.waiting = 0
        """How many presses wait for `go_on`."""

    async def __aenter__(self) -> MemoryStore:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Nothing is open."""

    async def death(self) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError("nothing sets it")

    async def add_user(self, user: User) -> None:
        self._answer()
        if await self.user_by_login(user.login_name) is not None:
            raise LoginNameTaken
        self._users[user.id] = user

    async def set_password(self, user_id: str, password_hash: str) -> None:
        self._answer()
        if (user := self._users.get(user_id)) is not None:
            self._users[user_id] = msgspec.structs.replace(user, password_hash=password_hash)

    async def set_caller_ids(self, user_id: str, caller_ids: Sequence[str] | None) -> None:
        self._answer()
        if (user := self._users.get(user_id)) is not None:
            given = None if caller_ids is None else tuple(caller_ids)
            self._users[user_id] = msgspec.structs.replace(user, caller_ids=given)

    async def user(self, user_id: str) -> User | None:
        self._answer()
        return self._users.get(user_id)

    async def user_by_login(self, login_name: str) -> User | None:
        self._answer()
        folded = login_name.casefold()
        return next((user for user in self._users.values() if user.login_name.casefold() == folded), None)

    async def users(self) -> Sequence[User]:
        self._answer()
        return sorted(self._users.values(), key=lambda user: (user.tenant.casefold(), user.login_name.casefold()))

    async def tenants(self) -> Sequence[tuple[str, str]]:
        self._answer()
        return sorted({user.tenant_id: user.tenant for user in reversed(self._users.values())}.items())

    async def record_press(
        self,
        call: Call,
        *,
        evidence: Draft | None = None,
        expects: AttemptsSeen | None = None,
        relied_on: Sequence[str] = (),
    ) -> None:
        self.waiting += 1
        await self.go_on.wait()
        self.waiting -= 1
        self._answer()
        taken = self._calls.get(call.id)
        if taken is None and call.request_id is not None:
            taken = self._press(call.agent_id, call.request_id)
        if taken is not None:
            raise RequestIdTaken(taken)
        if expects is not None:
            found = attempts_of(self._calls.values(), call.tenant_id, expects.person, since=expects.since)
            if len(found) != expects.count:
                raise AttemptsChanged
        at, requested_at = call.at.astimezone(UTC), call.requested_at.astimezone(UTC)
        call = msgspec.structs.replace(call, at=at, requested_at=requested_at)
        self._calls[call.id] = call
        self._write(requested(call))
        self._records.mark_used(call, relied_on)
        if evidence is not None:
            self._chains.add(evidence)
        if self.loses_the_answer:
            raise StoreUnavailable("the answer was lost")

    async def retract_press(self, call: Call) -> None:
        self._answer()
        self._remove(call.id)
        self._chains.take_back(call)

    async def press(self, agent_id: str, request_id: str) -> Call | None:
        self._answer()
        return self._press(agent_id, request_id)

    @property
    def commits(self) -> int:
        return 0

    @property
    def forgotten(self) -> int:
        """How many presses are forgotten."""
        return len(self._forgotten)

    async def forget_presses(self, *, before: datetime, limit: int) -> int:
        remembered = [call for call in self._over(before) if call.request_id and call.id not in self._forgotten]
        self._forgotten |= {call.id for call in remembered[:limit]}
        return len(remembered[:limit])

    async def remove_calls(self, *, before: datetime, limit: int) -> int:
        old = self._over(before)[:limit]
        for call in old:
            self._remove(call.id)
        return len(old)

    def record_change(self, change: Change) -> None:
        self._pending.append(lambda: self._write(change))

    def record_login(self, session: AgentSession) -> None:
        self._pending.append(lambda: self._logins.update({session.agent_id: session}))

    def record_logout(self, agent_id: str) -> None:
        self._pending.append(lambda: self._logins.pop(agent_id, None))

    async def logins(self) -> Sequence[AgentSession]:
        await self.flush()
        return [self._as_chosen(session) for _, session in sorted(self._logins.items())]

    async def flush(self) -> None:
        self.flushes_waiting += 1
        await self.flushing.wait()
        self.flushes_waiting -= 1
        self._answer()
        for write in self._pending:
            write()
        self._pending.clear()

    async def call(self, tenant_id: str, call_id: str) -> CallHistory | None:
        await self.flush()
        call = self._calls.get(call_id)
        return None if call is None or call.tenant_id != tenant_id else CallHistory(call, self._history[call_id])

    async def calls(self, query: CallQuery) -> Sequence[CallHistory]:
        await self.flush()
        place = query.older_than
        if query.before is not None:
            of_tenant = (call for call in self._calls.values() if call.tenant_id == query.tenant_id)
            place = next(((call.requested_at, call.id) for call in of_tenant if call.id == query.before), _BEFORE_ALL)
        found = [
            CallHistory(call, self._history[call.id])
            for call in self._newest_first()
            if call.tenant_id == query.tenant_id
            and query.agent_id in (None, call.agent_id)
            and query.number in (None, call.number.e164)
            and query.state in (None, call.state)
            and query.outcome in (None, call.outcome)
            and (query.since is None or query.since <= call.requested_at)
            and (query.until is None or call.requested_at < query.until)
            and (place is None or (call.requested_at, call.id) < place)
        ]
        return found[: query.limit]

    async def open_calls(self) -> Sequence[Call]:
        await self.flush()
        return [call for call in reversed(self._newest_first()) if not call.is_over]

    async def contact_history(
        self, tenant_id: str, people: Sequence[Person], *, attempts_since: datetime
    ) -> Sequence[ContactHistory]:
        self._answer()
        return contact_history(self._records, self._calls.values(), tenant_id, people, since=attempts_since)

    async def add_records(self, records: Sequence[Record]) -> None:
        self._answer()
        self._records.add(records)

    async def records(self, tenant_id: str, people: Sequence[Person]) -> Sequence[Sequence[Record]]:
        self._answer()
        return [self._records.of_person(tenant_id, person) for person in people]

    async def records_of_kind(
        self, tenant_id: str, kind: str, *, after: str | None = None, limit: int = 1000
    ) -> Sequence[Record]:
        self._answer()
        return self._records.of_kind(tenant_id, kind, after=after or "")[:limit]

    async def withdraw_records(
        self, tenant_id: str, ids: Collection[str], *, by: str, at: datetime, reason: str | None = None
    ) -> int:
        self._answer()
        return self._records.withdraw(tenant_id, ids, by=by, at=at, reason=reason)

    async def add_closure(self, closure: Closure) -> None:
        self._answer()
        self._closures.add(closure)

    async def lift_closure(self, closure_id: str, *, at: datetime, by: str) -> bool:
        self._answer()
        return self._closures.exemption(closure_id, at=at)

    async def closures(self, *, ending_after: datetime) -> Sequence[Closure]:
        self._answer()
        return self._closures.after(ending_after)

    async def keep_policies(self, version: str, data: bytes, *, at: datetime) -> None:
        self._answer()
        self._policies.setdefault(version, data)

    async def kept_policies(self, version: str) -> bytes | None:
        self._answer()
        return self._policies.get(version)

    def record_evidence(self, draft: Draft) -> None:
        self._pending.append(lambda: self._chains.add(draft))

    async def evidence(self, tenant_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Sealed]:
        await self.flush()
        return [link for link in self._chains.of(tenant_id) if link.seq > after][:limit]

    async def evidence_head(self, tenant_id: str) -> Head:
        await self.flush()
        return self._chains.head(tenant_id)

    async def call_links(
        self, tenant_id: str, *, after: tuple[datetime, str] | None = None, limit: int = 1000
    ) -> Sequence[CallLinks]:
        await self.flush()
        calls = sorted(self._newest_first(), key=lambda call: (call.requested_at, call.id))
        found = [self._chains.links_of(call) for call in calls if call.tenant_id == tenant_id]
        return [each for each in found if after is None or (each.requested_at, each.call_id) > after][:limit]

    async def prune_evidence(self, tenant_id: str, *, before: datetime, limit: int) -> int:
        self._answer()
        return self._chains.prune(tenant_id, before=before, limit=limit)

    async def health(self) -> Health:
        return Health(ok=not self.unavailable)

    def _answer(self) -> None:
        if self.unavailable:
            self.refused += 1
            raise StoreUnavailable("/var/lib/secret.sqlite3: disk I/O error")

    def _press(self, agent_id: str, request_id: str) -> Call | None:
        pressed = (call for call in self._calls.values() if (call.agent_id, call.request_id) == (agent_id, request_id))
        return next((call for call in pressed if call.id not in self._forgotten), None)

    def _over(self, before: datetime) -> list[Call]:
        self._answer()
        return [call for call in reversed(self._newest_first()) if call.is_over and call.requested_at < before]

    def _remove(self, call_id: str) -> None:
        self._calls.pop(call_id, None)
        self._history.pop(call_id, None)

    def _as_chosen(self, session: AgentSession) -> AgentSession:
        newest = next((call for call in self._newest_first() if call.agent_id == session.agent_id), None)
        ended = newest.at if newest is not None and newest.is_over else session.chosen_at
        return msgspec.structs.replace(session, state=session.chosen, since=max(session.chosen_at, ended))

    def _write(self, change: Change) -> None:
        call = change.call
        if call.id not in self._calls:
            return
        if self._calls[call.id].step < call.step:
            self._calls[call.id] = call
        line = StoredChange(step=call.step, state=call.state, leg=change.leg, event=change.event, at=call.at)
        history = self._history.setdefault(call.id, [])
        if (line.step, line.leg) not in [(other.step, other.leg) for other in history]:
            history.append(line)
            history.sort(key=lambda line: line.step)
        if change.leg is Leg.AGENT and not call.is_live:
            self._chains.end(call, [LegState(leg=line.leg, state=line.state, at=line.at) for line in history])

    def _newest_first(self) -> list[Call]:
        return sorted(self._calls.values(), key=lambda call: (call.requested_at, call.id), reverse=True)


_FITS: type[Store] = MemoryStore
_FITS_RECORDS: type[RecordStore] = MemoryStore
_FITS_EVIDENCE: type[EvidenceStore] = MemoryStore
