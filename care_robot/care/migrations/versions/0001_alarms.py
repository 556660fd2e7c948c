"""Alarms, the events behind them, their history and the outbox of pages."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the first tables."""
    op.create_table(
        "alarms",
        _text("id", primary_key=True),
        *(_number(name) for name in ("kind", "priority")),
        *(_text(name) for name in ("condition", "resident_id", "resident_name", "room", "source_id")),
        *(_time(name) for name in ("event_at", "raised_at", "updated_at")),
        *(_number(name) for name in ("state", "occurrences", "tier", "rounds", "asks")),
        *(_time(name, nullable=True) for name in ("ok_at", "deadline_at", "page_by")),
        _text("acknowledged_by"),
        _time("acknowledged_at", nullable=True),
        _text("attended_by"),
        _time("attended_at", nullable=True),
        _text("resolved_by"),
        _time("resolved_at", nullable=True),
        _text("resolution"),
    )
    op.create_index("ix_alarms_state", "alarms", ["state"])
    op.create_table(
        "alarm_sources",
        _text("key", primary_key=True),
        _alarm_id(),
        _number("kind"),
        *(_text(name) for name in ("person_id", "room")),
        _time("event_at"),
        _time("recovered_at", nullable=True),
        _text("evidence"),
    )
    op.create_index("ix_alarm_sources_alarm_id", "alarm_sources", ["alarm_id"])
    op.create_table(
        "alarm_events",
        _alarm_id(primary_key=True),
        _number("n", primary_key=True),
        _time("at"),
        _number("state"),
        *(_text(name) for name in ("event", "by", "reason_ko", "reason_en")),
    )
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER alarm_events_no_{act.lower()} BEFORE {act} ON alarm_events "
            "BEGIN SELECT RAISE(ABORT, 'alarm_events is append-only'); END"
        )
    op.create_table(
        "pages",
        _text("id", primary_key=True),
        _alarm_id(),
        *(_number(name) for name in ("round", "tier")),
        _text("contact_id"),
        *(_number(name) for name in ("kind", "priority")),
        *(_text(name) for name in ("resident_name", "room")),
        *(_time(name) for name in ("event_at", "created_at")),
        *(_text(name) for name in ("text_ko", "text_en")),
        _number("channel"),
        sa.Column("repeat", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
    )
    op.create_index("ix_pages_alarm_id", "pages", ["alarm_id"])
    op.create_index("ix_pages_state", "pages", ["state"])


def _text(name: str, **options: Any) -> "sa.Column[str]":
    return sa.Column(name, sa.String, nullable=False, **options)


def _number(name: str, **options: Any) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer, nullable=False, **options)


def _time(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(32), nullable=nullable)


def _alarm_id(**options: Any) -> "sa.Column[str]":
    return sa.Column("alarm_id", sa.String, sa.ForeignKey("alarms.id"), nullable=False, **options)
