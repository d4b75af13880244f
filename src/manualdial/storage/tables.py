"""The tables. A migration in `migrations/versions` stands behind each of them; a test compares the two."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    literal,
)
from sqlalchemy.dialects import postgresql, sqlite

from manualdial.storage.rows import AnyText, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _needed(kind: Any, *names: str) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name in names]


def _optional(kind: Any, *names: str) -> list[Column[Any]]:
    return [Column(name, kind) for name in names]


def _partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool], unique: bool = False) -> None:
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


tenants = Table(
    "tenants",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("login_name", AnyText, nullable=False),
    Column("login_key", AnyText, nullable=False),  # key of the case-folded login name
    *_needed(AnyText, "name", "password_hash"),
    Column("roles", AnyText, nullable=False),  # JSON array
    *_optional(AnyText, "extension", "region"),
    Column("disabled", Boolean, nullable=False),
    Column("caller_ids", AnyText),  # JSON array; null: all
    UniqueConstraint("login_key"),
)

calls = Table(
    "calls",
    metadata,
    Column("id", AnyText, primary_key=True),
    *_needed(AnyText, "tenant_id", "agent_id", "connector", "engine", "extension", "number_typed", "number_e164"),
    *_needed(AnyText, "number_region", "number_type"),
    *_optional(AnyText, "number_extension", "request_id"),
    Column("request_key", AnyText),  # key of the request id
    Column("digest", AnyText, nullable=False),
    *_optional(AnyText, "caller_id", "campaign_id", "account_number"),
    Column("account_key", AnyText),  # key of the account number
    Column("purpose", AnyText, nullable=False),
    Column("verdict", LargeBinary, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("previous", AnyText),
    Column("ending", AnyText),  # JSON object
    Column("step", Integer, nullable=False),
    *_needed(UtcTime, "requested_at", "at"),
    *_optional(UtcTime, "rang_at", "answered_at"),
    Column("outcome", AnyText),  # null until it is known
    UniqueConstraint("agent_id", "request_key"),
    Index(None, "tenant_id", "requested_at", "id"),
    Index(None, "agent_id", "requested_at", "id"),
    # By these two the attempts to reach a person are counted.
    Index("ix_calls_tenant_id_number_e164", "tenant_id", "number_e164", "requested_at"),
)

_has_outcome = calls.c.outcome.is_not(None)
# A press does not pay for it.
_partial_index(
    "ix_calls_tenant_id_outcome", calls.c.tenant_id, calls.c.outcome, calls.c.requested_at, where=_has_outcome
)

_names_account = calls.c.account_key.is_not(None)
_partial_index(
    "ix_calls_tenant_id_account_key", calls.c.tenant_id, calls.c.account_key, calls.c.requested_at, where=_names_account
)

is_open = calls.c.state != literal("ended", literal_execute=True)
"""Not ended. The word stands in the statement, because a database must see it there to use a partial index."""
is_ended = calls.c.state == literal("ended", literal_execute=True)
is_remembered = calls.c.request_key.is_not(None)

# Small however long the journal is: recovery reads it at every start.
_partial_index("ix_calls_open", calls.c.requested_at, where=is_open)
# What is forgotten and what is removed. A press does not pay for them, but the end of its call, for which nobody waits.
# Nothing is in both: SQLite does not choose the smaller one of two that serve.
_partial_index("ix_calls_remembered", calls.c.requested_at, where=is_ended & is_remembered)
_partial_index("ix_calls_forgotten", calls.c.requested_at, where=is_ended & ~is_remembered)

call_changes = Table(
    "call_changes",
    metadata,
    Column("call_id", ForeignKey("calls.id", ondelete="CASCADE"), nullable=False),
    Column("step", Integer, nullable=False),
    *_needed(AnyText, "state", "leg", "event"),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("call_id", "step", "leg"),
    sqlite_with_rowid=False,
)

# The logins that are open. An agent need not be a user of this database.
agent_sessions = Table(
    "agent_sessions",
    metadata,
    Column("agent_id", AnyText, primary_key=True),
    *_needed(AnyText, "tenant_id", "login_name", "name", "connector", "extension", "region"),
    Column("chosen", AnyText, nullable=False),  # label of the state
    Column("chosen_at", UtcTime, nullable=False),
    Column("muted", Boolean, nullable=False),
)

number_records = Table(
    "number_records",
    metadata,
    Column("id", AnyText, primary_key=True),
    *_needed(AnyText, "tenant_id", "number"),
    Column("account_number", AnyText),
    Column("account_key", AnyText),  # key of the account number
    Column("kind", AnyText, nullable=False),  # the tag of the content
    Column("body", LargeBinary, nullable=False),  # the content, JSON
    Column("recorded_at", UtcTime, nullable=False),
    Column("recorded_by", AnyText, nullable=False),
    *_optional(UtcTime, "until", "withdrawn_at"),
    *_optional(AnyText, "withdrawn_by", "withdrawn_reason"),
    Column("used_at", UtcTime),
    Index("ix_number_records_tenant_id_number", "tenant_id", "number"),
    Index("ix_number_records_tenant_id_kind_id", "tenant_id", "kind", "id"),
)

_of_account = number_records.c.account_key.is_not(None)
_partial_index(
    "ix_number_records_tenant_id_account_key",
    number_records.c.tenant_id,
    number_records.c.account_key,
    where=_of_account,
)

closures = Table(
    "closures",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("tenant_id", AnyText),
    Column("jurisdiction", AnyText, nullable=False),
    Column("begins", UtcTime, nullable=False),
    Column("ends", UtcTime),
    Column("purposes", AnyText, nullable=False),  # JSON array
    *_needed(AnyText, "reason", "closed_by"),
    Column("lifted_at", UtcTime),
    Column("lifted_by", AnyText),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("version", AnyText, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("kept_at", UtcTime, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("tenant_id", AnyText, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    *_needed(AnyText, "kind", "number"),
    Column("call_id", AnyText),
    *_needed(LargeBinary, "body", "seal"),
    # No two links of one number: of two processes that add one, one is refused.
    PrimaryKeyConstraint("tenant_id", "seq"),
)

_of_call = evidence.c.call_id.is_not(None)
_partial_index("ix_evidence_call_id", evidence.c.call_id, evidence.c.kind, unique=True, where=_of_call)


def insert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    """An INSERT for the database of this name, with its ON CONFLICT."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
