"""A floor with the real robot on it, and boxes to meet and to grasp."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np

from care_robot.description import Box, Collision, Inertia, Link, Model, Plane, Shape
from care_robot.geometry import Pose
from care_robot.simulation.controllers import read_controllers
from care_robot.simulation.mujoco_model import CONTROL_S, TIMESTEP_S, add_model, compile_spec, new_spec
from care_robot.simulation.robot import Robot
from care_robot.simulation.robot_body import add_robot
from care_robot.urdf import read_urdf

CONFIG = Path(__file__).parents[2] / "config"
URDF, CONTROLLERS = CONFIG / "robots" / "carebot.urdf", CONFIG / "controllers.yaml"
CAREBOT = read_urdf(URDF)
DRIVEN = read_controllers(CONTROLLERS, CAREBOT)
ARM = DRIVEN.trajectories["arm_controller"].joints
HEAD = DRIVEN.trajectories["head_controller"].joints
HERE = Pose.identity()


def thing(name: str, shape: Shape, at: Pose, mass_kg: float = 0.0, friction: float = 0.6) -> Model:
    """One shape; without a mass it is fixed to the world."""
    inertia = Inertia(mass_kg, HERE, (mass_kg * 0.002,) * 3 + (0.0,) * 3) if mass_kg else None  # type: ignore[arg-type]
    link = Link("link", HERE, inertia, collisions=(Collision("body", HERE, shape, friction),))
    return Model(name, at, (link,), static=not mass_kg)


class RobotWorld:
    """The robot at the origin of a level floor, with things around it; time passes by `run`."""

    def __init__(
        self,
        *things: Model,
        seed: int = 0,
        dock: Pose | None = None,
        add: Callable[[mujoco.MjSpec], None] = lambda _: None,
    ) -> None:
        spec = new_spec()
        for model in (thing("floor", Plane((20.0, 20.0)), HERE), *things):
            add_model(spec, model)
        add(spec)
        add_robot(spec, CAREBOT, DRIVEN, dressed=False)
        self.model = compile_spec(spec)
        self.data = mujoco.MjData(self.model)
        self.robot = Robot(self.model, self.data, CAREBOT, DRIVEN, seed=seed, dock=dock)
        self.now_s = 0.0
        mujoco.mj_forward(self.model, self.data)

    def run(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Let time pass; `each` is called before every control period."""
        for _ in range(round(seconds / CONTROL_S)):
            each()
            self.robot.before_step(self.now_s)
            mujoco.mj_step(self.model, self.data, round(CONTROL_S / TIMESTEP_S))
            self.now_s = round(self.now_s + CONTROL_S, 6)

    def drive(self, seconds: float, linear: float, angular: float = 0.0) -> None:
        """Command the same velocity all the time."""
        self.run(seconds, lambda: self.robot.command_velocity(linear, angular, self.now_s))

    def joint(self, name: str) -> float:
        """Position of a joint."""
        return float(self.data.joint(f"carebot/{name}").qpos[0])

    def seen_from_grasp(self, name: str) -> np.ndarray:
        """Place of a thing between the fingers, m."""
        grasp, body = self.data.body("carebot/grasp_link"), self.data.body(f"{name}/link")
        return np.asarray(grasp.xmat.reshape(3, 3).T @ (body.xpos - grasp.xpos))

    def state_hash(self) -> str:
        """Fingerprint of all places and velocities."""
        return hashlib.sha256(np.concatenate([self.data.qpos, self.data.qvel]).tobytes()).hexdigest()


def reach(x: float, z: float, lift: float, pitch: float = 0.0) -> list[float]:
    """Positions of lift and arm with the grasp at (x, 0, z) in base_link, the gripper `pitch` below level."""
    x -= 0.03 + 0.17 * math.cos(pitch)
    z -= 0.55 + lift - 0.17 * math.sin(pitch)
    elbow = math.acos((x * x + z * z - 0.30**2 - 0.28**2) / (2 * 0.30 * 0.28))
    upper = math.atan2(-z, x) - math.atan2(0.28 * math.sin(elbow), 0.30 + 0.28 * math.cos(elbow))
    fore = upper + elbow
    return [lift, 0.0, upper + math.pi / 2, elbow - math.pi, 0.0, pitch - fore + math.pi / 2, 0.0]


def table(x: float, height: float = 0.75) -> Model:
    """A table top whose edge is at `x`."""
    return thing("table", Box((0.6, 0.9, 0.04)), Pose.from_rpy(x + 0.3, 0, height - 0.02))
