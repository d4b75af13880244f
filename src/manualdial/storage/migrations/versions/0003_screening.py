"""The screening's records, closures, policies and evidence, and the columns by which it counts attempts."""

import hashlib
import re

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_AT_ONCE = 5_000
"""How many calls are in memory at a time, however many there are."""
_REACHED = "('progress', 'ringing', 'connected')"
_TRIED = ("busy", "no_answer", "rejected", "timeout")


def upgrade() -> None:
    """Make the tables, the columns and the indexes, and fill the columns from the history of the calls."""
    text = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    time = sa.DateTime(timezone=True)
    op.add_column("users", sa.Column("caller_ids", text))
    op.add_column("calls", sa.Column("account_key", text))
    op.add_column("calls", sa.Column("rang_at", time))
    op.add_column("calls", sa.Column("answered_at", time))
    _fill_times()
    _fill_account_keys()
    op.create_index("ix_calls_tenant_id_number_e164", "calls", ["tenant_id", "number_e164", "requested_at"])
    has_account = sa.text("account_key IS NOT NULL")
    op.create_index(
        "ix_calls_tenant_id_account_key",
        "calls",
        ["tenant_id", "account_key", "requested_at"],
        sqlite_where=has_account,
        postgresql_where=has_account,
    )
    op.create_table(
        "number_records",
        sa.Column("id", text, nullable=False),
        sa.Column("tenant_id", text, nullable=False),
        sa.Column("number", text, nullable=False),
        sa.Column("account_number", text),
        sa.Column("account_key", text),
        sa.Column("kind", text, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", time, nullable=False),
        sa.Column("recorded_by", text, nullable=False),
        sa.Column("until", time),
        sa.Column("withdrawn_at", time),
        sa.Column("withdrawn_by", text),
        sa.Column("withdrawn_reason", text),
        sa.Column("used_at", time),
        sa.PrimaryKeyConstraint("id", name="pk_number_records"),
    )
    op.create_index("ix_number_records_tenant_id_number", "number_records", ["tenant_id", "number"])
    op.create_index("ix_number_records_tenant_id_kind_id", "number_records", ["tenant_id", "kind", "id"])
    op.create_index(
        "ix_number_records_tenant_id_account_key",
        "number_records",
        ["tenant_id", "account_key"],
        sqlite_where=has_account,
        postgresql_where=has_account,
    )
    op.create_table(
        "closures",
        sa.Column("id", text, nullable=False),
        sa.Column("tenant_id", text),
        sa.Column("jurisdiction", text, nullable=False),
        sa.Column("begins", time, nullable=False),
        sa.Column("ends", time),
        sa.Column("purposes", text, nullable=False),
        sa.Column("reason", text, nullable=False),
        sa.Column("closed_by", text, nullable=False),
        sa.Column("lifted_at", time),
        sa.Column("lifted_by", text),
        sa.PrimaryKeyConstraint("id", name="pk_closures"),
    )
    op.create_table(
        "policy_versions",
        sa.Column("version", text, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", time, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_policy_versions"),
    )
    _make_evidence(text, time)


def downgrade() -> None:
    """Remove them; what they hold is lost."""
    for table in ("evidence", "policy_versions", "closures", "number_records"):
        op.drop_table(table)
    op.drop_index("ix_calls_tenant_id_account_key", "calls")
    op.drop_index("ix_calls_tenant_id_number_e164", "calls")
    op.drop_column("calls", "answered_at")
    op.drop_column("calls", "rang_at")
    op.drop_column("calls", "account_key")
    op.drop_column("users", "caller_ids")


def _make_evidence(text: sa.Text, time: sa.DateTime) -> None:
    op.create_table(
        "evidence",
        sa.Column("tenant_id", text, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("number", text, nullable=False),
        sa.Column("call_id", text),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name="pk_evidence"),
    )
    of_call = sa.text("call_id IS NOT NULL")
    op.create_index(
        "ix_evidence_call_id",
        "evidence",
        ["call_id", "kind"],
        unique=True,
        sqlite_where=of_call,
        postgresql_where=of_call,
    )


def _fill_times() -> None:
    """An attempt counts where it rang: without these times, earlier calls would count as never placed."""
    of_call = "SELECT min(at) FROM call_changes WHERE call_id = calls.id AND"
    op.execute(f"UPDATE calls SET answered_at = ({of_call} state = 'connected')")  # noqa: S608  # all of it is above
    op.execute(f"UPDATE calls SET rang_at = ({of_call} state IN {_REACHED})")  # noqa: S608
    # Where the network told of no ringing, the cause tells that the far end was tried.
    tried = " OR ".join(f"""ending LIKE '%"cause":"{cause}"%'""" for cause in _TRIED)
    op.execute(
        f"UPDATE calls SET rang_at = ({of_call} state = 'wrap_up') "  # noqa: S608
        f"WHERE rang_at IS NULL AND ({tried}) "
        "AND EXISTS (SELECT 1 FROM call_changes WHERE call_id = calls.id AND state = 'dialing')"
    )


def _fill_account_keys() -> None:
    text = sa.Text()
    calls = sa.table("calls", sa.column("id", text), sa.column("account_number", text), sa.column("account_key", text))
    filling = sa.update(calls).where(calls.c.id == sa.bindparam("of_call")).values(account_key=sa.bindparam("account"))
    connection = op.get_bind()
    naming = sa.select(calls.c.id, calls.c.account_number).where(calls.c.account_number.is_not(None))
    in_parts = naming.where(calls.c.id > sa.bindparam("after")).order_by(calls.c.id).limit(_AT_ONCE)
    after = ""
    while found := connection.execute(in_parts, {"after": after}).all():
        connection.execute(filling, [{"of_call": row.id, "account": _account_key(row.account_number)} for row in found])
        after = found[-1].id


def _account_key(stored: str) -> str:
    # In a stored text U+001A escapes a character that not every database has, by its code point.
    account = re.sub("\x1a([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), stored)
    return hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()
