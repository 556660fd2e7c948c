"""Says of a camera whether it sees: in the diagnostics, and as a technical alarm. For the nodes that look."""

import time
from typing import Any

import numpy.typing as npt
from care_robot_msgs.msg import Alarm, AlarmArray, CameraState
from care_robot_msgs.srv import RaiseAlarm

from care_robot.care.text import both
from care_robot.perception.image_health import Trouble
from care_robot.perception.sight import OpenAlarm, Sight, Word
from care_robot.ros import qos
from care_robot.ros.node import CareNode, Health, Level

ANSWER_S = 5.0  # by the steady clock; then it is told again
MILD = (Trouble.DARK, Trouble.MOVED)


class SightReport:
    """What a node that looks at a camera's pictures says about them.

    Made in the node's `configure`; the node calls `look` for each picture (in whichever thread), and `tick`
    once a second.

    Parameters
    ----------
    node
        Whose topics and services it uses: `camera/state`, `alarms`, `alarms/raise`.
    camera
        Its name.
    fixed
        Whether it stays where it is.
    """

    def __init__(self, node: CareNode[Any], camera: str, *, fixed: bool = True) -> None:
        self._node, self._camera = node, camera
        self._sight = Sight(camera, fixed=fixed)
        self._alarm: OpenAlarm | None = None
        self._sending: tuple[Word, Any, float] | None = None
        self._unheard = ""
        self._raises = node.create_client(RaiseAlarm, "alarms/raise")
        node.at_cleanup(lambda: node.destroy_client(self._raises))
        node.subscribe(CameraState, "camera/state", qos.LATCHED, self._on_state)
        node.subscribe(AlarmArray, "alarms", qos.LATCHED, self._on_alarms)

    @property
    def sees(self) -> bool:
        """Whether somebody who is there would be seen."""
        return self._sight.sees

    def look(self, pixels: npt.NDArray[Any], stamp_s: float) -> None:
        """Take in a picture, (h, w, 3) or (h, w), uint8; ValueError for what is none."""
        self._sight.look(pixels, stamp_s, self._node.now_s())

    def tick(self) -> None:
        """Notice silence, and have care told what it must know until it has answered."""
        now_s = self._node.now_s()
        self._sight.tick(now_s)
        self._take_answer()
        word = self._sight.word(now_s, self._alarm)
        if word is None:
            self._unheard = ""
        elif self._sending is None:
            self._tell(word)

    def health(self) -> Health | None:
        """What is wrong, for the node's diagnostics; None where nothing is."""
        if self._sight.off:
            return Health(Level.WARN, f"{self._camera} is switched off: reduced cover.")
        trouble = self._sight.trouble
        if trouble is None:
            return None
        values = {"trouble": trouble.value, **({"alarm": self._unheard} if self._unheard else {})}
        level = Level.WARN if trouble in MILD else Level.ERROR
        return Health(level, f"{self._camera}: {trouble.text.en}.", values)

    def _tell(self, word: Word) -> None:
        if not self._raises.service_is_ready():
            self._unheard = "nobody answers alarms/raise: is care_manager running?"
            return
        request = RaiseAlarm.Request(
            kind=Alarm.KIND_TECHNICAL if word.urgent else Alarm.KIND_ROBOT,
            priority=Alarm.PRIORITY_TECHNICAL if word.urgent else Alarm.PRIORITY_LOW,
            source_id=word.source_id,
            room=self._camera.removesuffix("_camera"),
            by=self._camera,
            reason=both(word.text),
        )
        self._sending = word, self._raises.call_async(request), time.monotonic() + ANSWER_S

    def _take_answer(self) -> None:
        if self._sending is None:
            return
        word, future, until_s = self._sending
        if not future.done():
            if time.monotonic() < until_s:
                return
            self._raises.remove_pending_request(future)
            self._unheard = "alarms/raise gives no answer."
        elif (answer := future.result()) is not None:
            refused = answer.error_code == RaiseAlarm.Response.INVALID
            if refused:
                self._node.get_logger().error(f"Refused: {answer.error_msg}")
            self._unheard = "" if answer.alarm_id else answer.error_msg
            if answer.alarm_id or refused:
                self._sight.told(word)
        self._sending = None

    def _on_state(self, state: CameraState) -> None:
        self._sight.switch(state.enabled, self._node.now_s())

    def _on_alarms(self, alarms: AlarmArray) -> None:
        mine = [
            alarm
            for alarm in alarms.alarms
            if alarm.kind == Alarm.KIND_TECHNICAL
            and alarm.state != Alarm.STATE_RESOLVED
            and alarm.source_id.startswith(self._sight.prefix)
        ]
        newest = max(mine, key=lambda a: (a.raised_at.sec, a.raised_at.nanosec), default=None)
        taken = (Alarm.STATE_ACKNOWLEDGED, Alarm.STATE_ATTENDED)
        self._alarm = OpenAlarm(newest.source_id, newest.state in taken) if newest else None
