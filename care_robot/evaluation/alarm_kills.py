"""Kills the running alarm processes from outside, at the worst moments that can be seen from there.

A moment is a commit (its write-ahead log changes), or a step of sending (a connection, a whole request that
is not answered yet, an answer that the process has not stored yet). The receiver of the pages knows ids.
"""

import itertools
import json
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from care_robot.bringup.domain import own_domain
from care_robot.bringup.launch_xml import load_plan
from care_robot.bringup.supervisor import Event, Launcher, OutputLine
from care_robot.care.store import FILE_NAME
from care_robot.evaluation.alarm_boundaries import WATCHED, Killer, Receiver, changes_of
from care_robot.evaluation.bench import START_TIMEOUT_S, BenchError

BOUNDARIES = (
    "commit",
    "read",
    "later_commit",
    "answered",
    "connected",
    "commit_then_start",
    "any_time",
    "answered_then_start",
    "while_down",
    "speech",
)
"""In turn; ``…_then_start``: once more, or twice, while the process starts again."""
OFFSET_S = (0.0, 0.05)
FIRST_PAGE_S, ANSWER_S = 4.0, 1.0
"""Shorter than in use, so that fifty kills do not take an hour."""
LOST_S = 90.0
BOUNDARY_S = 10.0
"""After which a boundary that did not come is replaced by a kill at any time."""
QUIET_S = 8.0
HELP_CALLS, HELP_LOST_S = 20, 20.0
SPEECH_UP_S = 2.0
WAL = f"{FILE_NAME}-wal".encode()
LAUNCH = """<launch>
  <set_env name="ROS_AUTOMATIC_DISCOVERY_RANGE" value="LOCALHOST"/>
  <set_env name="FASTRTPS_DEFAULT_PROFILES_FILE" value="$(find-pkg-share care_robot)/config/dds/small.xml"/>
  <arg name="data_dir"/>
  <arg name="care_config"/>
  <arg name="with_speech" default="true"/>
  <node pkg="care_robot" exec="care_manager" name="care_manager" respawn="true" respawn_delay="0.5">
    <param name="data_dir" value="$(var data_dir)" type="str"/>
    <param name="config_file" value="$(var care_config)" type="str"/>
  </node>
  <group if="$(var with_speech)">
    <node pkg="care_robot" exec="speech" name="speech" respawn="true" respawn_delay="0.5">
      <param name="muted" value="true" type="bool"/>
    </node>
    <node pkg="care_robot" exec="lifecycle_manager" name="lifecycle_manager">
      <param name="node_names" value="[speech]"/>
      <param name="self_activated" value="[care_manager]"/>
    </node>
  </group>
</launch>
"""


