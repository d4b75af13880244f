"""The server: its port, its bounds, and that signals stay with who runs it."""

from __future__ import annotations

import asyncio
import signal
import socket

import pytest
from litestar import Litestar

from manualdial.tasks import Tasks
from manualdial.transports.server import Server
from tests.support.small_service import SmallService, get, small_service


def another(service: SmallService, *, host: str = "127.0.0.1", port: int = 0, head_timeout: float = 10) -> Server:
    """A server beside the one of the service."""
    return Server(
        app=Litestar(),
        endpoint=service.endpoint,
        under_way=Tasks(),
        host=host,
        port=port,
        stop_limit=1,
        head_timeout=head_timeout,
    )


async def test_port_0_takes_a_free_one_and_says_which(service: SmallService) -> None:
    assert service.server.url == f"http://127.0.0.1:{service.port}"
    assert (await get(service.port, "/status")).status == 200


async def test_a_port_that_is_taken_is_an_error_at_the_start(service: SmallService) -> None:
    with pytest.raises(OSError, match="in use"):
        async with another(service, port=service.port):
            pass


async def test_signals_are_left_alone() -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    async with small_service():
        assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


async def test_a_client_that_sends_no_head_is_closed_in_time(service: SmallService) -> None:
    async with another(service, head_timeout=0.05) as server:
        for start in (b"", b"GET /status HTTP/1.1\r\nHost"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(start)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()


async def test_a_connection_is_used_again_for_the_next_request(service: SmallService) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    for _ in range(2):
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"counter\n")).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_an_address_of_ipv6_is_listened_on() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with small_service() as service, another(service, host="::1") as server:
        assert server.url == f"http://[::1]:{server.port}"
        _, writer = await asyncio.open_connection("::1", server.port)
        writer.close()
