"""The one place where a fault of a database, a driver or the disk becomes an error of the port."""

from __future__ import annotations

import sqlite3

import asyncpg
from sqlalchemy import exc

from manualdial.ports import StoreUnavailable
from manualdial.storage.rows import REFUSALS


class ContentRefused(StoreUnavailable):
    """The database works, but does not take this content, and would not take it later either."""


# A StatementError that is no DBAPIError is a value that cannot be one of its column; its `orig` says why.
_CONTENT = (*REFUSALS, exc.DataError, sqlite3.DataError, OverflowError, ValueError)
# asyncpg calls it a fault of its own where a server that goes away says so between two statements.
ASYNCPG_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
VENDOR_FAULTS = (exc.SQLAlchemyError, sqlite3.Error, *ASYNCPG_FAULTS, *_CONTENT)
"""All that the database's side raises."""


def in_port_words(fault: BaseException) -> StoreUnavailable:
    """The error of the port for one of VENDOR_FAULTS.

    Its text names the kind of fault alone, and it is to be raised without a cause: the database's own words may quote
    a row, and numbers are personal data.
    """
    return ContentRefused(_kind(fault)) if _is_of_content(fault) else StoreUnavailable(_kind(fault))


def _is_of_content(fault: BaseException) -> bool:
    if isinstance(fault, exc.StatementError) and not isinstance(fault, exc.DBAPIError):
        return isinstance(fault.orig, _CONTENT)
    return isinstance(fault, _CONTENT) and not isinstance(fault, OSError | asyncpg.PostgresError)


def _kind(fault: BaseException) -> str:
    """The kind of fault, with the database's code for it where it has one: OperationalError SQLITE_BUSY."""
    origin = getattr(fault, "orig", None) or fault
    code = getattr(origin, "sqlite_errorname", None) or getattr(origin, "sqlstate", None)
    return f"{type(fault).__name__} {code}" if code else type(fault).__name__
