"""Nouns ⇄ rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from manualdial.agents import Role, User
from manualdial.calls import Call, CallState, Change, Ending
from manualdial.numbers import PhoneNumber
from manualdial.ports import StoredChange

_roles = msgspec.json.Decoder(frozenset[Role])
_ending = msgspec.json.Decoder(Ending)
_caller_ids = msgspec.json.Decoder(tuple[str, ...])


def key(text: str) -> str:
    """What stands for a text in a unique index, which has no room for a long one: its SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def login_key(login_name: str) -> str:
    """The key of a login name, the same whatever its case."""
    return key(login_name.casefold())


def user_row(user: User) -> dict[str, Any]:
    """The row of a user; the tenant's name has a table of its own."""
    return {
        "id": user.id,
        "tenant_id": user.tenant_id,
        "login_name": user.login_name,
        "login_key": login_key(user.login_name),
        "name": user.name,
        "password_hash": user.password_hash,
        "roles": msgspec.json.encode(sorted(user.roles)).decode(),
        "extension": user.extension,
        "region": user.region,
        "disabled": user.disabled,
        "caller_ids": caller_ids_text(user.caller_ids),
    }


def caller_ids_text(caller_ids: Sequence[str] | None) -> str | None:
    """The column of the caller IDs that a user may show."""
    return None if caller_ids is None else msgspec.json.encode(list(caller_ids)).decode()


def user_of(row: Row[Any]) -> User:
    """The user of a row of `users` joined with the tenant's name as `tenant`."""
    return User(
        id=row.id,
        tenant_id=row.tenant_id,
        tenant=row.tenant,
        login_name=row.login_name,
        name=row.name,
        password_hash=row.password_hash,
        roles=_roles.decode(row.roles),
        extension=row.extension,
        region=row.region,
        disabled=row.disabled,
        caller_ids=None if row.caller_ids is None else _caller_ids.decode(row.caller_ids),
    )


STATE_COLUMNS = ("state", "previous", "ending", "step", "at", "rang_at", "answered_at")
"""The columns of a call that change."""
CALL_COLUMNS = (
    *("id", "tenant_id", "agent_id", "connector", "engine", "extension"),
    *("number_typed", "number_e164", "number_region", "number_type", "number_extension"),
    *("request_id", "request_key", "digest", "caller_id", "campaign_id", "account_number", "account_key"),
    *("purpose", "verdict"),
    *("requested_at", *STATE_COLUMNS),
)
CHANGE_COLUMNS = ("call_id", "step", "state", "leg", "event", "at")


def call_values(call: Call) -> list[Any]:
    """The row of a call, in the order of CALL_COLUMNS."""
    number = call.number
    return [
        call.id,
        call.tenant_id,
        call.agent_id,
        call.connector,
        call.engine,
        call.extension,
        number.typed,
        number.e164,
        number.region,
        number.type,
        number.extension,
        call.request_id,
        None if call.request_id is None else key(call.request_id),
        call.digest,
        call.caller_id,
        call.campaign_id,
        call.account_number,
        None if call.account_number is None else key(call.account_number),
        call.purpose,
        call.verdict,
        call.requested_at,
        *state_values(call),
    ]


def state_values(call: Call) -> list[Any]:
    """The columns of a call that change, in the order of STATE_COLUMNS."""
    return [
        call.state.value,
        None if call.previous is None else call.previous.value,
        None if call.ending is None else msgspec.json.encode(call.ending).decode(),
        call.step,
        call.at,
        call.rang_at,
        call.answered_at,
    ]


def change_values(change: Change) -> list[Any]:
    """The row of a line in the history of a call, in the order of CHANGE_COLUMNS."""
    call = change.call
    return [call.id, call.step, call.state.value, change.leg.value, change.event, call.at]


def call_of(row: Row[Any]) -> Call:
    """The call of a row."""
    return Call(
        id=row.id,
        tenant_id=row.tenant_id,
        agent_id=row.agent_id,
        connector=row.connector,
        engine=row.engine,
        extension=row.extension,
        number=PhoneNumber(
            typed=row.number_typed,
            e164=row.number_e164,
            region=row.number_region,
            type=row.number_type,
            extension=row.number_extension,
        ),
        request_id=row.request_id,
        digest=row.digest,
        caller_id=row.caller_id,
        campaign_id=row.campaign_id,
        account_number=row.account_number,
        purpose=row.purpose,
        verdict=row.verdict,
        state=CallState(row.state),
        previous=None if row.previous is None else CallState(row.previous),
        ending=None if row.ending is None else _ending.decode(row.ending),
        step=row.step,
        requested_at=row.requested_at,
        at=row.at,
        rang_at=row.rang_at,
        answered_at=row.answered_at,
    )


def change_of(row: Row[Any]) -> StoredChange:
    """The line of history of a row."""
    return StoredChange(step=row.step, state=row.state, leg=row.leg, event=row.event, at=row.at)
