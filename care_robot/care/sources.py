"""From what is reported to the event behind an alarm, with an identity that repetitions share."""

import json
import math
from datetime import datetime, timedelta

from care_robot.care.alarms import AlarmKind, Source, clean_id, clean_text, digest
from care_robot.care.inputs import FallReport, FallState, Heard

MAX_EVIDENCE = 20
SAME_CALL = timedelta(seconds=60)


def fall_id(report: FallReport) -> str:
    """Id of a fall event; one that comes without still counts, by what it says in each repetition."""
    content = (report.camera, report.person_id, str(report.start), str(report.confirmed_at))
    return clean_id(report.id) or f"unnamed-{digest(*content)}"


def of_fall(report: FallReport, now: datetime) -> Source:
    """A fall; a kind that nobody knows is taken for the fall itself, a time to come for now."""
    began = confirmed_at(report, now)
    return Source(
        key=f"fall:{fall_id(report)}",
        kind=AlarmKind.LYING if report.kind == AlarmKind.LYING else AlarmKind.FALL,
        person_id=clean_id(report.person_id),
        room=clean_text(report.room),
        event_at=min(report.start or began, began),
        recovered_at=now if report.state == FallState.RECOVERED else None,
        evidence=_evidence_json(report),
    )


def confirmed_at(report: FallReport, now: datetime) -> datetime:
    """From when the clock of the first page runs."""
    return min(report.confirmed_at or now, now)


def raise_key(source_id: str, n: int) -> str:
    """Key of the `n`-th event, from 1, that another program reports under one id."""
    return f"raise:{source_id}" if n == 1 else f"raise@{n}:{source_id}"


def raised_id(key: str) -> str | None:
    """The id under which another program reported an event; none for an event of another origin."""
    origin, _, source_id = key.partition(":")
    return source_id if origin.partition("@")[0] == "raise" else None


def of_words(heard: Heard, now: datetime) -> Source:
    """A call for help: the same words of the same time are one call, whichever way they come."""
    # A clock that stands still must not make a new call out to be an old one.
    at = heard.at if heard.at is not None and abs(now - heard.at) < SAME_CALL else now
    key = f"heard:{at.isoformat()}:{digest(heard.text)}"
    return Source(key, AlarmKind.HELP, "", clean_text(heard.room), min(at, now))


def _evidence_json(report: FallReport) -> str:
    """Evidence as JSON; a number that is not finite has no place in it and becomes null."""

    def number(value: float) -> float | None:
        return round(value, 4) if math.isfinite(value) else None

    rows = [
        (clean_text(name), number(value), clean_text(unit, 20), number(threshold))
        for name, value, unit, threshold in report.evidence[:MAX_EVIDENCE]
    ]
    names = ("name", "value", "unit", "threshold")
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False)
