"""`sim_cameras`: the pictures of the simulated home, rendered beside the physics and never in its way.

It hears where everything is (`sim/state`), builds the same world from the recipe that comes with it, and
renders each camera at its own rate, and only while somebody listens.
"""

import threading
import traceback
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import numpy as np
from care_robot_msgs.msg import CameraState, SimState
from care_robot_msgs.srv import EnableCamera
from numpy.typing import NDArray
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image

from care_robot.care.text import both
from care_robot.description import Camera, DescriptionError
from care_robot.geometry import OPTICAL, CameraModel, Pose
from care_robot.perception.newest import Newest, Pace
from care_robot.perception.privacy import Ban, PrivacyError, PrivacyRules, Standing, read_rules
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.ros.images import array_to_image
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter
from care_robot.ros.transforms import TransformBroadcaster
from care_robot.simulation.building import OVERVIEW, fixed_cameras, world_cameras
from care_robot.simulation.graphics import RenderingError
from care_robot.simulation.recipe import Recipe, RecipeError
from care_robot.simulation.studio import Studio, depth_part

STOP_S = 5.0  # for the picture that is being rendered, on a slow machine


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    world: str = parameter("apartment", "World whose cameras these are: a name of sim/worlds, or a file.")
    places: str = parameter(
        "", "Rooms (config/places), in the private ones of which cameras are closed; empty for none."
    )
    off_hours: list[str] = parameter(
        [], "When cameras are closed every day of the simulation, such as '22:00-07:00 Asia/Seoul'."
    )


@dataclass
class _Lens:
    """One camera: what it publishes, and how it is."""

    camera: Camera
    depth: bool
    images: Publisher
    infos: Publisher
    states: Publisher | None
    frame_id: str
    pace: Pace
    rules: PrivacyRules
    ban: Ban | None
    switched_on: bool = True
    by: str = ""
    reason: str = ""
    last: NDArray[Any] | None = field(default=None, repr=False)

    @property
    def enabled(self) -> bool:
        return self.switched_on and self.ban is None

    @property
    def wanted(self) -> bool:
        return self.enabled and self.images.get_subscription_count() > 0


