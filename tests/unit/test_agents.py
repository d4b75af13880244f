"""agents: callers, roles, and the states of an agent (contract §4)."""

from __future__ import annotations

import pytest

from manualdial.agents import AGENT_STATES, agent_state
from manualdial.callers import Role
from manualdial.errors import AgentStateNotFound
from tests.support.people import a_caller


def test_the_states_and_their_types_are_those_of_the_contract() -> None:
    assert {state.label: state.type.value for state in AGENT_STATES} == {
        "Available": "routable",
        "Not Ready": "not_routable",
        "After Call Work": "system",
        "Busy": "system",
        "Offline": "offline",
    }


@pytest.mark.parametrize("name", ["Not Ready", "not ready", " NOT READY "])
def test_a_state_is_found_whatever_its_case(name: str) -> None:
    assert agent_state(name).label == "Not Ready"


@pytest.mark.parametrize("name", ["", "Asleep", "NotReady", "Available\x00"])
def test_a_state_that_there_is_not_is_not_found(name: str) -> None:
    with pytest.raises(AgentStateNotFound) as refused:
        agent_state(name)
    assert "Asleep" not in refused.value.message


@pytest.mark.parametrize(
    ("role", "dials", "sees_the_tenant"),
    [
        (Role.AGENT, True, False),
        (Role.SUPERVISOR, False, True),
        (Role.INTEGRATION, False, True),
        (Role.ADMIN, False, True),
    ],
)
def test_who_dials_and_who_sees_the_tenant(role: Role, dials: bool, sees_the_tenant: bool) -> None:
    caller = a_caller(roles=frozenset({role}))
    assert (caller.is_agent, caller.sees_the_tenant) == (dials, sees_the_tenant)


def test_roles_add_up() -> None:
    caller = a_caller(roles=frozenset({Role.AGENT, Role.SUPERVISOR}))
    assert caller.is_agent
    assert caller.sees_the_tenant
    assert not a_caller(roles=frozenset()).is_agent
