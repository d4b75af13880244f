"""What came of each call, and how calls are found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_CAUSES = (
    *("normal", "busy", "no_answer", "rejected", "invalid_number"),
    *("congestion", "cancelled", "timeout", "failed", "unknown"),
)


def upgrade() -> None:
    """Make the column and its index, and fill it from the answers and the endings."""
    text = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.add_column("calls", sa.Column("outcome", text))
    causes = " ".join(f"""WHEN ending LIKE '%"cause":"{cause}"%' THEN '{cause}'""" for cause in _CAUSES)
    outcome = f"CASE WHEN answered_at IS NOT NULL THEN 'conversation' {causes} END"
    op.get_bind().exec_driver_sql(
        f"UPDATE calls SET outcome = {outcome} WHERE answered_at IS NOT NULL OR ending IS NOT NULL"  # noqa: S608  # all of it is above
    )
    known = sa.text("outcome IS NOT NULL")
    op.create_index(
        "ix_calls_tenant_id_outcome",
        "calls",
        ["tenant_id", "outcome", "requested_at"],
        sqlite_where=known,
        postgresql_where=known,
    )


def downgrade() -> None:
    """Remove them; nothing is lost."""
    op.drop_index("ix_calls_tenant_id_outcome", "calls")
    op.drop_column("calls", "outcome")
