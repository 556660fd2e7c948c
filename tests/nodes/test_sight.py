"""What a camera node may show, and what is said of a camera that does not see."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from care_robot_msgs.msg import Alarm, AlarmArray, CameraState
from care_robot_msgs.srv import EnableCamera, RaiseAlarm, ResolveAlarm
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from care_robot.care.care_manager_node import CareManagerNode
from care_robot.geometry import Pose
from care_robot.perception.image_health import Trouble
from care_robot.perception.sight import FIRST_S
from care_robot.perception.sight_report_node import SightReport
from care_robot.perception.video import Frame, VideoSource
from care_robot.perception.video_camera_node import VideoCameraNode
from care_robot.ros import qos
from care_robot.ros.node import CareNode, Level
from care_robot.ros.transforms import TransformBroadcaster

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from camera_pictures import DrawnRoom

ROOT = Path(__file__).parents[2]
PLACES = str(ROOT / "config" / "places" / "apartment.yaml")
BATHROOM, HALL = (1.0, 5.0), (4.0, 5.0)
ALWAYS = ["00:00-12:00 UTC", "12:00-00:00 UTC"]


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, folder in (("HOME", "home"), ("TMPDIR", "tmp"), ("XDG_STATE_HOME", "state")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    return tmp_path


class Device:
    """A camera whose device a test can watch: `opened` counts, `is_open` is now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened, self.is_open = 0, False
        self.room = DrawnRoom(width=64, height=48)
        device = self

        def frames(source: VideoSource) -> Iterator[Frame]:
            with device._use(source):
                while not source._wait(0.02):
                    yield device.room.picture()

        def check(source: VideoSource) -> tuple[int, int, float]:
            with device._use(source):
                return 64, 48, 0.0

        monkeypatch.setattr(VideoSource, "frames", frames)
        monkeypatch.setattr(VideoSource, "check", check)

    def _use(self, source: VideoSource) -> Any:
        device = self

        class Use:
            def __enter__(self) -> None:
                device.opened += 1
                device.is_open = source.is_open = True

            def __exit__(self, *_: object) -> None:
                device.is_open = source.is_open = False

        return Use()


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    return Device(monkeypatch)


class Robot:
    """Says where it stands, ten times a second."""

    def __init__(self, ros: Any, at_m: tuple[float, float]) -> None:
        self.at_m: tuple[float, float] | None = at_m
        self._node = ros.tester
        self._transforms = TransformBroadcaster(ros.tester)
        ros.tester.create_timer(0.05, self._tell)

    def _tell(self) -> None:
        if self.at_m is not None:
            now = self._node.get_clock().now().nanoseconds / 1e9
            self._transforms.send("map", "odom", Pose.identity(), now)
            self._transforms.send("odom", "base_link", Pose.from_rpy(*self.at_m, 0.0), now)


def switch(ros: Any, on: bool) -> Any:
    return ros.call(EnableCamera, "camera/enable", EnableCamera.Request(enabled=on, by="carer"))


def head_camera(ros: Any, **more: Any) -> VideoCameraNode:
    return ros.node(VideoCameraNode, source="99", camera="head_camera", on_robot=True, places=PLACES, **more)


def test_a_robots_camera_closes_in_a_private_room_and_opens_after_it(ros: Any, device: Device) -> None:
    states = ros.inbox(CameraState, "camera/state", qos.LATCHED)
    images = ros.inbox(Image, "image_raw", qos.SENSOR)
    robot = Robot(ros, HALL)
    head_camera(ros)
    images.wait()
    robot.at_m = BATHROOM
    ros.wait_until(lambda: not device.is_open, "the device to close", 1.0)
    closed = states.wait(lambda m: not m.enabled and m is states.messages[-1])
    assert (closed.recording, closed.by) == (False, "privacy_zone")
    assert "욕실" in closed.reason
    assert "bathroom" in closed.reason
    count, opened = len(images.messages), device.opened
    refused = switch(ros, on=True)
    assert (refused.success, refused.error_code) == (False, EnableCamera.Response.REFUSED)
    assert "욕실" in refused.error_msg
    assert (len(images.messages), device.opened) == (count, opened)
    robot.at_m = HALL
    images.wait(lambda m: len(images.messages) > count)
    state = states.wait(lambda m: m.recording and m is states.messages[-1])
    assert state.enabled


def test_a_restart_in_a_private_room_opens_nothing(ros: Any, device: Device) -> None:
    Robot(ros, BATHROOM)
    node = head_camera(ros)
    ros.wait_until(lambda: "bathroom" in node.diagnose().message, "the place")
    for transition in ("deactivate", "cleanup", "configure", "activate"):
        assert getattr(node, f"trigger_{transition}")().name == "SUCCESS"
    ros.wait_until(lambda: "bathroom" in node.diagnose().message, "the place")
    assert device.opened == 0


