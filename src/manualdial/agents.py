"""Agents: their phones, their states, their logins (contract §4)."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from manualdial.errors import AgentStateNotFound


class AgentStateType(StrEnum):
    """Whether work is routed to an agent in this state (reference API, agent states)."""

    ROUTABLE = "routable"
    NOT_ROUTABLE = "not_routable"
    SYSTEM = "system"
    OFFLINE = "offline"


class AgentState(msgspec.Struct, frozen=True):
    """One of the states of an agent. `label` is also its code."""

    label: str
    type: AgentStateType


AVAILABLE = AgentState("Available", AgentStateType.ROUTABLE)
NOT_READY = AgentState("Not Ready", AgentStateType.NOT_ROUTABLE)
AFTER_CALL_WORK = AgentState("After Call Work", AgentStateType.SYSTEM)
BUSY = AgentState("Busy", AgentStateType.SYSTEM)
OFFLINE = AgentState("Offline", AgentStateType.OFFLINE)

AGENT_STATES = (AVAILABLE, NOT_READY, AFTER_CALL_WORK, BUSY, OFFLINE)
"""All states, in the order in which they are listed. A system state follows from calls and is never chosen."""


def agent_state(name: str) -> AgentState:
    """The state of this label or code, whatever its case. Raises AgentStateNotFound."""
    for state in AGENT_STATES:
        if state.label.casefold() == name.strip().casefold():
            return state
    raise AgentStateNotFound("no agent state has this label or code")


_EXTENSION = re.compile(r"[A-Za-z0-9_.+-]{1,64}")


def is_extension(text: str) -> bool:
    """Whether an agent's phone can have this extension: 1 to 64 letters, digits or . _ + - of ASCII.

    It ends up in a dial string, where a slash, an ampersand or a comma would mean something.
    """
    return _EXTENSION.fullmatch(text) is not None


def extension_of(login_name: str) -> str:
    """The extension nearest to a login name, which may be an address of e-mail."""
    return re.sub(r"[^A-Za-z0-9_.+-]", ".", login_name)[:64]


class AgentSession(msgspec.Struct, frozen=True, kw_only=True):
    """The login of one agent. It belongs to the agent, not to a connection."""

    agent_id: str
    tenant_id: str
    login_name: str
    name: str
    connector: str
    """The channel that the agent logged in on; events of the agent's dials go out on it."""
    extension: str
    region: str
    chosen: AgentState = NOT_READY
    """The state that the agent has chosen; during a call and its wrap-up the one that follows them."""
    chosen_at: datetime
    state: AgentState = NOT_READY
    """The state that the agent is in: the chosen one, or what a call makes of it."""
    since: datetime
    muted: bool = False
    """Whether the agent's microphone is muted in the call."""
