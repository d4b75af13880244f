"""The heart: press → session → number → verdict → journal, committed → engine → reply (contract §2).

One press is one call: the `requestId` is in the journal before the engine is asked, and the engine is asked once.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import msgspec
import structlog
from opentelemetry import trace

from manualdial import calls, messages, presses, screening, views
from manualdial.bus import Published
from manualdial.call_progress import CallProgress
from manualdial.calls import Call, Cause, EndedBy, Ending, Report, Sign
from manualdial.envelope import Address
from manualdial.errors import (
    AgentNotLoggedIn,
    CallInProgress,
    CallOutcomeUnknown,
    CallRefused,
    MakeCallFailed,
    ManualDialError,
    RequestIdConflict,
)
from manualdial.guard import Guard
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

log = structlog.get_logger(__name__)
tracer = trace.get_tracer("manualdial")

_MAX_UNASKED = 10_000

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
        guard: Guard,
        clock: Clock,
        metrics: Metrics,
        settings: PressSettings,
        store_timeout: float,
    ) -> None:
        """`store_timeout` is how long the journal may take, in seconds."""
        self._engine = engine
        self._store = store
        self._sessions = sessions
        self._live_calls = live_calls
        self._progress = progress
        self._guard = guard
        self._clock = clock
        self._metrics = metrics
        self._settings = settings
        self._store_timeout = store_timeout
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._running: set[asyncio.Task[Outcome]] = set()
        self._unasked: OrderedDict[str, None] = OrderedDict()
        """Calls that the journal may hold though its answer was lost, so that the engine was never asked for them."""

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
        call = outcome.call
        told = views.state_change(calls.Change(call=call, leg=views.current_leg(call), event="connecting"))
        return Private(address=Address(call.connector, *STATE_CHANGE), message=told)

    async def press(self, request: Request, data: Dial) -> Outcome | messages.DialChecked:
        """One press. Raises what contract §2 lists."""
        try:
            session = self._sessions.require(request.caller.user_id)
            at = self._clock.monotonic()
            press = presses.read(request, data, session=session, settings=self._settings, at=at)
            with tracer.start_as_current_span("verdict"):
                verdict = screening.judge(press.facts)
            self._metrics.since_press("verdict", self._clock.monotonic() - at)
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
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _in_turn(self, press: Press, verdict: messages.Verdict) -> Outcome:
        """One press of an agent after the other: a second one finds what came of the first."""
        turn = self._turns.get(press.agent_id)
        if turn is None:
            turn = self._turns[press.agent_id] = asyncio.Lock()
        async with turn:
            try:
                earlier = self._recalled(press)
                refusal = None if earlier else self._refusal(press, verdict)
                if refusal is not None:
                    earlier = await self._remembered(press)
                if earlier is not None:
                    return Outcome(call=self._same(press, earlier), replay=True)
                if refusal is not None:
                    raise refusal
                call = await self._journal(press, verdict)
            except RequestIdTaken as taken:
                earlier = await self._remembered(press) or taken.call
                if earlier.id not in self._unasked:
                    return Outcome(call=self._same(press, earlier), replay=True)
                call = self._same(press, earlier)
            except StoreUnavailable as error:
                log.warning("no call without a journal", reason=str(error))
                raise MakeCallFailed("the journal is not available", retryable=True) from None
            return await self._place(press, call)

    async def _journal(self, press: Press, verdict: messages.Verdict) -> Call:
        """Write the call down, committed. Raises RequestIdTaken, StoreUnavailable."""
        call = _new_call(press, verdict, engine=self._engine.name, clock=self._clock)
        try:
            with tracer.start_as_current_span("journal"):
                async with self._journal_limit():
                    await self._store.record_press(call)
        except StoreUnavailable:
            self._unasked[call.id] = None
            if len(self._unasked) > _MAX_UNASKED:
                self._unasked.popitem(last=False)
            raise
        return call

    def _recalled(self, press: Press) -> Call | None:
        """The earlier press that this one repeats, as far as memory tells: in the guard time, or a live call's."""
        if press.request_id is None:
            return self._guard.recall(press.agent_id, press.number)
        call = self._live_calls.of_agent(press.agent_id)
        return call if call is not None and call.request_id == press.request_id else None

    async def _remembered(self, press: Press) -> Call | None:
        """The earlier press of the same `requestId`, from the journal.

        A press that goes well never asks: the journal itself refuses a `requestId` that it has.
        """
        if press.request_id is None:
            return None
        async with self._journal_limit():
            call = await self._store.press(press.agent_id, press.request_id)
            if call is not None and not call.is_over and self._live_calls.get(call.id) is None:
                await self._store.flush()  # it has ended, and its last changes are still on their way to the disk
                call = await self._store.press(press.agent_id, press.request_id)
        return call

    def _same(self, press: Press, earlier: Call) -> Call:
        """The earlier press as it is now. Raises RequestIdConflict where it had other data."""
        if press.request_id is not None and earlier.digest != press.digest:
            raise RequestIdConflict("the requestId names a press with other data")
        return self._live_calls.get(earlier.id) or earlier

    def _refusal(self, press: Press, verdict: messages.Verdict) -> ManualDialError | None:
        """What refuses a press before it is written down, if anything does."""
        if verdict.decision != screening.Decision.ALLOW:
            return CallRefused("screening refused the call", details={"verdict": msgspec.to_builtins(verdict)})
        if self._sessions.get(press.agent_id) is None:
            return AgentNotLoggedIn("the agent has logged out meanwhile")
        call = self._live_calls.of_agent(press.agent_id)
        if call is not None and call.is_live:
            return CallInProgress("the agent has a live call", details={"callId": call.id})
        if not self._engine.ready:
            return MakeCallFailed("the engine is not there", retryable=True)
        return None

    async def _place(self, press: Press, call: Call) -> Outcome:
        """The call is in the journal: tell of it, and ask the engine."""
        self._unasked.pop(call.id, None)
        self._progress.end_wrap_up(call.agent_id)
        self._metrics.pressed(call.id, press.at)
        published = self._progress.begin(call)
        call = await self._originate(call)
        self._metrics.since_press("accepted", self._clock.monotonic() - press.at)
        if press.request_id is None:
            self._guard.remember(call)
        return Outcome(call=call, replay=False, published=published)

    async def _originate(self, call: Call) -> Call:
        """Ask the engine, once. What it reported meanwhile counts for more than how its answer got lost."""
        end = self._progress.watch(call.id, lambda now: now.is_over)
        try:
            with tracer.start_as_current_span("engine", attributes={"call_id": call.id}, record_exception=False):
                await self._engine.originate(Originate.of(call))
        except (EngineRefused, EngineUnavailable) as error:
            log.warning("the engine did not take the call", call_id=call.id, reason=str(error))
            ending = Ending(by=EndedBy.SYSTEM, cause=Cause.FAILED)
            at = self._clock.now()
            self._progress.on_report(Report(call_id=call.id, sign=Sign.ENDED, at=at, ending=ending))
            raise MakeCallFailed("the engine did not take the call", details={"callId": call.id}) from None
        except EngineSilent as error:
            log.warning("the engine did not say whether it took the call", call_id=call.id, reason=str(error))
            if self._progress.mark_unknown(call.id):
                raise CallOutcomeUnknown("the engine did not say", details={"callId": call.id}) from None
        finally:
            end.cancel()
        return self._live_calls.get(call.id) or (call if end.cancelled() else end.result().call)

    @asynccontextmanager
    async def _journal_limit(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._store_timeout):
                yield
        except TimeoutError:
            raise StoreUnavailable("the journal took too long") from None


def _new_call(press: Press, verdict: messages.Verdict, *, engine: str, clock: Clock) -> Call:
    now = clock.now()
    data = press.data
    return Call(
        id=str(uuid.uuid4()),
        tenant_id=press.session.tenant_id,
        agent_id=press.agent_id,
        connector=press.connector,
        engine=engine,
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


def _dial(outcome: Outcome | messages.DialChecked) -> messages.DialReply | messages.DialChecked:
    if isinstance(outcome, messages.DialChecked):
        return outcome
    return views.dial_reply(outcome.call, replay=outcome.replay)