def write_launch(
    folder: Path, residents: int, url: str, timeouts: dict[str, float]
) -> tuple[Path, dict[str, str]]:
    """A launch file of the alarm processes alone, and its arguments; residents live in room1, room2, …"""
    config = {
        "residents": [{"id": f"r{n}", "rooms": [f"room{n}"]} for n in range(1, residents + 1)],
        "contacts": [{"id": "carer", "channels": [{"type": "webhook", "url": url}]}],
        "timeouts": {"next_tier_s": 600.0, "audio_repeat_s": 120.0, **timeouts},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "care.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    path = folder / "alarms.launch.xml"
    path.write_text(LAUNCH, encoding="utf-8")
    return path, {"data_dir": str(folder / "data"), "care_config": str(folder / "care.yaml")}


@dataclass
class Trial:
    """One fall, the kills around it, and what the carer saw."""

    n: int
    boundary: str
    offset_ms: float
    kills: int = 0
    page_s: float | None = None
    """From the event to its page; None where none came."""
    pages_shown: int = 0
    pages_arrived: int = 0
    """How often pages came, those that the receiver knew included."""
    reason: str = ""


@dataclass
class Outcome:
    """What the kills did."""

    trials: list[Trial] = field(default_factory=list)
    help_s: list[float | None] = field(default_factory=list)


def run_kills(
    folder: Path, kills: int, seed: int, first: int = 0, on_trial: Callable[[Trial], object] = lambda _t: None
) -> Outcome:
    """Start the processes and kill them `kills` times, then measure calls for help in peace.

    Parameters
    ----------
    folder
        Empty, for the database and the logs.
    first
        Number of the first trial: with a seed, it draws how each trial goes.
    """
    os.environ["ROS_LOG_DIR"] = str(folder / "ros")
    outcome = Outcome()
    with _System(folder, kills + 2) as system:
        system.wait_until_up()
        time.sleep(SPEECH_UP_S)
        rooms: list[str] = []
        for n in itertools.count(first):
            if system.killer.kills >= kills or len(rooms) > kills:
                break
            rooms.append(f"room{len(rooms) + 1}")
            outcome.trials.append(_one(n, rooms[-1], seed, system))
            on_trial(outcome.trials[-1])
        system.wait_until_up()
        time.sleep(QUIET_S)
        for room, trial in zip(rooms, outcome.trials, strict=True):
            _look_again(trial, room, system.receiver)
        system.bystander.forget_falls()
        outcome.help_s = [_call(system, f"room{kills + 2}") for _ in range(HELP_CALLS)]
    return outcome


class _System:
    """The running processes, and what stands around them, for a ``with`` block."""

    def __init__(self, folder: Path, residents: int) -> None:
        self.killer = Killer()
        self._folder, self._residents = folder, residents
        self._said: list[str] = []
        self._alarms_s = 0.0
        self._stack = ExitStack()

    def __enter__(self) -> "_System":
        # Imported late: this module's other users need no ROS.
        from care_robot.evaluation.alarm_bench_node import Bystander  # noqa: PLC0415

        with self._stack as stack:
            self.receiver = stack.enter_context(Receiver(self.killer.at))
            timeouts = {"answer_s": ANSWER_S, "first_page_s": FIRST_PAGE_S}
            path, arguments = write_launch(self._folder, self._residents, self.receiver.url, timeouts)
            stack.enter_context(own_domain(os.environ))
            self.bystander = stack.enter_context(Bystander(self._note_alarms))
            ended, data = threading.Event(), Path(arguments["data_dir"])
            data.mkdir()
            threading.Thread(target=self._watch_commits, args=(data, ended), daemon=True).start()
            stack.callback(ended.set)
            stack.enter_context(Launcher(load_plan(path, arguments, os.environ), self._note, show=False))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def wait_until_up(self) -> None:
        """Until care_manager has shown its alarms since it was killed last."""
        limit_s = time.monotonic() + START_TIMEOUT_S
        while self._alarms_s <= self.killer.killed_s:
            if time.monotonic() > limit_s:
                said = " / ".join(self._said[-3:])
                raise BenchError(f"care_manager did not come up; the nodes said last: {said}")
            time.sleep(0.05)

    def _watch_commits(self, data: Path, ended: threading.Event) -> None:
        for _ in changes_of(data, WAL, ended):
            self.killer.at("commit")

    def _note_alarms(self, t_s: float, _data: bytes) -> None:
        self._alarms_s = t_s

    def _note(self, event: Event) -> None:
        self.killer.note(event)
        if isinstance(event, OutputLine):
            self._said.append(event.text)


def _one(n: int, room: str, seed: int, system: _System) -> Trial:
    """Have somebody fall and the processes killed, and wait for the page."""
    trial, rng = Trial(n, BOUNDARIES[n % len(BOUNDARIES)], 0.0), random.Random(f"kills {seed} {n}")  # noqa: S311
    system.wait_until_up()
    before = system.killer.kills
    fall = partial(system.bystander.falls, f"fall-{seed}-{n}", room)
    began_s = _hit(trial, rng, system.killer, fall)
    shown_s = system.receiver.wait(room, began_s + LOST_S)
    trial.page_s = None if shown_s is None else shown_s - began_s
    trial.kills = system.killer.kills - before
    return trial


def _hit(trial: Trial, rng: random.Random, killer: Killer, fall: Callable[[], float]) -> float:
    """Have somebody fall and the process killed; when the fall was published."""
    kind, _, again = trial.boundary.partition("_then_")
    offset_s = rng.choice((0.0, rng.uniform(*OFFSET_S)))
    if kind in ("any_time", "speech"):
        offset_s = rng.uniform(0.0, FIRST_PAGE_S)
    trial.offset_ms = round(1e3 * offset_s, 1)
    if kind == "while_down":
        killer.kill(WATCHED)
        time.sleep(offset_s)
        return fall()
    if kind in ("any_time", "speech"):
        began_s = fall()
        time.sleep(offset_s)
        killer.kill("speech" if kind == "speech" else WATCHED)
        return began_s
    skip = rng.randint(1, 3) if kind == "later_commit" else 0
    killer.arm(kind.removeprefix("later_"), offset_s, skip)
    began_s = fall()
    if not killer.wait(BOUNDARY_S):
        trial.boundary += " (did not come)"
        killer.kill(WATCHED)
    for _ in range(rng.randint(1, 2) if again else 0):
        killer.wait_for_start(WATCHED)
        time.sleep(rng.uniform(0.0, 3.0))
        killer.kill(WATCHED)
    return began_s


def _look_again(trial: Trial, room: str, receiver: Receiver) -> None:
    """At the end, what a room's pages came to: a late one would be seen here."""
    ids = {str(page["page_id"]) for _, page in receiver.of_room(room)}
    again = [r for id_ in ids for r in [repeat for known, repeat in receiver.arrivals if known == id_][1:]]
    trial.pages_shown, trial.pages_arrived = len(ids), len(ids) + len(again)
    if trial.page_s is None:
        trial.reason = f"No page came within {LOST_S:g} s."
    elif len(ids) > 1:
        trial.reason = f"{len(ids)} pages with different ids were shown for one event."
    elif not all(again):
        trial.reason = "A page came again without a mark that it is a repetition."


def _call(system: _System, room: str) -> float | None:
    """Call for help and take the alarm away again: from the words to the page, in seconds."""
    receiver = system.receiver
    before = set(receiver.pages)
    began_s = system.bystander.call("도와주세요", room)

    def new() -> list[tuple[float, dict[str, Any]]]:
        return [p for id_, p in receiver.pages.items() if id_ not in before and p[1].get("kind") == "help"]

    with receiver.arrived:
        if not receiver.arrived.wait_for(new, HELP_LOST_S):
            return None
        shown_s, page = new()[0]
    system.bystander.resolve(str(page["alarm_id"]), "bench", "measured")
    return shown_s - began_s
