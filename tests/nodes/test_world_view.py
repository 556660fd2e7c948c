"""The page of the simulated world shows what the cameras show, and nothing of one that is switched off."""

import http.client
import socket
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from care_robot_msgs.msg import CameraState
from sensor_msgs.msg import Image

from care_robot.ros import qos
from care_robot.ros.images import array_to_image
from care_robot.simulation.world_view_node import WorldViewNode

TIMEOUT_S = 20.0
RED = (250, 10, 10)


@pytest.fixture
def node(ros: Any) -> WorldViewNode:
    return ros.node(WorldViewNode, port=0)  # type: ignore[no-any-return]


class Browser:
    """Looks at one picture of the page."""

    def __init__(self, node: WorldViewNode, stream: str) -> None:
        assert node._server is not None
        port = int(node._server.url.rstrip("/").rsplit(":", 1)[1])
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self.connection.request("GET", f"/{stream}")
        self._answer = self.connection.getresponse()

    def pictures(self) -> Iterator[Any]:
        while True:
            line = self._answer.readline()
            if line.startswith(b"Content-Length:"):
                self._answer.readline()
                jpeg = self._answer.read(int(line.split(b":")[1]))
                yield cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def picture(ros: Any, encoding: str = "rgb8") -> Image:
    plain = np.full((48, 64, 3), RED, np.uint8)
    return array_to_image(plain, encoding, ros.tester.get_clock().now().to_msg(), "camera")


@pytest.fixture
def browser(node: WorldViewNode) -> Iterator[Browser]:
    browser = Browser(node, "head")
    yield browser
    browser.connection.close()


def shown_red(image: Any) -> bool:
    return bool(image[..., 2].max() > 200)


def test_a_camera_that_is_switched_off_is_shown_no_longer(ros: Any, browser: Browser) -> None:
    camera = ros.publisher(Image, "head_camera/image_raw", qos.SENSOR)
    switch = ros.publisher(CameraState, "head_camera/camera/state", qos.LATCHED)
    pictures = browser.pictures()
    camera.publish(picture(ros))
    assert shown_red(next(pictures))
    switch.publish(CameraState(camera="head_camera", enabled=False))
    while shown_red(next(pictures)):
        pass
    for _ in range(3):
        camera.publish(picture(ros))  # one that was under way
    assert not shown_red(next(pictures))
    switch.publish(CameraState(camera="head_camera", enabled=True))
    for image in pictures:
        if shown_red(image):
            break
        camera.publish(picture(ros))


def test_pictures_that_cannot_be_shown_are_left_out(ros: Any, node: WorldViewNode, browser: Browser) -> None:
    camera = ros.publisher(Image, "head_camera/image_raw", qos.SENSOR)
    depth = np.full((48, 64), np.nan, np.float32)
    camera.publish(array_to_image(depth, "32FC1", picture(ros).header.stamp, "camera"))
    short = picture(ros)
    short.height = 4000
    camera.publish(short)
    camera.publish(Image(encoding="rgb8"))
    camera.publish(picture(ros, "bgr8"))
    blue = next(browser.pictures())
    assert blue[..., 0].max() > 200
    assert blue[..., 2].max() < 50
    assert node.active


def test_it_listens_to_no_camera_when_it_is_stopped(ros: Any, node: WorldViewNode, browser: Browser) -> None:
    camera = ros.publisher(Image, "head_camera/image_raw", qos.SENSOR)
    node.trigger_deactivate()
    ros.wait_until(lambda: camera.get_subscription_count() == 0, "the camera left alone")
    assert node._server is not None
    port = int(node._server.url.rstrip("/").rsplit(":", 1)[1])
    node.trigger_cleanup()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
