"""What the requests that dial get: ManualDialCall in its two forms, and SetMakeCall (contract §2, §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from manualdial import calls, views
from manualdial.addresses import STATE_CHANGE
from manualdial.dialing import Dialing, Outcome
from manualdial.envelope import Address
from manualdial.messages.calls import ControlReply
from manualdial.messages.dial import Dial, DialChecked, DialReply, ManualDialReply
from manualdial.ports import Store
from manualdial.requests import AnsweredByEvent, DirectReply, Reply, Request


class DialRequests:
    """The methods behind the requests that dial."""

    def __init__(self, *, dialing: Dialing, store: Store) -> None:
        self._dialing = dialing
        self._store = store

    def manual_dial_call(self, *, reply_to: Address) -> Callable[[Request, Dial], Awaitable[Reply]]:
        """The method behind ManualDialCall in one of its two forms; the reply goes out on `reply_to`."""

        async def method(request: Request, data: Dial) -> Reply:
            """ManualDialCall: rings the agent's phone, then the customer."""
            outcome = await self._dialing.press(request, data)
            asked_for = request.request_id is not None or isinstance(outcome, DialChecked)
            echo = ManualDialReply(
                subtopic=request.address.subtopic,
                topic=request.address.topic,
                channel=request.address.channel,
                data={"PhoneNumber": data.phone_number},
                dial=_dial(outcome) if asked_for else msgspec.UNSET,
            )
            return Reply(address=reply_to, message=echo)

        return method

    async def set_make_call(self, request: Request, data: Dial) -> Reply | DirectReply | AnsweredByEvent:
        """SetMakeCall: with a `requestId` a press like any other, without one answered by the call's event."""
        outcome = await self._dialing.press(request, data)
        if request.request_id is not None or isinstance(outcome, DialChecked):
            return Reply(address=request.address, message=ControlReply(success=True, dial=_dial(outcome)))
        if outcome.published is not None:
            return AnsweredByEvent(published=outcome.published)
        found = await self._store.call(outcome.call.tenant_id, outcome.call.id)
        call = outcome.call if found is None else found[0]
        told = views.state_change(calls.newest(call))
        return DirectReply(address=STATE_CHANGE.address.on(call.connector), message=told)


def _dial(outcome: Outcome | DialChecked) -> DialReply | DialChecked:
    if isinstance(outcome, DialChecked):
        return outcome
    return views.dial_reply(outcome.call, replay=outcome.replay)
