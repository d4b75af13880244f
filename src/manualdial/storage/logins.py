"""The logins of agents, and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, case, delete, select

from manualdial.agents import AGENT_STATES, NOT_READY, AgentSession, AgentState, AgentStateType
from manualdial.calls import CallState
from manualdial.storage.rows import row_of, struct_of
from manualdial.storage.tables import agent_sessions, calls, insert


class LoginChange(NamedTuple):
    """A change of the login of one agent."""

    agent_id: str
    session: AgentSession | None
    """None where the agent has logged out."""


_DELETE = delete(agent_sessions).where(agent_sessions.c.agent_id == bindparam("of_agent"))

# One look into the index for each login, however many calls the agent has had.
_END_OF_NEWEST_CALL = (
    select(case((calls.c.state == CallState.ENDED.value, calls.c.at)))
    .where(calls.c.agent_id == agent_sessions.c.agent_id)
    .order_by(calls.c.requested_at.desc(), calls.c.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("end_of_newest_call")
)
OPEN_LOGINS = select(agent_sessions, _END_OF_NEWEST_CALL).order_by(agent_sessions.c.agent_id)


def write_logins(connection: Connection, changes: Sequence[LoginChange]) -> None:
    """Write the newest login of each agent, or that there is none. At most one change for each agent."""
    ended = [{"of_agent": change.agent_id} for change in changes if change.session is None]
    open_now = [
        row_of(agent_sessions, change.session, chosen=change.session.chosen.label)
        for change in changes
        if change.session is not None
    ]
    if ended:
        connection.execute(_DELETE, ended)
    if open_now:
        # Sorted, so that two transactions with some of the same agents wait for one another in one direction only.
        open_now.sort(key=lambda row: row["agent_id"])
        new = insert(agent_sessions, connection.dialect.name)
        replaced = {column.name: column for column in new.excluded if not column.primary_key}
        connection.execute(new.on_conflict_do_update(index_elements=["agent_id"], set_=replaced), open_now)


def login_of(row: Row[Any]) -> AgentSession:
    """The login of a row of OPEN_LOGINS."""
    chosen = _chosen(row.chosen)
    since = max(row.chosen_at, row.end_of_newest_call or row.chosen_at)
    return struct_of(AgentSession, row, chosen=chosen, state=chosen, since=since)


def _chosen(label: str) -> AgentState:
    """The state of a label. One that another version wrote, and this one does not know, must not stop the service."""
    for state in AGENT_STATES:
        if state.label == label and state.type is not AgentStateType.SYSTEM:
            return state
    return NOT_READY
