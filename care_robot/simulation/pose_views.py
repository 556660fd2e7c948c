"""Pictures of one simulated person in a given posture, to measure how well a pose estimator finds people.

The place is the living room of the apartment; who it is, and how the arms are held, comes from the seed.
"""

from __future__ import annotations

import math
from enum import Enum
from types import TracebackType

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.geometry import OPTICAL, Pose
from care_robot.simulation.mujoco_model import (
    COLLISION_GROUP,
    add_look,
    add_model,
    compile_spec,
    new_spec,
    quaternion,
)
from care_robot.simulation.person import add_person
from care_robot.simulation.rendering import Renderer
from care_robot.simulation.resident import Resident
from care_robot.simulation.resident_body import Array
from care_robot.simulation.resident_gait import Walk
from care_robot.simulation.resident_motion import Seat
from care_robot.simulation.resident_orders import on_floor
from care_robot.simulation.resident_poses import PRONE, SUPINE, on_side
from care_robot.simulation.resident_route import routes
from care_robot.simulation.resident_stage import Body
from care_robot.simulation.resident_steps import Gait, Place, plan_route
from care_robot.simulation.sdf import find_world, read_world

WIDTH_PX, HEIGHT_PX = 640, 480
FOVY_DEG = 60.0
_SPOTS = ("living_room", "living_room_centre", "sofa_side", "window")
_CAMERA = "pose_view"
# From x ahead, y left, z up to what MuJoCo's cameras have: x right, y up, z back.
_LOOK = OPTICAL.compose(Pose.from_rpy(0, 0, 0, roll=math.pi))


class Viewpoint(Enum):
    """A camera: its height, m, and how far it looks down, rad."""

    HEAD = (1.25, math.radians(15.0))
    """The robot's, with the head bent a little."""
    ROOM = (2.2, math.radians(22.0))
    """One on the wall."""


class ViewPosture(Enum):
    """What the person does."""

    STANDING = "standing"
    WALKING = "walking"
    SITTING = "sitting"
    LYING = "lying"


class PoseViews:
    """Renders views of the person of a seed; a context manager.

    Raises
    ------
    RenderingError
        This machine cannot render.
    """

    def __init__(self, seed: int) -> None:
        self._draw = np.random.default_rng((seed, 40))
        world = read_world(find_world("apartment"))
        self._world = world
        self._routes = routes(world)
        self.resident = Resident.from_seed(seed)
        self._body = Body(self.resident, self._routes)
        self._spots = [on_floor(world.place(name)) for name in _SPOTS]
        self._room = world.room_at(self._spots[0].x_m, self._spots[0].y_m)
        chair = world.place("armchair")
        self._seat = Seat(on_floor(chair), float(chair.pose.position[2]))
        spec = new_spec()
        add_look(spec, world)
        for model in world.models:
            add_model(spec, model)
        add_person(spec, "resident", self._body.resident)
        spec.worldbody.add_camera(name=_CAMERA, fovy=FOVY_DEG)
        self._model = compile_spec(spec)
        self._data = mujoco.MjData(self._model)
        self._camera = self._model.camera(_CAMERA).id
        root = int(self._model.joint("resident/root").qposadr[0])
        self._q = slice(root, root + self._body.skeleton.size)
        self._renderer = Renderer(self._model, WIDTH_PX, HEIGHT_PX)

    def view(
        self, posture: ViewPosture, distance_m: float, viewpoint: Viewpoint
    ) -> tuple[NDArray[np.uint8], tuple[float, float]]:
        """Return a picture (480, 640, 3) RGB from that level distance, and where the hips are in it, px.

        Bearing, heading, phase of the step and side to lie on are drawn anew. ValueError where the room is
        too small for the distance.
        """
        for _ in range(20):
            self._data.qpos[self._q] = self._frame(posture)
            mujoco.mj_forward(self._model, self._data)
            pose = self._camera_pose(posture, distance_m, viewpoint)
            if pose is not None:
                break
        else:
            raise ValueError(f"Nobody {posture.value} in the {self._room} can be seen from {distance_m} m.")
        self._model.cam_pos[self._camera] = pose.position
        self._model.cam_quat[self._camera] = quaternion(pose.compose(_LOOK))
        mujoco.mj_forward(self._model, self._data)
        ahead, left, up = pose.inverse().apply(self._data.body("resident/pelvis").xpos)
        focal_px = HEIGHT_PX / 2 / math.tan(math.radians(FOVY_DEG / 2))
        where = (WIDTH_PX / 2 - focal_px * left / ahead, HEIGHT_PX / 2 - focal_px * up / ahead)
        return self._renderer.render(self._data, _CAMERA, WIDTH_PX, HEIGHT_PX), where

    def _frame(self, posture: ViewPosture) -> Array:
        draw, body = self._draw, self._body
        spot = self._spots[int(draw.integers(len(self._spots)))]
        if posture is ViewPosture.LYING:
            spot = self._spots[int(draw.integers(2)) * -1]  # where a body has room
        place = Place(spot.x_m, spot.y_m, float(draw.uniform(-math.pi, math.pi)))
        if posture is ViewPosture.STANDING:
            return body.standing(place)
        if posture is ViewPosture.SITTING:
            return body.on_seat(self._seat)
        if posture is ViewPosture.LYING:
            keyframe = (SUPINE, PRONE, on_side("l"), on_side("r"))[int(draw.integers(4))]
            return body.skeleton.frame(keyframe, place.x_m, place.y_m, place.yaw_rad)
        gait = Gait.of(body.resident)
        back = place.ahead(-2.0)
        steps, _ = plan_route(body.resident, gait, back, [(place.ahead(2.0).x_m, place.ahead(2.0).y_m)], None)
        walk = Walk(body.resident, back, steps, gait)
        return body.skeleton.of_posture(walk.posture(walk.end_s / 2 + float(draw.uniform(-0.6, 0.6))))

    def _camera_pose(self, posture: ViewPosture, distance_m: float, viewpoint: Viewpoint) -> Pose | None:
        """Draw a place of the camera in the person's room with head and hips in sight, if there is one."""
        x, y, _ = self._data.body("resident/pelvis").xpos
        height_m, pitch = viewpoint.value
        for _ in range(100):
            bearing = float(self._draw.uniform(-math.pi, math.pi))
            if posture is ViewPosture.SITTING:  # from the front: chairs have backs
                bearing = self._seat.edge.yaw_rad + bearing * math.radians(100) / math.pi
            eye = Place(float(x), float(y), bearing).ahead(distance_m)
            at = np.array([eye.x_m, eye.y_m, height_m])
            inside = self._world.room_at(eye.x_m, eye.y_m) == self._room and self._routes.is_free(eye)
            if inside and self._in_sight(at):
                yaw = bearing + math.pi + self._draw.uniform(-0.12, 0.12)
                return Pose.from_rpy(eye.x_m, eye.y_m, height_m, pitch=pitch, yaw=yaw)
        return None

    def _in_sight(self, eye: Array) -> bool:
        groups = np.zeros(6, dtype=np.uint8)
        groups[COLLISION_GROUP] = 1
        hit = np.zeros(1, dtype=np.int32)
        for part in ("head", "pelvis"):
            line = self._data.body(f"resident/{part}").xpos - eye
            share = mujoco.mj_ray(self._model, self._data, eye, line, groups, 1, -1, hit)
            mine = hit[0] >= 0 and self._model.geom(int(hit[0])).name.startswith("resident/")
            if 0.0 <= share < 1.0 and not mine:
                return False
        return True

    def __enter__(self) -> PoseViews:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renderer.__exit__(kind, error, trace)
