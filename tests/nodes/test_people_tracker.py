"""`people_tracker` with cameras whose place is known: people in the map, joined, and by REP-155."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from care_robot_msgs.msg import Body as BodyMessage
from care_robot_msgs.msg import BodyArray, PersonArray
from care_robot_msgs.msg import Person as PersonMessage
from geometry_msgs.msg import PointStamped
from hri_msgs.msg import BodyPosture, IdsList
from sensor_msgs.msg import CameraInfo

from care_robot.perception.people_tracker_node import PeopleTrackerNode
from care_robot.ros import qos
from care_robot.ros.conversions import to_stamp
from care_robot.ros.node import Level
from care_robot.ros.transforms import TransformBroadcaster

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from room_people import MODEL, lens, lying, seen_by, standing

EYES = {
    "wall_camera": lens(0.0, 0.0, at=(3.0, 1.5)),
    "other_camera": lens(6.0, 3.0, at=(3.0, 1.5)),
}
PLACES = """
rooms:
  lounge:
    ko: 거실
    en: lounge
    polygon_m: [[0, 0], [6, 0], [6, 3], [0, 3]]
    entry: {x_m: 1, y_m: 1, heading_deg: 0}
furniture:
  bed: {kind: bed, height_m: 0.48, polygon_m: [[2, 1], [4, 1], [4, 2], [2, 2]]}
