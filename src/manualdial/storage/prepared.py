"""A statement that SQLAlchemy compiles once for a database, for those that every press and change executes.

Text, order of parameters and what a column's type does to a value come from SQLAlchemy, as do the transaction and its
faults. Left out is what SQLAlchemy does for each execution: looking up the compiled form, a dictionary for each row,
and a call of Python for each value; together they took longer than the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.expression import Insert, Update

from manualdial.storage.driver import execute
from manualdial.storage.tables import AnyText, UtcTime

KNOWN_TIMES = 256
"""How many times are kept as they were bound: one time stands in several rows of a call."""

_NUMBERED = re.compile(r"\$(\d+)")

Bind = Callable[[Any], Any]


class Prepared:
    """A statement for one database, over at least two columns of AnyText.

    Its rows are lists of values in the order of `names`. Values of types other than AnyText and UtcTime go to the
    driver as they are.
    """

    def __init__(self, statement: Insert | Update, dialect: Dialect, *, names: Sequence[str]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        self.statement = str(compiled)
        self._in_order: Bind = itemgetter(*map(names.index, compiled.positiontup or ()))
        self._texts: list[tuple[int, Bind]] = []
        self._times: list[tuple[int, Bind]] = []
        for position, name in enumerate(names):
            kind = compiled.binds[name].type
            bind = kind.dialect_impl(dialect).bind_processor(dialect)
            if isinstance(kind, AnyText) and bind is not None:
                self._texts.append((position, bind))
            elif isinstance(kind, UtcTime) and bind is not None:
                self._times.append((position, lru_cache(KNOWN_TIMES)(bind)))
        self._texts_of: Bind = itemgetter(*(position for position, _ in self._texts))

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


class Together:
    """INSERTs of a row each as one statement of PostgreSQL, in one round trip.

    The server executes the first, and then the others; foreign keys are looked at after all of them.
    """

    def __init__(self, first: Prepared, *others: Prepared, asking: str = "") -> None:
        """`asking` is a query of one value, about what was there before."""
        self._parts = (first, *others)
        texts: list[str] = []
        count = 0
        for part in self._parts:
            texts.append(_renumbered(part.statement, count))
            count += len(set(_NUMBERED.findall(part.statement)))
        parts = ", ".join(f"part_{place} AS ({text})" for place, text in enumerate(texts[1:]))
        self._statement = f"WITH {parts} {texts[0]} RETURNING ({_renumbered(asking or 'NULL', count)})"

    def execute(self, connection: Connection, *rows: list[Any], asked: tuple[Any, ...] = ()) -> Any:
        """Execute it for a row of each; the lists are used up. Returns the answer, with `asked` as parameters."""
        parameters = [each for part, row in zip(self._parts, rows, strict=True) for each in part.parameters(row)]
        return connection.exec_driver_sql(self._statement, (*parameters, *asked)).scalar()


def _renumbered(statement: str, before: int) -> str:
    """The statement with its parameters behind so many others."""
    return _NUMBERED.sub(lambda found: f"${int(found[1]) + before}", statement)
