"""What both simulator nodes do: pace a home, publish its time and truth, and serve `sim/…`."""

import json
import math
import threading
import time
import traceback
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from care_robot_msgs.msg import SimObject, SimPerson, SimTruth, Utterance
from care_robot_msgs.srv import SimFault, SimReset, SimResident, SimSpawn
from geometry_msgs.msg import Point
from geometry_msgs.msg import Pose as PoseMessage
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import LaserScan

from care_robot.description import DescriptionError, Lidar
from care_robot.geometry import Pose
from care_robot.perception.newest import Pace
from care_robot.ros import qos
from care_robot.ros.conversions import to_stamp
from care_robot.ros.node import CareNode, ConfigurationError
from care_robot.ros.parameters import parameter
from care_robot.simulation.host_faults import HostFaultError, HostFaults, Relay, parse_address
from care_robot.simulation.person import ActError
from care_robot.simulation.recipe import Recipe, RecipeError, people_of
from care_robot.simulation.sim_services import (
    OF_THE_HOST,
    UNKNOWN_PERSON,
    Home,
    RequestError,
    act_of,
    fault_of,
    language_of,
    pose_of,
)
from care_robot.simulation.truth import Truth

CLOCK_PERIOD_S = 0.02
"""Wall time between two /clock messages: more of them cost every node of the robot processor time."""
LATE_PERIODS = 3
"""Of these, slow steps may be caught up on, else time passes slower: who listens would lose more at once."""
BREATH_S = 0.0005
STANDING_PERIOD_S = 0.1
TRUTH_RATE_HZ = 10.0
STOP_S = 10.0  # for the step that is being computed, on a slow machine
MONDAY_MORNING_S = 1_772_409_600.0  # 2026-03-02 09:00 in Seoul, where nobody is asleep


@dataclass(frozen=True)
class SimulationParameters:
    """Parameters of both simulators."""

    world: str = parameter("apartment", "World: a name of sim/worlds, or a file.")
    seed: int = parameter(0, "Seed of everything random.", minimum=0)
    people: str = parameter(
        '[{"id": "resident"}]',
        "Who is there at the start, as JSON: id, role, seed, place, walking_aid of each.",
    )
    speed: float = parameter(
        1.0, "Simulated time over wall time; 0 for as fast as it can.", minimum=0.0, maximum=1000.0
    )
    start_time: float = parameter(
        MONDAY_MORNING_S,
        "Simulated date at the start, since 1970 UTC.",
        unit="s",
        minimum=0.0,
        maximum=2_000_000_000.0,
    )
    relay_port: int = parameter(
        0,
        "Port of 127.0.0.1 through which pages go, so that the network can be cut.",
        minimum=0,
        maximum=65535,
    )
    relay_target: str = parameter("", "host:port to which pages are forwarded from relay_port.")
    speech_folder: str = parameter(
        "", "Folder first on the PATH of the node speech, so that its engine can be broken; empty for none."
    )


P = TypeVar("P", bound=SimulationParameters)
H = TypeVar("H", bound=Home)


