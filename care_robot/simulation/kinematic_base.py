"""The wheels of the kinematic world's robot: they go where they are told, unless something is in the way.

Stands in for localisation and navigation too, so it knows where the robot believes to be.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from care_robot.geometry import Array, Pose
from care_robot.simulation.kinematic_motions import Drive, NavigationError
from care_robot.simulation.kinematic_walls import Walls
from care_robot.simulation.trajectory import State

RADIUS_M = 0.26
SPARE_M = 0.05
KEEPS_OFF_M = 0.4
"""What navigation keeps between the robot's edge and a body (domain.md, R-S4)."""
TOUCH_M, ANEW_S = 0.02, 0.5
AROUND_S, PATIENCE_S = 2.0, 30.0
"""Waiting before another way is looked for, and before navigation gives up."""
CARRIED_M = 1.0
LINEAR_M_S, ANGULAR_RAD_S = 0.5, 1.0
LINEAR_M_S2, ANGULAR_RAD_S2 = 0.5, 2.0
COMMAND_TIMEOUT_S = 0.5
SLIP = 0.5
"""Share of what the wheels turn that the robot drives while they slip."""
TURN_FIRST_RAD = 0.4
"""Further off its way than this, the robot turns on the spot."""
WAYPOINT_M = 0.15
GOAL_M, GOAL_RAD = 0.05, 0.05

Place = tuple[float, float, float]


