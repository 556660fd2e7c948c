"""Tables of the care database, built by the migrations; columns are named like the fields that they hold."""

from datetime import datetime, timezone
from enum import Enum
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

from care_robot.care.alarms import AlarmKind, AlarmState, PageState, Priority, RobotState
from care_robot.care.audit import AuditAction


class Utc(TypeDecorator[datetime]):
    """Aware UTC datetimes as ISO text of fixed width: SQLite itself would drop the zone."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """To text; ValueError for a time without a zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone must not be stored")
        return None if value is None else value.astimezone(timezone.utc).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """From text."""
        return None if value is None else datetime.fromisoformat(value)


class Coded(TypeDecorator[Enum]):
    """An enumeration as its value; ValueError for a value that it does not have."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__()
        self.kind = kind
        self.impl_instance = Integer() if issubclass(kind, int) else String(20)

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Integers stay integers."""
        return dialect.type_descriptor(self.impl_instance)

    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> Any:
        """To the value."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> Enum | None:
        """From the value."""
        return None if value is None else self.kind(value)


METADATA = MetaData()


def _alarm_id(**options: Any) -> "Column[str]":
    return Column("alarm_id", String, ForeignKey("alarms.id"), nullable=False, **options)


ALARMS = Table(
    "alarms",
    METADATA,
    Column("id", String, primary_key=True),
    Column("kind", Coded(AlarmKind), nullable=False),
    Column("priority", Coded(Priority), nullable=False),
    Column("condition", String, nullable=False),
    Column("resident_id", String, nullable=False),
    Column("resident_name", String, nullable=False),
    Column("room", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("event_at", Utc, nullable=False),
    Column("raised_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("state", Coded(AlarmState), nullable=False, index=True),
    Column("drill", Boolean, nullable=False),
    Column("occurrences", Integer, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("asks", Integer, nullable=False),
    Column("robot", Coded(RobotState), nullable=False),
    Column("audio_paused_until", Utc),
    Column("ok_at", Utc),
    Column("deadline_at", Utc),
    Column("page_by", Utc),
    Column("acknowledged_by", String, nullable=False),
    Column("acknowledged_at", Utc),
    Column("attended_by", String, nullable=False),
    Column("attended_at", Utc),
    Column("resolved_by", String, nullable=False),
    Column("resolved_at", Utc),
    Column("resolution", String, nullable=False),
)
"""Each alarm as it is now."""

SOURCES = Table(
    "alarm_sources",
    METADATA,
    Column("key", String, primary_key=True),
    _alarm_id(index=True),
    Column("kind", Coded(AlarmKind), nullable=False),
    Column("person_id", String, nullable=False),
    Column("room", String, nullable=False),
    Column("event_at", Utc, nullable=False),
    Column("recovered_at", Utc),
    Column("evidence", String, nullable=False),
)
"""The events behind the alarms: one that stands here raises nothing again."""

EVENTS = Table(
    "alarm_events",
    METADATA,
    _alarm_id(primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("state", Coded(AlarmState), nullable=False),
    Column("event", String, nullable=False),
    Column("by", String, nullable=False),
    Column("reason_ko", String, nullable=False),
    Column("reason_en", String, nullable=False),
    Column("after", String, nullable=False),
)
"""Every step of every alarm. Triggers refuse to change or delete a row."""

PAGES = Table(
    "pages",
    METADATA,
    Column("id", String, primary_key=True),
    _alarm_id(index=True),
    Column("round", Integer, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("contact_id", String, nullable=False),
    Column("kind", Coded(AlarmKind), nullable=False),
    Column("priority", Coded(Priority), nullable=False),
    Column("resident_name", String, nullable=False),
    Column("room", String, nullable=False),
    Column("event_at", Utc, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("text_ko", String, nullable=False),
    Column("text_en", String, nullable=False),
    Column("drill", Boolean, nullable=False),
    Column("channel", Integer, nullable=False),
    Column("repeat", Boolean, nullable=False),
    Column("state", Coded(PageState), nullable=False, index=True),
)
"""The outbox: a page stands here before it is sent, and stays pending until a channel has confirmed it."""

PRESENCES = Table(
    "staff_presence",
    METADATA,
    Column("by", String, primary_key=True),
    Column("room", String, nullable=False),
    Column("since", Utc, nullable=False),
    Column("until", Utc, nullable=False),
)
"""Where each member of staff has declared to be, the last time they did."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("at", Utc, nullable=False),
    Column("action", Coded(AuditAction), nullable=False),
    Column("actor", String, nullable=False),
    Column("category", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason_ko", String, nullable=False),
    Column("reason_en", String, nullable=False),
    Column("resident_id", String, nullable=False),
    Column("recipient", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("version", String, nullable=False),
    Column("confidence", Float),
    Column("evidence", String, nullable=False),
    Column("content", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
)
"""The audit log, see `care_robot.care.audit_chain`. Triggers refuse to change or delete a record.

``content`` is the digest of the step of an alarm that the record speaks of; empty for none.
"""

AUDIT_HEAD = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("hash", String, nullable=False),
)
"""How many records there are, and the hash of the last: so that the end cannot be cut off unseen."""
