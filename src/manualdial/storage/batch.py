"""The writing of presses, with the changes, logins and evidence of the same moment, in one transaction."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from manualdial.calls import Call, Change, Leg, requested
from manualdial.evidence import Draft, Head, Sealed
from manualdial.ports import AttemptsSeen, Person, StoreUnavailable
from manualdial.storage.chains import QueuedDraft, kinds_of_calls, sealed, write_evidence, write_retraction
from manualdial.storage.contact_history import COUNTS, HistoryQuestion, question_of
from manualdial.storage.faults import ContentRefused
from manualdial.storage.logins import LoginChange, write_logins
from manualdial.storage.rows import (
    CALL_COLUMNS,
    call_of,
    call_values,
    change_values,
    fetch,
    key,
    lock_key,
    state_values,
)
from manualdial.storage.statements import STATEMENTS, write_one
from manualdial.storage.tables import calls, number_records

_PRESS_BY_ID_OR_KEY = select(calls).where(
    or_(
        calls.c.id == bindparam("id"),
        (calls.c.agent_id == bindparam("agent_id")) & (calls.c.request_key == bindparam("request_key")),
    )
)
_AGENT, _KEY, _ID = map(CALL_COLUMNS.index, ("agent_id", "request_key", "id"))
_MARK_USED = (
    update(number_records)
    .where(number_records.c.tenant_id == bindparam("of_tenant"), number_records.c.id == bindparam("of_record"))
    .values(used_at=bindparam("moment"))
)
_NO_HEADS: Mapping[str, Head] = MappingProxyType({})


class NewPress(NamedTuple):
    """A call to be written, and what goes with it (see ports.Store.record_press)."""

    call: Call
    evidence: Draft | None = None
    expects: AttemptsSeen | None = None
    relied_on: Sequence[str] = ()


class BatchContent(NamedTuple):
    """The content of a transaction that is to be made."""

    presses: Sequence[NewPress] = ()
    changes: Sequence[Change] = ()
    """Changes of calls that are there, or among the presses, in their order."""
    logins: Sequence[LoginChange] = ()
    """At most one for each agent."""
    drafts: Sequence[QueuedDraft] = ()
    """Evidence beside that of the presses, in its order."""


class Recorded(NamedTuple):
    """The outcome of one press: it was written, unless one of these says that it was not."""

    taken_by: Call | None = None
    """The press that has the `requestId` (or the id of the call) already."""
    attempts_changed: bool = False
    """There are more attempts, or fewer, than were expected."""


class Written(NamedTuple):
    """The outcome of a transaction, once it is committed."""

    outcomes: list[Recorded]
    """One for each press."""
    heads: Mapping[str, Head]
    """The new ends of the chains of evidence."""


NO_CONTENT = BatchContent()
WRITTEN = Recorded()
ATTEMPTS_CHANGED = Recorded(attempts_changed=True)


@dataclass(frozen=True, slots=True)
class QueuedPress:
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
    """The presses of one transaction, whose callers wait, and the rest, for which nobody waits."""

    presses: Sequence[QueuedPress] = ()
    rest: BatchContent = NO_CONTENT

    def __len__(self) -> int:
        return len(self.presses) + self.size_of_rest

    @property
    def size_of_rest(self) -> int:
        """How much of it nobody waits for."""
        return len(self.rest.changes) + len(self.rest.logins) + len(self.rest.drafts)

    def content(self) -> BatchContent:
        """All that it writes."""
        return self.rest._replace(presses=[press.new for press in self.presses])

    def fail(self, reason: str) -> None:
        """Tell whoever waits for it and has no answer that it was not done."""
        for press in self.presses:
            press.fail(reason)

    def apart(self) -> Iterator[Batch]:
        """The presses, and then the rest, as batches of their own."""
        yield Batch(self.presses)
        yield Batch(rest=self.rest)

    def singly(self) -> Iterator[Batch]:
        """Each of them as a batch of its own."""
        yield from (Batch([press]) for press in self.presses)
        yield from (Batch(rest=BatchContent(changes=[change])) for change in self.rest.changes)
        yield from (Batch(rest=BatchContent(logins=[login])) for login in self.rest.logins)
        yield from (Batch(rest=BatchContent(drafts=[draft])) for draft in self.rest.drafts)


def write_new(connection: Connection, content: BatchContent, known: Mapping[str, Head] = _NO_HEADS) -> Written:
    """`write_batch` where no press meets another and all attempts are as expected.

    Where that is not so the database refuses the whole transaction, or ContentRefused is raised.
    """
    if (link := _link_of_one(connection, content, known)) is not None:
        (press,) = content.presses
        _mark_used(connection, content.presses)
        return Written([WRITTEN], write_one(connection, press.call, link, press.expects))
    expectations = Expectations(connection, content.presses)
    if not all(expectations.holds(press) for press in content.presses):
        return write_batch(connection, content, known)
    if content.presses:
        STATEMENTS[connection.dialect.name].insert_calls.execute(connection, _rows(content.presses))
    heads = _write_rest(connection, content.presses, content, known)
    return Written([WRITTEN] * len(content.presses), heads)


def write_batch(connection: Connection, content: BatchContent, known: Mapping[str, Head] = _NO_HEADS) -> Written:
    """Write it all, in a transaction that the caller commits. One outcome for each press.

    Presses that meet one of the same agent and `requestId`, in the database, in this batch or in a transaction that
    runs beside it, write nothing and learn of it, and so do those that expected other attempts than there are; the
    others are written all the same. Raises ChainMoved, and then all of it must be tried again.
    """
    outcomes = _write_presses(connection, content.presses) if content.presses else []
    won = [press for press, outcome in zip(content.presses, outcomes, strict=True) if outcome is WRITTEN]
    if kinds_of_calls(connection, [press.call.id for press in won if press.evidence is not None]):
        raise ContentRefused("there is evidence of the call already")
    return Written(outcomes, _write_rest(connection, won, content, known))


def retract(connection: Connection, call: Call) -> None:
    """Take back a call that nobody knows to be written. Raises ChainMoved.

    A transaction whose connection was lost may still be about to commit: writing the same row waits for it.
    """
    STATEMENTS[connection.dialect.name].hold_calls.execute(connection, _rows([NewPress(call)]))
    connection.execute(delete(calls).where(calls.c.id == call.id))
    write_retraction(connection, call)


def _link_of_one(connection: Connection, content: BatchContent, known: Mapping[str, Head]) -> Sealed | None:
    """The link of a press that is alone, where the database writes that in one round trip."""
    alone = len(content.presses) == 1 and not (content.changes or content.logins or content.drafts)
    if connection.dialect.name != "postgresql" or not alone:
        return None
    draft = content.presses[0].evidence
    # An end that is not known is asked for under a lock, and that comes last.
    return None if draft is None or draft.tenant_id not in known else sealed([draft], known)[0]


def _write_rest(
    connection: Connection, accepted: Sequence[NewPress], content: BatchContent, known: Mapping[str, Head]
) -> Mapping[str, Head]:
    gone = _write_changes(connection, accepted, content.changes)
    if content.logins:
        write_logins(connection, content.logins)
    _mark_used(connection, accepted)
    attempts = [press.evidence for press in accepted if press.evidence is not None]
    # The chains last: what waits for their ends then holds up nobody.
    return write_evidence(connection, attempts=attempts, queued=content.drafts, gone=gone, known=known)


def _write_presses(connection: Connection, presses: Sequence[NewPress]) -> list[Recorded]:
    expectations = Expectations(connection, presses)
    rows = [dict(zip(CALL_COLUMNS, row, strict=True)) for row in _rows(presses)]
    written = set(connection.execute(STATEMENTS[connection.dialect.name].insert_calls_if_new, rows).scalars())
    outcomes: list[Recorded | None] = []
    disappointed = []
    for press in presses:
        if press.call.id not in written:
            outcomes.append(None)
            continue
        written.remove(press.call.id)
        if expectations.holds(press):
            outcomes.append(WRITTEN)
        else:
            outcomes.append(ATTEMPTS_CHANGED)
            disappointed.append({"of_call": press.call.id})
    if disappointed:
        connection.execute(delete(calls).where(calls.c.id == bindparam("of_call")), disappointed)
    return [
        outcome or _met(connection, press, beside_disappointed=bool(disappointed))
        for press, outcome in zip(presses, outcomes, strict=True)
    ]


def _met(connection: Connection, press: NewPress, *, beside_disappointed: bool) -> Recorded:
    """The outcome of a press that was not written because of another."""
    other = _press_like(connection, press.call)
    if other is not None:
        return Recorded(taken_by=other)
    if beside_disappointed and press.expects is not None:
        return ATTEMPTS_CHANGED  # so was the one that it met
    raise StoreUnavailable("a press was refused for another that is gone")


def _rows(presses: Sequence[NewPress]) -> list[list[Any]]:
    """Sorted, so that two transactions with some of the same keys wait for one another in one direction only."""
    rows = [call_values(press.call) for press in presses]
    rows.sort(key=lambda row: (row[_AGENT], row[_KEY] or "", row[_ID]))
    return rows


def _press_like(connection: Connection, call: Call) -> Call | None:
    request_key = None if call.request_id is None else key(call.request_id)
    parameters = {"id": call.id, "agent_id": call.agent_id, "request_key": request_key}
    found = connection.execute(_PRESS_BY_ID_OR_KEY, parameters).first()
    return None if found is None else call_of(found)


def _mark_used(connection: Connection, presses: Sequence[NewPress]) -> None:
    used: dict[tuple[str, str], Any] = {}
    for press in presses:
        for record_id in press.relied_on:
            name = (press.call.tenant_id, record_id)
            used[name] = max(press.call.requested_at, used.get(name, press.call.requested_at))
    if used:
        rows = [{"of_tenant": name[0], "of_record": name[1], "moment": used[name]} for name in sorted(used)]
        connection.execute(_MARK_USED, rows)


def _write_changes(connection: Connection, presses: Sequence[NewPress], changes: Sequence[Change]) -> list[Call]:
    """Returns the calls whose legs are gone."""
    statements = STATEMENTS[connection.dialect.name]
    lines = [*(requested(press.call) for press in presses), *changes]
    statements.insert_changes.execute(connection, map(change_values, lines))
    newest: dict[str, Change] = {}
    for change in changes:
        if change.call.id not in newest or newest[change.call.id].call.step <= change.call.step:
            newest[change.call.id] = change
    states = ([*state_values(each.call), each.call.id, each.call.step] for each in newest.values())
    statements.update_calls.execute(connection, states)
    # Of the two legs the agent's is the last to go (see calls.advance).
    return [each.call for each in newest.values() if each.leg is Leg.AGENT and not each.call.is_live]


# ── the attempts that presses expect ──────────────────────────────────────────────────────────────────────────────────


def counting_locks(presses: Iterable[NewPress]) -> list[int]:
    """The locks of the people who are expected to have so many attempts: two processes must not count at one time.

    Whoever shares a number or an account has a lock in common.
    """
    return [
        lock_key(*name)
        for call, _, expects, _ in presses
        if expects is not None
        for name in _names(call.tenant_id, expects.person)
    ]


class Expectations:
    """Whether presses find the attempts that they expect, one after the other: who is accepted counts for the next.

    Built where they are to be written, in a transaction that has the locks of `counting_locks`.
    """

    def __init__(self, connection: Connection, presses: Iterable[NewPress]) -> None:
        expecting = [(press.call, press.expects) for press in presses if press.expects is not None]
        self._counts: dict[HistoryQuestion, int] = {}
        self._accepted: defaultdict[tuple[str, str, str], list[Call]] = defaultdict(list)
        if expecting:
            self._counts = _count(connection, expecting)

    def holds(self, press: NewPress) -> bool:
        """Whether there are so many attempts; then this call is one more."""
        call, expects = press.call, press.expects
        if expects is not None:
            question = question_of(call, expects)
            if self._counts[question] + self._newly_accepted(question) != expects.count:
                return False
        if self._counts:
            for name in _names(call.tenant_id, Person(number=call.number.e164, account_number=call.account_number)):
                self._accepted[name].append(call)
        return True

    def _newly_accepted(self, question: HistoryQuestion) -> int:
        near = {call.id: call for name in _names(question.tenant_id, question.person) for call in self._accepted[name]}
        return sum(_is_attempt(call, question) for call in near.values())


def _is_attempt(call: Call, question: HistoryQuestion) -> bool:
    """Whether a call is an attempt to reach the person."""
    person = question.person
    if call.tenant_id != question.tenant_id or call.requested_at <= question.since:
        return False
    if call.number.e164 == person.number:
        return True
    return person.account_number is not None and call.account_number == person.account_number


def _count(connection: Connection, expecting: Sequence[tuple[Call, AttemptsSeen]]) -> dict[HistoryQuestion, int]:
    questions = list({question_of(call, expects) for call, expects in expecting})
    counting = COUNTS[connection.dialect.name]
    counts = dict.fromkeys(questions, 0)
    for place, count in fetch(connection, *counting.about(questions)):
        counts[questions[place]] += count
    return counts


def _names(tenant_id: str, person: Person) -> list[tuple[str, str, str]]:
    names = [("number", tenant_id, person.number)]
    if person.account_number is not None:
        names.append(("account", tenant_id, person.account_number))
    return names