class Base:
    """A differential base: a disc that turns and drives.

    Parameters
    ----------
    start : Pose
    walls : Walls
        What it cannot drive through.
    nearest_m : callable
        Distance from a point (x, y) to the nearest body; inf where nobody is.
    bodies : callable
        Points (n, 2) of all bodies, for a way around them.

    Attributes
    ----------
    pose, odometry : tuple of float
        x, y [m] and yaw [rad]: really in the map, and as the wheels have it.
    e_stop, bumper_stuck, stopped : bool
        The button or the bumper is pressed, or the supervisor says stop: the wheels are held.
    refusal : str
        Why navigation ends and does not begin anew; empty where it may.
    bumper : bool
        What the bumper tells.
    collisions, contacts : int
        How often something, and somebody, was run into.
    """

    def __init__(
        self,
        start: Pose,
        walls: Walls,
        nearest_m: Callable[[tuple[float, float]], float],
        bodies: Callable[[], Array],
    ) -> None:
        self.pose = flat(start)
        self.odometry = (0.0, 0.0, 0.0)
        self.linear_m_s = self.angular_rad_s = 0.0
        self.slipping = self.e_stop = self.bumper_stuck = self.bumper = self.stopped = False
        self.refusal = ""
        self.collisions = self.contacts = 0
        self._walls, self._nearest_m, self._bodies = walls, nearest_m, bodies
        self._lost = Pose.identity()  # of what the robot believes, in what is so
        self._command = (0.0, 0.0)
        self._command_s = self._touched_s = -math.inf
        self._drive: Drive | None = None

    def believed(self) -> Pose:
        """Where the localisation has the robot: right, unless it was carried away."""
        return self._lost.compose(upright(self.pose))

    def distance_m(self, xy: tuple[float, float] | None = None) -> float:
        """From the robot's edge, were it at a point, to the nearest body; inf where nobody is."""
        return max(0.0, self._nearest_m(xy or self.pose[:2]) - RADIUS_M)

    def command(self, linear_m_s: float, angular_rad_s: float, now_s: float) -> None:
        """Drive so for half a second, unless navigation drives; what is not a number means stop."""
        finite = math.isfinite(linear_m_s) and math.isfinite(angular_rad_s)
        self._command = (linear_m_s, angular_rad_s) if finite else (0.0, 0.0)
        self._command_s = now_s

    def navigate(self, frame: str, pose: Pose | None, now_s: float) -> Drive:
        """Go to a pose in the map; what cannot be has ended already. It takes the place of a goal before."""
        drive = self._plan(frame, pose, now_s)
        if drive.state is State.RUNNING:
            if self._drive is not None:
                self._drive.end(State.ABORTED, NavigationError.NONE, "Another goal has taken its place.")
            self._drive = drive
        return drive

    def _plan(self, frame: str, pose: Pose | None, now_s: float) -> Drive:
        drive = Drive(started_s=now_s)
        if self.refusal:
            drive.end(State.ABORTED, NavigationError.FAILED_TO_MAKE_PROGRESS, self.refusal)
            return drive
        if frame != "map":
            code = NavigationError.FRAME_UNKNOWN
            drive.end(State.ABORTED, code, f"The goal is in the frame {frame[:40]!r}: give it in map.")
            return drive
        if pose is None:
            sentence = "The goal holds a number that is not finite, or no orientation."
            drive.end(State.ABORTED, NavigationError.GOAL_OUTSIDE_MAP, sentence)
            return drive
        x, y, drive.yaw = flat(pose)
        if not self._walls.contains(x, y):
            sentence = f"The goal ({x:.2f}, {y:.2f}) lies outside the map."
            drive.end(State.ABORTED, NavigationError.GOAL_OUTSIDE_MAP, sentence)
        elif self._walls.clearance_m(x, y) < RADIUS_M:
            sentence = f"The robot does not fit at ({x:.2f}, {y:.2f}): something stands there."
            drive.end(State.ABORTED, NavigationError.GOAL_OCCUPIED, sentence)
        else:
            way = self._way(flat(self.believed())[:2], (x, y))
            if way is None:
                sentence = f"There is no way to ({x:.2f}, {y:.2f}): is a door shut?"
                drive.end(State.ABORTED, NavigationError.NO_VALID_PATH, sentence)
            else:
                drive.way = way
        return drive

    def _way(
        self, start: tuple[float, float], goal: tuple[float, float], *, around_people: bool = False
    ) -> list[tuple[float, float]] | None:
        """Corners of the way, with room to spare where there is any; around people it keeps off them, too."""
        around = self._bodies() if around_people else np.zeros((0, 2))
        for spare_m in (KEEPS_OFF_M,) if around_people else (SPARE_M, 0.0):
            way = self._walls.way(start, goal, RADIUS_M + spare_m, around)
            if way is not None:
                return way[1:]
        return None

    def stop(self, drive: Drive) -> None:
        """Break navigation off."""
        drive.end(State.CANCELED)
        if self._drive is drive:
            self._drive = None

    def carry_away(self, draw: np.random.Generator) -> None:
        """Put the robot down elsewhere, without its noticing."""
        believed, (x, y, yaw) = self.believed(), self.pose
        turn = float(draw.uniform(-math.pi, math.pi))
        for angle in np.linspace(turn, turn + 2.0 * math.pi, 16):
            there = (x + CARRIED_M * math.cos(angle), y + CARRIED_M * math.sin(angle))
            if self._walls.clearance_m(*there) >= RADIUS_M:
                self.pose = (*there, yaw)
                break
        self._lost = believed.compose(upright(self.pose).inverse())

    def find_again(self) -> None:
        """Let the localisation be right again."""
        self._lost = Pose.identity()

    def step(self, dt_s: float, now_s: float) -> None:
        """Let time pass until `now_s`."""
        if self._drive is not None and self.refusal:
            self._drive.end(State.ABORTED, NavigationError.FAILED_TO_MAKE_PROGRESS, self.refusal)
            self._drive = None
        if self.stopped:
            self._command = (0.0, 0.0)  # what was said before a stop is not carried out after it
        drive, wanted = self._drive, self._commanded(now_s)
        if drive is not None:
            on = steer(drive, flat(self.believed()))
            wanted = on or (0.0, 0.0)
            if on is None:
                drive.end(State.SUCCEEDED)
                self._drive = drive = None
        held = self.e_stop or self.bumper_stuck or self.stopped
        if held:
            self.linear_m_s = self.angular_rad_s = 0.0
        hit = not held and self._move(wanted, dt_s, KEEPS_OFF_M if drive is not None else 0.0)
        if drive is not None:
            self._wait(drive, dt_s if held or hit else 0.0)
        self._feel(hit and drive is None, now_s)

    def _commanded(self, now_s: float) -> tuple[float, float]:
        return self._command if now_s - self._command_s <= COMMAND_TIMEOUT_S else (0.0, 0.0)

    def _move(self, wanted: tuple[float, float], dt_s: float, keep_m: float) -> bool:
        """Drive; whether something was in the way. Nothing is driven through, but one may leave it."""
        v = _towards(self.linear_m_s, _limited(wanted[0], LINEAR_M_S), LINEAR_M_S2 * dt_s)
        w = _towards(self.angular_rad_s, _limited(wanted[1], ANGULAR_RAD_S), ANGULAR_RAD_S2 * dt_s)
        share = SLIP if self.slipping else 1.0
        there = _moved(self.pose, v * share, w * share, dt_s)
        hit = v != 0.0 and not self._free(there[:2], keep_m)
        if hit:
            v, there = 0.0, _moved(self.pose, 0.0, w * share, dt_s)
        self.pose, self.odometry = there, _moved(self.odometry, v, w, dt_s)
        self.linear_m_s, self.angular_rad_s = v, w
        return hit

    def _free(self, xy: tuple[float, float], keep_m: float) -> bool:
        """Whether the robot can go there; out of where it should not be it always can."""
        here, there = self._walls.clearance_m(*self.pose[:2]), self._walls.clearance_m(*xy)
        if there < RADIUS_M and there < here:
            return False
        there = self.distance_m(xy)
        return there > keep_m or there >= self.distance_m()

    def _wait(self, drive: Drive, waited_s: float) -> None:
        """Look for a way around what does not go away, and give up at last."""
        before_s = drive.waiting_s
        drive.waiting_s = before_s + waited_s if waited_s else 0.0
        if before_s < AROUND_S <= drive.waiting_s and not (self.e_stop or self.stopped) and drive.way:
            way = self._way(flat(self.believed())[:2], drive.way[-1], around_people=True)
            if way is not None:
                drive.way, drive.recoveries = way, drive.recoveries + 1
        if drive.waiting_s >= PATIENCE_S:
            why = "somebody or something stands in the way"
            if self.e_stop or self.stopped:
                why = "the e-stop is pressed" if self.e_stop else "the robot is stopped"
            code = NavigationError.FAILED_TO_MAKE_PROGRESS
            drive.end(State.ABORTED, code, f"No progress for {PATIENCE_S:g} s: {why}.")
            self._drive = None

    def _feel(self, hit: bool, now_s: float) -> None:
        """Press the bumper, and count what was run into, once for each time."""
        person = self.distance_m() < TOUCH_M
        self.bumper = hit or self.bumper_stuck
        if hit or person:
            if now_s - self._touched_s > ANEW_S:
                self.collisions += hit and not person
                self.contacts += person
            self._touched_s = now_s


