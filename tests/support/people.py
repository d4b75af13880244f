"""People who exist only in tests, and their logins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from manualdial.agents import AgentSession
from manualdial.callers import Caller, Role, User
from manualdial.errors import NotAuthenticated

A_MORNING = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

ANN = Caller(
    user_id="u-ann",
    tenant_id="t-north",
    tenant="north",
    login_name="ann",
    name="Ann",
    roles=frozenset({Role.AGENT}),
    extension="2001",
    region="US",
    expires_at=datetime(2036, 1, 1, tzinfo=UTC),
)
BOB = msgspec.structs.replace(ANN, user_id="u-bob", login_name="bob", name="Bob", extension="2002")
SUE = msgspec.structs.replace(
    ANN, user_id="u-sue", login_name="sue", name="Sue", roles=frozenset({Role.SUPERVISOR}), extension=None
)
ADA = msgspec.structs.replace(SUE, user_id="u-ada", login_name="ada", name="Ada", roles=frozenset({Role.ADMIN}))
ZOE = msgspec.structs.replace(ANN, user_id="u-zoe", login_name="zoe", name="Zoe", tenant_id="t-south", tenant="south")
"""An agent of another tenant."""


def a_caller(**fields: Any) -> Caller:
    """Ann, or somebody who differs from her."""
    return msgspec.structs.replace(ANN, **fields)


def a_user(caller: Caller = ANN, **fields: Any) -> User:
    """The stored user behind a caller."""
    user = User(
        id=caller.user_id,
        tenant_id=caller.tenant_id,
        tenant=caller.tenant,
        login_name=caller.login_name,
        name=caller.name,
        password_hash="",
        roles=caller.roles,
        extension=caller.extension,
        region=caller.region,
    )
    return msgspec.structs.replace(user, **fields)


def a_session(caller: Caller = ANN, **fields: Any) -> AgentSession:
    """The login of a caller on Amazon, Not Ready."""
    session = AgentSession(
        agent_id=caller.user_id,
        tenant_id=caller.tenant_id,
        login_name=caller.login_name,
        name=caller.name,
        connector="Amazon",
        extension=caller.extension or "2000",
        region=caller.region or "US",
        chosen_at=A_MORNING,
        since=A_MORNING,
    )
    return msgspec.structs.replace(session, **fields)


class TokensByName:
    """An authenticator: the token of a person is the login name."""

    def __init__(self, *callers: Caller) -> None:
        self._callers = {caller.login_name: caller for caller in callers or (ANN, BOB, SUE, ADA, ZOE)}

    async def caller(self, token: str) -> Caller:
        """The caller of this name. Raises NotAuthenticated."""
        if token not in self._callers:
            raise NotAuthenticated("the token is not good")
        return self._callers[token]
