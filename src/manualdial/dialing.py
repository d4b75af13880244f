"""The heart: press → session → number → verdict → journal, committed → engine → reply (contract §2).

One press is one call: the `requestId` is in the journal before the engine is asked, and the engine is asked once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog

from manualdial import calls, messages, presses, screening, views
from manualdial.bus import Published
from manualdial.call_progress import CallProgress
from manualdial.calls import Call, Cause, EndedBy, Ending, Report, Sign
from manualdial.earlier_presses import EarlierPresses
from manualdial.envelope import Address
from manualdial.errors import (
    AgentNotLoggedIn,
    CallInProgress,
    CallOutcomeUnknown,
    CallRefused,
    MakeCallFailed,
    ManualDialError,
    ServiceUnavailable,
)
from manualdial.live_calls import LiveCalls
from manualdial.messages import ControlReply, Dial, ManualDialReply
from manualdial.metrics import Metrics
from manualdial.ports import (
    Clock,
    Engine,
    EngineRefused,
    EngineSilent,
    EngineUnavailable,
    Originate,
    RequestIdTaken,
    Store,
    StoreUnavailable,
)
from manualdial.presses import Press, PressSettings
from manualdial.requests import Caused, Private, Reply, Request
from manualdial.sessions import Sessions
from manualdial.tracing import Tracing
from manualdial.turns import Turns

log = structlog.get_logger(__name__)

STATE_CHANGE = ("InboundCall", "InboundCallStateChange")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a press: its call as it is now, and whether it was made for an earlier press."""

    call: Call
    replay: bool
    published: Published | None = None
    """The first event of a call that was made for this press."""


