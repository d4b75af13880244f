"""POST /v1/checks: the verdict on many numbers at once, for the badges of a CRM (contract §5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol

import msgspec
from litestar import MediaType, Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, field

from manualdial.callers import Caller
from manualdial.errors import MalformedMessage, ManualDialError, TooManyRequests
from manualdial.requests.dispatcher import error_data
from manualdial.tasks import Pace
from manualdial.transports import openapi
from manualdial.transports.body import AnyRequest, read_body
from manualdial.wire.envelope import json_of, read
from manualdial.wire.messages.dial import DialChecked
from manualdial.wire.messages.incoming import Identifier, Incoming
from manualdial.wire.messages.outbound import ErrorData
from manualdial.wire.messages.screening import MAX_CHECKS, Check

MAX_CHECKS_BYTES = 524_288
"""The size of the largest body in bytes, included: a thousand numbers with all that can be said of each."""


class Checks(Incoming, frozen=True, kw_only=True):
    """The body: the numbers, each with the `data` of CheckPhoneNumber, and what counts for all that leave it out."""

    checks: Annotated[list[Any], Meta(extra={"is": Annotated[list[Check | Any], Meta(max_length=MAX_CHECKS)]})]
    """Entries of any form are taken in, so that each one that is not good gets its own error."""
    purpose: Annotated[str, Meta(max_length=64)] | None = field(name="Purpose", default=None)
    region: Annotated[str, Meta(max_length=16)] | None = field(name="Region", default=None)
    campaign_id: Identifier | None = field(name="CampaignID", default=None)
    at: Annotated[str, Meta(max_length=64)] | None = field(name="At", default=None)
    brief: bool | None = None
    """Leaves the rules that allow out of the answer."""


class Screening(Protocol):
    """Judges numbers; `requests.screening.ScreeningRequests`."""

    async def check_all(self, caller: Caller, checks: Sequence[Any]) -> Sequence[DialChecked | ManualDialError]: ...


class CheckRefused(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that there is no verdict on."""

    error: ErrorData


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One element for each entry, in their order."""

    checks: list[DialChecked | CheckRefused]


def checks(screening: Screening, body_timeout: float) -> HTTPRouteHandler:
    """The handler; a client has `body_timeout` seconds for its body."""
    asking: set[str] = set()
    """The callers with a request under way."""
    turn = asyncio.Lock()
    """One request is judged after the other: a thousand verdicts take time and memory that presses need too."""

    @post(
        "/v1/checks",
        operation_id="checks",
        operation_class=openapi.operation(request=openapi.reference(Checks), answer=openapi.reference(Checked)),
        request_max_body_size=None,  # counted by `read_body`
        summary="Judge many numbers at once; nothing rings",
        status_code=200,
        responses=openapi.errors(400, 401, 429, 500, 503),
        security=openapi.BEARER,
    )
    async def check_all(request: AnyRequest, caller: NamedDependency[Caller]) -> Response[bytes]:
        """The verdict on each number, now or at another moment; an entry that cannot be read gets its own error."""
        if caller.user_id in asking:
            await _discard(request, body_timeout)
            raise TooManyRequests("one request to /v1/checks at a time", details={"retryAfter": 1})
        asking.add(caller.user_id)
        try:
            asked = _read(await read_body(request, body_timeout, limit=MAX_CHECKS_BYTES))
            async with _in_turn(turn, body_timeout):
                judged = await screening.check_all(caller, _with_defaults(asked))
                body = await _encoded(judged, brief=bool(asked.brief))
        finally:
            asking.discard(caller.user_id)
        return Response(body, media_type=MediaType.JSON)

    return check_all


@asynccontextmanager
async def _in_turn(turn: asyncio.Lock, limit: float) -> AsyncIterator[None]:
    """Holds the turn. Raises TooManyRequests where it does not come within `limit` seconds."""
    try:
        async with asyncio.timeout(limit):
            await turn.acquire()
    except TimeoutError:
        raise TooManyRequests("too many requests to /v1/checks at once", details={"retryAfter": 1}) from None
    try:
        yield
    finally:
        turn.release()


async def _discard(request: AnyRequest, body_timeout: float) -> None:
    """Read what is not looked at: an answer in the middle of a body may not be seen."""
    try:
        await read_body(request, body_timeout, limit=0)
    except MalformedMessage:
        return


def _read(body: bytes) -> Checks:
    decoded = json_of(body)
    if not isinstance(decoded, dict):
        raise MalformedMessage("the body is a JSON object")
    try:
        return read(decoded, Checks)
    except MalformedMessage as error:
        # The body itself is what `data` is in a message.
        path = str(error.details.get("path", "")).removeprefix("data").lstrip(".")
        raise MalformedMessage(error.message, details={"path": path} if path else None) from None


def _with_defaults(asked: Checks) -> list[Any]:
    """The entries, with what stands beside them in those that leave it out."""
    beside = {"Purpose": asked.purpose, "Region": asked.region, "CampaignID": asked.campaign_id, "At": asked.at}
    defaults = {name: value for name, value in beside.items() if value is not None}
    return [_filled(entry, defaults) if isinstance(entry, dict) else entry for entry in asked.checks]


def _filled(entry: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    given = {key.strip().casefold() for key, value in entry.items() if value is not None}
    # The exact spelling wins, so that a null in another one counts as left out too.
    return entry | {name: value for name, value in defaults.items() if name.casefold() not in given}


async def _encoded(judged: Sequence[DialChecked | ManualDialError], *, brief: bool) -> bytes:
    """The body of the answer: one element for each entry, in their order."""
    elements = []
    pace = Pace()
    for one in judged:
        elements.append(msgspec.json.encode(_told(one, brief=brief)))
        await pace.keep()
    return b'{"checks":[' + b",".join(elements) + b"]}"


def _told(judged: DialChecked | ManualDialError, *, brief: bool) -> DialChecked | CheckRefused:
    if isinstance(judged, ManualDialError):
        return CheckRefused(error=error_data(judged))
    if not brief:
        return judged
    telling = [rule for rule in judged.verdict.rules if rule.decision != "allow"]
    return msgspec.structs.replace(judged, verdict=msgspec.structs.replace(judged.verdict, rules=telling))
