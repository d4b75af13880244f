"""The table of contents: address → message type → service method (contract §2 to §6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from manualdial.agent_requests import AgentRequests
from manualdial.call_control import CallControl
from manualdial.dial_requests import DialRequests
from manualdial.dispatcher import Method, Route
from manualdial.envelope import Address, fold
from manualdial.messages import (
    CallReference,
    Check,
    Dial,
    Digits,
    Incoming,
    Login,
    Logout,
    NoData,
    Register,
    SetDnc,
    SetLocation,
    SetNotReady,
    Subscriptions,
    UpdateState,
)
from manualdial.registration import Registration
from manualdial.screening_requests import ScreeningRequests

Key = tuple[str, str, str]

AMAZON = "Amazon"
"""Always a connector, so that the sample of the reference works as it stands on every engine (contract §2)."""


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    """What the dispatcher looks addresses up in."""

    by_key: Mapping[Key, Route]
    published_only: frozenset[Key]
    """Addresses of replies and events: what comes in on them is refused."""
    channels: Mapping[str, str]
    """The channels that the server owns, folded → as published."""


def routes(
    *,
    connectors: Iterable[str],
    dialing: DialRequests,
    screening: ScreeningRequests,
    control: CallControl,
    agents: AgentRequests,
    registration: Registration,
) -> Routes:
    """The whole table, with the lines of every connector."""
    names = tuple(dict.fromkeys((AMAZON, *connectors)))
    sample_reply, table_reply = Address("UI", "InboundCall", "ManualDialCall"), Address("LCM", *_TABLE)
    lines: list[tuple[Address, type[Incoming], Method]] = [
        (table_reply, Dial, dialing.manual_dial_call(reply_to=table_reply)),
        (Address("LCM", "Webservice", "CheckPhoneNumber"), Check, screening.check_phone_number),
        (Address("LCM", "Webservice", "SetDNC"), SetDnc, screening.set_dnc),
        (Address("LCM", "Webservice", "SetLocation"), SetLocation, screening.set_location),
    ]
    for name in names:
        per_connector: list[tuple[str, str, type[Incoming], Method]] = [
            ("InboundCall", "ManualDialCall", Dial, dialing.manual_dial_call(reply_to=sample_reply)),
            ("InboundCall", "SetMakeCall", Dial, dialing.set_make_call),
            ("InboundCall", "Hold", CallReference, control.hold),
            ("InboundCall", "Resume", CallReference, control.resume),
            ("InboundCall", "SendDTMF", Digits, control.send_dtmf),
            ("InboundCall", "Disconnect", CallReference, control.disconnect),
            ("InboundCall", "ClearContact", CallReference, control.clear_contact),
            ("InboundCall", "StateSync", NoData, control.state),
            ("App", "StateSync", NoData, agents.application_state),
            ("Agent", "Login", Login, agents.login),
            ("Agent", "Logout", Logout, agents.logout),
            ("Agent", "StateSync", NoData, agents.state),
            ("Agent", "GetStates", NoData, agents.list_states),
            ("Agent", "GetAgentState", NoData, agents.list_states),
            ("Agent", "UpdateState", UpdateState, agents.update_state),
            ("Agent", "Update", UpdateState, agents.update_state),
            ("Agent", "SetNotReady", SetNotReady, agents.set_not_ready),
            ("Agent", "Mute", NoData, agents.mute),
            ("Agent", "Unmute", NoData, agents.unmute),
        ]
        lines += [(Address(name, topic, subtopic), data, method) for topic, subtopic, data, method in per_connector]
    table = [Route(address=address, data=data, method=method) for address, data, method in lines]
    table += [
        Route(
            address=Address("Bus", "Session", "Register"),
            data=Register,
            method=registration.register,
            before_register=True,
        ),
        Route(address=Address("Bus", "Session", "Subscribe"), data=Subscriptions, method=registration.subscribe),
        Route(address=Address("Bus", "Session", "Unsubscribe"), data=Subscriptions, method=registration.unsubscribe),
    ]
    channels = ("LCM", "UI", "Bus", *names)
    return Routes(
        by_key={route.address.key: route for route in table},
        published_only=frozenset(address.key for address in _published(channels, names)),
        channels={fold(channel): channel for channel in channels},
    )


_TABLE = ("Webservice", "ManualDialCall")


def _published(channels: Iterable[str], connectors: Iterable[str]) -> Iterable[Address]:
    """The addresses that only the server publishes on."""
    yield Address("UI", "InboundCall", "ManualDialCall")
    yield Address("LCM", "Webservice", "SetDNCResult")
    for channel in channels:
        yield Address(channel, "Error", "ApiError")
    for connector in connectors:
        yield Address(connector, "InboundCall", "InboundCallStateChange")
        for subtopic in ("LoginSuccess", "LogoutSuccess", "SetAgentState"):
            yield Address(connector, "Agent", subtopic)
    for subtopic in ("Registered", "Reset", "Subscribed", "Unsubscribed"):
        yield Address("Bus", "Session", subtopic)
