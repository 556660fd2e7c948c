"""Pictures of the simulated home: real ones, only for who looks, and none of a camera that is off."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from care_robot_msgs.msg import CameraState, SimState
from care_robot_msgs.srv import EnableCamera
from sensor_msgs.msg import CameraInfo, Image, JointState

from care_robot.actuation.state_publisher_node import StatePublisherNode
from care_robot.description import Camera
from care_robot.geometry import OPTICAL, CameraModel, Pose
from care_robot.ros import qos
from care_robot.ros.images import image_to_array
from care_robot.ros.transforms import TransformError, TransformListener
from care_robot.simulation.graphics import RenderingError, select_backend
from care_robot.simulation.home import Home
from care_robot.simulation.recipe import PersonRecipe, Recipe
from care_robot.simulation.sim_cameras_node import SimCamerasNode
from care_robot.simulation.studio import Studio

RECIPE = Recipe("apartment", 0, (PersonRecipe("resident", place="armchair"),))
CUP_RADIUS_M = 0.0375
PLACES = Path(__file__).parents[2] / "config" / "places" / "apartment.yaml"
SLOW_S = 60.0  # to dress somebody and to render, on a busy machine


@pytest.fixture(autouse=True)
def needs_graphics() -> None:
    try:
        select_backend()
    except RenderingError as error:
        pytest.skip(str(error))


class World:
    """Tells `sim_cameras` where everything is, ten times a simulated second."""

    def __init__(self, ros: Any) -> None:
        self.home = Home(RECIPE)
        self.home.step(0.1)
        self._states = ros.publisher(SimState, "sim/state", qos.SENSOR)
        self._ticks = 0

    def tick(self, **marks: list[str]) -> None:
        self._ticks += 1
        state = SimState(recipe=self.home.recipe.to_json(), positions=self.home.positions(), **marks)
        stamp = state.header.stamp
        stamp.sec, stamp.nanosec = self._ticks // 5, self._ticks % 5 * 200_000_000
        self._states.publish(state)

    def until(self, ros: Any, inbox: Any, count: int, **marks: list[str]) -> Any:
        """Tell on until so many more pictures have come; the last."""
        wanted = len(inbox.messages) + count

        def come() -> bool:
            self.tick(**marks)
            return len(inbox.messages) >= wanted

        ros.wait_until(come, f"{count} pictures", SLOW_S)
        return inbox.messages[-1]


def pixels(message: Any) -> Any:
    return image_to_array(message).astype(float)


def enable(ros: Any, on: bool, by: str = "test") -> Any:
    return ros.call(EnableCamera, "head_camera/camera/enable", EnableCamera.Request(enabled=on, by=by))


def test_the_robots_camera_gives_colours_and_distances(ros: Any) -> None:
    ros.node(SimCamerasNode)
    world = World(ros)
    colours = ros.inbox(Image, "head_camera/image_raw", qos.SENSOR)
    infos = ros.inbox(CameraInfo, "head_camera/camera_info", qos.SENSOR)
    depths = ros.inbox(Image, "head_camera/depth/image_raw", qos.SENSOR)
    picture = world.until(ros, colours, 2)
    assert (picture.width, picture.height, picture.encoding) == (640, 480, "rgb8")
    assert picture.header.frame_id == "head_camera_optical_frame"
    assert pixels(picture).std() > 20.0  # a room, and no plain colour
    assert infos.wait().k[0] > 300.0
    depth = world.until(ros, depths, 1)
    assert (depth.width, depth.height, depth.encoding) == (320, 240, "32FC1")
    distances = pixels(depth)
    finite = distances[np.isfinite(distances)]
    assert 0.5 < finite.min() < finite.max() < 10.1
    assert not np.isnan(distances).any()  # out of range is infinite: REP-118


def test_faults_show_in_the_pictures(ros: Any) -> None:
    ros.node(SimCamerasNode)
    world = World(ros)
    colours = ros.inbox(Image, "head_camera/image_raw", qos.SENSOR)
    first = world.until(ros, colours, 2)
    black = world.until(ros, colours, 3, black=["head_camera"])
    assert pixels(black).max() == 0.0
    frozen = [world.until(ros, colours, 2, frozen=["head_camera"]) for _ in range(2)]
    assert frozen[0].data == frozen[1].data
    assert frozen[0].header.stamp != frozen[1].header.stamp
    live = [world.until(ros, colours, 3) for _ in range(2)]
    assert live[0].data != live[1].data  # the noise of a live camera
    assert np.abs(pixels(live[0]) - pixels(first)).mean() < 5.0


def test_a_camera_that_is_off_shows_nothing(ros: Any) -> None:
    node = ros.node(SimCamerasNode)
    world = World(ros)
    states = ros.inbox(CameraState, "head_camera/camera/state", qos.LATCHED)
    colours = ros.inbox(Image, "head_camera/image_raw", qos.SENSOR)
    other = ros.inbox(Image, "bedroom_camera/image_raw", qos.SENSOR)
    world.until(ros, colours, 1)
    assert enable(ros, on=False, by="").success is False
    assert enable(ros, on=False).success
    states.wait(lambda m: not m.recording)
    world.until(ros, other, 2)  # whatever was under way is out
    seen = len(colours.messages)
    world.until(ros, other, 5)
    assert len(colours.messages) == seen
    for transition in ("deactivate", "cleanup", "configure", "activate"):
        assert getattr(node, f"trigger_{transition}")().name == "SUCCESS"
    world.until(ros, other, 5)
    assert len(colours.messages) == seen
    assert enable(ros, on=True).success
    world.until(ros, colours, 1)


def stand(world: World, x_m: float, y_m: float) -> None:
    """Put the robot somewhere: time stands still."""
    world.home.data.joint(f"{world.home.description.name}/free").qpos[:2] = x_m, y_m


def test_the_robots_camera_shows_nothing_of_a_private_room(ros: Any) -> None:
    ros.node(SimCamerasNode, places=str(PLACES))
    world = World(ros)
    states = ros.inbox(CameraState, "head_camera/camera/state", qos.LATCHED)
    colours = ros.inbox(Image, "head_camera/image_raw", qos.SENSOR)
    depths = ros.inbox(Image, "head_camera/depth/image_raw", qos.SENSOR)
    other = ros.inbox(Image, "bedroom_camera/image_raw", qos.SENSOR)
    assert not states.wait().enabled  # before it is known where the robot is
    world.until(ros, colours, 1)
    stand(world, 1.3, 5.3)
    world.until(ros, other, 2)
    state = states.wait(lambda m: m.by == "privacy_zone" and "욕실" in m.reason)
    assert (state.enabled, state.recording) == (False, False)
    refused = enable(ros, on=True)
    assert (refused.success, refused.error_code) == (False, EnableCamera.Response.REFUSED)
    seen = len(colours.messages), len(depths.messages)
    world.until(ros, other, 5)
    assert (len(colours.messages), len(depths.messages)) == seen
    stand(world, 6.0, 2.0)
    world.until(ros, colours, 1)
    assert states.messages[-1].enabled


def test_rules_that_cannot_be_read_are_a_sentence(ros: Any) -> None:
    node = ros.node(SimCamerasNode, start=False, places="/no/such.yaml")
    assert node.trigger_configure().name == "FAILURE"
    assert "/no/such.yaml" in node.trouble


def put_cup(world: World, at_m: Any) -> None:
    """Hang the cup somewhere: time stands still."""
    joint = world.home.data.joint("cup/free")
    joint.qpos[:3], joint.qpos[3:] = at_m, (1.0, 0.0, 0.0, 0.0)


def frame(ros: Any, tree: Any, target: str, source: str) -> Pose:
    found: list[Pose] = []

    def known() -> bool:
        try:
            found.append(tree.lookup(target, source))
        except TransformError:
            return False
        return True

    ros.wait_until(known, f"{source} in {target}")
    return found[-1]


def pixel(info: CameraInfo, point_m: Any) -> tuple[float, float]:
    column, row = CameraModel.from_camera_info(info.width, info.height, info.k).project(point_m)
    return float(column), float(row)


@pytest.mark.parametrize("camera", ["head_camera", "living_room_camera"])
def test_a_thing_is_in_the_picture_where_the_frames_and_the_camera_info_say(ros: Any, camera: str) -> None:
    tree = TransformListener(ros.tester).tree
    ros.node(StatePublisherNode)
    ros.node(SimCamerasNode)
    world = World(ros)
    home = world.home
    home.robot.follow("head_controller", ["head_pan_joint", "head_tilt_joint"], [[0.4, 0.2]], [1.0], 0.1)
    home.step(3.0)
    if camera == "head_camera":
        states = home.robot.joint_states()
        joints = JointState(name=list(states.names), position=states.positions.tolist())
        ros.publisher(JointState, "joint_states", qos.SENSOR).publish(joints)
        optical = home.robot.pose().compose(frame(ros, tree, "base_link", f"{camera}_optical_frame"))
    else:
        optical = frame(ros, tree, "map", f"{camera}_optical_frame")
    seen_at_m = np.array([0.35, -0.2, 1.5])  # right of the middle, and above it (REP-103)
    put_cup(world, optical.apply(seen_at_m))
    colours = ros.inbox(Image, f"{camera}/image_raw", qos.SENSOR)
    infos = ros.inbox(CameraInfo, f"{camera}/camera_info", qos.SENSOR)
    with_cup = pixels(world.until(ros, colours, 2))
    put_cup(world, (0.0, 0.0, -5.0))
    world.until(ros, colours, 2)
    changed = np.abs(pixels(world.until(ros, colours, 1)) - with_cup).max(axis=2) > 60.0
    rows, columns = np.nonzero(changed)
    info = infos.wait()
    assert info.header.frame_id == f"{camera}_optical_frame"
    column, row = pixel(info, seen_at_m)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(column, abs=4.0)  # it has a handle
    assert rows.max() == pytest.approx(row, abs=3.0)  # its origin is at its bottom


def test_distances_are_those_along_the_axis_of_the_camera(ros: Any) -> None:
    ros.node(SimCamerasNode)
    world = World(ros)
    camera = world.home.description.link("head_camera_link")
    (sensor,) = (sensor for sensor in camera.sensors if isinstance(sensor, Camera))
    optical = world.home.robot.pose().compose(camera.pose).compose(sensor.pose).compose(OPTICAL)
    seen_at_m = np.array([0.35, 0.1, 1.5])
    put_cup(world, optical.apply(seen_at_m))
    depths = ros.inbox(Image, "head_camera/depth/image_raw", qos.SENSOR)
    infos = ros.inbox(CameraInfo, "head_camera/depth/camera_info", qos.SENSOR)
    depth = world.until(ros, depths, 2)
    assert depth.header.frame_id == infos.wait().header.frame_id == "head_camera_optical_frame"
    column, row = pixel(infos.wait(), seen_at_m - (0.0, 0.04, 0.0))  # the middle of its side
    near = pixels(depth)[round(row) - 1 : round(row) + 2, round(column) - 1 : round(column) + 2]
    assert np.median(near) == pytest.approx(seen_at_m[2] - CUP_RADIUS_M, abs=0.02)


def test_a_world_that_does_not_exist_is_a_sentence(ros: Any) -> None:
    node = ros.node(SimCamerasNode, start=False, world="castle")
    assert node.trigger_configure().name == "FAILURE"
    assert "castle" in node.trouble


def test_a_recipe_that_cannot_be_read_is_said_and_survived(ros: Any) -> None:
    node = ros.node(SimCamerasNode)
    states = ros.publisher(SimState, "sim/state", qos.SENSOR)
    for text in ("", "{}", "not json", '{"world": "castle", "seed": 0, "people": [], "spawned": []}'):
        states.publish(SimState(recipe=text))
    ros.wait_until(lambda: node.diagnose().level.name == "ERROR", "the complaint")
    world = World(ros)
    colours = ros.inbox(Image, "head_camera/image_raw", qos.SENSOR)
    world.until(ros, colours, 1)
    assert node.diagnose().level.name == "OK"


def test_a_simulator_of_another_world_is_said(ros: Any) -> None:
    node = ros.node(SimCamerasNode, world="ward")
    states = ros.publisher(SimState, "sim/state", qos.SENSOR)
    states.publish(SimState(recipe=RECIPE.to_json()))
    ros.wait_until(lambda: node.diagnose().level.name == "ERROR", "the complaint")
    assert "world:=ward" in node.diagnose().message


def test_graphics_that_fail_in_an_unknown_way_are_said_and_tried_again(
    ros: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the context is lost")

    node = ros.node(SimCamerasNode)
    world = World(ros)
    colours = ros.inbox(Image, "head_camera/image_raw", qos.SENSOR)
    with monkeypatch.context() as patch:
        patch.setattr(Studio, "colours", fail)

        def complained() -> bool:
            world.tick()
            return "context is lost" in node.diagnose().message

        ros.wait_until(complained, "the complaint", SLOW_S)
    world.until(ros, colours, 1)
    assert node.diagnose().level.name == "OK"


def test_it_can_be_stopped_and_started_again_while_it_renders(ros: Any) -> None:
    node = ros.node(SimCamerasNode)
    world = World(ros)
    colours = ros.inbox(Image, "head_camera/image_raw", qos.SENSOR)
    for clean in (False, True):
        world.until(ros, colours, 1)
        assert node.trigger_deactivate().name == "SUCCESS"
        if clean:
            assert node.trigger_cleanup().name == "SUCCESS"
            assert node.trigger_configure().name == "SUCCESS"
        assert node.trigger_activate().name == "SUCCESS"
    world.until(ros, colours, 1)
    assert node.diagnose().level.name == "OK"


def test_of_two_threads_the_last_to_tell_tells_how_it_is(ros: Any) -> None:
    node = ros.node(SimCamerasNode, start=False)
    told = []
    states = SimpleNamespace(publish=lambda _: told.append(node._switching.locked()))
    camera = SimpleNamespace(name="hall_camera")
    lens = SimpleNamespace(
        camera=camera, states=states, enabled=True, frame_id="hall", by="", reason="", ban=None
    )
    node._tell(lens)
    assert told == [True]
