"""What is kept of every decision and every view of personal data; never pictures or sound."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from care_robot.care.text import Text


class AuditAction(IntEnum):
    """Actions of FHIR AuditEvent; the numbers are those of care_robot_msgs/AuditRecord."""

    CREATE = 1
    READ = 2
    UPDATE = 3
    DELETE = 4
    EXECUTE = 5
    """An autonomous decision, or something that was carried out."""


@dataclass(frozen=True)
class AuditRecord:
    """Who saw, changed or sent what about whom, or what the machine decided by itself."""

    at: datetime
    action: AuditAction
    actor: str
    """Name of the human, or of the node."""
    category: str
    """Kind of data or decision, such as alarm, page, staff_presence, task."""
    outcome: str
    reason: Text
    resident_id: str = ""
    recipient: str = ""
    purpose: str = ""
    subject: str = ""
    """What it is about, such as ``<alarm id>#<step>``."""
    version: str = ""
    """Of the program or model that decided."""
    confidence: float | None = None
    """0 to 1; none where nothing was judged."""
    evidence: str = "[]"
    """What the decision rests on, as JSON."""