class Dialing:
    """Turns presses into calls."""

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        sessions: Sessions,
        live_calls: LiveCalls,
        progress: CallProgress,
        earlier: EarlierPresses,
        turns: Turns,
        clock: Clock,
        metrics: Metrics,
        tracing: Tracing,
        settings: PressSettings,
        store_timeout: float,
        patience: float,
    ) -> None:
        """`store_timeout` is how long the journal may take, in seconds.

        `patience` is how long a press may wait for its turn, in seconds: one that begins later could ring after
        whoever pressed was told that it took too long.
        """
        self._engine = engine
        self._store = store
        self._sessions = sessions
        self._live_calls = live_calls
        self._progress = progress
        self._earlier = earlier
        self._turns = turns
        self._clock = clock
        self._metrics = metrics
        self._tracing = tracing
        self._settings = settings
        self._store_timeout = store_timeout
        self._patience = patience
        self._running: set[asyncio.Task[Outcome]] = set()

    def manual_dial_call(self, *, reply_to: Address) -> Callable[[Request, Dial], Awaitable[Reply]]:
        """The method behind ManualDialCall in one of its two forms; the reply goes out on `reply_to`."""

        async def method(request: Request, data: Dial) -> Reply:
            outcome = await self.press(request, data)
            asked_for = request.request_id is not None or isinstance(outcome, messages.DialChecked)
            echo = ManualDialReply(
                subtopic=request.address.subtopic,
                topic=request.address.topic,
                channel=request.address.channel,
                data={"PhoneNumber": data.phone_number},
                dial=_dial(outcome) if asked_for else msgspec.UNSET,
            )
            return Reply(address=reply_to, message=echo)

        return method

    async def set_make_call(self, request: Request, data: Dial) -> Reply | Private | Caused:
        """SetMakeCall: with a `requestId` a press like any other, without one answered by the call's event."""
        outcome = await self.press(request, data)
        if request.request_id is not None or isinstance(outcome, messages.DialChecked):
            return Reply(address=request.address, message=ControlReply(success=True, dial=_dial(outcome)))
        if outcome.published is not None:
            return Caused(published=outcome.published)
        found = await self._store.call(outcome.call.tenant_id, outcome.call.id)
        call = outcome.call if found is None else found[0]
        told = views.state_change(calls.newest(call))
        return Private(address=Address(call.connector, *STATE_CHANGE), message=told)

    async def press(self, request: Request, data: Dial) -> Outcome | messages.DialChecked:
        """One press. Raises what contract §2 lists."""
        try:
            session = self._sessions.require(request.caller.user_id)
            at = self._clock.monotonic()
            press = presses.read(request, data, session=session, settings=self._settings, at=at)
            with self._tracing.span("verdict"):
                verdict = screening.judge(press.facts)
            self._metrics.since_press("verdict", self._clock.monotonic() - at, outcome=verdict.decision)
            if data.dry_run:
                return messages.DialChecked(state="checked", number=views.number(press.number), verdict=verdict)
            outcome = await self._run(press, verdict)
        except ManualDialError as error:
            self._metrics.press(error.wire_type)
            raise
        self._metrics.press("replay" if outcome.replay else "called")
        return outcome

    async def close(self, limit: float) -> None:
        """Let presses that are under way come to their end, for at most `limit` seconds."""
        if self._running:
            await asyncio.wait(self._running, timeout=limit)

    async def _run(self, press: Press, verdict: messages.Verdict) -> Outcome:
        """Go through with the press, even if whoever pressed goes away: half a press would be the worst of all."""
        task = asyncio.create_task(self._in_turn(press, verdict))
        self._running.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Outcome]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever pressed has had it, or has gone and was told that it took too long

    async def _in_turn(self, press: Press, verdict: messages.Verdict) -> Outcome:
        """One press of an agent after the other: a second one finds what came of the first."""
        async with self._turns.of(press.agent_id):
            if self._clock.monotonic() - press.at > self._patience:
                raise ServiceUnavailable("the press waited too long for its turn")
            with self._sessions.pressing(press.agent_id):
                return await self._now(press, verdict)

    async def _now(self, press: Press, verdict: messages.Verdict) -> Outcome:
        """Repeat the earlier press, refuse this one, or place the call."""
        try:
            repeated = await self._repeated(press, verdict)
            if repeated is not None:
                return Outcome(call=repeated, replay=True)
            try:
                return await self._place(press, self._new_call(press, verdict))
            except RequestIdTaken as taken:
                async with self._journal_limit():
                    earlier = await self._earlier.find(press) or taken.call
            if not self._earlier.is_unasked(earlier):
                return Outcome(call=self._earlier.same(press, earlier), replay=True)
            async with self._journal_limit():
                await self._earlier.take_back(earlier)
            # Anew, under an id that the engine has never heard: what it made ready for the first may still be there.
            return await self._now(press, verdict)
        except StoreUnavailable as error:
            log.warning("no call without a journal", reason=str(error))
            raise MakeCallFailed("the journal is not available", retryable=True) from None

    async def _repeated(self, press: Press, verdict: messages.Verdict) -> Call | None:
        """The call of the earlier press that this one repeats. Raises what refuses a press that repeats none."""
        earlier = self._earlier.recall(press)
        refusal = None if earlier else self._refusal(press, verdict)
        if refusal is not None:
            async with self._journal_limit():
                earlier = await self._earlier.find(press)
            if earlier is None or self._earlier.is_unasked(earlier):
                raise refusal
        return None if earlier is None else self._earlier.same(press, earlier)

    def _refusal(self, press: Press, verdict: messages.Verdict) -> ManualDialError | None:
        """What refuses a press before it is written down, if anything does."""
        if verdict.decision != screening.Decision.ALLOW:
            return CallRefused("screening refused the call", details={"verdict": msgspec.to_builtins(verdict)})
        if self._sessions.get(press.agent_id) is None:
            return AgentNotLoggedIn("the agent has logged out meanwhile")
        for call in self._live_calls.all_of_agent(press.agent_id):
            if call.is_live:
                return CallInProgress("the agent has a live call", details={"callId": call.id})
        if self._earlier.is_full:
            return MakeCallFailed("too many presses wait for the journal to say what became of them", retryable=True)
        if not self._engine.ready:
            return MakeCallFailed("the engine is not there", retryable=True)
        return None

    async def _place(self, press: Press, call: Call) -> Outcome:
        """Write the call down and ask the engine, which makes ready meanwhile and rings nobody before it is written.

        Raises RequestIdTaken and StoreUnavailable where the journal does not take the call.
        """
        journalled = asyncio.create_task(self._journal(press, call))
        try:
            call = await self._originate(call, journalled)
        except ManualDialError as error:
            self._metrics.since_press("accepted", self._clock.monotonic() - press.at, outcome=error.wire_type)
            raise
        finally:
            journalled.cancel()  # where it is done already, as it is unless this is cancelled, it stays as it is
        self._metrics.since_press("accepted", self._clock.monotonic() - press.at, outcome="called")
        self._earlier.was_called(call)
        return Outcome(call=call, replay=False, published=journalled.result())

    async def _journal(self, press: Press, call: Call) -> Published:
        """Write the call down, committed; from then on it is live. Returns its first event."""
        try:
            with self._tracing.span("journal"):
                async with self._journal_limit():
                    await self._store.record_press(call)
        except StoreUnavailable:
            self._earlier.journal_was_silent(call)
            raise
        self._metrics.pressed(call.id, press.at)
        return self._progress.begin(call)

    async def _originate(self, call: Call, journalled: asyncio.Task[Published]) -> Call:
        """Ask the engine, once. What it reported meanwhile counts for more than how its answer got lost."""
        end = self._progress.watch(call.id, lambda now: now.is_over)
        try:
            with self._tracing.span("engine", call_id=call.id):
                await self._engine.originate(Originate.of(call), journalled)
        except (EngineRefused, EngineUnavailable) as error:
            await journalled  # where the journal says no as well, that counts: then there was no press
            log.warning("the engine did not take the call", call_id=call.id, reason=str(error))
            ending = Ending(by=EndedBy.SYSTEM, cause=Cause.FAILED)
            at = self._clock.now()
            self._progress.on_report(Report(call_id=call.id, sign=Sign.ENDED, at=at, ending=ending))
            await self._written()
            raise MakeCallFailed("the engine did not take the call", details={"callId": call.id}) from None
        except EngineSilent as error:
            await journalled
            log.warning("the engine did not say whether it took the call", call_id=call.id, reason=str(error))
            if self._progress.mark_unknown(call.id):
                raise CallOutcomeUnknown("the engine did not say", details={"callId": call.id}) from None
        finally:
            end.cancel()
        await journalled
        return self._live_calls.get(call.id) or (call if end.cancelled() else end.result().call)

    def _new_call(self, press: Press, verdict: messages.Verdict) -> Call:
        now = self._clock.now()
        data = press.data
        return Call(
            id=str(uuid.uuid4()),
            tenant_id=press.session.tenant_id,
            agent_id=press.agent_id,
            connector=press.connector,
            engine=self._engine.name,
            extension=press.session.extension,
            number=press.number,
            request_id=press.request_id,
            digest=press.digest,
            caller_id=press.caller_id,
            campaign_id=None if data.campaign_id is None else str(data.campaign_id),
            account_number=None if data.account_number is None else str(data.account_number),
            purpose=press.purpose,
            verdict=msgspec.json.encode(verdict),
            requested_at=now,
            at=now,
        )

    async def _written(self) -> None:
        """Who is told that the press is over finds it so after a crash too, if the journal can take it."""
        with suppress(StoreUnavailable):
            async with self._journal_limit():
                await self._store.flush()

    @asynccontextmanager
    async def _journal_limit(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._store_timeout):
                yield
        except TimeoutError:
            raise StoreUnavailable("the journal took too long") from None


def _dial(outcome: Outcome | messages.DialChecked) -> messages.DialReply | messages.DialChecked:
    if isinstance(outcome, messages.DialChecked):
        return outcome
    return views.dial_reply(outcome.call, replay=outcome.replay)
