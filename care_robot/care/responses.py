"""The robot's part in an alarm: sent, there, or unable to come."""

from collections.abc import Sequence

from care_robot.care import phrases
from care_robot.care.alarms import MAX_REASON, Alarm, AlarmState, RobotState, clean_text
from care_robot.care.asking import Asker
from care_robot.care.inputs import Response, ResponseState
from care_robot.care.ledger import Ledger

ROBOT = "task_manager"
MAX_STEPS = 50
"""Of the robot in one history: one that arrives and fails again and again must not fill it."""


class Responses:
    """Follows what the robot does about each alarm.

    Parameters
    ----------
    ledger
        Where alarms are kept.
    asker
        Puts the question that waited for the robot.
    """

    def __init__(self, ledger: Ledger, asker: Asker) -> None:
        self._ledger = ledger
        self._asker = asker

    def seen(self, responses: Sequence[Response]) -> None:
        """Note what has changed; of several tries for one alarm the first counts: open ones, then newest."""
        for response in {response.alarm_id: response for response in reversed(responses)}.values():
            self._follow(response)

    def _follow(self, response: Response) -> None:
        """Note a change; the same again, however often, changes nothing."""
        alarm = self._ledger.alarms.get(response.alarm_id)
        if alarm is None or alarm.drill or alarm.state is AlarmState.RESOLVED:
            return
        before, now = alarm.robot, self._state(alarm, response)
        if now is None:
            return
        alarm.robot = now
        event = {RobotState.SENT: "robot_sent", RobotState.ARRIVED: "robot_arrived"}.get(now, "robot_failed")
        why = phrases.reason(event, detail=clean_text(response.problem, MAX_REASON) or "-")
        if sum(step.by == ROBOT for step in alarm.history) < MAX_STEPS:
            self._ledger.record(alarm, event, ROBOT, why)
        else:
            self._ledger.touch(alarm)
        if before is RobotState.AWAITED:
            self._asker.ask(alarm, phrases.reason("too_late_to_ask"))

    def _state(self, alarm: Alarm, response: Response) -> RobotState | None:
        """What is new; that a robot sets off again after it failed is not, until it is there."""
        arrived = response.arrived and response.state is ResponseState.RUNNING
        if arrived and alarm.robot is not RobotState.ARRIVED:
            return RobotState.ARRIVED
        if response.state is ResponseState.RUNNING and alarm.robot is RobotState.NONE:
            return RobotState.SENT
        failed = response.state is ResponseState.OVER and bool(response.problem)
        if failed and alarm.robot is not RobotState.FAILED:
            return RobotState.FAILED
        return None
