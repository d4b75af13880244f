"""Press: the wish that a number be dialled for an agent, in plain values, whoever had it and however it came."""

from __future__ import annotations

import msgspec

from manualdial.agents import AgentSession
from manualdial.screening.screener import Question
from manualdial.screening.tenants import TenantSettings


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """For which agent which number is dialled, what the screening is asked about it, and what names the press."""

    session: AgentSession
    """The login of the agent for whom is dialled."""
    settings: TenantSettings
    connector: str
    """The channel on which the events of the call go out."""
    question: Question
    """May the number be called, with the rights of whoever presses? It is asked at the moment of each verdict."""
    request_id: str | None
    digest: str
    """SHA-256 of what was wanted: one `requestId` names one digest."""
    caller_id: str | None
    purpose_named: bool
    """Whether the press named the purpose; else it is the tenant's."""
    zip_code: str | None
    """As it was given."""
    at: float
    """The monotonic time at which it came in."""
