"""The table of contents: address → message type → service method → what comes of it (contract §2 to §6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from manualdial import errors
from manualdial.requests.agents import AgentRequests
from manualdial.requests.call_control import CallControl
from manualdial.requests.dial import DialRequests
from manualdial.requests.dispatcher import Errors, Method, Route, Routes
from manualdial.requests.registration import Registration
from manualdial.requests.screening import ScreeningRequests
from manualdial.wire import addresses
from manualdial.wire.addresses import AMAZON, Publication, on_each
from manualdial.wire.envelope import API_ERROR, Address, fold
from manualdial.wire.messages.agents import ApplicationState, Login, Logout, SetNotReady, UpdateState
from manualdial.wire.messages.bus import Register, Subscriptions
from manualdial.wire.messages.calls import CallReference, ControlReply, Digits
from manualdial.wire.messages.dial import Dial, ManualDialReply
from manualdial.wire.messages.incoming import Incoming, NoData
from manualdial.wire.messages.screening import Check, CheckReply, SetDnc, SetLocation

ALWAYS: Errors = (
    errors.MalformedMessage, errors.NotRegistered, errors.TooManyRequests, errors.ServiceUnavailable,
    errors.InternalError,
)  # fmt: skip
"""The errors of any request, beside those that its line names."""

_NUMBER: Errors = (errors.PhoneNumberMissing, errors.PhoneNumberInvalid)
_CHECK: Errors = (*_NUMBER, errors.NotPermitted)
_DIAL: Errors = (
    *_CHECK, errors.AgentNotLoggedIn, errors.CallRefused, errors.CallInProgress, errors.DialRateExceeded,
    errors.RequestIdConflict, errors.MakeCallFailed, errors.CallOutcomeUnknown,
)  # fmt: skip
_LOCATION: Errors = (*_CHECK, errors.NoSuchCall)
_CALL: Errors = (errors.NoSuchCall, errors.ActionNotAllowed)
_HOLD: Errors = (*_CALL, errors.HoldCallFailed)
_RESUME: Errors = (*_CALL, errors.ResumeCallFailed)
_DTMF: Errors = (*_CALL, errors.SendDtmfFailed)
_HANG_UP: Errors = (*_CALL, errors.DisconnectCallFailed)
_END: Errors = (*_CALL, errors.ClearContactFailed)
_AGENT: Errors = (errors.AgentNotLoggedIn,)
_LOGIN: Errors = (*_AGENT, errors.NotPermitted)
_LOGOUT: Errors = (*_LOGIN, errors.CallInProgress)
_MUTE: Errors = (*_AGENT, errors.UpdateAgentStateFailed)
_STATE: Errors = (*_MUTE, errors.AgentStateNotFound)
_SUBSCRIBE: Errors = (errors.NotPermitted,)
_REGISTER: Errors = (*_SUBSCRIBE, errors.NotAuthenticated, errors.TokenExpired)


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
    own_table, sample = Address("LCM", "Webservice", "ManualDialCall"), addresses.SAMPLE_REPLY
    by_table, by_sample = (dialing.manual_dial_call(reply_to=address) for address in (own_table, sample.address))
    change, agent_state = addresses.STATE_CHANGE, addresses.SET_AGENT_STATE
    states, reset = addresses.AGENT_STATES, (addresses.RESET, addresses.AGENT_SYNC, addresses.CALL_SYNC)
    lines = (
        _line("LCM/Webservice/ManualDialCall", Dial, by_table, _DIAL, ManualDialReply),
        _line("LCM/Webservice/CheckPhoneNumber", Check, screening.check_phone_number, _CHECK, CheckReply),
        _line("LCM/Webservice/SetDNC", SetDnc, screening.set_dnc, _NUMBER, addresses.SET_DNC_RESULT),
        _line("LCM/Webservice/SetLocation", SetLocation, screening.set_location, _LOCATION, CheckReply),
        _line("{connector}/InboundCall/ManualDialCall", Dial, by_sample, _DIAL, sample),
        _line("{connector}/InboundCall/SetMakeCall", Dial, dialing.set_make_call, _DIAL, ControlReply, change),
        _line("{connector}/InboundCall/Hold", CallReference, control.hold, _HOLD, ControlReply, change),
        _line("{connector}/InboundCall/Resume", CallReference, control.resume, _RESUME, ControlReply, change),
        _line("{connector}/InboundCall/SendDTMF", Digits, control.send_dtmf, _DTMF, ControlReply),
        _line("{connector}/InboundCall/Disconnect", CallReference, control.disconnect, _HANG_UP, ControlReply, change),
        _line("{connector}/InboundCall/ClearContact", CallReference, control.clear_contact, _END, ControlReply, change),
        _line("{connector}/InboundCall/StateSync", NoData, control.state, (), addresses.CALL_SYNC),
        _line("{connector}/App/StateSync", NoData, agents.application_state, (), ApplicationState),
        _line("{connector}/Agent/Login", Login, agents.login, _LOGIN, addresses.LOGIN_SUCCESS),
        _line("{connector}/Agent/Logout", Logout, agents.logout, _LOGOUT, addresses.LOGOUT_SUCCESS),
        _line("{connector}/Agent/StateSync", NoData, agents.state, (), addresses.AGENT_SYNC),
        _line("{connector}/Agent/GetStates", NoData, agents.list_states, (), states),
        _line("{connector}/Agent/GetAgentState", NoData, agents.list_states, (), states),
        _line("{connector}/Agent/UpdateState", UpdateState, agents.update_state, _STATE, agent_state),
        _line("{connector}/Agent/Update", UpdateState, agents.update_state, _STATE, agent_state),
        _line("{connector}/Agent/SetNotReady", SetNotReady, agents.set_not_ready, _AGENT, agent_state),
        _line("{connector}/Agent/Mute", NoData, agents.mute, _MUTE, agent_state),
        _line("{connector}/Agent/Unmute", NoData, agents.unmute, _MUTE, agent_state),
        _line("Bus/Session/Register", Register, registration.register, _REGISTER, addresses.REGISTERED, *reset),
        _line("Bus/Session/Subscribe", Subscriptions, registration.subscribe, _SUBSCRIBE, addresses.SUBSCRIBED),
        _line("Bus/Session/Unsubscribe", Subscriptions, registration.unsubscribe, _SUBSCRIBE, addresses.UNSUBSCRIBED),
    )
    channels = ("LCM", "UI", "Bus", *names)
    published = [each.address for each in addresses.PUBLISHED_ONLY]
    published += [API_ERROR.on(channel) for channel in channels]
    return Routes(
        lines=lines,
        by_key={
            address.key: msgspec.structs.replace(line, address=address)
            for line in lines
            for address in on_each(line.address, names)
        },
        published_only=frozenset(on.key for address in published for on in on_each(address, names)),
        channels={fold(channel): channel for channel in channels},
        connectors=names,
    )


def _line(address: str, data: type[Incoming], method: Method, errors: Errors, *answers: Any) -> Route:
    """`answers`: what is published as the answer, or the type of a reply on the request's own address."""
    own = Address(*address.split("/"))
    return Route(
        address=own,
        data=data,
        method=method,
        answers=tuple(
            each if isinstance(each, Publication) else Publication(address=own, message=each) for each in answers
        ),
        errors=errors,
        before_register=data is Register,
    )
