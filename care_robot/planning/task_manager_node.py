"""task_manager: the queue of tasks, and the behaviour tree of the one that runs."""

import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from care_robot_msgs.action import ExecuteTask
from care_robot_msgs.msg import Task as TaskMsg
from care_robot_msgs.msg import TaskArray, TaskTree
from care_robot_msgs.srv import CancelTask, SubmitTask
from rclpy.action import CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock, ClockType

from care_robot.care.database import DatabaseUnusableError
from care_robot.care.places import Places, read_places
from care_robot.care.store import default_folder
from care_robot.care.strict_yaml import YamlError
from care_robot.care.text import Text
from care_robot.planning import task_texts as texts
from care_robot.planning import trees
from care_robot.planning.alarm_responses import keep_up
from care_robot.planning.boot import same_boot
from care_robot.planning.floor_map import read_floor
from care_robot.planning.run import Run
from care_robot.planning.runner import Runner
from care_robot.planning.task_check import check
from care_robot.planning.task_messages_node import Follower, both, status_message, task_of, tree_message
from care_robot.planning.task_queue import TaskQueue
from care_robot.planning.task_skills_node import RobotSkills
from care_robot.planning.task_store import TaskStore
from care_robot.planning.tasks import Reply, SubmitCode, Task, TaskErrorCode, TaskKind
from care_robot.ros import qos
from care_robot.ros.node import CareNode, ConfigurationError, Health, Level, run_node
from care_robot.ros.parameters import parameter

TICK_S = 0.1
ALARMS_S = 5.0
"""Wall time in which care_manager's alarms come, where it lives."""
PARTS = (trees.BASE, trees.SPEECH, trees.ARM)
ARM_JOINTS = ["lift_joint", *(f"arm_joint_{number}" for number in range(1, 7))]
NOT_STARTED = "task_manager waits for a time: use_sim_time is set, but nothing publishes /clock yet."


@dataclass(frozen=True)
class Parameters:
    """Parameters of task_manager."""

    data_dir: str = parameter("", "Folder of the task database; empty for ~/.local/share/care_robot.")
    places_file: str = parameter("", "Rooms and places (config/places/…); empty where there are none.")
    map_file: str = parameter("", "Map as nav2_map_server reads it (.yaml); empty for none.")
    parts: list[str] = parameter(
        [trees.BASE, trees.SPEECH], f"Parts of this robot: any of {', '.join(PARTS)}; others cannot be used."
    )
    language: str = parameter("ko", "Language of what the robot announces.", choices=("ko", "en"))
    answer_timeout: float = parameter(
        20.0, "Time to wait for each answer to a check.", unit="s", minimum=1.0, maximum=120.0
    )
    stow_joints: list[str] = parameter(ARM_JOINTS, "Joints of the arm, all zero when it is folded to drive.")


