"""Calls and agents as callers see them: the messages of the wire, built from the nouns (contract §3, §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Literal

import msgspec
from msgspec import UNSET

from manualdial.agents import AFTER_CALL_WORK, AGENT_STATES, AVAILABLE, BUSY, AgentSession
from manualdial.calls import Action, Call, CallState, Change, Leg, allowed_actions
from manualdial.law import Verdict
from manualdial.law.facts import Facts
from manualdial.law.verdict import Finding
from manualdial.numbers import PhoneNumber
from manualdial.wire.messages.agents import (
    AgentData,
    AgentInfo,
    AgentRules,
    AgentStateView,
    AgentSync,
    ListedState,
    ReasonCode,
    SetAgentState,
)
from manualdial.wire.messages.calls import (
    ButtonStates,
    CallActual,
    CallEnding,
    CallEvent,
    CallStateSync,
    CallVariables,
    DialState,
    InboundCallStateChange,
    MediaProperties,
    ResponseFields,
    SynchronisedCall,
)
from manualdial.wire.messages.dial import (
    DialChecked,
    DialReply,
    Number,
    PolicyNameMessage,
    RuleResult,
    VerdictMessage,
)

_BUTTONS = (
    "answer", "reject", "disconnect", "hold", "resume", "clearContact", "consult", "numberpad", "swap", "transfer",
    "conference",
)  # fmt: skip
_BUTTON_OF_ACTION = {
    Action.DISCONNECT: "disconnect",
    Action.HOLD: "hold",
    Action.RESUME: "resume",
    Action.SEND_DTMF: "numberpad",
    Action.CLEAR_CONTACT: "clearContact",
}
_STATUS_OF_STATE = {
    CallState.CONNECTED: "connected",
    CallState.HELD: "hold",
    CallState.WRAP_UP: "ACW",
    CallState.ENDED: "disconnected",
    CallState.UNKNOWN: "unknown",
}
_CALL_TYPES = {Leg.AGENT: "agent", Leg.CUSTOMER: "outbound"}


@lru_cache(maxsize=256)  # one event tells the same moment three times, and both legs tell it
def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number(phone_number: PhoneNumber) -> Number:
    """A number as typed and as read."""
    return Number(
        typed=phone_number.typed,
        e164=phone_number.e164,
        region=phone_number.region,
        type=phone_number.type,
        extension=phone_number.extension or UNSET,
    )


def ending(call: Call) -> CallEnding | msgspec.UnsetType:
    """How the call ended, where it has."""
    if call.ending is None:
        return UNSET
    return CallEnding(
        by=call.ending.by,
        cause=call.ending.cause,
        q850=UNSET if call.ending.q850 is None else call.ending.q850,
        sip=UNSET if call.ending.sip is None else call.ending.sip,
    )


def dial_state(call: Call, leg: Leg, engine: frozenset[Action]) -> DialState:
    """`dial` of a state event; `engine` is what the engine of the call can do, here and below."""
    return DialState(
        call_id=call.id,
        agent_id=call.agent_id,
        request_id=call.request_id or UNSET,
        number=number(call.number),
        state=call.state,
        leg=leg,
        allowed_actions=list(allowed_actions(call.state, engine)),
        ending=ending(call),
        at=timestamp(call.at),
    )


def dial_reply(call: Call, engine: frozenset[Action], *, replay: bool) -> DialReply:
    """`dial` of the reply to a press."""
    return DialReply(
        call_id=call.id,
        state=call.state,
        replay=replay,
        number=number(call.number),
        verdict=msgspec.Raw(call.verdict),
        allowed_actions=list(allowed_actions(call.state, engine)),
    )


def dial_checked(facts: Facts, verdict: Verdict) -> DialChecked:
    """`dial` of a dry run, or of a check."""
    return DialChecked(
        state="checked",
        number=number(facts.number),
        purpose=facts.purpose,
        verdict=VerdictMessage(
            decision=verdict.decision,
            rules=[_rule(finding) for finding in verdict.rules],
            overridable=verdict.overridable,
            policy=PolicyNameMessage(name=verdict.policy.name, version=verdict.policy.version),
            next_permitted_at=UNSET if verdict.next_permitted_at is None else verdict.next_permitted_at.isoformat(),
        ),
    )


def _rule(finding: Finding) -> RuleResult:
    return RuleResult(
        rule=finding.rule,
        decision=finding.decision,
        reason=finding.reason,
        evidence=finding.evidence,
        law=UNSET if finding.law is None else finding.law,
    )


def current_leg(call: Call) -> Leg:
    """The leg that the state of the call is about."""
    customer = (CallState.DIALING, CallState.PROGRESS, CallState.RINGING, CallState.CONNECTED, CallState.HELD)
    return Leg.CUSTOMER if call.state in customer else Leg.AGENT


def state_change(change: Change, engine: frozenset[Action]) -> InboundCallStateChange:
    """The event of one change of one leg."""
    call, leg = change.call, change.leg
    called = call.number.e164
    status = _status(call.state)
    return InboundCallStateChange(
        call=CallEvent(
            id=call.leg_id(leg),
            event=change.event,
            call_type=_CALL_TYPES[leg],
            button_states=_buttons(call.state, engine),
            response_actual=CallActual(
                connection_id=call.leg_id(leg),
                contact_id=call.id,
                phone_number=called if leg is Leg.CUSTOMER else call.extension,
                status=status,
                status_timestamp=timestamp(call.at),
                type=_CALL_TYPES[leg],
                previous_status=_status(call.previous) if call.previous else None,
            ),
            call_variables=CallVariables(calling_number=call.caller_id or "", called_number=called),
            response_fields=ResponseFields(
                media_properties=MediaProperties(call_type=_CALL_TYPES[leg]),
                from_address=call.caller_id or "",
                call_state=status,
                type=_CALL_TYPES[leg],
                current_state_time=timestamp(call.at),
                campaign=call.campaign_id,
                called_number=called,
            ),
            dial=dial_state(call, leg, engine),
        )
    )


def call_sync(calls: Iterable[Call], engine_of: Callable[[Call], frozenset[Action]]) -> CallStateSync:
    """InboundCall/StateSync of an agent with these calls."""
    synchronised = [_synchronised_call(call, engine_of(call)) for call in calls if not call.is_over]
    return CallStateSync(attributes=[], queue_name=None, queue_timestamp=None, calls=synchronised)


def _synchronised_call(call: Call, engine: frozenset[Action]) -> SynchronisedCall:
    leg = current_leg(call)
    return SynchronisedCall(
        connection_id=call.leg_id(leg),
        contact_id=call.id,
        phone_number=call.number.e164,
        status=_status(call.state),
        status_timestamp=timestamp(call.at),
        type=_CALL_TYPES[leg],
        button_states={name: state == "Enable" for name, state in _buttons(call.state, engine).items.items()},
        dial=dial_state(call, leg, engine),
    )


def agent_sync(session: AgentSession) -> AgentSync:
    """LoginSuccess and Agent/StateSync of an agent who is logged in."""
    return AgentSync(
        login_state="LoggedIn",
        agent_info=AgentInfo(
            name=session.name,
            id=session.agent_id,
            extension=session.extension,
            login_name=session.login_name,
            muted=session.muted,
            softphone_enabled=True,
        ),
        agent_state=_agent_state(session),
        rules=agent_rules(session),
    )


def logged_out(session: AgentSession) -> AgentSync:
    """LogoutSuccess: who has logged out, and in which state."""
    return msgspec.structs.replace(agent_sync(session), login_state="LoggedOut")


def not_logged_in() -> AgentSync:
    """Agent/StateSync before login."""
    return AgentSync(login_state="LoggedOut")


def agent_rules(session: AgentSession) -> AgentRules:
    """Which buttons of the agent a desktop shows."""
    in_call = session.state is BUSY
    offered = {
        "NotReady": not in_call,
        "Ready": session.state is not AVAILABLE,
        "make_call": not in_call,
        "mute": in_call and not session.muted,
        "unmute": in_call and session.muted,
    }
    items = {name: _button(enabled) for name, enabled in offered.items()}
    return AgentRules(button_states=ButtonStates(items=items, count=len(items)), response_actual=_agent_state(session))


def set_agent_state(session: AgentSession, *, event: str, reason_code: str | None) -> SetAgentState:
    """The event SetAgentState; `event` is the label of the state that it is about."""
    return SetAgentState(
        rules=agent_rules(session),
        data=AgentData(
            name=session.name,
            id=session.agent_id,
            extension=session.extension,
            login_name=session.login_name,
            muted=session.muted,
            softphone_enabled=True,
            state=session.state.label,
            next_state=session.chosen.label if session.state in (BUSY, AFTER_CALL_WORK) else UNSET,
            reason_code=ReasonCode(id=reason_code),
            state_change_time=timestamp(session.since),
            type=session.state.type,
        ),
        event=event,
    )


def listed_states() -> list[ListedState]:
    """Agent/GetStates."""
    return [ListedState(label=state.label, code=state.label, type=state.type) for state in AGENT_STATES]


def _agent_state(session: AgentSession) -> AgentStateView:
    return AgentStateView(type=session.state.type, name=session.state.label, start_timestamp=timestamp(session.since))


def _status(state: CallState) -> str:
    return _STATUS_OF_STATE.get(state, "connecting")


@cache
def _buttons(state: CallState, engine: frozenset[Action]) -> ButtonStates:
    enabled = {_BUTTON_OF_ACTION[action] for action in allowed_actions(state, engine)}
    items = {name: _button(name in enabled) for name in _BUTTONS}
    return ButtonStates(items=items, count=len(items))


def _button(enabled: bool) -> Literal["Enable", "Hide"]:
    return "Enable" if enabled else "Hide"
