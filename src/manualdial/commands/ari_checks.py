"""The checks of `manualdial doctor` on an Asterisk: ARI, its event socket, and the trunk."""

from __future__ import annotations

from collections.abc import AsyncIterator

from manualdial.commands.machine_checks import Diagnosis, Level, fail, ok, warn
from manualdial.config import Asterisk
from manualdial.engines.asterisk.probe import Probe, ProbeFailed, probing

_SUBJECT = "engine"
_ASKABLE = frozenset({"PJSIP", "SIP", "IAX2"})


async def check_asterisk(settings: Asterisk) -> AsyncIterator[Diagnosis]:
    """ARI, its event socket, and the trunk."""
    mend = "start Asterisk with http.conf and ari.conf enabled, and compare engine.asterisk.url"
    user, password, limit = settings.user, settings.password, settings.request_timeout
    try:
        async with probing(url=settings.url, user=user, password=password, limit=limit) as probe:
            reached = await _check_reached(probe)
            yield reached
            if reached.level is Level.OK:
                yield await _check_events(probe, settings.application)
                yield await _check_trunk(probe, settings.trunk_endpoint)
    except ProbeFailed as error:
        yield fail(_SUBJECT, f"ARI cannot be reached: {error}", mend)


async def _check_reached(probe: Probe) -> Diagnosis:
    """Whether ARI answers, and takes the user and password."""
    status, body = await probe.get("asterisk", "info", query="?only=system")
    if status in (401, 403):
        mend = "compare engine.asterisk.user and password with ari.conf"
        return fail(_SUBJECT, "Asterisk does not take the user and password", mend)
    if status != 200 or not isinstance(body, dict) or "system" not in body:
        return fail(_SUBJECT, f"what answers is no ARI (status {status})", "let engine.asterisk.url end in /ari")
    return ok(_SUBJECT, f"Asterisk {body['system'].get('version', '')} takes the user and password")


async def _check_events(probe: Probe, application: str) -> Diagnosis:
    """Whether events come, or would."""
    status, _ = await probe.get("applications", application)
    if status == 200:
        return ok("events", f"the application {application} is there: a service takes its events")
    if (status := await probe.open_events()) == 101:
        return ok("events", "an event socket can be opened")
    mend = "load res_ari_events and res_http_websocket"
    return fail("events", f"no event socket can be opened (status {status})", mend)


async def _check_trunk(probe: Probe, template: str) -> Diagnosis:
    """Whether the trunk is known, and there."""
    technology, resource = trunk_of(template)
    if technology not in _ASKABLE or not resource:
        return warn("trunk", f"Asterisk cannot be asked about {template}", "place a test call with `manualdial dial`")
    status, body = await probe.get("endpoints", technology, resource)
    name = f"{technology}/{resource}"
    if status != 200 or not isinstance(body, dict):
        mend = "compare engine.asterisk.trunk_endpoint with `pjsip show endpoints`"
        return fail("trunk", f"Asterisk has no endpoint {name}", mend)
    if "sip:" in template:
        # Without an address of its own an endpoint counts as offline, whatever the dial string says.
        return ok("trunk", f"{name} is known; the carrier's address stands in the dial string")
    if body.get("state") == "offline":
        return fail("trunk", f"{name} is offline", "see `pjsip show aors`: the carrier does not answer")
    return ok("trunk", f"{name} is {body.get('state')}")


def trunk_of(template: str) -> tuple[str, str]:
    """The technology and the endpoint in a dial string like `PJSIP/{number}@trunk` or `PJSIP/trunk/sip:{number}@…`."""
    technology, _, rest = template.partition("/")
    first, slash, _ = rest.partition("/")
    resource = first if slash else rest.rpartition("@")[2]
    return technology, "" if "{" in resource else resource