class SimulationNode(CareNode[P], Generic[P, H]):
    """Runs a home in a thread of its own; whatever touches `home` holds `lock`.

    Simulated time passes only while the node is active. `now_s` is the time that the node publishes.
    """

    home: H
    step_s = CLOCK_PERIOD_S
    """Simulated time from one `publish` to the next."""

    def __init__(self, name: str, schema: type[P], **options: Any) -> None:
        super().__init__(name, schema, **options)
        self.lock = threading.RLock()
        self._host = HostFaults(self.get_fully_qualified_name())
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        # Time stands still until the node is active, but it is told: others start by it, and with the year.
        self._start_s = float(self.get_parameter("start_time").value)
        self._clock_topic = self.create_publisher(Clock, "/clock", qos.STATE)
        self.create_timer(
            STANDING_PERIOD_S, self._stand_still, clock=RosClock(clock_type=ClockType.STEADY_TIME)
        )
        self.real_time_factor = 0.0
        """Simulated over wall time in the last second."""

    # What a simulator fills in -------------------------------------------------------------------------

    @abstractmethod
    def make_home(self, recipe: Recipe, parameters: P) -> H:
        """Build the home; RecipeError or DescriptionError where it cannot be built."""

    @abstractmethod
    def wire(self, parameters: P) -> None:
        """Make publishers, subscriptions and servers; `home` is there."""

    @abstractmethod
    def publish(self) -> None:
        """Publish what sensors and others have to say now; called after each step with `lock` held."""

    @abstractmethod
    def end_goals(self, sentence: str) -> None:
        """Abort every goal of an action and say why; called with `lock` held."""

    def pace(self) -> float:
        """Simulated over wall time for the next moment; 0 for as fast as it can."""
        return self.speed

    # For a simulator -----------------------------------------------------------------------------------

    def now_s(self) -> float:
        """Time that this node publishes, s since 1970."""
        return self._start_s + (self.home.time_s if hasattr(self, "home") else 0.0)

    def stamp(self) -> Any:
        """`now_s` as a stamp."""
        return to_stamp(self.now_s())

    # House layer ---------------------------------------------------------------------------------------

    def configure(self, parameters: P) -> None:
        """Build the home and wire up."""
        p = parameters
        self.speed = p.speed
        try:
            home = self.make_home(recipe_of(p), p)
            relay = Relay(p.relay_port, *parse_address(p.relay_target)) if p.relay_target else None
        except (HostFaultError, RecipeError, DescriptionError) as error:
            raise ConfigurationError(str(error)) from None
        # Configured anew, time goes on from where it was.
        self._start_s = self.now_s() if hasattr(self, "home") else p.start_time
        self.home = home
        folder = Path(p.speech_folder).expanduser() if p.speech_folder else None
        self._host = HostFaults(self.get_fully_qualified_name(), relay, folder)
        self._truth = self.publisher(SimTruth, "sim/truth", qos.STATE)
        self._utterances = self.publisher(Utterance, "utterance", qos.STATE)
        self._truth_pace = Pace(TRUTH_RATE_HZ)
        self.serve(SimReset, "sim/reset", self._answer(self._reset))
        self.serve(SimResident, "sim/resident", self._answer(self._resident))
        self.serve(SimSpawn, "sim/spawn", self._answer(self._spawn))
        self.serve(SimFault, "sim/fault", self._answer(self._fault))
        self.wire(p)

    def activate(self) -> None:
        """Let time pass."""
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, name="simulation", daemon=True)
        self._thread.start()

    def deactivate(self) -> None:
        """Let time stand still; no goal goes on."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(STOP_S)
        self._thread = None
        with self.lock:
            self.end_goals("The simulation was stopped.")

    def cleanup(self) -> None:
        """Mend what was broken outside the simulated world."""
        self._host.close()

    # Services --------------------------------------------------------------------------------------------

    def _answer(self, do: Callable[[Any], None]) -> Callable[[Any, Any], Any]:
        def answer(request: Any, response: Any) -> Any:
            try:
                with self.lock:
                    do(request)
            except (RequestError, ActError) as error:
                response.error_code, response.error_msg = int(error.code), str(error)
            else:
                response.success = True
            return response

        return answer

    def _reset(self, request: Any) -> None:
        self.home.reset(request.world, request.seed)
        self.end_goals("The simulation was put back to its start.")  # those were of another robot
        self._host.mend_all()

    def _resident(self, request: Any) -> None:
        r = request
        if r.resident_id not in self.home.people:
            there = ", ".join(self.home.people) or "nobody"
            raise RequestError(
                UNKNOWN_PERSON, f"The field resident_id is {r.resident_id[:40]!r}, but there is {there}."
            )
        target = (r.target.x, r.target.y, r.target.z)
        act = act_of(r.act, place=r.place, target=target, heading_rad=r.heading, speed=r.speed, text=r.text)
        self.home.act(r.resident_id, act)

    def _spawn(self, request: Any) -> None:
        p, q = request.pose.position, request.pose.orientation
        pose = pose_of((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))
        self.home.spawn(request.model, request.name, pose)

    def _fault(self, request: Any) -> None:
        kind = fault_of(request.fault, request.target)
        if kind in OF_THE_HOST:
            self._host.fault(kind, request.active, request.target)
        else:
            self.home.fault(kind, request.active, request.target)

    def _stand_still(self) -> None:
        if not self.active:
            self._clock_topic.publish(Clock(clock=self.stamp()))

    # In the simulation's thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            period_s = 0.0
            next_s = counted_s = time.monotonic()
            counted_from_s = self.home.time_s
            # Always a moment for who waits for the lock.
            while not self._ending.wait(max(BREATH_S, next_s - time.monotonic())):
                # What belongs to one /clock message, in simulated and in wall time.
                speed = self.pace()
                steps = max(1, math.ceil(speed * CLOCK_PERIOD_S / self.step_s - 1e-9)) if speed else 0
                period_s = steps * self.step_s / speed if speed else CLOCK_PERIOD_S
                self._tick(steps, time.monotonic() + period_s)
                now_s = time.monotonic()
                next_s = max(next_s + period_s, now_s - LATE_PERIODS * period_s)
                if now_s - counted_s >= 1.0:
                    self.real_time_factor = (self.home.time_s - counted_from_s) / (now_s - counted_s)
                    counted_s, counted_from_s = now_s, self.home.time_s
        except Exception as error:
            self.get_logger().error(traceback.format_exc())
            self.fatal(f"The simulation has failed ({error}): its log says where.")

    def _tick(self, steps: int, end_s: float) -> None:
        """Simulate so many steps, or until wall time `end_s` where that is 0, and tell the time."""
        with self.lock:
            done = 0
            while not self._ending.is_set():
                self.home.step(self.home.time_s + self.step_s)
                self._publish()
                done += 1
                if done >= steps and (steps or time.monotonic() >= end_s):
                    break
            self._clock_topic.publish(Clock(clock=self.stamp()))

    def _publish(self) -> None:
        for person in self.home.people.values():
            while person.said:
                self._say(person.said.pop(0))
        self.publish()
        if self._truth_pace.lets_through(self.home.time_s) and self._truth.get_subscription_count():
            self._truth.publish(truth_message(self.home.truth(), self.stamp()))

    def _say(self, text: str) -> None:
        message = Utterance(text=text, language=language_of(text), confidence=1.0)
        message.source = Utterance.SOURCE_SPEECH
        message.header.stamp = self.stamp()
        self._utterances.publish(message)


def recipe_of(parameters: SimulationParameters) -> Recipe:
    """What the parameters ask for; RecipeError where that cannot be."""
    p = parameters
    try:
        people = json.loads(p.people)
    except ValueError as error:
        raise RecipeError(f"The parameter 'people' is no JSON: {error}.") from None
    return Recipe(p.world, p.seed, people_of(people))


def truth_message(truth: Truth, stamp: Any) -> SimTruth:
    """The truth as a message; its times are relative to the stamp."""
    message = SimTruth(collisions=truth.collisions, person_contacts=truth.person_contacts)
    message.header.stamp, message.header.frame_id = stamp, "map"
    message.robot_pose = pose_message(truth.robot_pose)
    message.robot_velocity.linear.x = truth.linear_m_s
    message.robot_velocity.angular.z = truth.angular_rad_s
    now_s = stamp.sec + stamp.nanosec * 1e-9
    for person in truth.people:
        x, y, z = person.hips_m
        message.people.append(
            SimPerson(
                resident_id=person.id,
                posture=person.posture,
                act=person.act,
                hips=Point(x=x, y=y, z=z),
                act_since=to_stamp(now_s - truth.t_s + person.act_since_s),
                robot_distance=person.robot_distance_m,
            )
        )
    for thing in truth.objects:
        pose = pose_message(thing.pose)
        message.objects.append(
            SimObject(name=thing.name, model=thing.model, pose=pose, held_by=thing.held_by)
        )
    return message


def scan_message(
    lidar: Lidar, ranges_m: NDArray[np.floating[Any]], rate_hz: float, frame: str, stamp: Any
) -> LaserScan:
    """What a lidar measures, so often, in a frame."""
    message = LaserScan(
        angle_min=lidar.min_angle_rad,
        angle_max=lidar.max_angle_rad,
        angle_increment=lidar.step_rad,
        range_min=lidar.min_range_m,
        range_max=lidar.max_range_m,
        scan_time=1.0 / rate_hz,
        ranges=ranges_m.astype(np.float32),
    )
    message.header.stamp, message.header.frame_id = stamp, frame
    return message


def odometry_message(pose: Pose, linear_m_s: float, angular_rad_s: float, stamp: Any) -> Odometry:
    """Where the robot believes to be since its start, and how fast it goes."""
    message = Odometry(child_frame_id="base_link")
    message.header.stamp, message.header.frame_id = stamp, "odom"
    message.pose.pose = pose_message(pose)
    message.twist.twist.linear.x, message.twist.twist.angular.z = linear_m_s, angular_rad_s
    return message


def pose_message(pose: Pose) -> PoseMessage:
    """A pose as a message."""
    message = PoseMessage()
    message.position.x, message.position.y, message.position.z = (float(n) for n in pose.position)
    q = message.orientation
    q.x, q.y, q.z, q.w = (float(n) for n in pose.quaternion)
    return message
