"""Callers: who is on a connection, and what they may do. Users as they are stored."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Role(StrEnum):
    """The right of a user to do something. A user has one or more."""

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