def test_a_robot_that_is_lost_has_its_camera_closed(ros: Any, device: Device) -> None:
    robot = Robot(ros, HALL)
    node = head_camera(ros)
    ros.wait_until(lambda: device.is_open, "the device to open")
    robot.at_m = None
    ros.wait_until(lambda: not device.is_open, "the device to close")
    assert node.diagnose().level is Level.WARN


def test_a_robot_that_never_said_where_it_is_has_its_camera_closed(ros: Any, device: Device) -> None:
    node = head_camera(ros)
    assert "does not know where it is" in node.diagnose().message
    assert switch(ros, on=True).error_code == EnableCamera.Response.REFUSED
    assert device.opened == 0


def test_what_a_human_switched_off_stays_off_when_a_rule_has_passed(ros: Any, device: Device) -> None:
    robot = Robot(ros, HALL)
    node = head_camera(ros)
    ros.wait_until(lambda: device.is_open, "the device to open")
    robot.at_m = BATHROOM
    ros.wait_until(lambda: not device.is_open, "the device to close")
    assert switch(ros, on=False).success
    opened = device.opened
    robot.at_m = HALL
    ros.wait_until(lambda: node._ban is None, "the rule to pass")
    ros.wait_until(lambda: switch(ros, on=False).success, "another look")
    assert device.opened == opened
    assert switch(ros, on=True).success
    ros.wait_until(lambda: device.is_open, "the device to open")


def test_a_robot_that_drives_in_while_its_camera_is_switched_on_is_not_filmed(
    ros: Any, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot, images = Robot(ros, HALL), ros.inbox(Image, "image_raw", qos.SENSOR)
    node = head_camera(ros, enabled=False)
    ros.wait_until(lambda: node._ban is None, "the place")
    tried, now_s = VideoSource.check, node.now_s

    def slowly(source: VideoSource) -> Any:
        robot.at_m = BATHROOM
        monkeypatch.setattr(node, "now_s", lambda: now_s() + 3.0)  # nothing else is heard in the meantime
        return tried(source)

    monkeypatch.setattr(VideoSource, "check", slowly)
    switch(ros, on=True)
    ros.wait_until(lambda: node._ban is not None, "the rule")
    assert device.opened == 1  # to try it
    assert not device.is_open
    assert images.messages == []


def test_the_camera_of_a_private_room_never_opens(ros: Any, device: Device) -> None:
    node = ros.node(VideoCameraNode, source="99", camera="bathroom_camera", places=PLACES)
    assert "private room" in node.diagnose().message
    assert switch(ros, on=True).error_code == EnableCamera.Response.REFUSED
    assert device.opened == 0


def test_at_off_hours_the_device_is_closed(ros: Any, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    states = ros.inbox(CameraState, "camera/state", qos.LATCHED)
    closed = ros.node(VideoCameraNode, source="99", off_hours=ALWAYS)
    assert states.wait().by == "privacy_schedule"
    assert device.opened == 0
    monkeypatch.setattr(closed, "now_s", lambda: 0.0)
    closed._rules._off_hours = closed._rules._off_hours[1:]  # it is midnight in 1970, and off after noon
    ros.wait_until(lambda: device.is_open, "the device to open")
    monkeypatch.setattr(closed, "now_s", lambda: 13 * 3600.0)
    ros.wait_until(lambda: not device.is_open, "the device to close", 1.0)


def test_a_device_that_hangs_shows_nothing_and_is_closed_as_soon_as_it_can_be(
    ros: Any, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, hangs, seen = ros.inbox(Image, "image_raw", qos.SENSOR), threading.Event(), threading.Event()

    def frames(source: VideoSource) -> Iterator[Frame]:
        with device._use(source):
            yield device.room.picture()
            seen.set()
            hangs.wait(20.0)
            yield device.room.picture()

    monkeypatch.setattr(VideoSource, "frames", frames)
    node = ros.node(VideoCameraNode, source="99")
    assert seen.wait(20.0)
    images.wait()
    response = switch(ros, on=False)
    assert (response.success, response.error_code) == (False, EnableCamera.Response.CAMERA_FAILED)
    assert device.is_open
    hangs.set()
    ros.wait_until(lambda: not device.is_open, "the device to close")
    assert not node._player.running
    assert len(images.messages) == 1


def test_no_picture_comes_before_the_sign_that_it_is_taken(ros: Any, device: Device) -> None:
    order: list[str] = []
    node = ros.node(VideoCameraNode, source="99", start=False)
    assert node.trigger_configure().name == "SUCCESS"
    assert device.opened == 0  # nothing is opened while nobody can be told
    tell, show = node._states.publish, node._images.publish
    node._states.publish = lambda m: (order.append(f"recording {m.recording}"), tell(m))
    node._images.publish = lambda m: (order.append("picture"), show(m))
    assert node.trigger_activate().name == "SUCCESS"
    ros.wait_until(lambda: order.count("picture") > 3, "pictures")
    assert switch(ros, on=False).success
    assert not device.is_open
    assert order.index("recording True") < order.index("picture")
    assert order[-1] == "recording False"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"places": "/no/such.yaml"}, "/no/such.yaml"),
        ({"off_hours": ["at night"]}, "22:00-07:00 Asia/Seoul"),
        ({"off_hours": ["22:00-07:00 Mars/Base"]}, "Mars/Base"),
    ],
)
def test_no_camera_without_its_rules(ros: Any, device: Device, parameters: dict[str, Any], said: str) -> None:
    node = VideoCameraNode(
        context=ros.context,
        parameter_overrides=[
            Parameter(name, value=value) for name, value in {"source": "99", **parameters}.items()
        ],
    )
    ros.spin(node)
    assert node.trigger_configure().name == "FAILURE"
    assert said in node.trouble
    assert device.opened == 0


