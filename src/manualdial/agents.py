"""Callers and agents: who is on a connection, what they may do, and the states of an agent (contract §4)."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import msgspec

from manualdial import numbers
from manualdial.errors import AgentStateNotFound, ManualDialError


class Role(StrEnum):
    """What a user may do. A user has one or more."""

    AGENT = "agent"
    """Logs in, dials, controls own calls."""
    SUPERVISOR = "supervisor"
    """Sees all agents of the tenant."""
    INTEGRATION = "integration"
    """A program that sees all agents of the tenant."""
    ADMIN = "admin"
    """Manages users and ends other agents' logins; sees all agents of the tenant."""


SEES_THE_TENANT = frozenset({Role.SUPERVISOR, Role.INTEGRATION, Role.ADMIN})


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who a connection belongs to. Made from a verified token by the transports alone; no message can change it."""

    user_id: str
    tenant_id: str
    tenant: str
    login_name: str
    name: str
    roles: frozenset[Role]
    extension: str | None = None
    """The extension of the agent's phone, unless the login names another."""
    region: str | None = None
    """The ISO 3166 region in which national numbers are read, unless the login or the press names another."""
    caller_ids: tuple[str, ...] | None = None
    """The caller IDs that the agent may show; None: all that the tenant has."""
    expires_at: datetime
    """When the token runs out (UTC)."""

    @property
    def is_agent(self) -> bool:
        """Whether the caller may log in as an agent and dial."""
        return Role.AGENT in self.roles

    @property
    def sees_the_tenant(self) -> bool:
        """Whether the caller may read what all agents of the tenant do."""
        return bool(self.roles & SEES_THE_TENANT)


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user as stored."""

    id: str
    tenant_id: str
    tenant: str
    """The tenant's name."""
    login_name: str
    name: str
    password_hash: str
    roles: frozenset[Role]
    extension: str | None = None
    region: str | None = None
    caller_ids: tuple[str, ...] | None = None
    """The caller IDs that the agent may show; None: all that the tenant has."""
    disabled: bool = False


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

    @property
    def own_number(self) -> str | None:
        """The E.164 number of the agent's own line, where the extension is one."""
        return _read_extension(self.extension, self.region)


@lru_cache(maxsize=10_000)
def _read_extension(extension: str, region: str) -> str | None:
    try:
        return numbers.parse(extension, region=region).e164
    except ManualDialError:
        return None