"""
GOOD_INFO = {"width": MODEL.width, "height": MODEL.height, "k": MODEL.k(), "distortion_model": "plumb_bob"}


class House:
    """Two cameras on the walls, and what the tracker says of who is shown to them."""

    def __init__(self, ros: Any, places: Path | None = None, **infos: dict[str, Any]) -> None:
        self.ros, self.t_s = ros, 1000.0
        self.people = ros.inbox(PersonArray, "people", qos.STATE)
        places_file = "" if places is None else str(places)
        self.node = ros.node(PeopleTrackerNode, cameras=list(EYES), places_file=places_file)
        self._frames = TransformBroadcaster(ros.tester, static=True)
        self._bodies = {c: ros.publisher(BodyArray, f"people/{c}/bodies", qos.SENSOR) for c in EYES}
        self._infos = {c: ros.publisher(CameraInfo, f"{c}/camera_info", qos.SENSOR) for c in EYES}
        for camera, eye in EYES.items():
            self._frames.send("map", f"{camera}_optical_frame", eye.pose, 0.0)
        tree = self.node._transforms.tree
        ros.wait_until(lambda: all(f"{c}_optical_frame" in tree._static for c in EYES), "the frames")
        for camera in EYES:
            info = CameraInfo(**(GOOD_INFO | infos.get(camera, {})))
            self._infos[camera].publish(info)
        ros.wait_until(lambda: set(self.node._infos) == set(EYES), "the calibrations")

    def show(self, width: int = MODEL.width, **cameras: list[np.ndarray]) -> PersonArray:
        """A picture from each of these cameras; everybody, as told after the last one."""
        for camera, people in cameras.items():
            self.t_s += 0.05
            message = BodyArray(camera=camera, width=width, height=MODEL.height)
            message.header.stamp, message.header.frame_id = to_stamp(self.t_s), f"{camera}_optical_frame"
            for points in people:
                body = seen_by(EYES[camera], points)
                message.bodies.append(
                    BodyMessage(
                        image_landmarks=body.image.astype(np.float32).ravel(),
                        world_landmarks=body.world.astype(np.float32).ravel(),
                        visibility=body.visibility.astype(np.float32),
                        score=body.score,
                    )
                )
            self._bodies[camera].publish(message)
            told = self.people.wait(lambda m: m.cameras and m.header.stamp == to_stamp(self.t_s))
        return told

    def recalibrate(self, camera: str, **changed: Any) -> None:
        """Publish another calibration, until the node has taken it in."""
        before = self.node._infos.get(camera)
        self._infos[camera].publish(CameraInfo(**(GOOD_INFO | changed)))
        self.ros.wait_until(lambda: self.node._infos.get(camera) != before, "the calibration")


@pytest.fixture
def places(tmp_path: Path) -> Path:
    path = tmp_path / "places.yaml"
    path.write_text(PLACES, encoding="utf-8")
    return path


def test_people_have_a_place_a_speed_and_a_room(ros: Any, places: Path) -> None:
    house = House(ros, places)
    for n in range(10):
        walker = standing(2.0 + 0.08 * n, 2.4)
        (person,) = house.show(wall_camera=[walker], other_camera=[walker]).people
    assert person.position_valid
    assert (person.position.x, person.position.y) == pytest.approx((2.72, 2.4), abs=0.1)
    assert person.position.z == pytest.approx(0.87, abs=0.1)
    assert person.velocity.x == pytest.approx(0.8, abs=0.2)
    assert person.room == "lounge"
    xx, xy, yx, yy = person.position_covariance
    assert xy == yx
    assert xx * yy - xy * yx > 0.0
    assert max(xx, yy) < 0.05
    assert person.posture == PersonMessage.POSTURE_WALKING
    assert not person.look_again


def test_the_bed_is_told_from_the_floor_beside_it(ros: Any, places: Path) -> None:
    house = House(ros, places)
    for _ in range(8):
        message = house.show(wall_camera=[lying(3.0, 1.5, height=0.48), lying(3.2, 0.2)])
    on_floor, on_bed = sorted(message.people, key=lambda person: person.position.y)
    assert on_bed.posture == PersonMessage.POSTURE_LYING_ON_FURNITURE
    assert on_floor.posture == PersonMessage.POSTURE_LYING_ON_FLOOR
    assert on_bed.position.z > 0.4 > on_floor.position.z


def test_an_uncertain_posture_asks_for_another_look(ros: Any) -> None:
    house = House(ros)
    for _ in range(60):
        (person,) = house.show(wall_camera=[lying(3.0, 1.5, height=0.48, heading=0.5)]).people
    assert person.posture == PersonMessage.POSTURE_LYING
    assert person.look_again
    assert abs(person.look_again_bearing - 0.5) % math.pi == pytest.approx(math.pi / 2, abs=0.3)


def test_rep_155_has_the_position_beside_the_posture(ros: Any, places: Path) -> None:
    house = House(ros, places)
    tracked = ros.inbox(IdsList, "humans/bodies/tracked", qos.STATE)
    somebody = [lying(3.2, 0.2)]
    while not (tracked.messages and tracked.messages[-1].ids):
        house.show(wall_camera=somebody)
    (identity,) = tracked.messages[-1].ids
    positions = ros.inbox(PointStamped, f"humans/bodies/{identity}/position", qos.SENSOR)
    postures = ros.inbox(BodyPosture, f"humans/bodies/{identity}/posture", qos.SENSOR)
    while not (positions.messages and postures.messages):
        house.show(wall_camera=somebody)
    assert positions.messages[0].header.frame_id == "map"
    assert positions.messages[0].point.x == pytest.approx(3.2, abs=0.15)
    assert postures.wait(lambda m: m.posture == BodyPosture.LAYING)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"k": [0.0] * 9}, "not calibrated"),
        ({"k": [math.nan] * 9}, "finite"),
        ({"width": 0}, "size above zero"),
        ({"d": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]}, "distortion"),
        ({"d": [0.1] * 4, "distortion_model": "equidistant"}, "plumb_bob"),
        ({"height": 123}, "does not fit"),
    ],
)
def test_a_camera_that_is_not_calibrated_tells_no_place_but_people(
    ros: Any, broken: dict[str, Any], said: str
) -> None:
    house = House(ros, wall_camera=broken)
    (person,) = house.show(wall_camera=[standing(3.0, 1.5)]).people
    assert not person.position_valid
    house.show(other_camera=[])
    health = house.node.diagnose()
    assert health.level is Level.WARN
    assert "wall_camera" in health.message
    assert said in health.message
    house.recalibrate("wall_camera")
    assert house.show(wall_camera=[standing(3.0, 1.5)]).people[0].position_valid
    house.show(other_camera=[])
    assert house.node.diagnose().level is Level.OK


def test_pictures_of_another_size_fit_the_calibration_when_they_are_scaled(ros: Any) -> None:
    house = House(ros, wall_camera={"width": 1280, "height": 960, "k": [2.0 * n for n in MODEL.k()]})
    (person,) = house.show(wall_camera=[standing(3.0, 1.5)]).people
    assert (person.position.x, person.position.y) == pytest.approx((3.0, 1.5), abs=0.1)


def test_without_a_place_in_the_map_people_are_told_without_one(ros: Any) -> None:
    house = House(ros)
    message = BodyArray(camera="wall_camera", width=640, height=480)
    message.header.stamp, message.header.frame_id = to_stamp(2000.0), "nowhere"
    house._bodies["wall_camera"].publish(message)
    house.t_s = 2000.0
    house.people.wait(lambda m: m.header.stamp == to_stamp(2000.0))
    assert house.node._callback_errors == 0


def test_stamps_that_go_back_and_forth_change_nothing(ros: Any) -> None:
    house = House(ros)
    ids: set[str] = set()
    for n in range(12):
        house.t_s += 0.0 if n % 3 else 0.2
        (person,) = house.show(wall_camera=[standing(3.0, 1.5)], other_camera=[standing(3.0, 1.5)]).people
        ids.add(person.id)
        message = BodyArray(camera="other_camera", width=640, height=480)
        message.header.stamp = to_stamp(house.t_s - 0.3)
        house._bodies["other_camera"].publish(message)
    assert len(ids) == 1
    assert house.node._callback_errors == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("[4, 1], [4, 2], ", ""), "furniture.bed.polygon_m"),
        (lambda text: text.replace("height_m: 0.48", "height_m: -1"), "furniture.bed.height_m"),
        (lambda _: "rooms: [", "not valid YAML"),
    ],
)
def test_a_bad_file_of_places_is_told_in_a_sentence(
    ros: Any, tmp_path: Path, change: Callable[[str], str], said: str
) -> None:
    path = tmp_path / "places.yaml"
    path.write_text(change(PLACES), encoding="utf-8")
    node = ros.node(PeopleTrackerNode, start=False, cameras=["a"], places_file=str(path))
    assert node.trigger_configure().name == "FAILURE"
    assert said in node.trouble
    assert str(path) in node.trouble
