"""A press that comes alone, on PostgreSQL: call, history and evidence in one round trip in the place of three."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from manualdial.calls import Call, requested
from manualdial.evidence import Head, Sealed
from manualdial.ports import AttemptsSeen
from manualdial.storage.attempts import SUM_OF_COUNTS, question_of
from manualdial.storage.chains import INSERT_LINKS, ChainMoved, link_values
from manualdial.storage.faults import ContentRefused
from manualdial.storage.prepared import Together
from manualdial.storage.rows import call_values, change_values
from manualdial.storage.statements import STATEMENTS
from manualdial.storage.tables import evidence

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
