"""What the requests that dial get: ManualDialCall in its two forms, and SetMakeCall (contract §2, §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from manualdial import calls, messages, views
from manualdial.dialing import Dialing, Outcome
from manualdial.envelope import Address
from manualdial.messages import ControlReply, Dial, ManualDialReply
from manualdial.ports import Engines, Store
from manualdial.requests import Caused, Private, Reply, Request

STATE_CHANGE = ("InboundCall", "InboundCallStateChange")


class DialRequests:
    """The methods behind the requests that dial."""

    def __init__(self, *, dialing: Dialing, store: Store, engines: Engines) -> None:
        self._dialing = dialing
        self._store = store
        self._engines = engines

    def manual_dial_call(self, *, reply_to: Address) -> Callable[[Request, Dial], Awaitable[Reply]]:
        """The method behind ManualDialCall in one of its two forms; the reply goes out on `reply_to`."""

        async def method(request: Request, data: Dial) -> Reply:
            outcome = await self._dialing.press(request, data)
            asked_for = request.request_id is not None or isinstance(outcome, messages.DialChecked)
            echo = ManualDialReply(
                subtopic=request.address.subtopic,
                topic=request.address.topic,
                channel=request.address.channel,
                data={"PhoneNumber": data.phone_number},
                dial=self._dial(outcome) if asked_for else msgspec.UNSET,
            )
            return Reply(address=reply_to, message=echo)

        return method

    async def set_make_call(self, request: Request, data: Dial) -> Reply | Private | Caused:
        """SetMakeCall: with a `requestId` a press like any other, without one answered by the call's event."""
        outcome = await self._dialing.press(request, data)
        if request.request_id is not None or isinstance(outcome, messages.DialChecked):
            return Reply(address=request.address, message=ControlReply(success=True, dial=self._dial(outcome)))
        if outcome.published is not None:
            return Caused(published=outcome.published)
        found = await self._store.call(outcome.call.tenant_id, outcome.call.id)
        call = outcome.call if found is None else found[0]
        told = views.state_change(calls.newest(call), self._engines.actions_of(call))
        return Private(address=Address(call.connector, *STATE_CHANGE), message=told)

    def _dial(self, outcome: Outcome | messages.DialChecked) -> messages.DialReply | messages.DialChecked:
        if isinstance(outcome, messages.DialChecked):
            return outcome
        return views.dial_reply(outcome.call, self._engines.actions_of(outcome.call), replay=outcome.replay)
