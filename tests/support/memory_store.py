"""A store in memory that can fail, be slow, and lag as a real one does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from manualdial.agents import User
from manualdial.calls import Call, Change, requested
from manualdial.ports import Health, LoginNameTaken, RequestIdTaken, Store, StoredChange, StoreUnavailable


class MemoryStore:
    """Calls and users in dictionaries. A change is written at the next flush, as late as the port allows."""

    def __init__(self, *users: User) -> None:
        self._users = {user.id: user for user in users}
        self._calls: dict[str, Call] = {}
        self._history: dict[str, list[StoredChange]] = {}
        self._pending: list[Change] = []
        self.unavailable = False
        """Everything fails as a database does that is not there."""
        self.loses_the_answer = False
        """A press is written, and its writer is told that it was not."""
        self.go_on = asyncio.Event()
        """A press waits for this before it is written."""
        self.go_on.set()
        self.waiting = 0
        """How many presses wait for `go_on`."""

    async def __aenter__(self) -> MemoryStore:
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Nothing is open."""

    async def add_user(self, user: User) -> None:
        self._answer()
        if await self.user_by_login(user.login_name) is not None:
            raise LoginNameTaken
        self._users[user.id] = user

    async def set_password(self, user_id: str, password_hash: str) -> None:
        self._answer()

    async def user(self, user_id: str) -> User | None:
        self._answer()
        return self._users.get(user_id)

    async def user_by_login(self, login_name: str) -> User | None:
        self._answer()
        folded = login_name.casefold()
        return next((user for user in self._users.values() if user.login_name.casefold() == folded), None)

    async def users(self) -> Sequence[User]:
        self._answer()
        return sorted(self._users.values(), key=lambda user: (user.tenant, user.login_name))

    async def record_press(self, call: Call) -> None:
        self.waiting += 1
        await self.go_on.wait()
        self.waiting -= 1
        self._answer()
        if call.request_id is not None and (taken := self._press(call.agent_id, call.request_id)) is not None:
            raise RequestIdTaken(taken)
        self._write(requested(call))
        if self.loses_the_answer:
            raise StoreUnavailable("the answer was lost")

    async def press(self, agent_id: str, request_id: str) -> Call | None:
        self._answer()
        return self._press(agent_id, request_id)

    def record_change(self, change: Change) -> None:
        self._pending.append(change)

    async def flush(self) -> None:
        self._answer()
        for change in self._pending:
            self._write(change)
        self._pending.clear()

    async def call(self, tenant_id: str, call_id: str) -> tuple[Call, Sequence[StoredChange]] | None:
        await self.flush()
        call = self._calls.get(call_id)
        return None if call is None or call.tenant_id != tenant_id else (call, self._history[call_id])

    async def calls(
        self, tenant_id: str, *, agent_id: str | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[Call]:
        await self.flush()
        found = [
            call
            for call in self._newest_first()
            if call.tenant_id == tenant_id and agent_id in (None, call.agent_id)
        ]  # fmt: skip
        if before is not None:
            ids = [call.id for call in found]
            found = found[ids.index(before) + 1 :] if before in ids else []
        return found[:limit]

    async def open_calls(self) -> Sequence[Call]:
        await self.flush()
        return [call for call in reversed(self._newest_first()) if not call.is_over]

    async def health(self) -> Health:
        return Health(ok=not self.unavailable)

    def _answer(self) -> None:
        if self.unavailable:
            raise StoreUnavailable("/var/lib/secret.sqlite3: disk I/O error")

    def _press(self, agent_id: str, request_id: str) -> Call | None:
        pressed = (call for call in self._calls.values() if (call.agent_id, call.request_id) == (agent_id, request_id))
        return next(pressed, None)

    def _write(self, change: Change) -> None:
        call = change.call
        self._calls[call.id] = call
        line = StoredChange(step=call.step, state=call.state, leg=change.leg, event=change.event, at=call.at)
        self._history.setdefault(call.id, []).append(line)

    def _newest_first(self) -> list[Call]:
        return sorted(self._calls.values(), key=lambda call: (call.requested_at, call.id), reverse=True)


_FITS: type[Store] = MemoryStore
