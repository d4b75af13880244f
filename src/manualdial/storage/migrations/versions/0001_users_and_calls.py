"""Tenants, users, calls and their history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    text = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    time = sa.DateTime(timezone=True)
    op.create_table(
        "tenants",
        sa.Column("id", text, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
    )
    op.create_table(
        "users",
        sa.Column("id", text, nullable=False),
        sa.Column("tenant_id", text, nullable=False),
        sa.Column("login_name", text, nullable=False),
        sa.Column("login_key", text, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("password_hash", text, nullable=False),
        sa.Column("roles", text, nullable=False),
        sa.Column("extension", text),
        sa.Column("region", text),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("login_key", name="uq_users_login_key"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_users_tenant_id"),
    )
    op.create_table(
        "calls",
        sa.Column("id", text, nullable=False),
        sa.Column("tenant_id", text, nullable=False),
        sa.Column("agent_id", text, nullable=False),
        sa.Column("connector", text, nullable=False),
        sa.Column("engine", text, nullable=False),
        sa.Column("extension", text, nullable=False),
        sa.Column("number_typed", text, nullable=False),
        sa.Column("number_e164", text, nullable=False),
        sa.Column("number_region", text, nullable=False),
        sa.Column("number_type", text, nullable=False),
        sa.Column("number_extension", text),
        sa.Column("request_id", text),
        sa.Column("request_key", text),
        sa.Column("digest", text, nullable=False),
        sa.Column("caller_id", text),
        sa.Column("campaign_id", text),
        sa.Column("account_number", text),
        sa.Column("purpose", text, nullable=False),
        sa.Column("verdict", sa.LargeBinary(), nullable=False),
        sa.Column("state", text, nullable=False),
        sa.Column("previous", text),
        sa.Column("ending", text),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("requested_at", time, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.UniqueConstraint("agent_id", "request_key", name="uq_calls_agent_id_request_key"),
    )
    op.create_index("ix_calls_tenant_id_requested_at_id", "calls", ["tenant_id", "requested_at", "id"])
    op.create_index("ix_calls_agent_id_requested_at_id", "calls", ["agent_id", "requested_at", "id"])
    is_open = sa.text("state != 'ended'")
    op.create_index("ix_calls_open", "calls", ["requested_at"], sqlite_where=is_open, postgresql_where=is_open)
    op.create_table(
        "call_changes",
        sa.Column("call_id", text, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("state", text, nullable=False),
        sa.Column("leg", text, nullable=False),
        sa.Column("event", text, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "step", "leg", name="pk_call_changes"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_call_changes_call_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """There is nothing before it."""
    for table in ("call_changes", "calls", "users", "tenants"):
        op.drop_table(table)
