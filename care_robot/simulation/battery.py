"""A battery that empties while the robot works and fills on its dock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from care_robot.geometry import Pose

CAPACITY_WH = 480.0  # 24 V, 20 A h
IDLE_W = 45.0  # computer, sensors and drives at rest
CHARGER_W = 200.0
EFFICIENCY = 0.7  # of drives: mechanical to electrical power
EMPTY_V, FULL_V = 22.0, 28.8  # seven lithium cells
LOW = 0.08
"""What the fault leaves of the charge."""

_DOCK_M, _DOCK_RAD = 0.05, 0.15


class Status(IntEnum):
    """Numbers of sensor_msgs/BatteryState."""

    CHARGING = 1
    DISCHARGING = 2
    FULL = 4


@dataclass(frozen=True)
class BatteryState:
    """As sensor_msgs/BatteryState: the current is below 0 while it empties, the percentage from 0 to 1."""

    voltage_v: float
    current_a: float
    charge_ah: float
    capacity_ah: float
    percentage: float
    status: Status


class Battery:
    """One battery.

    Parameters
    ----------
    dock : Pose or None
        Where base_link is when the robot charges.
    percentage : float
        Charge at the start, 0 to 1.
    """

    def __init__(self, dock: Pose | None, percentage: float = 0.9) -> None:
        self._dock = dock
        self._charge = percentage
        self._power_w = 0.0
        self._low = False

    def set_low(self, low: bool) -> None:
        """Nearly empty from now on, or as before again."""
        self._low = low

    def docked(self, base: Pose) -> bool:
        """Whether a robot at `base` touches the contacts of the dock."""
        if self._dock is None:
            return False
        if math.dist(base.position[:2], self._dock.position[:2]) > _DOCK_M:  # asked a hundred times a second
            return False
        return abs(self._dock.inverse().compose(base).rpy()[2]) <= _DOCK_RAD

    def update(self, base: Pose, mechanical_w: float, dt_s: float) -> None:
        """Go on by `dt_s`, in which the drives gave `mechanical_w`."""
        self._power_w = -(IDLE_W + mechanical_w / EFFICIENCY)
        if self.docked(base):
            self._power_w += CHARGER_W if self._charge < 1.0 else -self._power_w
        self._charge = min(max(self._charge + self._power_w * dt_s / 3600.0 / CAPACITY_WH, 0.0), 1.0)

    def state(self) -> BatteryState:
        """What the battery says of itself."""
        percentage = min(self._charge, LOW) if self._low else self._charge
        voltage = EMPTY_V + (FULL_V - EMPTY_V) * percentage
        capacity_ah = CAPACITY_WH / ((EMPTY_V + FULL_V) / 2.0)
        if percentage >= 1.0:
            status = Status.FULL
        else:
            status = Status.CHARGING if self._power_w > 0.0 else Status.DISCHARGING
        return BatteryState(
            voltage, self._power_w / voltage, percentage * capacity_ah, capacity_ah, percentage, status
        )