def steer(drive: Drive, believed: tuple[float, float, float]) -> tuple[float, float] | None:
    """Velocities that follow the way from where the robot believes to be; None when it has arrived."""
    x, y, yaw = believed
    while len(drive.way) > 1 and math.dist((x, y), drive.way[0]) < WAYPOINT_M:
        drive.way.pop(0)
    last = len(drive.way) == 1
    away_m = math.dist((x, y), drive.way[0]) if drive.way else 0.0
    if not drive.way or (last and away_m < GOAL_M):
        drive.way.clear()
        turn = _wrapped(drive.yaw - yaw)
        return None if abs(turn) < GOAL_RAD else (0.0, _limited(2.0 * turn, ANGULAR_RAD_S))
    turn = _wrapped(math.atan2(drive.way[0][1] - y, drive.way[0][0] - x) - yaw)
    if abs(turn) > TURN_FIRST_RAD:
        return 0.0, _limited(2.0 * turn, ANGULAR_RAD_S)
    # Slow enough to stand at the end, and to turn at the next corner.
    ahead_m = drive.left_m(x, y) if last else away_m + 0.3
    return min(LINEAR_M_S, math.sqrt(LINEAR_M_S2 * ahead_m)), 2.0 * turn


def flat(pose: Pose) -> tuple[float, float, float]:
    """A pose's x, y and yaw."""
    return float(pose.position[0]), float(pose.position[1]), pose.rpy()[2]


def upright(place: tuple[float, float, float]) -> Pose:
    """The pose on the floor with x, y and yaw."""
    return Pose.from_rpy(place[0], place[1], 0.0, yaw=place[2])


def _moved(place: tuple[float, float, float], v: float, w: float, dt_s: float) -> tuple[float, float, float]:
    x, y, yaw = place
    middle = yaw + 0.5 * w * dt_s
    return x + v * dt_s * math.cos(middle), y + v * dt_s * math.sin(middle), _wrapped(yaw + w * dt_s)


def _towards(value: float, wanted: float, most: float) -> float:
    return value + _limited(wanted - value, most)


def _limited(value: float, most: float) -> float:
    return max(-most, min(most, value))


def _wrapped(angle_rad: float) -> float:
    return math.remainder(angle_rad, 2.0 * math.pi)
