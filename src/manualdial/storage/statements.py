"""The statements that write calls and their history, and on PostgreSQL a press that comes alone in one round trip."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, update
from sqlalchemy.exc import IntegrityError

from manualdial.calls import Call, requested
from manualdial.evidence import Head, Sealed
from manualdial.ports import AttemptsSeen
from manualdial.storage.chains import INSERT_LINKS, ChainMoved, link_values
from manualdial.storage.contact_history import SUM_OF_COUNTS, question_of
from manualdial.storage.faults import ContentRefused
from manualdial.storage.rows import (
    CALL_COLUMNS,
    CHANGE_COLUMNS,
    DIALECTS,
    STATE_COLUMNS,
    Prepared,
    call_values,
    change_values,
)
from manualdial.storage.tables import call_changes, calls, evidence, insert

_NUMBERED = re.compile(r"\$(\d+)")


class Statements:
    """The statements for one database."""

    def __init__(self, dialect: Dialect) -> None:
        of_call = (calls.c.id == bindparam("of_call"), calls.c.step < bindparam("before_step"))
        new_call = insert(calls, dialect.name)
        # A line that is there already was written by a commit whose answer was lost.
        new_line = insert(call_changes, dialect.name).on_conflict_do_nothing()
        self.insert_calls = Prepared(new_call, dialect, names=CALL_COLUMNS)
        self.insert_calls_if_new = new_call.on_conflict_do_nothing().returning(calls.c.id)
        self.hold_calls = Prepared(new_call.on_conflict_do_nothing(), dialect, names=CALL_COLUMNS)
        self.insert_changes = Prepared(new_line, dialect, names=CHANGE_COLUMNS)
        self.update_calls = Prepared(
            update(calls).where(*of_call), dialect, names=(*STATE_COLUMNS, "of_call", "before_step")
        )


STATEMENTS = {dialect.name: Statements(dialect) for dialect in DIALECTS}


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


_PARTS = (
    # The call first, as everywhere: who waits for the end of a chain then holds up no other press.
    STATEMENTS["postgresql"].insert_calls,
    STATEMENTS["postgresql"].insert_changes,
    INSERT_LINKS["postgresql"],
)
_COUNTS = SUM_OF_COUNTS["postgresql"]
_PRESS = Together(*_PARTS)
_COUNTED_PRESS = Together(*_PARTS, asking=_COUNTS.about_one)


def write_one(connection: Connection, call: Call, link: Sealed, expects: AttemptsSeen | None) -> dict[str, Head]:
    """Write a press and its link. Returns the new end of the chain.

    Raises ChainMoved; and ContentRefused where there are not so many attempts as are expected.
    """
    rows = (call_values(call), change_values(requested(call)), link_values(link))
    try:
        if expects is None:
            _PRESS.execute(connection, *rows)
        else:
            _, asked = _COUNTS.about([question_of(call, expects)])
            if _COUNTED_PRESS.execute(connection, *rows, asked=asked) != expects.count:
                raise ContentRefused("there are other attempts than were expected")
    except IntegrityError as fault:
        # asyncpg tells which table it was that refused.
        refused_by = getattr(getattr(fault.orig, "__cause__", None), "table_name", None)
        if refused_by == evidence.name:
            raise ChainMoved("another process writes to the chain of evidence") from None
        raise
    return {link.tenant_id: Head(seq=link.seq, seal=link.seal)}
