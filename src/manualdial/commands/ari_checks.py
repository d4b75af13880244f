"""What `manualdial doctor` asks an Asterisk, without disturbing a service that uses it.

The application of the configuration is never opened here: Asterisk would take its events away from a running service.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp

from manualdial.commands.findings import Finding, Level, fail, ok, warn
from manualdial.config import Asterisk

_SUBJECT = "engine"
_ASKABLE = frozenset({"PJSIP", "SIP", "IAX2"})


async def check_asterisk(settings: Asterisk) -> AsyncIterator[Finding]:
    """ARI, its event socket, and the trunk."""
    mend = "start Asterisk with http.conf and ari.conf enabled, and compare engine.asterisk.url"
    try:
        headers = {"Authorization": aiohttp.encode_basic_auth(settings.user, settings.password)}
        limit = aiohttp.ClientTimeout(total=settings.request_timeout)
        async with aiohttp.ClientSession(timeout=limit, headers=headers) as session:
            ari = _Ari(session, settings)
            reached = await ari.check_reached()
            yield reached
            if reached.level is Level.OK:
                yield await ari.check_events()
                yield await ari.check_trunk()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        yield fail(_SUBJECT, f"ARI cannot be reached: {reason}", mend)


class _Ari:
    def __init__(self, session: aiohttp.ClientSession, settings: Asterisk) -> None:
        self._session = session
        self._settings = settings
        self._url = settings.url.rstrip("/")

    async def check_reached(self) -> Finding:
        """Whether ARI answers, and takes the user and password."""
        status, body = await self._get("asterisk/info?only=system")
        if status in (401, 403):
            mend = "compare engine.asterisk.user and password with ari.conf"
            return fail(_SUBJECT, "Asterisk does not take the user and password", mend)
        if status != 200 or not isinstance(body, dict) or "system" not in body:
            return fail(_SUBJECT, f"what answers is no ARI (status {status})", "let engine.asterisk.url end in /ari")
        return ok(_SUBJECT, f"Asterisk {body['system'].get('version', '')} takes the user and password")

    async def check_events(self) -> Finding:
        """Whether events come, or would."""
        application = self._settings.application
        status, _ = await self._get(f"applications/{quote(application, safe='')}")
        if status == 200:
            return ok("events", f"the application {application} is there: a service takes its events")
        # A name of chance: it is gone again when the socket closes.
        query = f"app=manualdial-doctor-{uuid.uuid4().hex}"
        try:
            async with self._session.ws_connect(f"{self._url}/events?{query}"):
                return ok("events", "an event socket can be opened")
        except aiohttp.WSServerHandshakeError as error:
            mend = "load res_ari_events and res_http_websocket"
            return fail("events", f"no event socket can be opened (status {error.status})", mend)

    async def check_trunk(self) -> Finding:
        """Whether the trunk is known, and there."""
        technology, resource = trunk_of(self._settings.trunk_endpoint)
        if technology not in _ASKABLE or not resource:
            template = self._settings.trunk_endpoint
            return warn(
                "trunk", f"Asterisk cannot be asked about {template}", "place a test call with `manualdial dial`"
            )
        status, body = await self._get(f"endpoints/{technology}/{quote(resource, safe='')}")
        name = f"{technology}/{resource}"
        if status != 200 or not isinstance(body, dict):
            mend = "compare engine.asterisk.trunk_endpoint with `pjsip show endpoints`"
            return fail("trunk", f"Asterisk has no endpoint {name}", mend)
        if "sip:" in self._settings.trunk_endpoint:
            # Without an address of its own an endpoint counts as offline, whatever the dial string says.
            return ok("trunk", f"{name} is known; the carrier's address stands in the dial string")
        if body.get("state") == "offline":
            return fail("trunk", f"{name} is offline", "see `pjsip show aors`: the carrier does not answer")
        return ok("trunk", f"{name} is {body.get('state')}")

    async def _get(self, path: str) -> tuple[int, Any]:
        async with self._session.get(f"{self._url}/{path}", allow_redirects=False) as response:
            return response.status, await response.json(content_type=None) if response.status == 200 else None


def trunk_of(template: str) -> tuple[str, str]:
    """The technology and the endpoint in a dial string like `PJSIP/{number}@trunk` or `PJSIP/trunk/sip:{number}@…`."""
    technology, _, rest = template.partition("/")
    first, slash, _ = rest.partition("/")
    resource = first if slash else rest.rpartition("@")[2]
    return technology, "" if "{" in resource else resource
