"""Exercises, what the robot does, presence of staff, each alarm after each step, and the audit log."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; the audit log begins empty."""
    for table in ("alarms", "pages"):
        op.add_column(table, sa.Column("drill", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("alarms", sa.Column("robot", sa.Integer, nullable=False, server_default="0"))
    op.add_column("alarms", sa.Column("audio_paused_until", sa.String(32)))
    op.add_column("alarm_events", sa.Column("after", sa.String, nullable=False, server_default="{}"))
    op.create_table(
        "staff_presence",
        _text("by", primary_key=True),
        _text("room"),
        _text("since"),
        _text("until"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True),
        _text("key", unique=True),
        _text("at"),
        sa.Column("action", sa.Integer, nullable=False),
        *(_text(name) for name in ("actor", "category", "outcome", "reason_ko", "reason_en", "resident_id")),
        *(_text(name) for name in ("recipient", "purpose", "subject", "version")),
        sa.Column("confidence", sa.Float),
        *(_text(name) for name in ("evidence", "content", "previous", "hash")),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        _text("hash"),
    )
    op.execute(f"INSERT INTO audit_head VALUES (1, 0, '{'0' * 64}')")  # noqa: S608
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{act.lower()} BEFORE {act} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        )


def _text(name: str, **options: Any) -> "sa.Column[str]":
    return sa.Column(name, sa.String, nullable=False, **options)
