"""When things go away: the database, the service, a process (contract §2, §3, §6)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from manualdial.app.service import serving
from manualdial.calls import Report
from manualdial.engines.simulator import SimulatorEngine
from manualdial.ports import Orphan, Reconnected, StoreUnavailable
from tests.support.bus_client import Refused
from tests.support.running_service import (
    DIAL,
    RunningService,
    changes,
    configuration,
    finish,
    number,
    press,
    running_service,
    state,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Somebody else holds the right to write into the database."""
    with closing(sqlite3.connect(folder / "manualdial.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


async def test_without_the_database_a_press_fails_at_once_and_may_come_again(folder: Path) -> None:
    async with running_service(folder, STORAGE_TIMEOUT="0.2") as service:
        desk = await service.desk()
        with locked(folder):
            desk.send(DIAL, {"PhoneNumber": number(0)}, "press-1")
            error = await desk.error("MAKE_CALL_FAILED")
            assert error["data"]["retryable"] is True
            assert "sqlite" not in str(error)
            status = await service.get("/status", None)
            assert (status.status, status.json()["dependencies"]["database"]["ok"]) == (503, False)
            assert str(folder) not in status.body.decode()
            answer = await service.post({"channel": "LCM", "topic": "Webservice", "subtopic": "ManualDialCall",
                                         "data": {"PhoneNumber": number(0)}})  # fmt: skip
            assert (answer.status, answer.error_type) == (502, "MAKE_CALL_FAILED")
        dial = await press(desk, request_id="press-1")
        assert dial["replay"] is False
        await state(desk, dial["callId"], "connected")


class EngineThatFallsSilent(SimulatorEngine):
    """Its reports end, with a fault or without, when it is told."""

    def __init__(self, fault: Exception | None) -> None:
        super().__init__(speed=20)
        self.falls_silent = asyncio.Event()
        self._fault = fault

    async def reports(self) -> AsyncIterator[Report | Reconnected | Orphan]:
        await self.falls_silent.wait()
        if self._fault is not None:
            raise self._fault
        return
        yield Reconnected()


@pytest.mark.parametrize("fault", [RuntimeError("a fault of ours"), None])
async def test_without_the_reports_of_its_engine_the_service_says_so_and_ends_by_itself(
    folder: Path, fault: Exception | None
) -> None:
    engine = EngineThatFallsSilent(fault)
    async with serving(configuration(folder), engine=engine) as running, AsyncExitStack() as clients:
        service = RunningService(running, clients)
        assert (await service.get("/status", None)).status == 200
        with capture_logs() as logs:
            engine.falls_silent.set()
            await asyncio.wait_for(running.ended(), 5)
        status = await service.get("/status", None)
        assert (status.status, status.json()["dependencies"]["service"]["ok"]) == (503, False)
        assert [line["task"] for line in logs if line["log_level"] == "critical"] == ["reports of Simulator"]


async def test_a_call_goes_on_without_the_database_and_its_states_are_written_later(folder: Path) -> None:
    async with running_service(folder, STORAGE_TIMEOUT="0.2") as service:
        desk = await service.desk()
        call_id = (await press(desk))["callId"]
        with locked(folder):
            await state(desk, call_id, "connected")
            await finish(desk, call_id)
            await state(desk, call_id, "ended")

        async def written() -> list[str]:
            answer = await service.get(f"/v1/calls/{call_id}")
            return [step["state"] for step in answer.json()["states"]] if answer.status == 200 else []

        async with asyncio.timeout(10):
            while not (steps := await written()):
                pass
        assert steps == [call["dial"]["state"] for call in changes(desk, call_id)]


async def test_a_service_whose_database_cannot_be_opened_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "manualdial.sqlite3").write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreUnavailable):
        async with serving(configuration(tmp_path)):
            pass


