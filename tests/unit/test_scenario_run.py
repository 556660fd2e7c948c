"""What a run is made of, without its processes: the script, what is observed, the picture, the video."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from care_robot.bringup.supervisor import Exited, OutputLine, Stopping
from care_robot.care.alarms import AlarmKind, AlarmState, Priority
from care_robot.console import scenario as console_scenario
from care_robot.console.errors import UsageError
from care_robot.console.events import AlarmSeen, AlarmStep, FallSeen, PeopleSeen, Spoken
from care_robot.evaluation import scenario_jobs
from care_robot.evaluation.expectations import Happened, State, Verdict
from care_robot.evaluation.launch_log import LaunchLog
from care_robot.evaluation.observations import NodeReport, Observed, Observer, Page, PersonTruth, Truth
from care_robot.evaluation.recording import Recording, RecordingError
from care_robot.evaluation.scenario import Entry
from care_robot.evaluation.scenario_run import Done, Judged, Options, Outcome
from care_robot.evaluation.script import Script
from care_robot.evaluation.timeline_picture import PictureError, write_picture

WALK = {"resident": {"who": "resident", "act": "walk", "place": "sofa"}}
START_S = 1000.0


def entries(*whens: dict[str, Any]) -> list[Entry]:
    return [Entry.model_validate(WALK | when) for when in whens]


def page(t_s: float) -> Happened:
    return Happened(t_s, "paged", "p1", {"to": "carer", "kind": "fall"}, "page")


# The script ------------------------------------------------------------------------------------------------


def test_an_entry_is_due_at_its_time_and_once() -> None:
    script = Script(entries({"at": 2}, {"at": 1}))
    assert script.due(0.9, []) == []
    assert script.due(2.0, []) == [1, 0]
    script.begin(1, 2.0)
    assert script.due(3.0, []) == [0]


def test_an_entry_follows_what_happens() -> None:
    script = Script(entries({"at": 2, "label": "falls"}, {"after": {"paged": {}, "delay": 3}}))
    log = [page(1.0), page(10.0)]  # the first came before the entry before had begun
    assert script.due(20.0, []) == [0]
    script.begin(0, 2.0)
    assert script.due(12.9, log) == []
    assert script.due(13.0, log) == [1]


def test_an_entry_follows_another_by_its_label() -> None:
    script = Script(entries({"at": 2, "label": "falls"}, {"at": 5}, {"after": {"step": "falls", "delay": 1}}))
    assert script.due(4.0, []) == [0]
    script.begin(0, 2.5)
    assert script.labels == {"falls": 2.5}
    assert script.due(3.4, []) == []
    assert script.due(3.5, []) == [2]


@given(st.lists(st.floats(0.0, 60.0), max_size=8), st.lists(st.floats(0.0, 20.0), max_size=10))
def test_every_entry_begins_once_at_the_first_look_after_its_time(
    times: list[float], looks: list[float]
) -> None:
    script = Script(entries(*({"at": t} for t in times)))
    begun: dict[int, float] = {}
    looks_s = [*itertools.accumulate(looks), 1000.0]
    for now_s in looks_s:
        due = script.due(now_s, [])
        assert [times[n] for n in due] == sorted(times[n] for n in due)
        for n in due:
            assert n not in begun
            begun[n] = now_s
            script.begin(n, now_s)
    assert begun == {n: next(s for s in looks_s if s >= t) for n, t in enumerate(times)}


# What is observed ------------------------------------------------------------------------------------------


def alarm(*steps: tuple[float, AlarmState, str], stored: bool = True) -> AlarmSeen:
    return AlarmSeen(
        id="a1",
        kind=AlarmKind.FALL,
        priority=Priority.HIGH,
        state=steps[-1][1],
        drill=False,
        resident_id="resident",
        resident="resident",
        room="",
        raised_at_s=steps[0][0],
        tier=0,
        acknowledged_by="",
        stored=stored,
        steps=tuple(
            AlarmStep(t, state, event, "care_manager", "이유", "reason") for t, state, event in steps
        ),
    )


RAISED = (START_S + 5.0, AlarmState.RAISED, "raised")
TOLD = (START_S + 6.0, AlarmState.NOTIFIED, "paged")
STANDS = PersonTruth("resident", "standing", "stand", 2.0)
TWICE: list[tuple[Observed, list[tuple[float, str]]]] = [
    (alarm(RAISED, TOLD), [(5.0, "alarm fall raised (raised)"), (6.0, "alarm fall notified (paged)")]),
    (FallSeen(START_S + 4.0, "f1", "fall", "confirmed", 0.9, ()), [(4.0, "fall confirmed")]),
    (PeopleSeen(START_S, ("c",), {"a": "standing"}), [(0.0, "1 tracked")]),
    (Page(START_S + 7.0, "p1", "a1", "carer", "fall", "", "", False), [(7.0, "page to carer, fall")]),
    (
        Truth(START_S, (STANDS,)),
        [(0.0, "resident standing, act stand"), (0.0, "robot 2.00 m from resident")],
    ),
]


@pytest.mark.parametrize(("event", "told"), TWICE, ids=lambda v: type(v).__name__)
def test_what_is_told_again_and_again_is_noted_once(event: Observed, told: list[tuple[float, str]]) -> None:
    observer = Observer(START_S)
    assert [(w.t_s, w.words) for w in observer.observe(event)] == told
    assert observer.observe(event) == []


def test_an_alarm_that_is_stored_at_last_is_noted_again() -> None:
    observer = Observer(START_S)
    assert [w.values["stored"] for w in observer.observe(alarm(RAISED, stored=False))] == [False]
    assert [w.values["stored"] for w in observer.observe(alarm(RAISED))] == [True]


def test_every_sentence_and_every_report_counts() -> None:
    observer = Observer()
    for t_s in (1.0, 2.0):
        assert observer.observe(Spoken(t_s, "괜찮으세요?", True, True))[0].values["question"] is True
        assert observer.observe(NodeReport(t_s, "/speech", True, ""))[0].subject == "speech"


def test_a_blind_system_does_not_say_that_nobody_is_there() -> None:
    observer = Observer()
    assert observer.observe(PeopleSeen(1.0, (), {})) == []
    assert [what.words for what in observer.observe(PeopleSeen(1.0, ("c",), {}))] == ["0 tracked"]


def test_the_shortest_distance_to_the_robot_is_never_missed() -> None:
    observer = Observer()
    metres = [1.0, 0.999, 1.001, 0.999, float("nan"), 0.4, 0.399]
    noted = [
        what.values["m"]
        for n, m in enumerate(metres)
        for what in observer.observe(Truth(float(n), (PersonTruth("resident", "standing", "stand", m),)))
        if what.kind == "distance"
    ]
    assert noted == [1.0, 0.999, 0.4, 0.399]


# The picture -----------------------------------------------------------------------------------------------


def outcome(*states: State, **changes: Any) -> Outcome:
    log = (
        Happened(0.0, "person", "resident", {"posture": "standing", "act": "stand"}, "standing"),
        Happened(9.0, "person", "resident", {"posture": "lying_on_floor", "act": "fall"}, "lying"),
        Happened(11.0, "event", "f1", {"kind": "fall"}, "fall confirmed"),
        Happened(11.1, "alarm", "a1", {"state": "raised"}, "alarm fall raised"),
        Happened(11.2, "spoken", "s1", {"question": True, "text": "괜찮으세요?"}, "“괜찮으세요?”"),
        Happened(40.0, "paged", "p1", {"to": "carer"}, "page to carer"),
        Happened(41.0, "odd", "$x^", {}, "$unknown {kind"),
    )
    judged = tuple(
        Judged(f"alarm of kind fall {n}", n % 2 == 1, Verdict(state, "no alarm.", 11.0), (8.0, 18.0))
        for n, state in enumerate(states)
    )
    done = (Done(8.0, "resident", "fall $ ^_"), Done(5.0, "fault", "camera frozen"))
    values: dict[str, Any] = {"expectations": judged, "done": done, "log": log, "end_s": 60.0}
    return Outcome("fall_unanswered", "kinematic", 3, **{**values, **changes})


@pytest.mark.parametrize(
    "run",
    [
        outcome(State.PASSED, State.FAILED, State.PENDING),
        outcome(State.PASSED),
        outcome(problem="The system did not start. $\\frac{1}{2}$ 시작하지 않았습니다."),
        outcome(log=(), done=(), end_s=0.0),
    ],
    ids=["mixed", "passed", "problem", "nothing"],
)
def test_a_picture_is_written_of_every_run(tmp_path: Path, run: Outcome) -> None:
    path = tmp_path / "pictures" / "run.png"
    write_picture(run, path)
    picture = cv2.imread(str(path))
    assert picture.shape[1] == 1300
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_a_picture_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PictureError, match="cannot be written"):
        write_picture(outcome(State.PASSED), tmp_path / "file" / "run.png")


# The video -------------------------------------------------------------------------------------------------


def test_a_recording_lasts_as_long_as_what_it_shows(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.mp4", rate_hz=10.0)
    for t_s in (50.0, 50.1, 50.1, 50.5, 51.0):
        recording.add(np.full((48, 64, 3), 100, np.uint8), t_s)
    recording.close()
    video = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 11
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("name", ["out.avi", "missing/out.mp4", "folder.mp4"])
def test_a_video_that_cannot_be_written_is_said_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(RecordingError, match=name):
        Recording(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mp4"]


def test_a_recording_without_a_picture_is_none(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.mp4")
    with pytest.raises(RecordingError, match="no picture came"):
        recording.close()
    assert list(tmp_path.iterdir()) == []


# The command -----------------------------------------------------------------------------------------------

SILENT = Console(quiet=True)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[scenario_jobs.Job]:
    """Runs end at once: those of fall_unanswered fail."""
    seen: list[scenario_jobs.Job] = []

    def run(
        jobs: list[scenario_jobs.Job], at_once: int, on_progress: scenario_jobs.Progress
    ) -> list[Outcome]:
        seen.extend(jobs)
        on_progress(0, "running", 1.0)
        bad = {"fall_unanswered": State.FAILED}
        names = [job.scenario.name for job in jobs]
        return [replace(outcome(bad.get(name, State.PASSED)), name=name) for name in names]

    monkeypatch.setattr(console_scenario, "run_jobs", run)
    return seen


def test_the_report_has_every_run_with_its_reason(tmp_path: Path, ran: list[scenario_jobs.Job]) -> None:
    out, pictures = tmp_path / "new" / "report.json", tmp_path / "pictures"
    names = ["fall_unanswered", "sits_down_quickly", "sits_down_quickly"]
    code = console_scenario.run_scenarios(names, Options(), SILENT, out=out, pictures=pictures)
    report = json.loads(out.read_text(encoding="utf-8"))
    assert code == 1
    assert (report["command"], report["metrics"]) == ("scenario run", {"passed": 2, "failed": 1})
    assert [trial["reason"] for trial in report["trials"]] == ["no alarm.", "", ""]
    assert report["trials"][0]["expectations"][0]["result"] == "failed"
    assert {"t_s": 11.0, "kind": "event", "what": "fall confirmed"} in report["trials"][0]["events"]
    assert sorted(path.name for path in pictures.iterdir()) == [
        "fall_unanswered.png",
        "sits_down_quickly.png",
        "sits_down_quickly_2.png",
    ]
    assert [trial["picture"] for trial in report["trials"]] == [
        str(pictures / name)
        for name in ("fall_unanswered.png", "sits_down_quickly.png", "sits_down_quickly_2.png")
    ]


def test_it_ends_well_only_where_everything_held(ran: list[scenario_jobs.Job]) -> None:
    assert console_scenario.run_scenarios(["sits_down_quickly"], Options(), SILENT, repeat=3) == 0
    assert len(ran) == 3


@pytest.mark.parametrize(
    ("names", "every"), [([], False), (["fall_unanswered"], True)], ids=["nothing", "both"]
)
def test_scenarios_are_named_or_all_of_them(names: list[str], every: bool) -> None:
    with pytest.raises(UsageError, match="--all"):
        console_scenario.chosen(names, every)


def test_what_cannot_be_written_is_said_before_anything_runs(
    tmp_path: Path, ran: list[scenario_jobs.Job]
) -> None:
    (tmp_path / "file").write_text("")
    name = ["sits_down_quickly"]
    with pytest.raises(UsageError, match="report"):
        console_scenario.run_scenarios(name, Options(), SILENT, out=tmp_path)
    with pytest.raises(UsageError, match="--pictures"):
        console_scenario.run_scenarios(name, Options(), SILENT, pictures=tmp_path / "file")
    with pytest.raises(UsageError, match="one run"):
        console_scenario.run_scenarios(name, Options(video=tmp_path / "a.mp4"), SILENT, repeat=2)
    assert ran == []


# The log of the nodes --------------------------------------------------------------------------------------


def test_a_simulator_that_dies_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    log = LaunchLog(tmp_path / "nodes.log", needed="simulator")
    log.note(OutputLine("simulator", "Traceback"))
    log.note(OutputLine("simulator", "ImportError: no mujoco"))
    log.note(OutputLine("speech", "[ERROR] [1.0] [speech]: no voice"))
    log.note(Exited("speech", 1))
    assert log.stopped == ""
    log.note(Exited("simulator", 1))
    log.note(Stopping("a later reason"))
    assert log.stopped == "simulator died with exit code 1 (ImportError: no mujoco)"
    assert log.last_errors == ["no voice"]
    assert "[simulator] Traceback" in (tmp_path / "nodes.log").read_text(encoding="utf-8")


def test_the_first_reason_of_an_end_is_told(tmp_path: Path) -> None:
    log = LaunchLog(tmp_path / "nodes.log", needed="simulator")
    log.note(Stopping("lifecycle_manager ended"))
    log.note(Exited("simulator", 0))
    assert log.stopped == "lifecycle_manager ended"
