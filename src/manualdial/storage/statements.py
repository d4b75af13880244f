"""The statements that write calls and their history, for each kind of database."""

from __future__ import annotations

from sqlalchemy import URL, Dialect, bindparam, update

from manualdial.storage.prepared import Prepared
from manualdial.storage.rows import CALL_COLUMNS, CHANGE_COLUMNS, STATE_COLUMNS
from manualdial.storage.tables import call_changes, calls, insert


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


STATEMENTS = {
    dialect.name: Statements(dialect)
    for dialect in (URL.create(driver).get_dialect()() for driver in ("sqlite", "postgresql+asyncpg"))
}
