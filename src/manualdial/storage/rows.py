"""Nouns ⇄ rows: the columns' types, the rows of calls, and statements that go straight to the driver.

A statement that every press or change executes is compiled once. Its text, the order of its parameters and what a
column's type does to a value come from SQLAlchemy, as do the transaction and its faults; left out is what SQLAlchemy
does for each execution, which took longer than the database (docs/adr/0020).
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import URL, Connection, DateTime, Dialect, Row, Table, Text, TypeDecorator
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.expression import Insert, Update

from manualdial.calls import Call, CallState, Change, Ending
from manualdial.numbers import PhoneNumber

KNOWN_TIMES = 256
"""How many times are kept as they were bound: one time stands in several rows of a call."""
DIALECTS: tuple[Dialect, ...] = tuple(URL.create(name).get_dialect()() for name in ("sqlite", "postgresql+asyncpg"))
"""The kinds of database."""

_ending = msgspec.json.Decoder(Ending)

AnyStruct = TypeVar("AnyStruct", bound=msgspec.Struct)
Convert = Callable[[Any], Any]

# ── columns ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """Text of any characters. PostgreSQL has no NUL and UTF-8 no lone surrogates: they are escaped, and come back.

    The escape character is U+001A, SUBSTITUTE, with the code point in four hexadecimal digits behind; it escapes
    itself. On PostgreSQL text is compared by its bytes, as on SQLite.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Text:
        return Text(collation="C") if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or not _UNSTORABLE.search(value):
            return value
        return _UNSTORABLE.sub(lambda found: f"\x1a{ord(found[0]):04x}", value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else unescaped(value)


def unescaped(text: str) -> str:
    """The text that a column of AnyText has."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "\x1a" in text else text


class UtcTime(TypeDecorator[datetime]):
    """A moment, in UTC with microseconds. SQLite has no time zones: there it is stored without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone is no moment")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _as_it_is(value: Any) -> Any:
    return value


def _binding(kind: AnyText | UtcTime, dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


TEXT_PARAMETERS = {dialect.name: _binding(AnyText(), dialect) for dialect in DIALECTS}
"""How a text becomes a parameter of the driver, for each kind of database."""
TIME_PARAMETERS = {dialect.name: _binding(UtcTime(), dialect) for dialect in DIALECTS}
"""How a time becomes a parameter of the driver."""
TIMES: dict[str, Convert] = {
    dialect.name: UtcTime().dialect_impl(dialect).result_processor(dialect, None) or _as_it_is for dialect in DIALECTS
}
"""How what the driver returns becomes a time."""


def key(text: str) -> str:
    """The stand-in for a text in a unique index, which has no room for a long one: its SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def lock_key(*parts: str) -> int:
    """The number of the database's lock of what has this name."""
    name = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)


# ── nouns ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def struct_of(kind: type[AnyStruct], row: Row[Any], /, **fields: Any) -> AnyStruct:
    """The noun of a row, whose columns have the names of its fields; `fields` are those that are made of columns."""
    return kind(**{name: getattr(row, name) for name in kind.__struct_fields__ if name not in fields}, **fields)


def row_of(table: Table, noun: msgspec.Struct, /, **columns: Any) -> dict[str, Any]:
    """The row of a noun, whose fields have the names of the columns; `columns` are those that are made of fields."""
    names = (column.name for column in table.c if column.name not in columns)
    return {name: getattr(noun, name) for name in names} | columns


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────

STATE_COLUMNS = ("state", "previous", "ending", "step", "at", "rang_at", "answered_at", "outcome")
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
        call.outcome,
    ]


def change_values(change: Change) -> list[Any]:
    """The row of a line in the history of a call, in the order of CHANGE_COLUMNS."""
    call = change.call
    return [call.id, call.step, call.state.value, change.leg.value, change.event, call.at]


def call_of(row: Row[Any]) -> Call:
    """The call of a row."""
    return struct_of(
        Call,
        row,
        number=PhoneNumber(**{name: getattr(row, f"number_{name}") for name in PhoneNumber.__struct_fields__}),
        state=CallState(row.state),
        previous=None if row.previous is None else CallState(row.previous),
        ending=None if row.ending is None else _ending.decode(row.ending),
    )


# ── straight to the driver ──────────────────────────────────────────────────────────────────────────────────────────

REFUSALS = (IntegrityError, sqlite3.IntegrityError)
"""Raised where a row meets another one, or is none of its table."""


def execute(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Execute a statement of the driver's for each of the rows."""
    if (driver := _sqlite(connection)) is None:
        connection.exec_driver_sql(statement, list(rows)).close()
    else:
        driver.executemany(statement, rows).close()


def fetch(connection: Connection, statement: str, parameters: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
    """The rows of a statement of the driver's."""
    if (driver := _sqlite(connection)) is None:
        return connection.exec_driver_sql(statement, parameters).all()
    return driver.execute(statement, parameters).fetchall()


def _sqlite(connection: Connection) -> sqlite3.Connection | None:
    if connection.dialect.name != "sqlite":
        return None
    driver: Any = connection.connection.driver_connection
    return cast("sqlite3.Connection", driver)


class Prepared:
    """A statement for one database, over at least two columns of AnyText.

    Its rows are lists of values in the order of `names`. Values of types other than AnyText and UtcTime go to the
    driver as they are.
    """

    def __init__(self, statement: Insert | Update, dialect: Dialect, *, names: Sequence[str]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        self.statement = str(compiled)
        self._in_order: Convert = itemgetter(*map(names.index, compiled.positiontup or ()))
        self._texts: list[tuple[int, Convert]] = []
        self._times: list[tuple[int, Convert]] = []
        for position, name in enumerate(names):
            kind = compiled.binds[name].type
            if isinstance(kind, AnyText):
                self._texts.append((position, _binding(kind, dialect)))
            elif isinstance(kind, UtcTime):
                self._times.append((position, lru_cache(KNOWN_TIMES)(_binding(kind, dialect))))
        self._texts_of: Convert = itemgetter(*(position for position, _ in self._texts))

    def execute(self, connection: Connection, rows: Iterable[list[Any]]) -> None:
        """Execute the statement for each of the rows; the lists are used up.

        Several rows in one statement, `VALUES (…), (…)`, were measured at 1.5 to 1.9 times the time on SQLite.
        """
        if parameters := [self.parameters(row) for row in rows]:
            execute(connection, self.statement, parameters)

    def parameters(self, row: list[Any]) -> tuple[Any, ...]:
        """The parameters for a row; the list is used up."""
        # All that AnyText escapes is unprintable, and nearly no row has any of that.
        if not "".join(filter(None, self._texts_of(row))).isprintable():
            for position, bind in self._texts:
                row[position] = bind(row[position])
        for position, bind in self._times:
            row[position] = bind(row[position])
        in_order: tuple[Any, ...] = self._in_order(row)
        return in_order
