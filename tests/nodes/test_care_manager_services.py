"""The care_manager node: drills, presence, sound, the audit log, the robot, the loudspeakers of rooms."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from care_robot_msgs.action import Ask
from care_robot_msgs.msg import (
    Alarm,
    AlarmArray,
    AuditRecord,
    FallEvent,
    FallEventArray,
    StaffPresenceArray,
    Task,
    TaskArray,
    TaskStatus,
    Utterance,
)
from care_robot_msgs.srv import AppendAudit, DrillAlarm, PauseAlarmAudio, SetStaffPresence
from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup

from care_robot.care.alarms import AlarmKind
from care_robot.care.care_manager_node import CareManagerNode
from care_robot.care.staff import hash_pin
from care_robot.ros import qos

PIN = "4711"


@pytest.fixture
def care(ros: Any, tmp_path: Path) -> Callable[..., Any]:
    """Starts the node with a member of staff, and a loudspeaker in the bedroom."""
    config = tmp_path / "care.yaml"
    config.write_text(
        json.dumps(
            {
                "residents": [{"id": "kim", "rooms": ["bedroom", "kitchen"]}],
                "contacts": [{"id": "carer", "channels": [{"type": "console"}]}],
                "staff": [{"name": "박 간호사", "pin": hash_pin(PIN)}],
                "rooms": {"bedroom": {"speaker": "bedroom_speaker"}},
            }
        )
    )
    return lambda: ros.node(CareManagerNode, data_dir=str(tmp_path), config_file=str(config))


@pytest.fixture
def alarms(ros: Any) -> Any:
    return ros.inbox(AlarmArray, "alarms", qos.LATCHED)


def the(inbox: Any, fits: Callable[[Any], bool]) -> Any:
    message = inbox.wait(lambda m: any(fits(a) for a in m.alarms))
    return next(a for a in message.alarms if fits(a))


def events(alarm: Any) -> list[str]:
    return [step.event for step in alarm.history]


def fall_in(ros: Any, room: str) -> None:
    now = ros.tester.get_clock().now().to_msg()
    event = FallEvent(id="f1", kind=FallEvent.KIND_FALL, state=FallEvent.STATE_CONFIRMED, room=room)
    event.start = event.confirmed_at = now
    ros.publisher(FallEventArray, "falls", qos.LATCHED).publish(FallEventArray(events=[event]))


def audited(folder: Path) -> list[tuple[str, str, str, str]]:
    with sqlite3.connect(f"file:{folder / 'care.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT actor, category, reason_ko, reason_en FROM audit ORDER BY seq")
        return [tuple(row) for row in rows]


def test_a_drill_is_marked_in_the_alarm(ros: Any, care: Any, alarms: Any) -> None:
    care()
    request = DrillAlarm.Request(kind=AlarmKind.FALL, room="bedroom", by="박 간호사")
    reply = ros.call(DrillAlarm, "alarms/drill", request)
    assert reply.success
    alarm = the(alarms, lambda a: a.id == reply.alarm_id and a.state == Alarm.STATE_NOTIFIED)
    assert alarm.drill
    refused = ros.call(DrillAlarm, "alarms/drill", DrillAlarm.Request(kind=AlarmKind.FALL))
    assert (refused.success, refused.error_code) == (False, DrillAlarm.Response.INVALID)
    assert "이름" in refused.error_msg


def test_presence_needs_the_right_pin_and_no_guessing(ros: Any, care: Any, tmp_path: Path) -> None:
    present = ros.inbox(StaffPresenceArray, "staff_presence", qos.LATCHED)
    care()

    def declare(pin: str, duration: float = 600.0) -> Any:
        request = SetStaffPresence.Request(by="박 간호사", pin=pin, room="bedroom", duration=duration)
        return ros.call(SetStaffPresence, "staff_presence/set", request)

    assert declare(PIN).success
    (found,) = present.wait(lambda m: m.present).present
    assert (found.by, found.room, found.until.sec - found.since.sec) == ("박 간호사", "bedroom", 600)
    assert declare(PIN, float("nan")).error_code == SetStaffPresence.Response.DURATION_INVALID
    for _ in range(5):
        assert declare("0000").error_code == SetStaffPresence.Response.NOT_AUTHENTICATED
    assert declare(PIN).error_code == SetStaffPresence.Response.NOT_AUTHENTICATED
    assert ("박 간호사", "login") in [row[:2] for row in audited(tmp_path)]
    assert PIN not in str(audited(tmp_path))


def test_the_sound_of_an_alarm_can_be_paused(ros: Any, care: Any, alarms: Any) -> None:
    care()
    ros.publisher(Utterance, "utterance", qos.STATE).publish(Utterance(text="도와주세요", language="ko"))
    alarm = the(alarms, lambda a: a.state == Alarm.STATE_NOTIFIED)

    def pause(seconds: float) -> Any:
        request = PauseAlarmAudio.Request(alarm_id=alarm.id, by="Park", duration=seconds)
        return ros.call(PauseAlarmAudio, "alarms/pause_audio", request)

    assert pause(121.0).error_code == PauseAlarmAudio.Response.DURATION_INVALID
    reply = pause(120.0)
    assert reply.success
    assert the(alarms, lambda a: a.audio_paused_until == reply.until)


def test_what_others_append_to_the_audit_log_is_kept_with_our_time(
    ros: Any, care: Any, tmp_path: Path
) -> None:
    care()
    record = AuditRecord(action=AuditRecord.ACTION_READ, actor="박 간호사", category="alarm")
    record.reason_ko, record.reason_en, record.confidence = "봄", "Looked", float("nan")
    assert ros.call(AppendAudit, "audit/append", AppendAudit.Request(record=record)).success
    assert ("박 간호사", "alarm", "봄", "Looked") in audited(tmp_path)
    nonsense = AppendAudit.Request(record=AuditRecord(action=99))
    assert ros.call(AppendAudit, "audit/append", nonsense).error_code == AppendAudit.Response.INVALID


def test_every_step_of_an_alarm_and_every_refusal_is_audited_in_both_languages(
    ros: Any, care: Any, alarms: Any, tmp_path: Path
) -> None:
    care()
    fall_in(ros, "kitchen")
    alarm = the(alarms, lambda a: a.state == Alarm.STATE_NOTIFIED)
    ros.call(DrillAlarm, "alarms/drill", DrillAlarm.Request(kind=200, by="Park"))
    rows = audited(tmp_path)
    assert len([row for row in rows if row[1] == "fall"]) >= len(alarm.history)
    assert [row for row in rows if row[:2] == ("Park", "refusal")]
    assert all(ko and en for _, _, ko, en in rows)


def test_the_robots_part_is_told_in_the_alarm(ros: Any, care: Any, alarms: Any) -> None:
    care()
    ros.publisher(Utterance, "utterance", qos.STATE).publish(Utterance(text="도와주세요", language="ko"))
    alarm = the(alarms, lambda a: a.state == Alarm.STATE_NOTIFIED)
    tasks = ros.publisher(TaskArray, "tasks", qos.LATCHED)

    def report(state: int, **fields: Any) -> None:
        task = Task(id="r", kind=Task.KIND_RESPOND_TO_FALL, alarm_id=alarm.id)
        status = TaskStatus(task=task, state=state, **fields)
        noise = TaskStatus(task=Task(kind=Task.KIND_SAY, alarm_id=alarm.id), state=200)
        tasks.publish(TaskArray(tasks=[noise, status]))

    report(TaskStatus.STATE_RUNNING)
    the(alarms, lambda a: events(a)[-1] == "robot_sent")
    report(TaskStatus.STATE_RUNNING, arrived=True)
    the(alarms, lambda a: events(a)[-1] == "robot_arrived")
    report(TaskStatus.STATE_FAILED, error_code=308, error_msg="길이 막혔습니다. · The way is blocked.")
    failed = the(alarms, lambda a: events(a)[-1] == "robot_failed")
    assert "The way is blocked." in failed.history[-1].reason_en


@pytest.mark.parametrize(("room", "asks_there"), [("bedroom", True), ("kitchen", False)])
def test_who_falls_in_a_room_with_a_loudspeaker_is_asked_there(
    ros: Any, care: Any, alarms: Any, room: str, asks_there: bool
) -> None:
    asked: list[str] = []

    def serve(name: str) -> ActionServer:
        def execute(goal: Any) -> Any:
            asked.append(name)
            goal.succeed()
            return Ask.Result(error_code=Ask.Result.NO_ANSWER, audible=False)

        group = ReentrantCallbackGroup()
        return ActionServer(ros.tester, Ask, f"{name}ask", execute, callback_group=group)

    servers = [serve(""), serve("bedroom_speaker/")]
    care()
    fall_in(ros, room)
    the(alarms, lambda a: a.state == Alarm.STATE_NOTIFIED)
    assert asked == (["bedroom_speaker/"] if asks_there else [""])
    assert len(servers) == 2
