"""A press that comes alone, on PostgreSQL: call, history and evidence in one round trip in the place of three."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from manualdial.calls import Call, requested
from manualdial.evidence import Sealed
from manualdial.storage.chains import INSERT_LINKS, ChainMoved, Head, link_values
from manualdial.storage.prepared import Together
from manualdial.storage.rows import call_values, change_values
from manualdial.storage.statements import STATEMENTS
from manualdial.storage.tables import evidence

_PRESS = Together(
    # The call first, as everywhere: who waits for the end of a chain then holds up no other press.
    STATEMENTS["postgresql"].insert_calls,
    STATEMENTS["postgresql"].insert_changes,
    INSERT_LINKS["postgresql"],
)


def write_one(connection: Connection, call: Call, link: Sealed) -> dict[str, Head]:
    """Write a press and its link. Returns the new end of the chain. Raises ChainMoved."""
    try:
        _PRESS.execute(connection, call_values(call), change_values(requested(call)), link_values(link))
    except IntegrityError as fault:
        # asyncpg tells which table it was that refused.
        refused_by = getattr(getattr(fault.orig, "__cause__", None), "table_name", None)
        if refused_by == evidence.name:
            raise ChainMoved("another process writes to the chain of evidence") from None
        raise
    return {link.tenant_id: Head(seq=link.seq, seal=link.seal)}