class SimCamerasNode(CareNode[Parameters]):
    """Publishes what the simulated cameras see."""

    def __init__(self, **options: Any) -> None:
        super().__init__("sim_cameras", Parameters, **options)
        self._thread: threading.Thread | None = None
        self._static: TransformBroadcaster | None = None
        self._switched: dict[str, tuple[bool, str, str]] = {}  # what is off stays off, also configured anew
        self._switching = threading.Lock()  # between a camera's switch and the thread that renders it

    def configure(self, parameters: Parameters) -> None:
        """Make a publisher for each camera of the world and the robot."""
        try:
            cameras, mounted = world_cameras(parameters.world), fixed_cameras(parameters.world)
        except DescriptionError as error:
            raise ConfigurationError(str(error)) from None
        try:
            rules = {c.name: _rules(c.name, mounted.get(c.name), parameters) for c in cameras}
        except PrivacyError as error:
            raise ConfigurationError(str(error)) from None
        self._lenses = [self._lens(c, rules[c.name], depth=False) for c in cameras]
        self._lenses += [self._lens(depth_part(c), rules[c.name], depth=True) for c in cameras if c.depth]
        self._static = TransformBroadcaster(self, static=True)
        for name, pose in mounted.items():
            self._static.send("map", f"{name}_optical_frame", pose.compose(OPTICAL), self.now_s())
        self._world, self._problem, self._rendered = parameters.world, "", 0
        self._newest: Newest[SimState] = Newest()
        self.subscribe(SimState, "sim/state", qos.SENSOR, self._hear)

    def _lens(self, camera: Camera, rules: PrivacyRules, *, depth: bool) -> _Lens:
        """Publishers and switch of one camera, or of what measures its distances."""
        device = camera.name
        topic = f"{device}/depth" if depth else device
        lens = _Lens(
            camera,
            depth,
            self.publisher(Image, f"{topic}/image_raw", qos.SENSOR),
            self.publisher(CameraInfo, f"{topic}/camera_info", qos.SENSOR),
            None if depth or device == OVERVIEW else self._states(device),
            f"{device}_optical_frame",
            Pace(camera.rate_hz),
            rules,
            rules.ban(_time(self.now_s())),
            *self._switched.get(device, (True, "", "")),
        )
        if lens.states is not None:
            self.serve(EnableCamera, f"{device}/camera/enable", lambda q, a: self._enable(device, q, a))
        return lens

    def _states(self, device: str) -> Publisher:
        return self.publisher(CameraState, f"{device}/camera/state", qos.LATCHED)

    def activate(self) -> None:
        """Begin to render, in a thread of its own: the graphics context belongs to one thread."""
        self._newest = Newest()
        self._problem = ""
        self._thread = threading.Thread(target=self._work, args=(self._newest,), name="studio", daemon=True)
        self._thread.start()
        for lens in self._lenses:
            self._tell(lens)

    def deactivate(self) -> None:
        """End the thread."""
        self._newest.close()
        if self._thread is not None:
            self._thread.join(STOP_S)
        self._thread = None

    def cleanup(self) -> None:
        """Take the cameras' places away."""
        if self._static is not None:
            self._static.destroy()
            self._static = None

    def diagnose(self) -> Health:
        """Say whether pictures can be rendered."""
        values = {"pictures": str(self._rendered)}
        off = [lens.camera.name for lens in self._lenses if lens.states is not None and not lens.enabled]
        if self._problem:
            return Health(Level.ERROR, self._problem, values)
        if off:
            return Health(Level.WARN, f"Switched off: {', '.join(off)}: reduced cover.", values)
        return Health(values=values)

    def _enable(self, device: str, request: Any, response: Any) -> Any:
        if not request.by:
            response.error_code = EnableCamera.Response.NAME_MISSING
            response.error_msg = "Who or what switches the camera must be given in 'by'."
            return response
        lenses = [lens for lens in self._lenses if lens.camera.name == device]
        ban = next((lens.ban for lens in lenses if lens.ban is not None), None)
        if request.enabled and ban is not None:
            response.error_code, response.error_msg = EnableCamera.Response.REFUSED, both(ban.why)
            return response
        for lens in lenses:
            with self._switching:
                lens.switched_on, lens.by, lens.reason = request.enabled, request.by, request.reason
                lens.last = None  # nothing of before is shown again
                self._switched[device] = lens.switched_on, lens.by, lens.reason
            self._tell(lens)
        response.success = True
        return response

    def _tell(self, lens: _Lens) -> None:
        if lens.states is None:
            return
        with self._switching:  # two threads tell: what is told last must be how it is
            state = CameraState(camera=lens.camera.name, enabled=lens.enabled, recording=lens.enabled)
            state.header.stamp = self.get_clock().now().to_msg()
            state.header.frame_id = lens.frame_id
            state.by, state.reason = lens.by, lens.reason
            if lens.ban is not None:
                state.by, state.reason = lens.ban.by, both(lens.ban.why)
            lens.states.publish(state)

    def _hear(self, state: SimState) -> None:
        self._newest.put(state)

    # In the studio's thread ---------------------------------------------------------------------------

    def _work(self, newest: Newest[SimState]) -> None:
        """Render what comes, until closed. Another recipe is another world."""
        state = newest.take()
        while state is not None:
            try:
                recipe = Recipe.from_json(state.recipe)
                if recipe.world != self._world:
                    both = f"{recipe.world}, but sim_cameras was started with world:={self._world}"
                    raise RecipeError(f"The simulator has the world {both}: start both with the same.")
                with Studio(recipe) as studio:
                    self._problem = ""
                    state = self._render_all(studio, state.recipe, state, newest)
            except (RecipeError, DescriptionError, RenderingError) as error:
                self._problem = str(error)
                self.get_logger().error(self._problem)
                state = newest.take()
            except Exception as error:  # graphics fail in many ways; the next picture may be well
                self._problem = f"Pictures cannot be rendered ({error}); the log says where."
                self.get_logger().error(traceback.format_exc(), throttle_duration_sec=10.0)
                state = newest.take()

    def _render_all(
        self, studio: Studio, recipe: str, state: SimState | None, newest: Newest[SimState]
    ) -> SimState | None:
        """Render this recipe's states; the first state of another one, or None when closed."""
        while state is not None and state.recipe == recipe:
            t_s = to_seconds(state.header.stamp)
            self._obey_rules(t_s, _robot(studio, state))
            due = [lens for lens in self._lenses if lens.wanted and lens.pace.lets_through(t_s)]
            if due and studio.fits(state.positions):
                studio.pose(state.positions)
                for lens in due:
                    self._publish(studio, lens, state)
            state = newest.take()
        return state

    def _obey_rules(self, t_s: float, robot: Standing | None) -> None:
        """Close and open cameras as the rules want it; a simulated robot always knows where it is."""
        for lens in self._lenses:
            ban = lens.rules.ban(_time(t_s), robot)
            if ban != lens.ban:
                with self._switching:
                    lens.ban, lens.last = ban, None
                self._tell(lens)

    def _publish(self, studio: Studio, lens: _Lens, state: SimState) -> None:
        device = lens.camera.name
        if device in state.silent:
            return
        picture = lens.last
        if device not in state.frozen or picture is None:
            picture = studio.distances(device) if lens.depth else studio.colours(device)
        covered = np.full_like(picture, -np.inf if lens.depth else 0)  # too near to measure: REP-117
        shown = covered if device in state.black else picture
        encoding = "32FC1" if lens.depth else "rgb8"
        image, info = (
            array_to_image(shown, encoding, state.header.stamp, lens.frame_id),
            self._info(lens, state),
        )
        with self._switching:
            if lens.enabled and self.active:  # and not switched off while it was rendered
                lens.last = picture
                lens.images.publish(image)
                lens.infos.publish(info)
                self._rendered += 1

    def _info(self, lens: _Lens, state: SimState) -> CameraInfo:
        camera = lens.camera
        model = CameraModel.from_hfov(camera.width_px, camera.height_px, camera.horizontal_fov_rad)
        info = CameraInfo(width=model.width, height=model.height, distortion_model="plumb_bob")
        info.header.stamp, info.header.frame_id = state.header.stamp, lens.frame_id
        info.d, info.k = [0.0] * 5, model.k()
        info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        info.p = [model.fx, 0.0, model.cx, 0.0, 0.0, model.fy, model.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
        return info


def _rules(camera: str, mounted: Pose | None, p: Parameters) -> PrivacyRules:
    if camera == OVERVIEW:  # for people who look at the simulation, and no camera of the home
        return PrivacyRules(camera)
    at_m = None if mounted is None else (float(mounted.position[0]), float(mounted.position[1]))
    return read_rules(camera, p.places, p.off_hours, on_robot=mounted is None, mounted_m=at_m)


def _robot(studio: Studio, state: SimState) -> Standing | None:
    if not studio.fits(state.positions):
        return None
    return Standing(*studio.robot_m(state.positions))


def _time(t_s: float) -> datetime:
    return datetime.fromtimestamp(t_s, timezone.utc)


def main() -> None:
    """Run the node."""
    run_node(SimCamerasNode)


if __name__ == "__main__":
    main()
