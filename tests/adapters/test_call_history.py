"""How calls as they were are read: at once, and by an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from manualdial.calls import CallSignal, CallState
from manualdial.ports import CallQuery
from manualdial.storage import SqlStore
from manualdial.storage.call_history import call_histories
from tests.contract.stores import NOON, a_call, opened, record


@contextmanager
def asked() -> Iterator[list[str]]:
    """The statements that any database is asked meanwhile."""
    statements: list[str] = []

    def note(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_a_page_of_calls_with_their_histories_is_one_statement(url: str) -> None:
    query = CallQuery(tenant_id="north", limit=200)
    async with SqlStore(url, flush_timeout=1.0) as store:
        for call in [a_call(minute=minute) for minute in range(210)]:
            await store.record_press(call)
            record(store, call, CallSignal.AGENT_RINGING)
        await store.calls(query)  # the first connection is asked what it is
        with asked() as statements:
            found = await store.calls(query)
        assert len(statements) == 1
        assert [len(each.changes) for each in found] == [2] * 200


AGENT, NUMBER, FAILED = {"agent_id": "ada"}, {"number": "+12025550100"}, {"outcome": "failed"}


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "ix_calls_tenant_id_requested_at_id (tenant_id=?)"),
        ({"since": NOON}, "ix_calls_tenant_id_requested_at_id (tenant_id=? AND requested_at>?)"),
        ({"older_than": (NOON, "")}, "ix_calls_tenant_id_requested_at_id (tenant_id=? AND (requested_at,id)<(?,?))"),
        ({"state": CallState.ENDED}, "ix_calls_tenant_id_requested_at_id (tenant_id=?)"),
        (AGENT | FAILED, "ix_calls_agent_id_requested_at_id (agent_id=?)"),
        (AGENT | NUMBER | FAILED, "ix_calls_tenant_id_number_e164 (tenant_id=? AND number_e164=?)"),
        (FAILED, "ix_calls_tenant_id_outcome (tenant_id=? AND outcome=?)"),
        ({"state": CallState.HELD} | AGENT | NUMBER | FAILED, "ix_calls_open"),
    ],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
async def test_calls_are_found_by_the_index_of_the_narrowest_filter(
    tmp_path: Path, wanted: dict[str, Any], index: str
) -> None:
    def plan(connection: Connection) -> list[str]:
        """What SQLite tells of how it finds them."""
        executed: list[str] = []
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(executed.append)
        call_histories(connection, query=CallQuery(tenant_id="north", **wanted))
        driver.set_trace_callback(None)
        return [line.detail for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {executed[-1]}")]

    async with opened(f"sqlite:///{tmp_path}/journal.sqlite3") as place:
        found = await place.read(plan)
    assert found[0].removeprefix("SEARCH").removeprefix("SCAN") == f" calls USING INDEX {index}"
