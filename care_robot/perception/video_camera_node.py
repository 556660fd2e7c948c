"""`video_camera`: a video file or a camera as image_raw and camera_info.

Where images come from a topic already, this node is not needed: remap `image_raw` of `pose_estimator` to it.
"""

import re
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from care_robot_msgs.msg import CameraState
from care_robot_msgs.srv import EnableCamera
from sensor_msgs.msg import CameraInfo, Image

from care_robot.care.text import both
from care_robot.geometry import OPTICAL, CameraModel, GeometryError, Pose
from care_robot.perception.calibration import CalibrationError, fitted, load_calibration
from care_robot.perception.player import Player
from care_robot.perception.privacy import Ban, PrivacyError, read_rules, standing
from care_robot.perception.switch import Switch
from care_robot.perception.video import Frame, VideoError, VideoSettings
from care_robot.ros import qos
from care_robot.ros.images import array_to_image
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter
from care_robot.ros.transforms import TransformBroadcaster, TransformListener

LOOK_PERIOD_S = 0.2
RELEASE_S = 1.0  # a camera that must be off is closed within this time


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    source: str = parameter("0", "Path of a video file, number of a camera, or its device (/dev/video0).")
    camera: str = parameter("camera", "Name of the camera; its frame is <camera>_optical_frame.")
    enabled: bool = parameter(True, "Whether the camera is on at the start, unless it was switched off.")
    state_dir: str = parameter(
        "", "Folder that remembers that the camera was switched off; empty for ~/.local/state/care_robot."
    )
    loop: bool = parameter(False, "Play a file again when it ends.")
    on_end: str = parameter("hold", "What to do when a file has ended.", choices=("hold", "exit"))
    width: int = parameter(
        0, "Width asked of a camera; 0 leaves its own.", unit="px", minimum=0, maximum=8192
    )
    height: int = parameter(
        0, "Height asked of a camera; 0 leaves its own.", unit="px", minimum=0, maximum=8192
    )
    frame_rate: float = parameter(
        0.0,
        "Rate asked of a camera, or in place of a file's own; 0 leaves it.",
        unit="Hz",
        minimum=0,
        maximum=240,
    )
    silence: float = parameter(
        3.0, "A camera that gives no picture for so long is opened again.", unit="s", minimum=0.5, maximum=60
    )
    horizontal_fov: float = parameter(
        1.05, "Horizontal field of view, where there is no calibration.", unit="rad", minimum=0.1, maximum=3.0
    )
    calibration: str = parameter("", "Calibration file as camera_calibration writes it; empty for none.")
    pose: list[float] = parameter(
        [],
        "Where the camera is mounted in the map: x, y, z [m], roll, pitch, yaw [rad]; empty where not known.",
    )
    on_robot: bool = parameter(False, "Whether it moves with a robot, which is where map to base_link says.")
    places: str = parameter(
        "", "Rooms (config/places), in the private ones of which the camera is closed; empty for none."
    )
    off_hours: list[str] = parameter(
        [], "When the camera is closed every day, such as '22:00-07:00 Asia/Seoul'."
    )