class TaskManagerNode(CareNode[Parameters]):
    """Puts queue, trees, database and topics together.

    Nothing in it waits: the trees look at what has come, ten times a second by the wall clock.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("task_manager", Parameters, **options)
        self._store: TaskStore | None = None
        self._runner: Runner | None = None
        self._lock = threading.RLock()  # goals come in a callback group of their own

    def configure(self, parameters: Parameters) -> None:
        """Read the places and wire the topics."""
        unknown = [part for part in parameters.parts if part and part not in PARTS]
        if unknown:
            raise ConfigurationError(
                f"The parameter 'parts' has {unknown[0]!r}, but knows only {', '.join(PARTS)}."
            )
        try:
            places_file, map_file = parameters.places_file, parameters.map_file
            self._places = read_places(Path(places_file).expanduser()) if places_file else Places()
            floor = read_floor(Path(map_file).expanduser()) if map_file else None
        except YamlError as error:
            raise ConfigurationError(str(error)) from error
        self._parts = frozenset(filter(None, parameters.parts))
        self._folder = (
            Path(parameters.data_dir).expanduser() if parameters.data_dir else default_folder(os.environ)
        )
        self._language = parameters.language
        self._skills = RobotSkills(
            self,
            self._places,
            floor,
            parameters.stow_joints if trees.ARM in self._parts else [],
            language=parameters.language,
            answer_timeout_s=parameters.answer_timeout,
        )
        self._version = -1
        self._shown: TaskTree | None = None
        self._followers: list[Follower] = []
        self._tasks = self.publisher(TaskArray, "tasks", qos.LATCHED)
        self._tree = self.publisher(TaskTree, "tasks/tree", qos.LATCHED)
        self.serve(SubmitTask, "tasks/submit", self._on_submit)
        self.serve(CancelTask, "tasks/cancel", self._on_cancel)
        self.serve_action(ExecuteTask, "execute_task", self._execute, cancel=self._on_cancel_goal)
        # A clock that is set back stops its timers; the robot must not stand still for that.
        timer = self.create_timer(
            TICK_S, self._gated(self._tick), clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self.at_cleanup(lambda: self.destroy_timer(timer))

    def activate(self) -> None:
        """Go on with the tasks of the last run; with simulated time, as soon as there is a time."""
        self._start()

    def deactivate(self) -> None:
        """Come to rest; the running task goes on after the next activation, or is given back."""
        if self._runner is not None:
            self._runner.halt()
        self._runner = None
        self._version = -1
        for follower in self._followers:
            follower.done.set_result(None)
        self._followers = []
        self._close()

    def cleanup(self) -> None:
        """Close the database."""
        self._close()

    def diagnose(self) -> Health:
        """Whether tasks are stored, and what runs."""
        if self._runner is None:
            return Health(Level.WARN, NOT_STARTED)
        values = {"task": self._runner.task_id, "parts": ", ".join(sorted(self._parts))}
        if self._queue.problem:
            return Health(Level.ERROR, f"Tasks are not stored: {self._queue.problem}", values)
        if trees.BASE in self._parts and not self._skills.able:
            return Health(Level.WARN, "It cannot drive: no navigator, or its place is not known.", values)
        return Health(values=values)

    # Start and end -----------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._runner is not None or self.now_s() <= 0.0:
            return
        try:
            self._store = TaskStore(self._folder, self._now())
        except DatabaseUnusableError as error:
            self.fatal(str(error))
            return
        if self._store.notice:
            self.get_logger().error(self._store.notice)
        judge = partial(check, capabilities=trees.kinds_for(self._parts), places=self._places)
        self._started_s = time.monotonic()
        self._skills.stop_what_others_began()
        self._queue = TaskQueue(
            self._store,
            judge,
            self._now(),
            self._store.snapshot,
            same_boot=same_boot(self._folder / "tasks.boot"),
        )
        self._runner = Runner(
            self._queue,
            self._new_run,
            partial(trees.tree, parts=self._parts),
            lambda: self.note_error("a behaviour tree"),
        )

    def _new_run(self, task: Task, visited: int) -> Run:
        return Run(task, self._skills, self._places, self._language, visited)

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = None

    # Work --------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        with self._lock:
            self._start()
            if self._runner is None:
                return
            now = self._now()
            self._obey_safety(now)
            self._answer_alarms(now)
            self._skills.poll()
            if not self._awaits_alarms(now):
                self._runner.tick(now)
            self._publish(now)

    def _awaits_alarms(self, now: datetime) -> bool:
        """Whether a response goes on after a restart, and what it is about has not been told yet."""
        if self._skills.has_alarms or time.monotonic() - self._started_s > ALARMS_S:
            return False
        kinds = [record.task.kind for record in self._queue.tasks(now) if not record.state.over]
        return TaskKind.RESPOND_TO_FALL in kinds

    def _obey_safety(self, now: datetime) -> None:
        state = self._skills.safety
        if state is None:
            return
        if self._skills.stopped():
            self._queue.stopped(now, "safety_supervisor", Text(state.reason_ko, state.reason_en))
        else:
            self._queue.released(now)

    def _answer_alarms(self, now: datetime) -> None:
        if not self._skills.has_alarms or trees.BASE not in self._parts:
            return
        robot = self._skills.robot()

        def distance_m(alarm: Any) -> float:
            return robot.distance_m(alarm.xy) if robot is not None and alarm.xy is not None else 0.0

        keep_up(
            self._queue,
            now,
            self._skills.all_alarms(),
            able=self._skills.able,
            distance_m=distance_m,
        )

    def _publish(self, now: datetime) -> None:
        if self._runner is None:
            return
        stamp = self.get_clock().now().to_msg()
        if self._queue.version != self._version:
            self._version = self._queue.version
            message = TaskArray(tasks=[status_message(record) for record in self._queue.tasks(now)])
            message.header.stamp = stamp
            self._tasks.publish(message)
            self._tell_followers()
        tree = tree_message(self._runner.task_id, self._runner.root)
        if tree != self._shown:
            self._shown = tree
            shown = TaskTree(task_id=tree.task_id, nodes=tree.nodes)
            shown.header.stamp = stamp
            self._tree.publish(shown)

    # Services and the action ---------------------------------------------------------------------------

    def _on_submit(self, request: Any, response: Any) -> Any:
        if self._runner is None:
            response.error_code, response.error_msg = response.UNAVAILABLE, NOT_STARTED
            return response
        reply = self._take(request.task)
        response.success, response.task_id = reply.success, reply.task_id
        response.error_code = int(reply.code)
        response.error_msg = "" if reply.success else both(reply.sentence)
        return response

    def _on_cancel(self, request: Any, response: Any) -> Any:
        if self._runner is None:
            response.error_code, response.error_msg = response.UNAVAILABLE, NOT_STARTED
            return response
        reply = self._queue.cancel(self._now(), request.task_id, request.by, request.reason)
        response.success, response.error_code = reply.success, int(reply.code)
        response.error_msg = "" if reply.success else both(reply.sentence)
        return response

    def _take(self, message: TaskMsg) -> Reply:
        task = task_of(message)
        if task.kind == TaskKind.RESPOND_TO_FALL:  # or somebody's own would count as the alarm's
            return Reply(task.id, SubmitCode.INVALID, texts.FROM_ITS_ALARM, TaskErrorCode.TASK_INVALID)
        return self._queue.submit(self._now(), task)

    async def _execute(self, goal: ServerGoalHandle) -> Any:
        if self._runner is None:
            goal.abort()
            return ExecuteTask.Result(error_code=ExecuteTask.Result.NOT_CAPABLE, error_msg=NOT_STARTED)
        with self._lock:
            reply = self._take(goal.request.task)
            follower = Follower(reply.task_id, goal)
            if reply.success:
                self._followers.append(follower)
                self._tell_followers()
        if not reply.success:
            goal.abort()
            code = reply.error or TaskErrorCode.NOT_CAPABLE
            return ExecuteTask.Result(error_code=int(code), error_msg=both(reply.sentence))
        await follower.done
        return follower.finish()

    def _on_cancel_goal(self, goal: ServerGoalHandle) -> CancelResponse:
        with self._lock:
            follower = next((f for f in self._followers if f.goal.goal_id == goal.goal_id), None)
            if follower is None or self._runner is None:
                return CancelResponse.REJECT
            by = goal.request.task.by
            reply = self._queue.cancel(self._now(), follower.task_id, by, "execute_task")
        return CancelResponse.ACCEPT if reply.success else CancelResponse.REJECT

    def _tell_followers(self) -> None:
        for follower in list(self._followers):
            record = self._queue.record(follower.task_id)
            if record is None or record.state.over:
                self._followers.remove(follower)
            follower.tell(record)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s(), timezone.utc)


def main() -> None:
    """Run the task manager."""
    run_node(TaskManagerNode)


if __name__ == "__main__":
    main()
