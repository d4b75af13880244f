"""Whatever bytes a client sends, the server answers or closes, and the others notice nothing."""

from __future__ import annotations

import asyncio
import contextlib

import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bus_client import BusClient, client_frame
from tests.support.small_service import small_service
from tests.support.waiting import until

FRAMES = st.one_of(
    st.binary(max_size=200),
    st.builds(
        client_frame,
        st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)),
        opcode=st.integers(min_value=0, max_value=15),
        final=st.booleans(),
        masked=st.booleans(),
    ),
)


async def _send(streams: list[list[bytes]]) -> None:
    async with small_service() as service:
        token = await service.token()
        async with await BusClient.open(service.port, token=token) as witness:
            for stream in streams:
                async with await BusClient.connect(service.port) as client:
                    # uvloop raises where the server has closed already, which is an answer too.
                    with contextlib.suppress(RuntimeError, ConnectionError):
                        for piece in stream:
                            client.send_bytes(piece)
                            await asyncio.sleep(0)  # so that pieces come apart
            await until(lambda: len(service.endpoint) == 1)
            answer = await witness.ask("LCM/Test/Echo", {"text": "still here"})
            assert answer["message"]["text"] == "still here"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(FRAMES, max_size=5), min_size=1, max_size=8))
def test_any_frames_close_at_most_their_own_connection(streams: list[list[bytes]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_send(streams))
