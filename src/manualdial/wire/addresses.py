"""The addresses that the server publishes on, each in its one spelling, with the type of `message` (contract §1–6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from manualdial.wire.envelope import Address
from manualdial.wire.messages.agents import AgentSync, ListedState, SetAgentState
from manualdial.wire.messages.bus import Registered, Reset, SubscriptionsInForce
from manualdial.wire.messages.calls import CallStateSync, InboundCallStateChange
from manualdial.wire.messages.dial import ManualDialReply
from manualdial.wire.messages.screening import SetDncResult

AMAZON = "Amazon"
"""Always a connector, so that the sample of the reference works as it stands on every engine (contract §2)."""

CONNECTOR = "{connector}"
"""Stands for each connector in the addresses that every one of them has."""


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """An address that replies or events go out on, with the type of their `message`."""

    address: Address
    message: Any


def on_each(address: Address, connectors: Iterable[str]) -> tuple[Address, ...]:
    """The address on each connector, where every one has it; else the address itself."""
    return tuple(map(address.on, connectors)) if address.channel == CONNECTOR else (address,)


def _publication(address: str, message: Any) -> Publication:
    return Publication(address=Address(*address.split("/")), message=message)


SAMPLE_REPLY = _publication("UI/InboundCall/ManualDialCall", ManualDialReply)
SET_DNC_RESULT = _publication("LCM/Webservice/SetDNCResult", SetDncResult)
STATE_CHANGE = _publication("{connector}/InboundCall/InboundCallStateChange", InboundCallStateChange)
LOGIN_SUCCESS = _publication("{connector}/Agent/LoginSuccess", AgentSync)
LOGOUT_SUCCESS = _publication("{connector}/Agent/LogoutSuccess", AgentSync)
SET_AGENT_STATE = _publication("{connector}/Agent/SetAgentState", SetAgentState)
REGISTERED = _publication("Bus/Session/Registered", Registered)
RESET = _publication("Bus/Session/Reset", Reset)
SUBSCRIBED = _publication("Bus/Session/Subscribed", SubscriptionsInForce)
UNSUBSCRIBED = _publication("Bus/Session/Unsubscribed", SubscriptionsInForce)

PUBLISHED_ONLY = (
    SAMPLE_REPLY, SET_DNC_RESULT, STATE_CHANGE, LOGIN_SUCCESS, LOGOUT_SUCCESS, SET_AGENT_STATE,
    REGISTERED, RESET, SUBSCRIBED, UNSUBSCRIBED,
)  # fmt: skip
"""Where what comes in is refused, beside `Error/ApiError` on every channel."""

AGENT_SYNC = _publication("{connector}/Agent/StateSync", AgentSync)
CALL_SYNC = _publication("{connector}/InboundCall/StateSync", CallStateSync)
AGENT_STATES = _publication("{connector}/Agent/GetStates", list[ListedState])
