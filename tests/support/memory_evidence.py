"""Records, closures, policies and the chains of evidence in memory, for the store in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from manualdial.calls import Call, CallState
from manualdial.evidence import Draft, Head, Kind, LegState, Sealed, outcome, pruned, retraction, seal
from manualdial.law.attempts import Attempt
from manualdial.law.closure import Closure
from manualdial.law.records import Record
from manualdial.ports import CallLinks, ContactHistory, Person


class Chains:
    """The chains of all tenants."""

    def __init__(self) -> None:
        self._links: dict[str, list[Sealed]] = {}
        self._ends: dict[str, Head] = {}

    def add(self, draft: Draft) -> None:
        """Seal a draft and put it to the end of its chain."""
        seq, before = self.head(draft.tenant_id)
        link = seal(draft, seq=seq + 1, before=before)
        self._ends[draft.tenant_id] = Head(link.seq, link.seal)
        self._links.setdefault(draft.tenant_id, []).append(link)

    def head(self, tenant_id: str) -> Head:
        """The end of a chain."""
        return self._ends.get(tenant_id, Head())

    def has(self, call: Call, kind: Kind) -> bool:
        """Whether there is such a link about the call."""
        return any((link.call_id, link.kind) == (call.id, kind) for link in self.of(call.tenant_id))

    def links_of(self, call: Call) -> CallLinks:
        """Which links there are about a call."""
        has_attempt = self.has(call, Kind.ATTEMPT)
        return CallLinks(
            call_id=call.id,
            requested_at=call.requested_at,
            is_over=not call.is_live,
            has_attempt=has_attempt,
            has_ending=self.has(call, Kind.OUTCOME) or self.has(call, Kind.RETRACTION),
            verdict=None if has_attempt else call.verdict,
        )

    def of(self, tenant_id: str) -> list[Sealed]:
        """All links of a chain."""
        return self._links.get(tenant_id, [])

    def end(self, call: Call, legs: Sequence[LegState]) -> None:
        """Tell how an attempt ended, once."""
        over = self.has(call, Kind.OUTCOME) or self.has(call, Kind.RETRACTION)
        if self.has(call, Kind.ATTEMPT) and not over:
            self.add(outcome(call, legs))

    def take_back(self, call: Call) -> None:
        """Tell that nothing rang for an attempt, once."""
        if self.has(call, Kind.ATTEMPT) and not self.has(call, Kind.RETRACTION):
            self.add(retraction(call, datetime.now(UTC)))

    def prune(self, tenant_id: str, *, before: datetime, limit: int) -> int:
        """Remove the oldest links."""
        links = self.of(tenant_id)
        young = (number for number, link in enumerate(links) if link.at >= before)
        old = links[: min(next(young, len(links)), limit)]
        if all(link.kind is Kind.PRUNED for link in old):
            return 0
        self.add(pruned(old[-1], at=datetime.now(UTC), count=len(old)))
        del links[: len(old)]
        return len(old)


class Records:
    """What is on record about numbers."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Add those whose id is new."""
        for record in records:
            self._records.setdefault(record.id, record)

    def of_person(self, tenant_id: str, person: Person) -> list[Record]:
        """Oldest first: about the number; and of the account, but about other numbers nothing that is of the line."""
        found = [each for each in self._records.values() if each.tenant_id == tenant_id and _is_about(person, each)]
        return sorted(found, key=lambda each: (each.recorded_at, each.id))

    def of_kind(self, tenant_id: str, kind: str, *, after: str) -> list[Record]:
        """By id."""
        found = [each for each in self._records.values() if (each.tenant_id, _kind(each)) == (tenant_id, kind)]
        return sorted((each for each in found if each.id > after), key=lambda each: each.id)

    def withdraw(self, tenant_id: str, ids: Collection[str], *, by: str, at: datetime, reason: str | None) -> int:
        """End some. Returns how many had not ended."""
        due = [self._records[name] for name in set(ids) & self._records.keys()]
        due = [each for each in due if each.tenant_id == tenant_id and each.withdrawn_at is None]
        for each in due:
            self._records[each.id] = msgspec.structs.replace(
                each, withdrawn_at=at, withdrawn_by=by, withdrawn_reason=reason
            )
        return len(due)

    def mark_used(self, call: Call, ids: Iterable[str]) -> None:
        """The call relied on them."""
        for name in ids:
            if name in self._records and self._records[name].tenant_id == call.tenant_id:
                self._records[name] = msgspec.structs.replace(self._records[name], used_at=call.requested_at)


class Closures:
    """Closures of jurisdictions."""

    def __init__(self) -> None:
        self._closures: dict[str, Closure] = {}
        self._lifted: dict[str, datetime] = {}

    def add(self, closure: Closure) -> None:
        """Add one."""
        self._closures[closure.id] = closure

    def exemption(self, closure_id: str, *, at: datetime) -> bool:
        """End one that has not ended."""
        closure = self._closures.get(closure_id)
        if closure is None or closure_id in self._lifted or (closure.ends is not None and closure.ends <= at):
            return False
        self._lifted[closure_id] = at
        return True

    def after(self, moment: datetime) -> list[Closure]:
        """Those that end later, the first to begin first."""
        found = [self._as_lifted(closure) for closure in self._closures.values()]
        lasting = [closure for closure in found if closure.ends is None or closure.ends > moment]
        return sorted(lasting, key=lambda closure: (closure.begins, closure.id))

    def _as_lifted(self, closure: Closure) -> Closure:
        ends = [end for end in (closure.ends, self._lifted.get(closure.id)) if end is not None]
        return msgspec.structs.replace(closure, ends=min(ends, default=None))


def attempts_of(calls: Iterable[Call], tenant_id: str, person: Person, *, since: datetime) -> list[Attempt]:
    """The calls that are attempts to reach a person, oldest first."""
    recent = (call for call in calls if call.tenant_id == tenant_id and call.requested_at > since)
    found = [call for call in recent if _is_to(person, call)]
    return [
        Attempt(
            call_id=call.id,
            at=call.requested_at,
            purpose=call.purpose,
            campaign_id=call.campaign_id,
            is_over=call.state in (CallState.WRAP_UP, CallState.ENDED),
            rang=call.rang_at is not None,
            answered_at=call.answered_at,
        )
        for call in sorted(found, key=lambda call: (call.requested_at, call.id))
    ]


def contact_history(
    records: Records, calls: Collection[Call], tenant_id: str, people: Iterable[Person], *, since: datetime
) -> list[ContactHistory]:
    """What is on record about each of some people."""
    return [
        ContactHistory(
            records=tuple(record for record in records.of_person(tenant_id, person) if _may_count_after(since, record)),
            attempts=tuple(attempts_of(calls, tenant_id, person, since=since)),
        )
        for person in people
    ]


def _may_count_after(since: datetime, record: Record) -> bool:
    return all(end is None or end > since for end in (record.withdrawn_at, record.until))


def _is_to(person: Person, call: Call) -> bool:
    if call.number.e164 == person.number:
        return True
    return person.account_number is not None and call.account_number == person.account_number


def _is_about(person: Person, record: Record) -> bool:
    if record.number == person.number:
        return True
    of_account = person.account_number is not None and record.account_number == person.account_number
    return of_account and record.content.of_the_person


def _kind(record: Record) -> str:
    return str(record.content.__struct_config__.tag)
