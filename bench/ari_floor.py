"""The floor: agent legs placed straight through ARI, by the smallest script that does it right.

    scripts/in_namespace .venv/bin/python -m bench.ari_floor --calls 500 --at-once 10

For each call: create, wait for StasisStart, dial, wait until it rings, hang up, wait for the end.
Prints one JSON object. `milliseconds` has for each call the time from just before the create to the INVITE in the
phone's own log, so it needs one clock: all on one machine. The phone rings and is never answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import msgspec

from tests.telephony.lab import requirements
from tests.telephony.lab.laboratory import Laboratory, invites
from tests.telephony.lab.sipp import Sipp

APPLICATION = "floor"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one run took. Times in milliseconds, from the order to the INVITE at the agent's phone."""

    calls: int
    at_once: int
    calls_per_second: float
    median: float
    p90: float
    p99: float
    most: float
    milliseconds: list[float]


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """An Asterisk on free ports, in a directory that goes away. Raises RuntimeError where the machine cannot."""
    reason = requirements.missing()
    if reason is not None:
        raise RuntimeError(reason)
    with (
        tempfile.TemporaryDirectory(prefix="manualdial-bench-") as directory,
        Laboratory(directory=Path(directory)) as started,
    ):
        yield started


def invite_times(phone: Sipp) -> dict[str, float]:
    """When each call's INVITE came to the phone (seconds since 1970), by the header X-Call-Id."""
    times: dict[str, float] = {}
    for invite in invites(phone):
        times.setdefault(invite.header("X-Call-Id"), invite.time)
    return times


def measured(*, at_once: int, ordered: Mapping[str, float], invited: Mapping[str, float], seconds: float) -> Measured:
    """Put together when each call was ordered and when its INVITE came. Raises KeyError where one did not come."""
    times = sorted((invited[call_id] - moment) * 1000 for call_id, moment in ordered.items())
    return Measured(
        calls=len(times),
        at_once=at_once,
        calls_per_second=len(times) / seconds,
        median=statistics.median(times),
        p90=_percentile(times, 0.90),
        p99=_percentile(times, 0.99),
        most=times[-1],
        milliseconds=times,
    )


async def run(*, lab: Laboratory, phone: Sipp, calls: int, at_once: int) -> Measured:
    """Place that many calls, that many at once, and measure."""
    ordered: dict[str, float] = {}
    async with _Floor(lab, phone) as floor:

        async def one_after_another(count: int) -> None:
            for _ in range(count):
                call_id = str(uuid.uuid4())
                ordered[call_id] = time.time()
                await floor.call(call_id)

        start = time.monotonic()
        await asyncio.gather(*(one_after_another(share) for share in _shares(calls, at_once)))
        seconds = time.monotonic() - start
    return measured(at_once=at_once, ordered=ordered, invited=invite_times(phone), seconds=seconds)


class _Floor:
    """A bare ARI client: one session, one event socket, one future for each thing that is waited for."""

    def __init__(self, lab: Laboratory, phone: Sipp) -> None:
        self._root = f"{lab.asterisk.url}/ari"
        self._endpoint = f"PJSIP/agent/sip:4001@127.0.0.1:{phone.port}"
        headers = {"Authorization": aiohttp.encode_basic_auth(lab.asterisk.user, lab.asterisk.password)}
        self._session = aiohttp.ClientSession(headers=headers)
        self._waiting: dict[tuple[str, str], asyncio.Future[None]] = {}

    async def __aenter__(self) -> _Floor:
        self._socket = await self._session.ws_connect(f"{self._root}/events?app={APPLICATION}")
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await self._socket.close()
        await self._session.close()

    async def call(self, call_id: str) -> None:
        """Ring the phone and hang up. Hung up before it rings, a call would not always get as far as an INVITE."""
        channel = f"{call_id}.agent"
        entered = self._event("StasisStart", channel)
        rings = self._event("ChannelStateChange", channel)
        ended = self._event("ChannelDestroyed", channel)
        await self._send(
            "POST",
            "channels/create",
            {"endpoint": self._endpoint, "app": APPLICATION, "channelId": channel},
            {"variables": {"PJSIP_HEADER(add,X-Call-Id)": call_id}},
        )
        await entered
        await self._send("POST", f"channels/{channel}/dial", {"timeout": "30"})
        await rings
        await self._send("DELETE", f"channels/{channel}")
        await ended

    def _event(self, kind: str, channel: str) -> asyncio.Future[None]:
        future = self._waiting[kind, channel] = asyncio.get_running_loop().create_future()
        return future

    async def _send(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None, body: object = None
    ) -> None:
        async with self._session.request(method, f"{self._root}/{path}", params=parameters, json=body) as answer:
            await answer.read()
            answer.raise_for_status()

    async def _read(self) -> None:
        async for message in self._socket:
            event = json.loads(message.data)
            future = self._waiting.pop((event["type"], event.get("channel", {}).get("id")), None)
            if future is not None:
                future.set_result(None)


def _shares(calls: int, workers: int) -> Sequence[int]:
    return [calls // workers + (worker < calls % workers) for worker in range(workers)]


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    with laboratory() as lab:
        result = asyncio.run(run(lab=lab, phone=lab.phone("phone_rings"), calls=options.calls, at_once=options.at_once))
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
