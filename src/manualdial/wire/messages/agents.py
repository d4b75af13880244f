"""An agent: login, states (contract §4)."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from manualdial.wire.messages.calls import ButtonStates
from manualdial.wire.messages.incoming import Identifier, Incoming
from manualdial.wire.messages.outbound import Outbound


class Login(Incoming, frozen=True, kw_only=True):
    """`data` of Agent/Login."""

    extension: Identifier | None = None
    region: Annotated[str, Meta(max_length=16)] | None = None


class Logout(Incoming, frozen=True, kw_only=True):
    """`data` of Agent/Logout. An administrator may name another user."""

    user_id: Identifier | None = field(name="userId", default=None)


class UpdateState(Incoming, frozen=True, kw_only=True):
    """`data` of Agent/UpdateState: the state by its label or code."""

    label: Annotated[str, Meta(max_length=128)] | None = None
    code: Identifier | None = None
    type: Annotated[str, Meta(max_length=128)] | None = None


class SetNotReady(Incoming, frozen=True, kw_only=True):
    """`data` of Agent/SetNotReady."""

    reason_code_id: Identifier | None = field(name="ReasonCodeId", default=None)


class ApplicationState(Outbound, frozen=True, kw_only=True):
    """`message` of App/StateSync."""

    init_state: str = "Loaded"


class AgentInfo(Outbound, frozen=True, kw_only=True):
    """Who the agent is."""

    name: str
    id: str
    extension: str
    login_name: str
    muted: bool
    softphone_enabled: bool


class AgentStateView(Struct, frozen=True, kw_only=True):
    """The state that the agent is in."""

    agent_state_arn: None = field(name="agentStateARN", default=None)
    type: str
    name: str
    start_timestamp: str = field(name="startTimestamp")


class AgentRules(Struct, frozen=True, kw_only=True):
    """Which buttons of the agent a desktop shows."""

    button_states: ButtonStates = field(name="ButtonStates")
    response_actual: AgentStateView = field(name="ResponseActual")


class AgentSync(Outbound, frozen=True, kw_only=True):
    """`message` of LoginSuccess, LogoutSuccess and Agent/StateSync."""

    login_state: str
    agent_info: AgentInfo | None = None
    agent_state: AgentStateView | None = None
    rules: AgentRules | None = None


class ListedState(Outbound, frozen=True, kw_only=True):
    """One of the states of Agent/GetStates."""

    label: str
    code: str
    type: str


class ReasonCode(Outbound, frozen=True, kw_only=True):
    """Why an agent is not ready."""

    id: str | None


class AgentData(AgentInfo, frozen=True, kw_only=True):
    """`data` of SetAgentState."""

    state: str
    next_state: str | UnsetType = UNSET
    """While a call or its wrap-up is there: the state that follows it."""
    reason_code: ReasonCode
    state_change_time: str
    type: str


class SetAgentState(Outbound, frozen=True, kw_only=True):
    """`message` of SetAgentState."""

    rules: AgentRules
    data: AgentData
    event: str
    source: str = "event"
