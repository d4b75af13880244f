"""The way out to SQL, on SQLite or PostgreSQL: users, the journal of calls, records about numbers, and evidence."""

from manualdial.storage.store import SqlStore
