"""The logins of agents, and how the oldest presses and calls are found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table and the indexes."""
    text = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.create_table(
        "agent_sessions",
        sa.Column("agent_id", text, nullable=False),
        sa.Column("tenant_id", text, nullable=False),
        sa.Column("login_name", text, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("connector", text, nullable=False),
        sa.Column("extension", text, nullable=False),
        sa.Column("region", text, nullable=False),
        sa.Column("chosen", text, nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name="pk_agent_sessions"),
    )
    conditions = {
        "ix_calls_remembered": "state = 'ended' AND request_key IS NOT NULL",
        "ix_calls_forgotten": "state = 'ended' AND request_key IS NULL",
    }
    for name, condition in conditions.items():
        where = sa.text(condition)
        op.create_index(name, "calls", ["requested_at"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Remove them; the logins are lost."""
    op.drop_index("ix_calls_forgotten", "calls")
    op.drop_index("ix_calls_remembered", "calls")
    op.drop_table("agent_sessions")
