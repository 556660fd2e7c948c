"""`safety_supervisor`: takes every wish for a stop, holds it, and tells everybody.

So far it stops; velocity, distances and the other processes' heartbeats are still to come.
It starts without the lifecycle manager, and publishes nothing that moves.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from care_robot_msgs.msg import SafetyState, StopRequest, Utterance
from care_robot_msgs.srv import ResetSafety
from rclpy.clock import Clock, ClockType
from std_msgs.msg import Bool

from care_robot.actuation.safety import (
    CHECK_PERIOD_S,
    SPEED_CAP_M_S,
    ResetError,
    Stop,
    StopFile,
    StopFileError,
    StopLatch,
    StopReason,
)
from care_robot.perception.switch import state_directory
from care_robot.ros import qos
from care_robot.ros.conversions import to_stamp
from care_robot.ros.node import CareNode, Health, Level, run_node
from care_robot.ros.parameters import parameter

TELL_PERIOD_S = 1.0


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node."""

    state_dir: str = parameter(
        "", "Folder that remembers a stop over a restart; empty for ~/.local/state/care_robot."
    )


class SafetySupervisorNode(CareNode[Parameters]):
    """Puts the latch, its memory and the topics together."""

    def __init__(self, **options: Any) -> None:
        super().__init__("safety_supervisor", Parameters, **options)

    def configure(self, parameters: Parameters) -> None:
        """Take up a stop of before, and wire up."""
        folder = Path(parameters.state_dir).expanduser() if parameters.state_dir else state_directory()
        name = self.get_fully_qualified_name().strip("/").replace("/", ".")
        self._file, self._memory_trouble = StopFile(folder / f"{name}.stop.json"), ""
        self._settled = True
        self._latch = StopLatch(self._remembered())
        self._checked_s = self.now_s()
        self._states = self.publisher(SafetyState, "safety/state", qos.LATCHED)
        self.subscribe(StopRequest, "safety/stop_request", qos.COMMAND, self._on_request)
        self.subscribe(Utterance, "utterance", qos.STATE, self._on_utterance)
        self.subscribe(Bool, "e_stop_button", qos.SENSOR, self._on_button)
        self.serve(ResetSafety, "safety/reset", self._on_reset)
        # Signs of life, and the judgement of others', run on the wall clock.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        for period_s, callback in ((TELL_PERIOD_S, self._tell_and_settle), (CHECK_PERIOD_S, self._check)):
            timer = self.create_timer(period_s, self._gated(callback), clock=steady)
            self.at_cleanup(partial(self.destroy_timer, timer))

    def activate(self) -> None:
        """Say how it is."""
        self._tell()

    def diagnose(self) -> Health:
        """Whether it is stopped, and whether a restart would still know."""
        values = {"state": self._latch.state.name.lower()}
        if self._memory_trouble:
            return Health(Level.ERROR, self._memory_trouble, values)
        return Health(Level.WARN if self._latch.stop else Level.OK, self._latch.text.en, values)

    def _remembered(self) -> Stop | None:
        try:
            return self._file.load()
        except StopFileError as error:
            self.get_logger().error(f"{error} The robot stays stopped until somebody resets it.")
            return Stop((StopReason.START_UP,), (), "", "", self.now_s())

    def _on_request(self, request: StopRequest) -> None:
        self._act(self._latch.request(request.id, request.by, request.reason, time.monotonic(), self.now_s()))

    def _on_utterance(self, utterance: Utterance) -> None:
        self._act(self._latch.hear(utterance.text, self.now_s()))

    def _on_button(self, button: Bool) -> None:
        self._act(self._latch.press(button.data, self.now_s()))

    def _check(self) -> None:
        """Only where time passes: nothing moves, and no sensor speaks, in a simulation that stands still."""
        now_s = self.now_s()
        passes, self._checked_s = now_s > self._checked_s, now_s
        if passes:
            self._act(self._latch.check(now_s))

    def _on_reset(self, request: ResetSafety.Request, response: Any) -> Any:
        try:
            by = self._latch.reset(request.by, time.monotonic(), self.now_s())
        except ResetError as error:
            response.error_code, response.error_msg = int(error.code), str(error)
            return response
        self.get_logger().warning(f"The stop was reset by {by}.")
        self._keep()
        self._tell()
        response.success = True
        return response

    def _act(self, changed: bool) -> None:
        if changed:
            self._keep()
            self._tell()
            self.get_logger().warning(self._latch.text.en)

    def _keep(self) -> None:
        self._settled = False
        self._note_trouble(partial(self._file.save, self._latch.stop))

    def _tell_and_settle(self) -> None:
        """The disk may take its time: never before a stop is told of, and at most once a second."""
        self._tell()
        if not self._settled and self._latch.stop is not None and not self._memory_trouble:
            self._settled = True
            self._note_trouble(self._file.settle)

    def _note_trouble(self, work: Callable[[], None]) -> None:
        try:
            work()
            self._memory_trouble = ""
        except StopFileError as error:
            self._memory_trouble = str(error)
            self.get_logger().error(str(error), throttle_duration_sec=10.0)

    def _tell(self) -> None:
        latch = self._latch
        message = SafetyState(
            state=int(latch.state),
            reason_ko=latch.text.ko,
            reason_en=latch.text.en,
            since=to_stamp(max(0.0, latch.since_s)),
            person_distance=math.nan,
            speed_cap=SPEED_CAP_M_S,
        )
        if latch.stop is not None:
            message.reasons = [int(reason) for reason in latch.stop.reasons]
            message.stop_request_ids = list(latch.stop.ids)
            message.speed_cap = 0.0
        message.header.stamp, message.header.frame_id = to_stamp(self.now_s()), "base_link"
        self._states.publish(message)


def main() -> None:
    """Run the node."""
    run_node(SafetySupervisorNode, self_activate=True)


if __name__ == "__main__":
    main()
