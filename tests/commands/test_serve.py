"""`manualdial serve`: its start, its end, and what it says when it cannot start."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from manualdial.calls import Report
from manualdial.commands.failure import CommandFailed
from manualdial.commands.serve import until_stopped
from manualdial.config import load
from manualdial.engines.simulator import SimulatorEngine
from manualdial.ports import Orphan, Reconnected
from tests.commands.service import LIMIT, answers, command, line_with, process, settings


def url_of(line: str) -> str:
    return line.partition('"url": "')[2].partition('"')[0]


def test_it_says_where_it_listens_and_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    with process("serve", "--config", str(settings(tmp_path))) as server:
        url = url_of(line_with(server.stderr, '"serving"'))
        assert answers(url)
        server.send_signal(signal.SIGINT)
        output, log = server.communicate(timeout=LIMIT)
    assert server.returncode == 0
    assert output == ""
    assert '"stopping"' in log
    assert "Traceback" not in log


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with process("serve", "--config", str(settings(tmp_path))) as server:
        url = url_of(line_with(server.stderr, '"serving"'))
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as half_a_request:
            half_a_request.sendall(b"POST /v1/token HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc")
            server.send_signal(signal.SIGTERM)
            line_with(server.stderr, '"stopping"')
            server.send_signal(signal.SIGTERM)
            assert server.wait(LIMIT) == -signal.SIGTERM


def test_the_file_of_the_folder_is_read_the_command_line_wins_and_a_taken_port_is_told(tmp_path: Path) -> None:
    settings(tmp_path, port=1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.2", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with process("serve", "--host", "127.0.0.2", "--port", port, folder=tmp_path) as server:
            _, log = server.communicate(timeout=LIMIT)
    assert server.returncode == 1
    assert f"manualdial: Port {port} of 127.0.0.2 cannot be used" in log
    assert "Traceback" not in log
    assert (tmp_path / "manualdial.sqlite3").exists()


def test_an_unknown_key_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "manualdial.toml"
    file.write_text("[server]\nprot = 8080\n")
    result = command("serve", "--config", str(file))
    assert result.exit_code == 2
    assert "prot" in result.stderr
    assert "server" in result.stderr


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = command("serve", "--config", str(tmp_path / "none.toml"))
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


async def test_a_service_that_loses_the_reports_of_its_engine_ends_as_one_that_failed(tmp_path: Path) -> None:
    class EngineThatFallsSilent(SimulatorEngine):
        async def reports(self) -> AsyncIterator[Report | Reconnected | Orphan]:
            async for report in super().reports():
                yield report
                raise RuntimeError("a fault of ours")

    with pytest.raises(CommandFailed, match="ended by itself"):
        await asyncio.wait_for(until_stopped(load(settings(tmp_path), {}), engine=EngineThatFallsSilent()), LIMIT)
