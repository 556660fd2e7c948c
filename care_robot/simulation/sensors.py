"""Lidar, IMU and touch of the simulated robot, from MuJoCo's state."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from care_robot.description import Imu, Lidar
from care_robot.geometry import Array
from care_robot.simulation.mujoco_model import COLLISION_GROUP, OBJECT, PERSON, ROBOT, STATIC

_SAME_CONTACT_S = 0.5  # a touch that is gone for less is the same touch


@dataclass(frozen=True)
class Scan:
    """Distances in a frame: what is nearer than the range is -inf, and what is further inf (REP-117)."""

    frame: str
    lidar: Lidar
    ranges_m: npt.NDArray[np.float32]


class LidarSensor:
    """A lidar that sees what can be touched: furniture, people, things, and an arm that is in its way."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        robot: str,
        link: str,
        lidar: Lidar,
        *,
        draw: np.random.Generator,
    ) -> None:
        self._model, self._data, self._lidar, self._draw = model, data, lidar, draw
        self._link = link
        self._site = data.site(f"{robot}/{lidar.name}")
        self._base = model.body(model.site_bodyid[self._site.id]).rootid[0]
        angles = np.linspace(lidar.min_angle_rad, lidar.max_angle_rad, lidar.samples)
        self._rays = np.column_stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)])
        self._groups = np.array([group == COLLISION_GROUP for group in range(6)], dtype=np.uint8)
        self._hit = np.empty(lidar.samples, dtype=np.int32)
        self._distances = np.empty(lidar.samples)

    def scan(self) -> Scan:
        """Measure, with noise."""
        lidar = self._lidar
        rays = self._rays @ self._site.xmat.reshape(3, 3).T
        mujoco.mj_multiRay(
            self._model,
            self._data,
            self._site.xpos,
            rays.ravel(),
            self._groups,
            1,
            int(self._base),
            self._hit,
            self._distances,
            None,
            lidar.samples,
            lidar.max_range_m,
        )
        noise = self._draw.normal(0.0, lidar.noise_std_m, lidar.samples)
        ranges = self._distances + noise
        ranges[ranges < lidar.min_range_m] = -np.inf
        ranges[(self._hit < 0) | (ranges > lidar.max_range_m)] = np.inf
        return Scan(self._link, lidar, ranges.astype(np.float32))


@dataclass(frozen=True)
class ImuReading:
    """As sensor_msgs/Imu, without an orientation; gravity is in the acceleration (REP-145)."""

    frame: str
    angular_velocity_rad_s: Array
    linear_acceleration_m_s2: Array
    angular_velocity_variance: float
    linear_acceleration_variance: float


class ImuSensor:
    """Gyroscope and accelerometer with noise; needs what `add_imu` adds."""

    def __init__(
        self, data: mujoco.MjData, robot: str, link: str, imu: Imu, draw: np.random.Generator
    ) -> None:
        self._imu, self._link, self._draw = imu, link, draw
        self._gyro = data.sensor(f"{robot}/{imu.name}/gyro")
        self._accelerometer = data.sensor(f"{robot}/{imu.name}/accelerometer")

    def read(self) -> ImuReading:
        """Measure, with noise."""
        turn, push = self._imu.angular_velocity_std_rad_s, self._imu.linear_acceleration_std_m_s2
        return ImuReading(
            self._link,
            self._gyro.data + self._draw.normal(0.0, turn, 3),
            self._accelerometer.data + self._draw.normal(0.0, push, 3),
            turn**2,
            push**2,
        )


def add_imu(spec: mujoco.MjSpec, robot: str, imu: Imu) -> None:
    """Add to a world what an IMU's readings come from."""
    kinds = {"gyro": mujoco.mjtSensor.mjSENS_GYRO, "accelerometer": mujoco.mjtSensor.mjSENS_ACCELEROMETER}
    for name, kind in kinds.items():
        spec.add_sensor(
            name=f"{robot}/{imu.name}/{name}",
            type=kind,
            objtype=mujoco.mjtObj.mjOBJ_SITE,
            objname=f"{robot}/{imu.name}",
        )


class Touch:
    """What the robot touches: the bumper, collisions, and what the fingers hold.

    Parameters
    ----------
    bumpers : sequence of str
        Names of the geoms of the bumper.
    fingers : sequence of str
        Names of bodies that touch things and tables on purpose: one finger each.
    wheels : sequence of str
        Names of bodies that are always on the floor.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        *,
        bumpers: list[str],
        fingers: list[str],
        wheels: list[str],
    ) -> None:
        self._model, self._data = model, data
        self._kind = model.geom_contype.copy()
        body = np.asarray(model.geom_bodyid)
        self._bumper = np.isin(np.arange(model.ngeom), [model.geom(name).id for name in bumpers])
        self._fingers = [model.body(name).id for name in fingers]
        quiet = [*self._fingers, *(model.body(name).id for name in wheels)]
        self._counts = (self._kind == ROBOT) & ~np.isin(body, quiet)
        self._body = body
        self._seen_s: dict[tuple[int, int], float] = {}
        self.with_static = self.with_person = 0

    def update(self, now_s: float) -> None:
        """Count what the robot has newly touched."""
        for own, other in self._pairs(self._counts, STATIC | PERSON):
            pair = int(self._body[own]), int(self._body[other])
            if now_s - self._seen_s.get(pair, -np.inf) > _SAME_CONTACT_S:
                if self._kind[other] == PERSON:
                    self.with_person += 1
                else:
                    self.with_static += 1
            self._seen_s[pair] = now_s

    def bumper(self) -> bool:
        """Whether anything pushes the bumper."""
        return bool(self._pairs(self._bumper, STATIC | PERSON | OBJECT))

    def held(self) -> str:
        """Name of the model that both fingers touch; empty where there is none."""
        touched = [
            {
                int(self._model.body_rootid[self._body[other]])
                for _, other in self._pairs(self._body == finger, OBJECT)
            }
            for finger in self._fingers
        ]
        both = sorted(set.intersection(*touched)) if touched else []
        return self._model.body(both[0]).name.split("/")[0] if both else ""

    def _pairs(self, own: npt.NDArray[np.bool_], kinds: int) -> list[tuple[int, int]]:
        """Touching geoms: one of `own`, and one of those kinds."""
        touching = self._data.contact.geom
        if not len(touching):
            return []
        both = np.vstack([touching, touching[:, ::-1]])
        found = both[own[both[:, 0]] & ((self._kind[both[:, 1]] & kinds) != 0)]
        return [(int(a), int(b)) for a, b in found]
