"""GET /v1/calls: calls as they were, filtered and in pages (contract §6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Protocol

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from manualdial.callers import Caller
from manualdial.calls import OUTCOMES, CallState
from manualdial.numbers import MAX_TYPED_CHARACTERS
from manualdial.requests.history import MAX_CALLS, CallPage, CallRecord, CallsAsked
from manualdial.transports import openapi


class Records(Protocol):
    """The history of calls; `history.History`."""

    async def calls(self, caller: Caller, asked: CallsAsked) -> CallPage: ...

    async def call(self, caller: Caller, call_id: str) -> CallRecord: ...


def _text(description: str, *, at_most: int = 64, form: str | None = None) -> QueryParameter:
    return QueryParameter(description=description, max_length=at_most, format=form)


def _one_of(values: Iterable[str], name: str, description: str) -> QueryParameter:
    return QueryParameter(name=name, description=description, enum=list(values))


def calls(records: Records) -> list[HTTPRouteHandler]:
    """The handlers."""

    @get(
        "/v1/calls",
        operation_id="calls",
        summary="Calls, newest first",
        responses=openapi.errors(400, 401, 403, 500, 503),
        security=openapi.BEARER,
    )
    async def page(
        caller: NamedDependency[Caller],
        limit: Annotated[int, QueryParameter(ge=1, le=MAX_CALLS, description="How many at most.")] = 50,
        cursor: Annotated[str | None, _text("The `cursor` of the page before this one.", at_most=512)] = None,
        before: Annotated[str | None, _text("Calls older than the one of this id.")] = None,
        since: Annotated[str | None, _text("Requested then or later.", form="date-time")] = None,
        until: Annotated[str | None, _text("Requested before then.", form="date-time")] = None,
        number: Annotated[
            str | None,
            _text("To this number: E.164, or as typed in the caller's region.", at_most=MAX_TYPED_CHARACTERS),
        ] = None,
        agent: Annotated[str | None, _text("Of this agent, by user id, for who sees the tenant.")] = None,
        in_state: Annotated[str | None, _one_of(CallState, "state", "In this state.")] = None,
        outcome: Annotated[str | None, _one_of(OUTCOMES, "outcome", "What came of the call.")] = None,
    ) -> CallPage:
        """Calls with all their states: of the caller, or of the tenant where the caller sees it."""
        asked = CallsAsked(
            limit=limit,
            cursor=cursor,
            before=before,
            since=since,
            until=until,
            number=number,
            agent=agent,
            state=in_state,
            outcome=outcome,
        )
        return await records.calls(caller, asked)

    @get(
        "/v1/calls/{call_id:str}",
        operation_id="call",
        summary="One call",
        responses=openapi.errors(400, 401, 404, 500, 503),
        security=openapi.BEARER,
    )
    async def call(caller: NamedDependency[Caller], call_id: FromPath[str]) -> CallRecord:
        """One call with all its states, verdict and ending. A call of somebody else is not found."""
        return await records.call(caller, call_id)

    return [page, call]
