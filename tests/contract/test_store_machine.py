"""Whatever agents do, and wherever the service crashes between: the store holds what it acknowledged, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection

from manualdial.agents import AVAILABLE, NOT_READY
from manualdial.calls import Call, CallSignal, Change, Report, advance, end_wrap_up
from manualdial.evidence import Kind, Sealed
from manualdial.ports import RequestIdTaken, StoreUnavailable
from manualdial.storage.tables import metadata
from tests.contract.chains import a_refusal, an_attempt, kinds, whole_chain
from tests.contract.store_model import Model, ModelCall
from tests.contract.stores import LIMIT, NOON, Lab, WholeStore, a_call, a_login, history, opened
from tests.support.calls import stored_calls

AGENTS = st.sampled_from(["ada", "bob"])
PRESSES = st.lists(st.tuples(AGENTS, st.sampled_from(["press-1", "press-2", "press-3", None])), min_size=1, max_size=6)
PICK = st.integers(0, 1_000)
LIVES = {
    "closed": {"flush_timeout": 5.0},
    "crashed": {"flush_timeout": 0.0},
    # Changes and logins are taken up at once, so that the crash meets some that are just being written.
    "crashed in haste": {"flush_timeout": 0.0, "linger": 0.0},
}
A_LIFE = st.sampled_from(sorted(LIVES))

Result = TypeVar("Result")
Value = TypeVar("Value")


class StoreMachine(RuleBasedStateMachine):
    """Drives a store, and a model of what it holds."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self.lab = lab
        self.runner = asyncio.Runner()
        self.model = Model()
        self.minute = 0
        self.store: WholeStore
        self.life = ""
        self.refused: list[str] = []
        """The numbers of the refusals, in their order."""
        self.refusals_flushed = 0
        """How many of them are written for certain."""

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run it to its end, within the limit."""
        return self.runner.run(asyncio.wait_for(work, LIMIT))

    def tell(self, record: Callable[[Value], None], value: Value) -> None:
        """Call a method of the store that does not wait; it wants a loop that runs."""

        async def work() -> None:
            record(value)

        self.run(work())

    def new_calls(self, presses: Sequence[tuple[str, str | None]]) -> list[Call]:
        """Calls that nobody has pressed yet, each requested after all others, and with other data."""
        calls = []
        for agent_id, key in presses:
            self.minute += 1
            calls.append(a_call(agent_id=agent_id, request_id=key, digest=str(self.minute), minute=self.minute))
        return calls

    def one_of(self, pick: int) -> ModelCall:
        """Some call."""
        return self.model.calls[pick % len(self.model.calls)]

    # ── the service's life ──────────────────────────────────────────────────────────────────────────────────────────

    @initialize(life=A_LIFE)
    def begin(self, life: str) -> None:
        """With an empty database."""
        self.run(_empty(self.lab.url))
        self.open(life)

    def open(self, life: str) -> None:
        """Open a store; what kind of life it will have is decided here."""
        self.life = life
        store = self.lab.store(**LIVES[life])
        self.run(store.__aenter__())
        self.store = store

    @rule(life=A_LIFE, presses=st.just([]) | PRESSES, turns=st.integers(0, 8), repeat=st.booleans())
    def leave_and_come_back(
        self, life: str, presses: Sequence[tuple[str, str | None]], turns: int, repeat: bool
    ) -> None:
        """The service ends, with presses under way that are given some turns of the loop, and starts again.

        Whoever had no answer presses again, or what nobody knows of is taken back.
        """
        calls = self.new_calls(presses)
        unanswered = self.told(calls, self.run(self.press_and_leave(calls, turns)))
        if self.life == "closed":
            self.model.flushed()
        self.run(self.lab.quiet())
        self.open(life)
        self.cut_to_what_is_stored()
        if repeat:
            self.press_again(unanswered)
        else:
            for call in unanswered:
                self.run(self.store.retract_press(call))
                links = self.run(whole_chain(self.store))
                assert kinds(links, call) in ([], [Kind.ATTEMPT, Kind.RETRACTION])
        self.compare()

    async def press_and_leave(self, calls: Sequence[Call], turns: int) -> list[BaseException | None]:
        """Press all at once, and leave the store soon after."""
        tasks = [asyncio.create_task(self.press_one(call)) for call in calls]
        for _ in range(turns):
            await asyncio.sleep(0)
        await self.store.__aexit__(None, None, None)
        return await asyncio.gather(*tasks, return_exceptions=True)

    def press_again(self, calls: Sequence[Call]) -> None:
        """A press that is in the database and was not answered is found."""
        for call in calls:
            (outcome,) = self.run(self.press_all([call]))
            if outcome is None:
                self.has_won(call)
                continue
            assert isinstance(outcome, RequestIdTaken)
            if self.model.named(outcome.call) is None:
                assert outcome.call in calls
                self.has_won(outcome.call)
            else:
                self.has_lost(call, outcome)

    def cut_to_what_is_stored(self) -> None:
        """After a crash: no acknowledged press and nothing that was flushed is lost; the rest may be."""
        for each in self.model.calls:
            found = self.run(self.store.call("north", each.call.id))
            assert found is not None
            assert each.is_as(found[0])
            each.cut(found[0])
        stored = {login.agent_id: login for login in self.run(self.store.logins())}
        for agent_id, states in self.model.logins.items():
            told = [None if state is None else self.model.told(state) for state in states]
            assert stored.get(agent_id) in told
            self.model.logins[agent_id] = [states[told.index(stored.get(agent_id))]]
        refused = self.refusals(self.run(whole_chain(self.store)))
        assert self.refusals_flushed <= len(refused)
        assert refused == self.refused[: len(refused)]
        self.refused = refused

    def teardown(self) -> None:
        """Look once more, and end."""
        try:
            if self.life:
                self.compare()
        finally:
            if self.life:
                self.run(self.store.__aexit__(None, None, None))
            self.runner.close()

    # ── what agents do ──────────────────────────────────────────────────────────────────────────────────────────────

    @rule(presses=PRESSES)
    def press(self, presses: Sequence[tuple[str, str | None]]) -> None:
        """One press, or several at once; those of a `requestId` that is known come with other data."""
        calls = self.new_calls(presses)
        assert self.told(calls, self.run(self.press_all(calls))) == []

    async def press_all(self, calls: Sequence[Call]) -> list[BaseException | None]:
        """All at once."""
        return await asyncio.gather(*map(self.press_one, calls), return_exceptions=True)

    async def press_one(self, call: Call) -> None:
        """Press, with evidence of it."""
        await self.store.record_press(call, evidence=an_attempt(call))

    def told(self, calls: Sequence[Call], outcomes: Sequence[BaseException | None]) -> list[Call]:
        """Take what became of presses into the model. Returns those that had no answer, or that of one of these."""
        unanswered = []
        for call, outcome in zip(calls, outcomes, strict=True):
            if outcome is None:
                self.has_won(call)
        for call, outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, RequestIdTaken) and self.model.named(outcome.call) is not None:
                self.has_lost(call, outcome)
            elif outcome is not None:
                assert isinstance(outcome, StoreUnavailable | RequestIdTaken)
                unanswered.append(call)
        return unanswered

    def has_won(self, call: Call) -> None:
        """The press was the first of its `requestId`."""
        assert self.model.press(call.agent_id, call.request_id) is None
        self.model.pressed(call)

    def has_lost(self, call: Call, taken: RequestIdTaken) -> None:
        """The press met another, and was told of it."""
        owner = self.model.press(call.agent_id, call.request_id)
        assert owner is not None
        assert owner.is_as(taken.call)

    @precondition(lambda self: self.model.calls)
    @rule(pick=PICK)
    def repeat_a_press(self, pick: int) -> None:
        """The very same call once more is found, if by nothing else by its id."""
        each = self.one_of(pick)
        first = each.changes[0].call
        outcomes = self.run(self.press_all([first]))
        assert isinstance(outcomes[0], RequestIdTaken)
        owner = self.model.press(first.agent_id, first.request_id)
        assert any(known.is_as(outcomes[0].call) for known in (each, owner) if known is not None)

    @precondition(lambda self: self.model.calls)
    @rule(pick=PICK, signals=st.lists(st.sampled_from(CallSignal), min_size=1, max_size=5))
    def report(self, pick: int, signals: Sequence[CallSignal]) -> None:
        """The engine tells of a call."""
        each = self.one_of(pick)
        for signal in signals:
            later = each.call.at + timedelta(seconds=1)
            self.change(each, advance(each.call, Report(call_id=each.call.id, signal=signal, at=later)))

    @precondition(lambda self: self.model.calls)
    @rule(pick=PICK)
    def end(self, pick: int) -> None:
        """A call ends, and its wrap-up too."""
        each = self.one_of(pick)
        later = each.call.at + timedelta(seconds=1)
        self.change(each, advance(each.call, Report(call_id=each.call.id, signal=CallSignal.ENDED, at=later)))
        self.change(each, end_wrap_up(each.call, later))

    def change(self, each: ModelCall, changes: Sequence[Change]) -> None:
        """Record changes."""
        for change in changes:
            self.tell(self.store.record_change, change)
        each.changes += changes

    @rule(agent_id=AGENTS, chosen=st.sampled_from([AVAILABLE, NOT_READY]), muted=st.booleans())
    def log_in(self, agent_id: str, chosen: Any, muted: bool) -> None:
        """Log in, or choose another state."""
        self.minute += 1
        at = NOON + timedelta(minutes=self.minute)
        session = a_login(agent_id, chosen=chosen, chosen_at=at, state=chosen, since=at, muted=muted)
        self.tell(self.store.record_login, session)
        self.model.login(agent_id, session)

    @rule(agent_id=AGENTS)
    def log_out(self, agent_id: str) -> None:
        """Log out, also an agent who is not logged in."""
        self.tell(self.store.record_logout, agent_id)
        self.model.login(agent_id, None)

    @rule(count=st.integers(1, 3))
    def refuse(self, count: int) -> None:
        """Presses that the screening refuses leave evidence alone."""
        for _ in range(count):
            self.minute += 1
            self.refused.append(f"+1202{self.minute:07d}")
            self.tell(self.store.record_evidence, a_refusal(self.refused[-1]))

    # ── what time does ──────────────────────────────────────────────────────────────────────────────────────────────

    @rule()
    def flush(self) -> None:
        """All that waits is written."""
        self.run(self.store.flush())
        self.model.flushed()
        self.refusals_flushed = len(self.refused)

    @precondition(lambda self: self.model.calls)
    @rule(pick=PICK, limit=st.integers(1, 3))
    def forget(self, pick: int, limit: int) -> None:
        """Forget some presses."""
        self.flush()
        before = self.one_of(pick).call
        due = self.model.oldest_ended(before, limit, remembered=True)
        assert self.run(self.store.forget_presses(before=before.requested_at, limit=limit)) == len(due)
        for each in due:
            each.forgotten = True

    @precondition(lambda self: self.model.calls)
    @rule(pick=PICK, limit=st.integers(1, 3))
    def remove(self, pick: int, limit: int) -> None:
        """Remove some calls."""
        self.flush()
        before = self.one_of(pick).call
        due = self.model.oldest_ended(before, limit)
        also_forgotten = self.model.oldest_ended(before, limit, remembered=True)
        assert self.run(self.store.remove_calls(before=before.requested_at, limit=limit)) == len(due)
        for each in also_forgotten:
            each.forgotten = True
        self.model.calls = [each for each in self.model.calls if each not in due]

    @rule()
    def compare(self) -> None:
        """The store holds what the model holds: every call once, with its history; the open ones; the logins."""
        calls = [each.call for each in self.model.calls]
        assert self.run(self.store.open_calls()) == [call for call in calls if not call.is_over]
        assert self.run(stored_calls(self.store, "north", limit=1_000)) == calls[::-1]
        self.model.flushed()
        for each in self.model.calls:
            assert self.run(history(self.store, each.call)) == each.history()
            if each.call.request_id is not None:
                owner = self.model.press(each.call.agent_id, each.call.request_id)
                found = self.run(self.store.press(each.call.agent_id, each.call.request_id))
                assert found == (owner and owner.call)
        open_logins = [states[-1] for states in self.model.logins.values()]
        told = [self.model.told(session) for session in open_logins if session is not None]
        assert self.run(self.store.logins()) == sorted(told, key=lambda session: session.agent_id)
        self.compare_evidence()

    def compare_evidence(self) -> None:
        """The chain is whole, and tells of every attempt and every end once."""
        links = self.run(whole_chain(self.store))
        for each in self.model.calls:
            expected = [Kind.ATTEMPT, Kind.OUTCOME] if not each.call.is_live else [Kind.ATTEMPT]
            assert kinds(links, each.call) == expected
        assert self.refusals(links) == self.refused
        self.refusals_flushed = len(self.refused)

    def refusals(self, links: Sequence[Sealed]) -> list[str]:
        """The numbers that the chain tells were refused."""
        return [link.number for link in links if link.kind is Kind.REFUSAL]


async def _empty(url: str) -> None:
    def delete_all(connection: Connection) -> None:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())

    async with opened(url) as place:
        await place.write(delete_all)


def test_the_store_holds_what_it_acknowledged_once_whatever_happens(lab: Lab) -> None:
    class Machine(StoreMachine):
        def __init__(self) -> None:
            super().__init__(lab)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            phases=[Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
