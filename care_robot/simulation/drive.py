"""A differential drive: velocity commands to wheel speeds, and wheel encoders to odometry."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from care_robot.simulation.controllers import Drive, Limits

ENCODER_TICKS = 4096
"""Of one turn of a wheel."""

WHEEL_ERROR, TRACK_ERROR = 0.004, 0.01
"""Standard deviations of what the robot is wrong about its own wheels' radius and distance, as shares: a fair
calibration leaves about as much."""


_WHEEL_GAIN_HZ, _WHEEL_LAG_RAD = 8.0, 0.12
"""Speed that a wheel gets more for each rad that it lags behind, and how far behind counts."""


class DriveController:
    """Ramps velocity commands as diff_drive_controller does, and stops when they cease.

    The wheels are also held where they should have turned to, as by the integral part of a drive's control of
    its speed; but what they lag behind at the end of a motion is forgotten, so that none pushes on.
    """

    def __init__(self, config: Drive) -> None:
        self._config = config
        self._wanted = self._now = (0.0, 0.0)
        self._commanded_s = -math.inf
        self._lag_rad = [0.0, 0.0]
        self._turned_rad: tuple[float, float] | None = None

    def command(self, linear_m_s: float, angular_rad_s: float, now_s: float) -> None:
        """Take a command; a number that is not finite is taken for a stop."""
        finite = math.isfinite(linear_m_s) and math.isfinite(angular_rad_s)
        self._wanted = (linear_m_s, angular_rad_s) if finite else (0.0, 0.0)
        self._commanded_s = now_s

    def stop(self) -> None:
        """Forget the last command."""
        self._wanted = (0.0, 0.0)

    def servo_rad_s(self, turned_rad: tuple[float, float], now_s: float, dt_s: float) -> tuple[float, float]:
        """Speeds to give the left and the right wheel for the coming `dt_s`; `turned_rad`: where they are."""
        before = self._turned_rad or turned_rad
        self._turned_rad = turned_rad
        moving = self._now != (0.0, 0.0)
        wanted = self.wheels_rad_s(now_s, dt_s)
        if moving and self._now == (0.0, 0.0):
            self._lag_rad, before = [0.0, 0.0], turned_rad
        given = []
        for i, speed in enumerate(wanted):
            lag = self._lag_rad[i] - (turned_rad[i] - before[i])
            given.append(speed + _WHEEL_GAIN_HZ * lag)
            self._lag_rad[i] = min(max(lag + speed * dt_s, -_WHEEL_LAG_RAD), _WHEEL_LAG_RAD)
        return given[0], given[1]

    def wheels_rad_s(self, now_s: float, dt_s: float) -> tuple[float, float]:
        """Speeds of the left and the right wheel that the commands ask for in the coming `dt_s`."""
        if now_s - self._commanded_s > self._config.cmd_vel_timeout:
            self.stop()
        linear = _ramp(self._now[0], self._wanted[0], self._config.linear.x, dt_s)
        angular = _ramp(self._now[1], self._wanted[1], self._config.angular.z, dt_s)
        self._now = linear, angular
        sideways = angular * self._config.wheel_separation / 2.0
        return (linear - sideways) / self._config.wheel_radius, (
            linear + sideways
        ) / self._config.wheel_radius


def _ramp(now: float, wanted: float, limits: Limits, dt_s: float) -> float:
    wanted = min(max(wanted, limits.min_velocity), limits.max_velocity)
    slower = wanted * now < 0.0 or abs(wanted) < abs(now)
    step = (-limits.max_deceleration if slower else limits.max_acceleration) * dt_s
    return min(max(wanted, now - step), now + step)


@dataclass(frozen=True)
class Odometry:
    """Where the robot believes to be since its start, in m and rad; velocities in base_link.

    Covariances are diagonals of x, y, z and rotation about x, y, z.
    """

    x_m: float
    y_m: float
    yaw_rad: float
    linear_m_s: float
    angular_rad_s: float
    pose_covariance: tuple[float, ...]
    twist_covariance: tuple[float, ...]


class WheelOdometry:
    """Odometry from encoders, by a robot that is a little wrong about its wheels.

    Parameters
    ----------
    draw : numpy.random.Generator
        Gives the errors of the calibration, which stay the same.
    """

    def __init__(self, config: Drive, draw: np.random.Generator) -> None:
        self._config = config
        self._radii_m = config.wheel_radius * (1.0 + draw.normal(0.0, WHEEL_ERROR, 2))
        self._track_m = config.wheel_separation * (1.0 + draw.normal(0.0, TRACK_ERROR))
        self._x_m = self._y_m = self._yaw_rad = 0.0
        self._ticks: tuple[int, int] | None = None
        self._steps: deque[tuple[float, float, float]] = deque(maxlen=config.velocity_rolling_window_size)

    def update(self, left_rad: float, right_rad: float, dt_s: float) -> None:
        """Go on by what the wheels have turned since the last call, `dt_s` ago."""
        scale = ENCODER_TICKS / math.tau
        ticks = math.floor(left_rad * scale), math.floor(right_rad * scale)
        before = self._ticks or ticks
        self._ticks = ticks
        left = (ticks[0] - before[0]) / scale * self._radii_m[0]
        right = (ticks[1] - before[1]) / scale * self._radii_m[1]
        ahead, turned = float(left + right) / 2.0, float(right - left) / self._track_m
        middle = self._yaw_rad + turned / 2.0
        self._x_m += ahead * math.cos(middle)
        self._y_m += ahead * math.sin(middle)
        self._yaw_rad = math.remainder(self._yaw_rad + turned, math.tau)
        self._steps.append((ahead, turned, dt_s))

    def odometry(self) -> Odometry:
        """Where the robot believes to be now."""
        elapsed = sum(step[2] for step in self._steps) or 1.0
        return Odometry(
            self._x_m,
            self._y_m,
            self._yaw_rad,
            sum(step[0] for step in self._steps) / elapsed,
            sum(step[1] for step in self._steps) / elapsed,
            tuple(self._config.pose_covariance_diagonal),
            tuple(self._config.twist_covariance_diagonal),
        )
