"""The way out to SQL: users, and the journal of calls, on SQLite or PostgreSQL."""

from manualdial.storage.store import SqlStore

__all__ = ["SqlStore"]
