"""Pictures of the simulated home: real ones, only for who looks, and none of a camera that is off."""

from typing import Any

import numpy as np
import pytest
from care_robot_msgs.msg import CameraState, SimState
from care_robot_msgs.srv import EnableCamera
from sensor_msgs.msg import CameraInfo, Image

from care_robot.ros import qos
from care_robot.ros.images import image_to_array
from care_robot.simulation.graphics import RenderingError, select_backend
from care_robot.simulation.home import Home
from care_robot.simulation.recipe import PersonRecipe, Recipe
from care_robot.simulation.sim_cameras_node import SimCamerasNode

RECIPE = Recipe("apartment", 0, (PersonRecipe("resident", place="armchair"),))
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
        self._home = Home(RECIPE)
        self._home.step(0.1)
        self._states = ros.publisher(SimState, "sim/state", qos.SENSOR)
        self._ticks = 0

    def tick(self, **marks: list[str]) -> None:
        self._ticks += 1
        state = SimState(recipe=self._home.recipe.to_json(), positions=self._home.positions(), **marks)
        state.stamp.sec, state.stamp.nanosec = self._ticks // 5, self._ticks % 5 * 200_000_000
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
    assert 0.5 < np.nanmin(distances) < np.nanmax(distances) < 10.1


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
    ros.node(SimCamerasNode)
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
    assert enable(ros, on=True).success
    world.until(ros, colours, 1)


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
