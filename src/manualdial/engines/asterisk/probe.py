"""Questions to an Asterisk that disturb no service that uses it.

The application of the configuration is never opened here: Asterisk would take its events away from a running service.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp


class ProbeFailed(Exception):
    """There is no answer, or none that can be read. The text says why."""


class Probe:
    """Asks one Asterisk."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")

    async def get(self, *path: str, query: str = "") -> tuple[int, Any]:
        """The status of a resource of ARI, and what it is like where that is 200."""
        url = "/".join((self._url, *(quote(part, safe="") for part in path))) + query
        async with self._session.get(url, allow_redirects=False) as response:
            return response.status, await response.json(content_type=None) if response.status == 200 else None

    async def open_events(self) -> int:
        """The status with which an event socket is opened: 101 where it is. It is closed again."""
        # A name of chance: it is gone again when the socket closes.
        query = f"app=manualdial-doctor-{uuid.uuid4().hex}"
        try:
            async with self._session.ws_connect(f"{self._url}/events?{query}"):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


@asynccontextmanager
async def probing(*, url: str, user: str, password: str, limit: float) -> AsyncIterator[Probe]:
    """A probe for as long as the block; each answer may take `limit` seconds. Raises ProbeFailed."""
    try:
        headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        within = aiohttp.ClientTimeout(total=limit)
        async with aiohttp.ClientSession(timeout=within, headers=headers) as session:
            yield Probe(session, url)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise ProbeFailed("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__) from None
