"""The four nodes of perception: topics, services, and what they say when something is wrong."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from care_robot_msgs.msg import Body as BodyMessage
from care_robot_msgs.msg import BodyArray, CameraState, FallEvent, FallEventArray, PersonArray
from care_robot_msgs.msg import Person as PersonMessage
from care_robot_msgs.srv import EnableCamera
from hri_msgs.msg import BodyPosture, IdsList, Skeleton2D
from matplotlib import cbook
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from care_robot.perception.bodies import Body, Landmark
from care_robot.perception.fall_detector_node import FallDetectorNode
from care_robot.perception.people_tracker_node import PeopleTrackerNode
from care_robot.perception.pose_estimator_node import PoseEstimatorNode
from care_robot.perception.video import VideoSource
from care_robot.perception.video_camera_node import VideoCameraNode
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds, to_stamp
from care_robot.ros.images import array_to_image, image_to_array
from care_robot.ros.node import Level

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from stick_people import going_down, stick_body

FRAME = "camera_optical_frame"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def video(tmp_path: Path) -> str:
    path = str(tmp_path / "grey.mp4")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), 20.0, (64, 48))
    for _ in range(10):
        writer.write(np.full((48, 64, 3), 128, np.uint8))
    writer.release()
    return path


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    path = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    return cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)


# video_camera ------------------------------------------------------------------------------------------


def test_a_video_becomes_images_with_camera_info(ros: Any, video: str) -> None:
    images = ros.inbox(Image, "image_raw", qos.SENSOR)
    infos = ros.inbox(CameraInfo, "camera_info", qos.SENSOR)
    ros.node(VideoCameraNode, source=video, loop=True, horizontal_fov=1.2)
    image, info = images.wait(), infos.wait()
    assert image_to_array(image).shape == (48, 64, 3)
    assert image.header.frame_id == info.header.frame_id == FRAME
    assert infos.wait(lambda m: m.header.stamp == images.messages[-1].header.stamp)
    assert (info.width, info.height) == (64, 48)
    assert info.k[0] == pytest.approx(32 / math.tan(0.6))


def test_a_video_that_has_ended_is_said_and_the_node_stays(ros: Any, video: str) -> None:
    states = ros.inbox(CameraState, "camera/state", qos.LATCHED)
    node = ros.node(VideoCameraNode, source=video)
    states.wait(lambda m: m.recording and m.enabled)
    states.wait(lambda m: not m.recording and not m.enabled)  # and so is not taken for one that fails
    ros.wait_until(lambda: "has ended" in node.diagnose().message, "the end")
    assert node.exit_code is None


def test_a_video_may_end_the_process_well(ros: Any, video: str) -> None:
    node = ros.node(VideoCameraNode, source=video, on_end="exit")
    ros.wait_until(lambda: node.exit_code == 0, "exit code 0")


def test_a_camera_is_switched_off_and_on(ros: Any, video: str) -> None:
    states = ros.inbox(CameraState, "camera/state", qos.LATCHED)
    images = ros.inbox(Image, "image_raw", qos.SENSOR)
    node = ros.node(VideoCameraNode, source=video, loop=True)
    images.wait()
    states.wait(lambda m: m.recording)
    off = EnableCamera.Request(enabled=False, by="resident", reason="guests")
    assert ros.call(EnableCamera, "camera/enable", off).success
    assert not node._player.is_open
    state = states.wait(lambda m: not m.enabled)
    assert (state.recording, state.by, state.reason) == (False, "resident", "guests")
    assert "reduced cover" in node.diagnose().message
    count = len(images.messages)
    assert ros.call(EnableCamera, "camera/enable", EnableCamera.Request(enabled=True, by="resident")).success
    images.wait(lambda m: images.messages.index(m) > count + 2)
    assert node.diagnose().level is Level.OK


def test_a_camera_that_was_switched_off_stays_off_over_a_restart(ros: Any, video: str) -> None:
    ros.node(VideoCameraNode, source=video, loop=True)
    off = EnableCamera.Request(enabled=False, by="resident")
    assert ros.call(EnableCamera, "camera/enable", off).error_code == EnableCamera.Response.NONE
    again = VideoCameraNode(context=ros.context, parameter_overrides=[Parameter("source", value=video)])
    ros.spin(again)
    assert again.trigger_configure().name == again.trigger_activate().name == "SUCCESS"
    assert not again._player.running
    assert "switched off" in again.diagnose().message


def test_a_switch_that_is_not_remembered_is_said(ros: Any, video: str, own_state: Path) -> None:
    own_state.write_text("a file where the folder should be")
    node = ros.node(VideoCameraNode, source=video, loop=True)
    response = ros.call(EnableCamera, "camera/enable", EnableCamera.Request(enabled=False, by="resident"))
    assert (response.success, response.error_code) == (True, EnableCamera.Response.NOT_STORED)
    assert not node._player.running


def test_nobody_without_a_name_switches_a_camera(ros: Any, video: str) -> None:
    node = ros.node(VideoCameraNode, source=video, loop=True)
    response = ros.call(EnableCamera, "camera/enable", EnableCamera.Request(enabled=False))
    assert not response.success
    assert response.error_code == EnableCamera.Response.NAME_MISSING
    assert node._player.running


def test_a_camera_that_is_off_at_the_start_is_not_opened(ros: Any) -> None:
    node = ros.node(VideoCameraNode, source="/no/such.mp4", enabled=False)
    assert not node._player.running
    response = ros.call(EnableCamera, "camera/enable", EnableCamera.Request(enabled=True, by="resident"))
    assert response.error_code == EnableCamera.Response.CAMERA_FAILED
    assert "/no/such.mp4" in response.error_msg


def test_the_place_of_a_camera_is_broadcast(ros: Any, video: str) -> None:
    transforms = ros.inbox(TFMessage, "/tf_static", qos.TF_STATIC)
    ros.node(
        VideoCameraNode, source=video, loop=True, camera="hall_camera", pose=[1.0, 2.0, 2.5, 0.0, 0.5, 0.0]
    )
    (stamped,) = transforms.wait().transforms
    assert (stamped.header.frame_id, stamped.child_frame_id) == ("map", "hall_camera_optical_frame")
    assert stamped.transform.translation.z == 2.5


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"source": "/no/such.mp4"}, "'/no/such.mp4' does not exist"),
        ({"source": __file__}, "is not a video"),
        ({"calibration": "/no/such.yaml"}, "/no/such.yaml"),
        ({"pose": [1.0, 2.0]}, "must have six"),
        ({"on_end": "explode"}, "on_end"),
        ({"frame_rate": -1.0}, "frame_rate"),
        ({"camera": "../../etc"}, "letters, digits"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_sentence(
    ros: Any, video: str, parameters: dict[str, Any], said: str
) -> None:
    node = ros.node(VideoCameraNode, start=False, **{"source": video, **parameters})
    assert node.trigger_configure().name == "FAILURE"
    assert said in node.trouble


def test_a_camera_that_is_not_there_yet_is_an_error_that_is_tried_again(ros: Any) -> None:
    states = ros.inbox(CameraState, "camera/state", qos.LATCHED)
    node = ros.node(VideoCameraNode, source="99")
    ros.wait_until(lambda: node.diagnose().level is Level.ERROR, "an error")
    assert "Camera 99 cannot be opened" in node.diagnose().message
    assert node._player.running
    state = states.wait()
    assert (state.enabled, state.recording) == (True, False)
    assert node.trigger_deactivate().name == "SUCCESS"
    assert not node._player.running


def test_a_camera_whose_thread_has_died_is_played_again(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    images = ros.inbox(Image, "image_raw", qos.SENSOR)
    tries: list[int] = []

    def frames(_: VideoSource) -> Iterator[np.ndarray]:
        tries.append(1)
        if len(tries) < 3:
            raise KeyError("driver")
        yield np.zeros((48, 64, 3), np.uint8)
        gone.wait(10.0)

    gone = threading.Event()
    monkeypatch.setattr(VideoSource, "frames", frames)
    node = ros.node(VideoCameraNode, source="99")
    images.wait()
    assert len(tries) == 3
    off = EnableCamera.Request(enabled=False, by="resident")
    gone.set()
    assert ros.call(EnableCamera, "camera/enable", off).success
    assert not node._player.running


# pose_estimator ----------------------------------------------------------------------------------------


def test_bodies_carry_the_stamp_of_their_image_and_nobody_is_an_empty_array(
    ros: Any, portrait: np.ndarray
) -> None:
    bodies = ros.inbox(BodyArray, "bodies", qos.SENSOR)
    ros.node(PoseEstimatorNode, camera="hall_camera", max_rate=60.0)
    images = ros.publisher(Image, "image_raw", qos.SENSOR)
    for t_s, pixels, encoding in (
        (100.0, portrait, "rgb8"),
        (100.5, np.ascontiguousarray(portrait[..., ::-1]), "bgr8"),
        (101.0, cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY), "mono8"),
    ):
        images.publish(array_to_image(pixels, encoding, to_stamp(t_s), FRAME))
        found = bodies.wait(lambda m, t_s=t_s: m.header.stamp == to_stamp(t_s))
        assert (found.camera, found.header.frame_id, found.width, found.height) == (
            "hall_camera",
            FRAME,
            512,
            600,
        )
        (body,) = found.bodies
        assert body.image_landmarks[:2] == pytest.approx([0.53, 0.37], abs=0.05)
    for n in range(3):  # where somebody was is looked at once more
        images.publish(array_to_image(np.zeros((48, 64, 3), np.uint8), "rgb8", to_stamp(102.0 + n), FRAME))
        bodies.wait(lambda m, n=n: m.header.stamp == to_stamp(102.0 + n))
    assert list(bodies.messages[-1].bodies) == []


def test_who_keeps_still_is_in_every_array_though_not_every_image_is_looked_at(
    ros: Any, portrait: np.ndarray
) -> None:
    bodies = ros.inbox(BodyArray, "bodies", qos.SENSOR)
    node = ros.node(PoseEstimatorNode)
    images = ros.publisher(Image, "image_raw", qos.SENSOR)
    for n in range(25):
        stamp = to_stamp(100.0 + n / 10)
        images.publish(array_to_image(portrait, "rgb8", stamp, FRAME))
        assert len(bodies.wait(lambda m, stamp=stamp: m.header.stamp == stamp).bodies) == 1
    values = node.diagnose().values
    assert values["images"] == "25"
    assert int(values["looks"]) < 18
    assert values["second_looks"] == "0"


def broken_images(good: Image) -> list[Image]:
    def changed(**fields: Any) -> Image:
        image = Image(header=good.header, height=good.height, width=good.width, encoding=good.encoding)
        image.step, image.data = good.step, good.data
        for name, value in fields.items():
            setattr(image, name, value)
        return image

    return [
        changed(encoding="yuv422"),
        changed(encoding=""),
        changed(data=good.data[:100]),
        changed(data=type(good.data)("B")),
        changed(height=0),
        changed(width=2**31),
        changed(step=1),
        changed(encoding="16UC1", step=good.width * 2, data=good.data[: good.width * 2 * good.height]),
    ]


def test_broken_images_are_left_out_and_the_node_goes_on(ros: Any, portrait: np.ndarray) -> None:
    bodies = ros.inbox(BodyArray, "bodies", qos.SENSOR)
    node = ros.node(PoseEstimatorNode, max_rate=60.0)
    images = ros.publisher(Image, "image_raw", qos.SENSOR)
    good = array_to_image(portrait, "rgb8", to_stamp(0.0), FRAME)
    for n, image in enumerate(broken_images(good)):
        image.header.stamp = to_stamp(100.0 + 2 * n)
        images.publish(image)
        ros.wait_until(lambda: node._bad_image, "a complaint")
        assert node.diagnose().level is Level.ERROR
        good.header.stamp = to_stamp(101.0 + 2 * n)
        images.publish(good)
        bodies.wait(lambda m, n=n: m.header.stamp == to_stamp(101.0 + 2 * n))
        ros.wait_until(lambda: not node._bad_image, "the end of the complaint")
    assert len(bodies.messages) == len(broken_images(good))


def test_images_faster_than_the_rate_are_left_out(ros: Any) -> None:
    bodies = ros.inbox(BodyArray, "bodies", qos.SENSOR)
    node = ros.node(PoseEstimatorNode, max_rate=2.0)
    images = ros.publisher(Image, "image_raw", qos.SENSOR)
    black = np.zeros((48, 64, 3), np.uint8)
    for t_s in (100.0, 100.1, 100.2, 100.5):
        images.publish(array_to_image(black, "rgb8", to_stamp(t_s), FRAME))
        ros.wait_until(lambda t_s=t_s: node._newest_stamp_s == pytest.approx(t_s), "the image to arrive")
        if t_s in {100.0, 100.5}:
            bodies.wait(lambda m, t_s=t_s: m.header.stamp == to_stamp(t_s))
    assert len(bodies.messages) == 2


class Graph:
    """A finder whose model ends with its first error, as MediaPipe's do; the first one made fails."""

    made = 0

    def __init__(self, *_: object) -> None:
        Graph.made += 1
        self._broken = Graph.made == 1
        self.first_looks = self.second_looks = 0

    def find(self, *_: object) -> list[Body]:
        if self._broken:
            raise RuntimeError("the graph has ended")
        return [stick_body()]

    def close(self) -> None:
        if self._broken:
            raise RuntimeError("the graph has ended")