async def test_a_service_whose_port_is_taken_does_not_start(service: RunningService, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
        async with serving(configuration(other, SERVER_PORT=str(service.port))):
            pass


# ── stopping ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_service_that_stops_closes_its_connections_with_4503(folder: Path) -> None:
    async with AsyncExitStack() as clients:
        async with serving(configuration(folder)) as running:
            service = RunningService(running, clients)
            waiting = [await service.bus(), await service.connect()]
            closed = [asyncio.create_task(client.closed_with()) for client in waiting]
        assert [await code for code in closed] == [4503, 4503]
        with pytest.raises((OSError, Refused)):
            await service.connect()


async def test_a_press_that_is_under_way_when_the_service_stops_is_answered_before_the_close(folder: Path) -> None:
    async with AsyncExitStack() as clients:
        async with serving(configuration(folder)) as running:
            desk = await RunningService(running, clients).desk()
            desk.send(DIAL, {"PhoneNumber": number(9)}, "press-1")  # the simulator's answer takes a while
            await desk.until("the call", lambda message: message["subtopic"] == "InboundCallStateChange")
            rest = asyncio.create_task(desk.closed_with())
        assert await rest == 4503
    errors = [message["data"]["errorType"] for message in desk.seen if message["topic"] == "Error"]
    assert errors == ["CALL_OUTCOME_UNKNOWN"]


async def test_the_token_and_the_journal_outlive_a_restart(folder: Path) -> None:
    async with running_service(folder) as service:
        desk = await service.desk()
        first = await press(desk, request_id="press-1")
        await finish(desk, first["callId"])
    async with running_service(folder) as service:
        desk = await service.desk()
        again = await press(desk, request_id="press-1")
        assert (again["callId"], again["replay"], again["state"]) == (first["callId"], True, "ended")
        desk.send(DIAL, {"PhoneNumber": number(6)}, "press-1")
        await desk.error("REQUEST_ID_CONFLICT")
        assert [call["callId"] for call in (await service.get("/v1/calls")).json()["calls"]] == [first["callId"]]


@pytest.mark.parametrize("reached", ["agent_ringing", "connected", "wrap_up"])
async def test_no_call_is_stuck_after_a_restart(folder: Path, reached: str) -> None:
    speed = {"ENGINE_SIMULATOR_SPEED": "0.1" if reached == "agent_ringing" else "20"}
    async with running_service(folder, **speed) as service:
        desk = await service.desk()
        call_id = (await press(desk, number(1) if reached == "wrap_up" else number(0), "press-1"))["callId"]
        await state(desk, call_id, reached)
    async with running_service(folder) as service:
        desk = await service.desk()
        again = await press(desk, number(1) if reached == "wrap_up" else number(0), "press-1")
        assert (again["callId"], again["replay"]) == (call_id, True)
        assert again["state"] == ("ended" if reached == "agent_ringing" else "wrap_up")
        fresh = await press(desk, number(6), "press-2")
        assert fresh["replay"] is False
        record = (await service.get(f"/v1/calls/{call_id}")).json()
        assert record["state"] == "ended"
        assert record["ending"]["by"] == ("customer" if reached == "wrap_up" else "system")


async def test_a_call_whose_outcome_stays_unknown_is_ended(folder: Path) -> None:
    settings = {"DIALING_UNKNOWN_SETTLES_AFTER": "0.1"}
    async with running_service(folder, **settings) as service:
        desk = await service.desk()
        desk.send(DIAL, {"PhoneNumber": number(9)}, "press-1")
        call_id = (await desk.error("CALL_OUTCOME_UNKNOWN"))["data"]["details"]["callId"]
        ended = await state(desk, call_id, "ended")
        assert ended["ending"] == {"by": "system", "cause": "unknown"}
        assert (await press(desk, number(9), "press-1"))["state"] == "ended"


async def test_a_login_and_its_state_outlive_the_service(folder: Path) -> None:
    async with running_service(folder) as service:
        desk = await service.desk()
        await desk.ask("Amazon/Agent/UpdateState", {"label": "Available"}, answer="Amazon/Agent/SetAgentState")
        before = await desk.ask("Amazon/Agent/StateSync")
    async with running_service(folder) as service:
        bus = await service.bus()
        assert (await bus.ask("Amazon/Agent/StateSync"))["message"] == before["message"]
        assert (await press(bus))["replay"] is False


async def test_a_login_that_nobody_comes_back_to_is_over_after_the_grace_time_of_the_restart(folder: Path) -> None:
    async with running_service(folder) as service:
        await service.desk()
    async with running_service(folder, AGENTS_GRACE="0.05"):
        pass
    async with running_service(folder, AGENTS_GRACE="0.05") as service:
        bus = await service.bus("bob")

        async def logged_in() -> str:
            metrics = (await service.get("/metrics")).body.decode()
            return next(line for line in metrics.splitlines() if line.startswith("manualdial_agents_logged_in "))

        async with asyncio.timeout(10):
            while await logged_in() != "manualdial_agents_logged_in 0.0":
                await bus.ask("Amazon/App/StateSync")


async def test_a_press_that_the_journal_did_not_take_is_no_call_when_it_is_back(folder: Path) -> None:
    async with running_service(folder, STORAGE_TIMEOUT="0.2") as service:
        desk = await service.desk()
        with locked(folder):
            desk.send(DIAL, {"PhoneNumber": number(0)}, "press-1")
            await desk.error("MAKE_CALL_FAILED")
        async with asyncio.timeout(10):
            while (answer := await service.get("/v1/calls")).status != 200 or answer.json()["calls"]:
                pass  # it may have been written though nobody was told: then it is taken back


async def test_a_reader_that_is_gone_in_the_middle_of_a_press_does_not_end_it(service: RunningService) -> None:
    watching = await service.desk()
    gone = await service.bus()
    gone.send(DIAL, {"PhoneNumber": number(0)}, "press-1")
    await gone.flush()
    await gone.close()
    event = await watching.until("the call", lambda message: message["subtopic"] == "InboundCallStateChange")
    await state(watching, event["message"]["call"]["dial"]["callId"], "connected")
