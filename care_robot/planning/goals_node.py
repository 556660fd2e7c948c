"""Goals of other nodes' actions, as jobs that end whatever becomes of the other side."""

import time
from collections.abc import Callable
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient

from care_robot.care.text import Text
from care_robot.planning.skills import Failure, Job
from care_robot.planning.tasks import TaskErrorCode

READY_S, ACCEPT_S, GONE_S, CANCEL_S = 3.0, 5.0, 2.0, 3.0
"""Wall time for a server to be there, to take a goal, to come back, and to end what was cancelled."""

CANCELED = Failure(TaskErrorCode.CANCELED, Text("그만두었습니다.", "It was called off."))


class ActionGoal:
    """One goal, from before its server is there until it has ended.

    Parameters
    ----------
    client
        Of the action.
    goal
        The request.
    name
        Of the server, for the sentence that says that it does not answer.
    judge
        Makes the end of the job from final status and result: calls `job.end`.
    silent_s
        Without feedback for so long the server counts as dead; none where it need not give any.
    hold
        Whether the goal may not be sent yet.
    """

    def __init__(
        self,
        client: ActionClient,
        goal: Any,
        name: Text,
        judge: Callable[[Job, int, Any], None],
        *,
        silent_s: float | None = None,
        hold: Callable[[], bool] = lambda: False,
    ) -> None:
        self.job = Job(on_cancel=self._cancel)
        self._client, self._goal, self._name = client, goal, name
        self._judge, self._silent_s, self._hold = judge, silent_s, hold
        self._handle: Any = None
        self._sent = self._cancelled = False
        self._since_s = self._sign_s = self._server_s = time.monotonic()

    def poll(self) -> None:
        """Send it as soon as that can be done, and give up what nobody answers."""
        now_s = time.monotonic()
        ready = self._client.server_is_ready()
        if ready:
            self._server_s = now_s
        if self.job.done:
            return
        if not self._sent:
            if ready and not self._hold():
                self._send(now_s)
            elif now_s - self._since_s > READY_S:
                self.job.end(self._dead())
        elif self._cancelled:
            if now_s - self._since_s > CANCEL_S:
                self.job.end(CANCELED)
        elif self._handle is None:
            if now_s - self._since_s > ACCEPT_S:
                self._give_up()
        elif now_s - self._server_s > GONE_S or (self._silent_s and now_s - self._sign_s > self._silent_s):
            self._give_up()

    def _send(self, now_s: float) -> None:
        self._sent, self._since_s = True, now_s
        future = self._client.send_goal_async(self._goal, feedback_callback=self._on_feedback)
        future.add_done_callback(self._on_response)

    def _give_up(self) -> None:
        """End the job, and leave no goal to a server that comes to life again."""
        self.job.end(self._dead())
        self._cancel()

    def _cancel(self) -> None:
        self._cancelled, self._since_s = True, time.monotonic()
        if not self._sent:
            self.job.end(CANCELED)
        elif self._handle is not None:
            self._handle.cancel_goal_async()

    def _on_feedback(self, _message: Any) -> None:
        self._sign_s = time.monotonic()

    def _on_response(self, future: Any) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            self.job.end(self._refused())
            return
        self._handle, self._sign_s = handle, time.monotonic()
        if self._cancelled:
            handle.cancel_goal_async()
        handle.get_result_async().add_done_callback(self._on_result)

    def _on_result(self, future: Any) -> None:
        response = future.result()
        if response is None:
            self.job.end(self._dead())
        elif response.status == GoalStatus.STATUS_CANCELED:
            self.job.end(CANCELED)
        elif not self.job.done:
            self._judge(self.job, response.status, response.result)

    def _dead(self) -> Failure:
        ko, en = self._name
        return Failure(
            TaskErrorCode.NOT_CAPABLE,
            Text(f"{ko} 기능이 응답하지 않습니다.", f"{en} does not answer: is its node running?"),
        )

    def _refused(self) -> Failure:
        ko, en = self._name
        return Failure(
            TaskErrorCode.NOT_CAPABLE,
            Text(f"{ko} 기능이 요청을 받지 않았습니다.", f"{en} did not take the goal: is its node active?"),
        )