def test_a_model_that_breaks_is_loaded_anew(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("care_robot.perception.pose_estimator_node.BodyFinder", Graph)
    monkeypatch.setattr(Graph, "made", 0)
    bodies = ros.inbox(BodyArray, "bodies", qos.SENSOR)
    node = ros.node(PoseEstimatorNode)
    images = ros.publisher(Image, "image_raw", qos.SENSOR)
    grey = np.full((48, 64, 3), 128, np.uint8)
    images.publish(array_to_image(grey, "rgb8", to_stamp(100.0), FRAME))
    ros.wait_until(lambda: node._bad_image, "the complaint")
    images.publish(array_to_image(grey, "rgb8", to_stamp(101.0), FRAME))
    bodies.wait(lambda m: m.header.stamp == to_stamp(101.0))
    assert Graph.made == 2


# people_tracker and fall_detector -------------------------------------------------------------------------


def body_array(t_s: float, *bodies: Body) -> BodyArray:
    message = BodyArray(camera="camera", width=640, height=480)
    message.header.stamp, message.header.frame_id = to_stamp(t_s), FRAME
    for body in bodies:
        one = BodyMessage(score=body.score)
        one.image_landmarks = body.image.astype(np.float32).ravel()
        one.world_landmarks = body.world.astype(np.float32).ravel()
        one.visibility = body.visibility.astype(np.float32)
        message.bodies.append(one)
    return message


class Scene:
    """Bodies fed to the tracker one image at a time."""

    def __init__(self, ros: Any) -> None:
        self.people = ros.inbox(PersonArray, "people", qos.STATE)
        ros.node(PeopleTrackerNode, cameras=["camera"])
        self._bodies = ros.publisher(BodyArray, "people/camera/bodies", qos.SENSOR)
        self.t_s = 1000.0

    def show(self, *bodies: Body) -> PersonArray:
        self.t_s += 0.1
        self._bodies.publish(body_array(self.t_s, *bodies))
        return self.people.wait(lambda m: m.cameras and m.header.stamp == to_stamp(self.t_s))


def test_bodies_become_people(ros: Any) -> None:
    scene = Scene(ros)
    for _ in range(6):
        message = scene.show(stick_body(hip=(0.4, 0.5)), stick_body(hip=(1.0, 0.5), inclination=math.pi / 2))
    assert (message.header.frame_id, message.cameras) == ("map", ["camera"])
    standing, level = message.people
    assert standing.posture == PersonMessage.POSTURE_STANDING
    assert level.torso_inclination == pytest.approx(math.pi / 2, abs=1e-3)
    assert (standing.hip_x, standing.hip_y, standing.torso_length) == pytest.approx((0.4, 0.5, 0.2), abs=1e-3)
    assert to_seconds(standing.first_seen) == pytest.approx(1000.1)
    assert not standing.position_valid
    assert list(scene.show().people) != []  # hidden for a moment, still there


def test_people_are_published_by_rep_155(ros: Any) -> None:
    tracked = ros.inbox(IdsList, "humans/bodies/tracked", qos.STATE)
    scene = Scene(ros)
    while not (tracked.messages and tracked.messages[-1].ids):
        scene.show(stick_body())
    (identity,) = tracked.messages[-1].ids
    skeletons = ros.inbox(Skeleton2D, f"humans/bodies/{identity}/skeleton2d", qos.SENSOR)
    postures = ros.inbox(BodyPosture, f"humans/bodies/{identity}/posture", qos.SENSOR)
    while not (skeletons.messages and postures.messages):
        scene.show(stick_body())
    nose = skeletons.messages[0].skeleton[Skeleton2D.NOSE]
    assert [nose.x, nose.y] == pytest.approx(stick_body().image[Landmark.NOSE], abs=1e-4)
    neck = skeletons.messages[0].skeleton[Skeleton2D.NECK]
    assert neck.y == pytest.approx(0.3, abs=1e-4)
    assert postures.messages[0].posture == BodyPosture.STANDING
    scene.t_s += 3.0
    scene.show()
    assert list(tracked.wait(lambda m: to_seconds(m.header.stamp) > scene.t_s - 0.01).ids) == []
    ros.wait_until(
        lambda: ros.tester.count_publishers(f"/humans/bodies/{identity}/skeleton2d") == 0, "the topic to go"
    )


def test_silent_cameras_are_told_from_an_empty_room(ros: Any) -> None:
    people = ros.inbox(PersonArray, "people", qos.STATE)
    node = ros.node(PeopleTrackerNode, cameras=["hall_camera"])
    blind = people.wait()
    assert (list(blind.cameras), list(blind.people)) == ([], [])
    assert "hall_camera" in node.diagnose().message


def test_a_camera_whose_bodies_cannot_be_followed_is_blind(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a body that nobody has thought of")

    people = ros.inbox(PersonArray, "people", qos.STATE)
    node = ros.node(PeopleTrackerNode, cameras=["camera"])
    monkeypatch.setattr(node._tracker, "update", fail)
    bodies = ros.publisher(BodyArray, "people/camera/bodies", qos.SENSOR)
    bodies.publish(body_array(1000.0, stick_body()))
    ros.wait_until(lambda: node._callback_errors, "the error")
    seen = len(people.messages)
    ros.wait_until(lambda: len(people.messages) > seen, "the next word")
    assert list(people.messages[-1].cameras) == []
    assert "No bodies from camera" in node.diagnose().message


@pytest.mark.parametrize("cameras", [["a", "a"], [""]])
def test_cameras_must_have_names_of_their_own(ros: Any, cameras: list[str]) -> None:
    node = ros.node(PeopleTrackerNode, start=False, cameras=cameras)
    assert node.trigger_configure().name == "FAILURE"
    assert "each once" in node.trouble


def test_hostile_bodies_do_no_harm(ros: Any) -> None:
    scene = Scene(ros)
    good = stick_body()
    nan = Body(np.full((33, 2), np.nan), good.world, good.visibility, 1.0)
    inf = Body(good.image, np.full((33, 3), np.inf), good.visibility, 1.0)
    assert list(scene.show(nan, inf).people) == []
    without_size = body_array(scene.t_s + 0.05, good)
    without_size.width = 0
    scene._bodies.publish(without_size)
    assert len(scene.show(good, nan).people) == 1
    scene._bodies.publish(body_array(scene.t_s - 0.4, good))  # an image from the past changes nothing
    assert len(scene.show(good).people) == 1


def test_a_fall_is_told_to_everybody_also_to_who_comes_late(ros: Any) -> None:
    falls = ros.inbox(FallEventArray, "falls", qos.LATCHED)
    ros.node(FallDetectorNode)
    scene = Scene(ros)
    assert list(falls.wait().events) == []
    for _ in range(15):
        scene.show(stick_body())
    for n in range(25):
        scene.show(going_down(n / 7))
    told = falls.wait(lambda m: any(e.state == FallEvent.STATE_CONFIRMED for e in m.events))
    (event,) = told.events
    assert event.kind == FallEvent.KIND_FALL
    assert event.person_id == scene.people.messages[-1].people[0].id
    assert event.camera == "camera"
    assert to_seconds(event.start) == pytest.approx(1001.6, abs=0.3)
    assert to_seconds(event.confirmed_at) > to_seconds(event.start)
    assert to_seconds(event.recovered_at) == 0.0
    assert event.score > 0.5
    assert {e.name for e in event.evidence} >= {"torso_inclination", "hip_drop", "descent_speed"}
    late = ros.inbox(FallEventArray, "falls", qos.LATCHED)
    assert late.wait().events[0].id == event.id
    count = len(falls.messages)
    falls.wait(lambda m: falls.messages.index(m) > count + 1)  # goes on once a second


def test_a_fall_is_confirmed_though_no_image_comes_any_more(ros: Any) -> None:
    falls = ros.inbox(FallEventArray, "falls", qos.LATCHED)
    ros.node(FallDetectorNode)
    scene = Scene(ros)
    for _ in range(15):
        scene.show(stick_body())
    for n in range(9):
        scene.show(going_down(n / 7))
    assert falls.wait(lambda m: any(e.state == FallEvent.STATE_CONFIRMED for e in m.events))


def test_hostile_people_do_no_harm(ros: Any) -> None:
    falls = ros.inbox(FallEventArray, "falls", qos.LATCHED)
    node = ros.node(FallDetectorNode)
    people = ros.publisher(PersonArray, "people", qos.STATE)
    falls.wait()
    nonsense = PersonMessage(
        id="x", posture=200, torso_inclination=math.nan, hip_x=math.inf, torso_length=-1.0
    )
    for n in range(5):
        message = PersonArray(cameras=["camera"], people=[nonsense, PersonMessage(), PersonMessage()])
        message.header.stamp = to_stamp(10.0 + n)
        people.publish(message)
    count = len(falls.messages)
    assert list(falls.wait(lambda m: falls.messages.index(m) > count).events) == []
    assert node._callback_errors == 0