class VideoCameraNode(CareNode[Parameters]):
    """Publishes what a camera or a video file shows."""

    def __init__(self, **options: Any) -> None:
        super().__init__("video_camera", Parameters, **options)
        self._static: TransformBroadcaster | None = None
        self._transforms: TransformListener | None = None

    def configure(self, parameters: Parameters) -> None:
        """Check the source and wire up."""
        p = self._p = parameters
        settings = VideoSettings(p.source, p.loop, p.width, p.height, p.frame_rate, p.silence)
        self._player = Player(settings, self._show)
        self._frame_id = f"{p.camera}_optical_frame"
        if not re.fullmatch(r"[A-Za-z]\w*", p.camera):
            raise ConfigurationError(
                f"The parameter 'camera' is {p.camera!r}, but must be a name of letters, digits and _."
            )
        self._switch = Switch(p.camera, Path(p.state_dir) if p.state_dir else None)
        self._wanted, self._by, self._reason = p.enabled and not self._switch.is_off(), "", ""
        self._told: tuple[bool, bool, str] | None = None
        self._telling = threading.Lock()
        try:
            self._calibration = load_calibration(p.calibration) if p.calibration else None
            pose = _mounting(p.pose)
            at_m = None if pose is None else (float(pose.position[0]), float(pose.position[1]))
            self._rules = read_rules(p.camera, p.places, p.off_hours, on_robot=p.on_robot, mounted_m=at_m)
            if self._rules.needs_place:
                self._transforms = TransformListener(self)
            self._ban = self._banned()
            # What must be off is not even tried; a camera is opened only while its state can be told.
            if self._enabled and not self._player.live:
                self._model(*self._player.check()[:2])
        except (VideoError, CalibrationError, GeometryError, PrivacyError) as error:
            raise ConfigurationError(str(error)) from None
        self._images = self.publisher(Image, "image_raw", qos.SENSOR)
        self._infos = self.publisher(CameraInfo, "camera_info", qos.SENSOR)
        self._states = self.publisher(CameraState, "camera/state", qos.LATCHED)
        self.serve(EnableCamera, "camera/enable", self._enable)
        self.every(LOOK_PERIOD_S, self._look_after)
        if pose is not None:
            self._static = TransformBroadcaster(self, static=True)
            self._static.send("map", self._frame_id, pose.compose(OPTICAL), self.now_s())

    def activate(self) -> None:
        """Open the camera, unless it must be off."""
        self._ban = self._banned()
        if self._enabled:
            self._player.start()
        self._tell()

    def deactivate(self) -> None:
        """Close the camera."""
        if not self._player.stop(RELEASE_S):
            self.get_logger().error(self._does_not_close())
        self._tell()

    def cleanup(self) -> None:
        """Let go of the transforms."""
        for transforms in (self._static, self._transforms):
            if transforms is not None:
                transforms.destroy()
        self._static = self._transforms = None

    def diagnose(self) -> Health:
        """Say whether pictures come."""
        player = self._player
        values = {"source": self._p.source, "frames": str(player.frames), "failed": str(player.failed)}
        if not self._wanted:
            return Health(Level.WARN, "The camera is switched off: reduced cover.", values)
        if self._ban is not None:
            return Health(Level.WARN, f"The camera is closed: {self._ban.why.en}: reduced cover.", values)
        if self._player.problem:
            level = Level.WARN if self._player.is_open else Level.ERROR
            return Health(level, self._player.problem, values)
        if self._player.ended:
            return Health(Level.WARN, f"Video {self._p.source} has ended: nothing more comes.", values)
        return Health(values=values)

    def _enable(self, request: Any, response: Any) -> Any:
        """Open or close the camera."""
        if not request.by:
            response.error_code = EnableCamera.Response.NAME_MISSING
            response.error_msg = "Who or what switches the camera must be given in 'by'."
            return response
        if request.enabled:
            ban = self._banned()
            if ban is not None:
                response.error_code, response.error_msg = EnableCamera.Response.REFUSED, both(ban.why)
                return response
            if not self._player.running:
                try:
                    self._tell(recording=True)
                    self._player.check()
                except VideoError as error:
                    response.error_code, response.error_msg = EnableCamera.Response.CAMERA_FAILED, str(error)
                    return response
                finally:
                    self._tell()
            if self._banned() is None:  # trying takes a while, and a robot goes on
                self._player.start()
        closed = request.enabled or self._player.stop(RELEASE_S)
        self._wanted, self._by, self._reason = request.enabled, request.by, request.reason
        self._tell()
        response.success = closed
        try:
            self._switch.set(request.enabled)
        except OSError as error:
            response.error_code = EnableCamera.Response.NOT_STORED
            response.error_msg = f"The switch is not remembered over a restart: {error}."
        if not closed:  # none of its pictures is shown, and it is tried again
            response.error_code = EnableCamera.Response.CAMERA_FAILED
            response.error_msg = self._does_not_close()
        return response

    @property
    def _enabled(self) -> bool:
        """Whether the camera may be open."""
        return self._wanted and self._ban is None

    def _banned(self) -> Ban | None:
        """What forbids it to be open now."""
        now_s, robot = self.now_s(), None
        if self._transforms is not None:
            tree = self._transforms.tree
            robot = standing(lambda t_s: tree.lookup("map", "base_link", t_s), now_s)
        return self._rules.ban(datetime.fromtimestamp(now_s, timezone.utc), robot)

    def _does_not_close(self) -> str:
        return (
            f"Camera {self._p.source} does not answer and was not closed within {RELEASE_S:g} s: "
            "unplug it or end this node."
        )

    def _look_after(self) -> None:
        """Obey the rules, keep a camera playing, and end the process after a file where that is wanted."""
        before, self._ban = self._ban, self._banned()
        if self._ban is not None and self._ban != before:
            self.get_logger().info(f"Camera {self._p.camera} is closed: {self._ban.why.en}.")
        elif self._ban is None and before is not None:
            self._by, self._reason = before.by, ""
            self.get_logger().info(f"Camera {self._p.camera} may be open again.")
        if not self._enabled:
            if self._player.running and not self._player.stop(RELEASE_S - LOOK_PERIOD_S):
                self.get_logger().error(self._does_not_close(), throttle_duration_sec=10.0)
        elif not self._player.running and (before is not None or self._player.live):
            if self._player.problem:
                self.get_logger().error(f"Camera {self._p.source} is started again: {self._player.problem}")
            self._player.start()
        self._tell()
        if self._player.ended and self._p.on_end == "exit" and self.exit_code is None:
            self.get_logger().info(f"Video {self._p.source} has ended.")
            self.exit_code = 0

    def _tell(self, *, recording: bool = False) -> None:
        """Say when the camera opens (`recording`: is about to) or closes."""
        with self._telling:
            ban = self._ban
            on = self._enabled and not self._player.ended  # a file at its end is no camera that fails
            now = on, recording or self._player.is_open, ban.by if ban else ""
            if now == self._told:
                return
            self._told = now
            state = CameraState(camera=self._p.camera, enabled=now[0], recording=now[1])
            state.header.stamp = self.get_clock().now().to_msg()
            state.header.frame_id = self._frame_id
            state.by, state.reason = self._by, self._reason
            if ban is not None:
                state.by, state.reason = ban.by, both(ban.why)
            self._states.publish(state)

    def _show(self, frame: Frame) -> None:
        """Publish one frame; called in the player's thread."""
        if not self._enabled:  # a device that did not close in time
            return
        self._tell()  # never a picture before the sign that it is taken
        stamp = self.get_clock().now().to_msg()
        self._images.publish(array_to_image(frame, "rgb8", stamp, self._frame_id))
        model = self._model(frame.shape[1], frame.shape[0])
        info = CameraInfo(width=model.width, height=model.height, distortion_model="plumb_bob")
        info.header.stamp, info.header.frame_id = stamp, self._frame_id
        info.d = list(model.distortion) or [0.0] * 5
        info.k = model.k()
        info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        info.p = [model.fx, 0.0, model.cx, 0.0, 0.0, model.fy, model.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
        self._infos.publish(info)

    def _model(self, width: int, height: int) -> CameraModel:
        if self._calibration is None:
            return CameraModel.from_hfov(width, height, self._p.horizontal_fov)
        return fitted(self._calibration, width, height)


def _mounting(numbers: list[float]) -> Pose | None:
    if not numbers:
        return None
    if len(numbers) != 6:
        raise ConfigurationError(
            f"The parameter 'pose' has {len(numbers)} numbers, but must have six: "
            "x, y, z [m], roll, pitch, yaw [rad]."
        )
    x, y, z, roll, pitch, yaw = numbers
    return Pose.from_rpy(x, y, z, roll=roll, pitch=pitch, yaw=yaw)


def main() -> None:
    """Run the node."""
    run_node(VideoCameraNode)


if __name__ == "__main__":
    main()