# Nothing is kept -----------------------------------------------------------------------------------------


def test_no_picture_reaches_a_disk_or_another_topic(ros: Any, device: Device, own_state: Path) -> None:
    images = ros.inbox(Image, "image_raw", qos.SENSOR)
    ros.node(VideoCameraNode, source="99")
    images.wait(lambda m: len(images.messages) > 20)
    carriers = [
        name
        for name, types in ros.tester.get_topic_names_and_types()
        if any("Image" in kind or "Video" in kind or "PointCloud" in kind for kind in types)
    ]
    assert carriers == ["/image_raw"]
    assert switch(ros, on=False).success
    left = [path for path in own_state.rglob("*") if path.is_file() and path.suffix != ".log"]
    assert [path.name for path in left] == [
        "camera.off"
    ]  # that it was switched off, and nothing of what was seen
    assert left[0].stat().st_size == 0


def test_no_program_that_sees_can_write_a_picture() -> None:
    writes = re.compile(
        r"imwrite|VideoWriter|imencode|\.tofile|np\.save|savez|\.dump\(|pickle|write_bytes|PIL|imageio|memmap"
    )
    for path in sorted((ROOT / "care_robot" / "perception").glob("*.py")):
        found = writes.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path.name} could write a picture: {found and found[0]}"


# What is said --------------------------------------------------------------------------------------------


class Looker(CareNode[None]):  # type: ignore[type-var]
    """A node that looks, at a time that the test sets."""

    def __init__(self, **options: Any) -> None:
        from dataclasses import make_dataclass

        super().__init__("looker", make_dataclass("None_", []), **options)
        self.t_s = 1000.0

    def configure(self, _: Any) -> None:
        self.report = SightReport(self, "hall_camera")

    def now_s(self) -> float:
        return self.t_s

    def show(self, seconds: float, picture: Any) -> None:
        for _ in range(round(seconds)):
            for _ in range(2):
                self.t_s += 0.5
                if picture is not None:
                    self.report.look(picture(), self.t_s)
            self.report.tick()


class Care:
    """Takes alarms as `care_manager` does."""

    def __init__(self, ros: Any) -> None:
        self.requests: list[Any] = []
        self.refusals = 0
        self._alarms = ros.tester.create_publisher(AlarmArray, "alarms", qos.LATCHED)
        ros.tester.create_service(RaiseAlarm, "alarms/raise", self._raise)

    def _raise(self, request: Any, response: Any) -> Any:
        self.requests.append(request)
        if self.refusals > 0:
            self.refusals -= 1
            response.error_code, response.error_msg = response.UNAVAILABLE, "care_manager is not active yet."
            return response
        response.success, response.alarm_id = True, "a1"
        alarm = Alarm(id="a1", kind=request.kind, state=Alarm.STATE_NOTIFIED, source_id=request.source_id)
        self._alarms.publish(AlarmArray(alarms=[alarm]))
        return response


@pytest.fixture
def room() -> DrawnRoom:
    return DrawnRoom(width=320, height=240)


