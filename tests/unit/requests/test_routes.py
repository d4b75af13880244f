"""routes: the table of contents (contract §2 to §6)."""

from __future__ import annotations

import pytest

from manualdial.requests.dispatcher import Routes
from manualdial.requests.routes import routes
from manualdial.wire.envelope import Address
from tests.support.core import Core

PER_CONNECTOR = [
    "InboundCall/ManualDialCall", "InboundCall/SetMakeCall", "InboundCall/Hold", "InboundCall/Resume",
    "InboundCall/SendDTMF", "InboundCall/Disconnect", "InboundCall/ClearContact", "InboundCall/StateSync",
    "App/StateSync", "Agent/Login", "Agent/Logout", "Agent/StateSync", "Agent/GetStates", "Agent/GetAgentState",
    "Agent/UpdateState", "Agent/Update", "Agent/SetNotReady", "Agent/Mute", "Agent/Unmute",
]  # fmt: skip


def table(core: Core, *connectors: str) -> Routes:
    return routes(
        connectors=connectors, dialing=core.dial_requests, screening=core.screening, control=core.control,
        registration=core.registration, agents=core.agents,
    )  # fmt: skip


def key(address: str) -> tuple[str, str, str]:
    return Address(*address.split("/")).key


@pytest.mark.parametrize("connector", ["Amazon", "Asterisk"])
@pytest.mark.parametrize("line", PER_CONNECTOR)
async def test_every_connector_has_every_line(core: Core, connector: str, line: str) -> None:
    route = table(core, "Asterisk").by_key[key(f"{connector}/{line}")]
    assert str(route.address) == f"{connector}/{line}"
    assert route.before_register is False


async def test_amazon_is_always_a_connector_and_counts_once(core: Core) -> None:
    assert set(table(core, "Amazon", "Simulator").channels.values()) == {"LCM", "UI", "Bus", "Amazon", "Simulator"}
    assert set(table(core).channels) == {"lcm", "ui", "bus", "amazon"}


@pytest.mark.parametrize("address", ["LCM/Webservice/ManualDialCall", "lcm/WebService/manualdialcall"])
async def test_the_table_form_is_on_lcm(core: Core, address: str) -> None:
    assert key(address) in table(core).by_key


async def test_only_register_is_answered_before_registration(core: Core) -> None:
    lines = table(core, "Simulator").by_key.values()
    assert [str(route.address) for route in lines if route.before_register] == ["Bus/Session/Register"]


async def test_no_request_is_on_an_address_that_only_the_server_publishes_on(core: Core) -> None:
    lines = table(core, "Simulator")
    assert not lines.published_only & set(lines.by_key)


async def test_every_channel_of_a_line_is_one_of_the_server(core: Core) -> None:
    lines = table(core, "Simulator")
    assert {channel for channel, _, _ in (*lines.by_key, *lines.published_only)} <= set(lines.channels)


async def test_every_line_names_what_answers_it(core: Core) -> None:
    assert all(line.answers for line in table(core).lines)
