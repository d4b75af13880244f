"""The requests about a call: hold, resume, DTMF, disconnect, end the wrap-up, see it (contract §3)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from manualdial.calls import Action, Call, CallSignal, CallState, Cause, EndedBy, Ending, Leg, Report, allowed_actions
from manualdial.errors import (
    ActionNotAllowed,
    ClearContactFailed,
    ControlFailed,
    DisconnectCallFailed,
    HoldCallFailed,
    NoSuchCall,
    ResumeCallFailed,
    SendDtmfFailed,
)
from manualdial.live.call_progress import CallProgress
from manualdial.live.live_calls import Engines, LiveCalls
from manualdial.ports import Clock, EngineRefused, EngineSilent, EngineUnavailable
from manualdial.requests.request import AnsweredByEvent, Reply, Request
from manualdial.wire import views
from manualdial.wire.messages.calls import CallReference, ControlReply, Digits
from manualdial.wire.messages.incoming import NoData

log = structlog.get_logger(__name__)

_DIGITS = re.compile(r"[0-9*#A-Da-d]{1,64}")


@dataclass(frozen=True, kw_only=True, eq=False)
class CallControl:
    """The control requests. Each is answered by the state event that it causes; with a `requestId` by a reply too."""

    engines: Engines
    live_calls: LiveCalls
    progress: CallProgress
    clock: Clock
    event_timeout: float
    """How long the state event may take after the engine has said yes, in seconds."""

    async def hold(self, request: Request, data: CallReference) -> Reply | AnsweredByEvent:
        """The customer hears music."""
        call = self._allowed(request, data.call_id, Action.HOLD)
        return await self._until(
            request,
            call,
            lambda: self.engines.of_call(call).hold(call.id),
            lambda now: now.state is CallState.HELD,
            HoldCallFailed,
        )

    async def resume(self, request: Request, data: CallReference) -> Reply | AnsweredByEvent:
        """The hold is over."""
        call = self._allowed(request, data.call_id, Action.RESUME)
        return await self._until(
            request,
            call,
            lambda: self.engines.of_call(call).resume(call.id),
            lambda now: now.state is CallState.CONNECTED,
            ResumeCallFailed,
        )

    async def send_dtmf(self, request: Request, data: Digits) -> Reply:
        """Digits for the customer's side. Changes no state and always gets its reply."""
        digits = "" if data.digits is None else str(data.digits).strip()
        if not _DIGITS.fullmatch(digits):
            raise SendDtmfFailed("digits are 1 to 64 of 0-9 * # A-D", retryable=False)
        call = self._allowed(request, data.call_id, Action.SEND_DTMF)
        await self._ask(lambda: self.engines.of_call(call).send_dtmf(call.id, digits.upper()), SendDtmfFailed)
        return self._reply(request, self.live_calls.get(call.id) or call)

    async def disconnect(self, request: Request, data: CallReference) -> Reply | AnsweredByEvent:
        """End the call. A call that the engine does not have (state unknown, say) is ended here."""
        call = self._allowed(request, data.call_id, Action.DISCONNECT)

        async def hang_up() -> None:
            if not await self.engines.of_call(call).hang_up(call.id):
                ending = Ending(by=EndedBy.AGENT, cause=Cause.CANCELLED)
                at = self.clock.now()
                self.progress.on_report(Report(call_id=call.id, signal=CallSignal.ENDED, at=at, ending=ending))

        return await self._until(request, call, hang_up, lambda now: not now.is_live, DisconnectCallFailed)

    async def clear_contact(self, request: Request, data: CallReference) -> Reply | AnsweredByEvent:
        """End the wrap-up."""
        call = self._allowed(request, data.call_id, Action.CLEAR_CONTACT)

        async def end_wrap_up() -> None:
            self.progress.end_wrap_up(call.agent_id)

        return await self._until(request, call, end_wrap_up, lambda now: now.is_over, ClearContactFailed)

    async def state(self, request: Request, _data: NoData) -> Reply:
        """StateSync: the agent's calls that are not ended."""
        calls = self.live_calls.all_of_agent(request.caller.user_id)
        return Reply(address=request.address, message=views.call_sync(calls, self.engines.actions_of))

    def _allowed(self, request: Request, call_id: str | int | None, action: Action) -> Call:
        """The agent's call that is meant, by the id of the call or of a leg. Raises NoSuchCall, ActionNotAllowed."""
        call = self.live_calls.of_agent(request.caller.user_id)
        if call_id not in (None, ""):
            named, _, leg = str(call_id).lower().partition(".")
            call = self.live_calls.get(named) if leg in ("", *Leg) else None
        if call is None or call.agent_id != request.caller.user_id:
            raise NoSuchCall("the agent has no such call")
        allowed = allowed_actions(call.state, self.engines.actions_of(call))
        if action not in allowed:
            details = {"callId": call.id, "state": call.state, "allowedActions": list(allowed)}
            raise ActionNotAllowed("the state of the call does not allow this", details=details)
        return call

    async def _until(
        self,
        request: Request,
        call: Call,
        ask: Callable[[], Awaitable[None]],
        reached: Callable[[Call], bool],
        failure: type[ControlFailed],
    ) -> Reply | AnsweredByEvent:
        """Ask the engine, and wait for the event that shows that it was done: the answer, or what a reply tells."""
        watch = self.progress.watch(call.id, lambda now: reached(now) or not now.is_live)
        try:
            await self._ask(ask, failure)
            async with asyncio.timeout(self.event_timeout):
                applied = await watch
        except TimeoutError:
            raise failure("the engine has not reported that it was done") from None
        finally:
            watch.cancel()
        if not reached(applied.call):
            raise failure("the call ended first", retryable=False)
        if request.request_id is None:
            return AnsweredByEvent(published=applied.published)
        return self._reply(request, applied.call)

    async def _ask(self, ask: Callable[[], Awaitable[None]], failure: type[ControlFailed]) -> None:
        try:
            await ask()
        except EngineRefused:
            raise failure("the engine refused") from None
        except EngineUnavailable:
            raise failure("the engine is not there") from None
        except EngineSilent:
            raise failure("the engine did not say") from None

    def _reply(self, request: Request, call: Call) -> Reply:
        dial = views.dial_state(call, views.current_leg(call), self.engines.actions_of(call))
        return Reply(address=request.address, message=ControlReply(success=True, dial=dial))