def test_a_blind_camera_is_a_technical_alarm_until_it_was_heard_and_told_when_it_is_over(
    ros: Any, room: DrawnRoom
) -> None:
    node = ros.node(Looker)
    node.show(15, room.picture)
    assert node.report.sees
    assert node.report.health() is None
    node.show(9, lambda: room.spoilt("cloth"))  # and nobody hears
    health = node.report.health()
    assert health.level is Level.ERROR
    assert "covered" in health.message
    assert "care_manager" in health.values["alarm"]
    assert not node.report.sees
    care = Care(ros)
    care.refusals = 1

    def told() -> bool:
        node.show(1, lambda: room.spoilt("cloth"))
        return "alarm" not in node.report.health().values and len(care.requests) == 2

    ros.wait_until(told, "an answer")
    first, again = care.requests
    assert first.source_id == again.source_id
    assert (first.kind, first.priority) == (Alarm.KIND_TECHNICAL, Alarm.PRIORITY_TECHNICAL)
    assert (first.room, first.by) == ("hall", "hall_camera")
    assert "가려졌습니다" in first.reason
    ros.wait_until(lambda: node.report._alarm is not None, "the alarm")
    node.show(100, room.picture)
    ros.wait_until(lambda: len(care.requests) == 3, "that it is over")
    assert care.requests[2].source_id == first.source_id
    assert "sees again" in care.requests[2].reason


def test_the_alarm_of_a_blind_camera_stays_until_a_human_ends_it_and_says_that_it_sees(
    ros: Any, room: DrawnRoom, own_state: Path
) -> None:
    alarms = ros.inbox(AlarmArray, "alarms", qos.LATCHED)
    ros.node(CareManagerNode, data_dir=str(own_state / "data"))
    node = ros.node(Looker)
    node.show(15, room.picture)

    def shown(fits: Any, picture: Any) -> Any:
        def come() -> bool:
            node.show(1, picture)
            return bool(alarms.messages) and any(fits(alarm) for alarm in alarms.messages[-1].alarms)

        ros.wait_until(come, "the alarm")
        return alarms.messages[-1].alarms

    (alarm,) = shown(lambda a: a.kind == Alarm.KIND_TECHNICAL, lambda: room.spoilt("cloth"))
    assert alarm.priority == Alarm.PRIORITY_TECHNICAL
    assert alarm.source_id.startswith("sight:hall_camera:")
    node.show(70, room.picture)
    (alarm,) = shown(lambda a: a.history[-1].event == "reported_again", room.picture)
    assert "sees again" in alarm.history[-1].reason_en
    assert alarm.state != Alarm.STATE_RESOLVED
    alarm_id = alarm.id
    assert ros.call(
        ResolveAlarm, "alarms/resolve", ResolveAlarm.Request(alarm_id=alarm_id, by="Kim", reason="ok")
    ).success
    ros.wait_until(lambda: node.report._alarm is None, "the end")
    again = shown(lambda a: a.state != Alarm.STATE_RESOLVED, lambda: room.spoilt("cloth"))
    assert {a.id for a in again} > {alarm_id}


def test_a_camera_that_is_off_is_reduced_cover_and_no_alarm(ros: Any, room: DrawnRoom) -> None:
    node, care = ros.node(Looker), Care(ros)
    states = ros.publisher(CameraState, "camera/state", qos.LATCHED)
    node.show(5, room.picture)
    states.publish(CameraState(camera="hall_camera", enabled=False))
    ros.wait_until(lambda: "switched off" in (node.report.health() or node.diagnose()).message, "the state")
    node.show(FIRST_S + 30, None)
    assert not node.report.sees
    assert node.report.health().level is Level.WARN
    states.publish(CameraState(camera="hall_camera", enabled=True))
    ros.wait_until(lambda: node.report.health() is None, "the state")
    assert care.requests == []


def test_a_dark_room_is_listed_and_calls_nobody(ros: Any, room: DrawnRoom) -> None:
    node, care = ros.node(Looker), Care(ros)
    node.show(10, room.picture)

    def told() -> bool:
        node.show(1, lambda: room.spoilt("dark"))
        return bool(care.requests)

    ros.wait_until(told, "the word")
    assert (care.requests[0].kind, care.requests[0].priority) == (Alarm.KIND_ROBOT, Alarm.PRIORITY_LOW)
    assert node.report._sight.trouble is Trouble.DARK
    assert node.report.health().level is Level.WARN


def test_what_is_no_picture_does_not_count(ros: Any) -> None:
    node = ros.node(Looker)
    with pytest.raises(ValueError, match="is no picture"):
        node.report.look(np.zeros((4, 4), np.float32), 1.0)
    assert not node.report.sees
