"""The evaluation of falls from videos to its report; how bright a picture is says how low a body is."""

import json
import math
from collections.abc import Generator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rich.console import Console
from stick_people import going_down

from care_robot.console import eval_falls
from care_robot.console.errors import UsageError
from care_robot.console.eval_falls import Asked, run_falls
from care_robot.evaluation import fall_eval, fall_watch
from care_robot.evaluation.fall_eval import Folders, evaluate, held_times_s, replay, score, watch
from care_robot.evaluation.fall_manifest import COLUMNS, Clip, Label
from care_robot.evaluation.fall_scoring import Scored
from care_robot.evaluation.fall_tuning import GRID, balanced_accuracy, choose, variants
from care_robot.perception.bodies import Body
from care_robot.perception.falls import FallSettings
from care_robot.perception.video import VideoError

FPS = 10.0
NOBODY, STANDING, LYING = 10, 60, 210  # brightness
FALL_S = (3.0, 3.6)
Array = np.ndarray[Any, Any]


class Finder:
    """Sees in a grey picture how far somebody has gone down."""

    def find(self, rgb: Array, t_s: float) -> list[Body]:
        brightness = float(rgb.mean())
        if brightness < 0.5 * (NOBODY + STANDING):
            return []
        return [going_down((brightness - STANDING) / (LYING - STANDING))]

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def stick_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fall_watch, "BodyFinder", Finder)


def film(path: Path, brightness: Sequence[float], codec: str = "mp4v") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), FPS, (64, 48))
    for value in brightness:
        writer.write(np.full((48, 64, 3), round(value), np.uint8))
    writer.release()
    return path


def falling(seconds: float = 5.0) -> list[float]:
    times = np.arange(round(seconds * FPS)) / FPS
    return list(np.interp(times, FALL_S, (STANDING, LYING)))


def clip_of(path: Path, label: Label = Label.FALL, **changes: Any) -> Clip:
    times = FALL_S if label is Label.FALL else (math.nan, math.nan)
    clip = Clip(2, path.name, path, label, FPS, 0, *times, "person A", "falls")
    return replace(clip, **changes)


# One clip


def test_a_fall_is_seen_at_the_pace_of_the_manifest_and_held_for_two_seconds(tmp_path: Path) -> None:
    seen = watch(clip_of(film(tmp_path / "fall.mp4", falling(3.8))))
    assert seen.pictures == 38
    assert [look.t_s for look in seen.looks[:3]] == [0.0, 0.1, 0.2]
    assert seen.looks[-1].t_s == pytest.approx(3.7 + 2.0)
    assert all(look.people for look in seen.looks[38:])
    scored = score(seen)
    assert scored.right, scored.reason
    slow = watch(clip_of(film(tmp_path / "slow.mp4", falling()), fps=5.0, fall_start_s=6.0, fall_end_s=7.2))
    assert slow.looks[1].t_s == 0.2


@pytest.mark.parametrize(("fps", "count"), [(30.0, 60), (10.0, 20), (1.0, 10)])
def test_the_hold_does_not_depend_on_the_frame_rate(fps: float, count: int) -> None:
    times = held_times_s(49.0, 1.0 / fps)
    assert len(times) == count
    assert times[-1] == pytest.approx(51.0)


def test_fewer_pictures_can_be_looked_at(tmp_path: Path) -> None:
    seen = watch(clip_of(film(tmp_path / "fall.mp4", falling())), rate_hz=5.0)
    assert [look.t_s for look in seen.looks[:3]] == [0.0, 0.2, 0.4]
    assert (seen.pictures, seen.duration_s) == (25, 5.0)
    assert seen.looks[-1].t_s == pytest.approx(4.9 + 2.0)


def test_a_clip_is_the_same_again_after_another_one(tmp_path: Path) -> None:
    fall = clip_of(film(tmp_path / "fall.mp4", falling()))
    first = watch(fall)
    watch(clip_of(film(tmp_path / "other.mp4", [LYING] * 20), Label.ADL))
    assert [look.events for look in watch(fall).looks] == [look.events for look in first.looks]


def test_a_replay_with_the_shipped_thresholds_is_what_was_seen(tmp_path: Path) -> None:
    seen = watch(clip_of(film(tmp_path / "fall.mp4", falling())))
    again = replay(seen, FallSettings())
    assert [look.events for look in again.looks] == [look.events for look in seen.looks]


def damaged(path: Path) -> Path:
    """A video that states more pictures than it has."""
    whole = film(path, list(np.random.default_rng(0).uniform(60, 200, 200)), "MJPG").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("none.mp4", lambda path: path, "is not there: check --root"),
        ("folder.mp4", lambda path: path.mkdir(), "is not there"),
        ("empty.mp4", lambda path: path.write_bytes(b""), "is empty"),
        ("text.mp4", lambda path: path.write_text("no video"), "is not a video"),
        ("half.avi", damaged, "breaks off after"),
        ("short.mp4", lambda path: film(path, [STANDING] * 20), "ends at 2.0 s, before its fall at 3 s"),
    ],
)
def test_a_clip_that_cannot_be_played_says_why(tmp_path: Path, name: str, make: Any, said: str) -> None:
    make(tmp_path / name)
    clip = clip_of(tmp_path / name)
    with pytest.raises(VideoError, match=said):
        watch(clip)
    assert said in evaluate(clip, Folders(tmp_path)).failure


def test_a_file_named_as_a_camera_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "0.mp4", falling()).rename("0")
    assert watch(clip_of(Path("0"))).pictures == 50


def test_a_fault_in_a_clip_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Body]:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(Finder, "find", fail)
    result = evaluate(clip_of(film(tmp_path / "fall.mp4", falling())), Folders(tmp_path))
    assert result.scored is None
    assert "fall.mp4 ended in ZeroDivisionError: by nothing." in result.failure


def test_a_number_of_pictures_that_does_not_fit_is_remarked(tmp_path: Path) -> None:
    path = film(tmp_path / "fall.mp4", falling())
    assert "has 50 pictures, the manifest says 80" in watch(clip_of(path, frames=80)).remark
    assert watch(clip_of(path, frames=52)).remark == ""


def test_a_timeline_is_drawn_and_the_video_shows_skeletons_and_nothing_of_the_picture(tmp_path: Path) -> None:
    path = film(tmp_path / "fall.mp4", falling())
    result = evaluate(clip_of(path), Folders(tmp_path / "pictures", tmp_path))
    assert result.remark == ""
    assert (tmp_path / "pictures" / "0002_fall.png").read_bytes().startswith(b"\x89PNG")
    video = cv2.VideoCapture(str(tmp_path / "0002_fall.mp4"))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 70
    picture = video.read()[1]
    ground = np.median(picture[:480].reshape(-1, 3), axis=0)
    assert np.all(ground < 50)  # the clip's own pictures are brighter
    assert np.any(picture[:480].max(axis=2) > 150)  # a bone


# All clips


def in_this_process(work: Any, items: Sequence[Any], jobs: int) -> Generator[tuple[int, Any], None, None]:
    del jobs
    yield from ((n, work(item)) for n, item in enumerate(items))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of two falls and three activities in five groups."""
    monkeypatch.setattr(eval_falls, "each", in_this_process)
    monkeypatch.setattr(fall_eval, "draw_timeline", lambda *_: None)  # slow, and seen above
    rows = [",".join(COLUMNS)]
    for name in ("one", "two"):
        film(tmp_path / "clips" / f"{name}.mp4", falling())
        rows.append(f"{name}.mp4,fall,10,50,3.0,3.6,person {name},falls")
    for name, brightness in (("walk", STANDING), ("gone", NOBODY), ("stand", STANDING)):
        film(tmp_path / "clips" / f"{name}.mp4", [brightness] * 40)
        rows.append(f"{name}.mp4,adl,10,40,,,room {name},<b>walks & stands</b>")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    return tmp_path


def run(house: Path, out: str = "report.json", **asked: Any) -> tuple[int, dict[str, Any], str]:
    with (house / "said.txt").open("w") as file:
        console = Console(file=file, width=200)
        code = run_falls(Asked(house / "manifest.csv", house / "clips", house / out, **asked), console)

    def no_number(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    report = json.loads((house / out).read_text(), parse_constant=no_number)
    return code, report, (house / "said.txt").read_text()


def test_a_report_holds_figures_and_clips_and_pictures_lie_beside_it(house: Path) -> None:
    code, report, said = run(house, video_out=house / "videos")
    assert code == 0
    assert report["command"] == "eval falls"
    assert {"version", "seed", "machine"} < set(report)
    assert report["metrics"]["sensitivity"] == 1.0
    assert report["metrics"]["specificity"] == 1.0
    assert report["metrics"]["pose_share"] == pytest.approx(180 / 220, abs=1e-4)
    fall, walk = report["clips"][0], report["clips"][2]
    assert (fall["right"], fall["reason"], fall["pose_share"]) == (True, "", 1.0)
    assert fall["alarms"][0]["kind"] == "fall"
    assert fall["latency_s"] == pytest.approx(fall["alarms"][0]["t_s"] - 3.6)
    assert (walk["right"], walk["alarms"], walk["fall_start_s"]) == (True, [], None)
    assert report["groups"]["person one"]["clips"] == 1
    assert report["activities"]["falls"]["right"] == 2
    pictures = house / "report_pictures"
    assert {"confusion.png", "reliability.png"} < {p.name for p in pictures.iterdir()}
    assert len(list((house / "videos").glob("*.mp4"))) == 5
    page = (pictures / "index.html").read_text()
    assert f'src="{fall["picture"]}"' in page
    assert "&lt;b&gt;walks &amp; stands" in page
    assert "http" not in page
    assert "sensitivity            1  (0.342 to 1.000)" in said


def test_a_report_is_the_same_again(house: Path) -> None:
    assert run(house, "a.json")[1] == run(house, "b.json")[1]


def test_a_clip_that_fails_is_told_and_the_others_count(house: Path) -> None:
    (house / "clips" / "one.mp4").write_bytes(b"")
    code, report, said = run(house)
    assert code == 1
    assert report["metrics"]["clips_failed"] == 1
    assert report["metrics"]["falls"] == 1
    row = report["clips"][0]
    assert (row["failed"], row["right"]) == (True, False)
    assert "is empty" in row["reason"]
    assert "is empty" in said
    assert "is empty" in (house / "report_pictures" / "index.html").read_text()


def test_a_process_that_dies_of_a_clip_is_told(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        eval_falls, "each", lambda *args: ((n, r if n else None) for n, r in in_this_process(*args))
    )
    code, report, _ = run(house)
    assert code == 1
    assert "ended the process" in report["clips"][0]["reason"]


def test_the_worst_error_is_told_first(house: Path) -> None:
    film(house / "clips" / "stand.mp4", falling())
    film(house / "clips" / "two.mp4", [STANDING] * 50)
    code, report, said = run(house)
    assert code == 0
    assert report["worst"] == ["two.mp4", "stand.mp4"]
    assert said.index("two.mp4") < said.index("stand.mp4")
    assert "although nobody falls" in report["clips"][4]["reason"]


def test_what_was_done_is_kept_on_ctrl_c(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(work: Any, items: Sequence[Any], jobs: int) -> Generator[tuple[int, Any], None, None]:
        for n, result in in_this_process(work, items, jobs):
            if n == 3:
                raise KeyboardInterrupt
            yield n, result

    monkeypatch.setattr(eval_falls, "each", stopped)
    code, report, said = run(house)
    assert code == 130
    assert len(report["clips"]) == 3
    assert report["unfinished_clips"] == 2
    assert "2 clips are not in the report" in said


def test_some_files_alone(house: Path) -> None:
    assert [c["file"] for c in run(house, only="*o*.mp4")[1]["clips"]] == ["one.mp4", "two.mp4", "gone.mp4"]
    with pytest.raises(UsageError, match=r"No file in .* fits nothing"):
        run(house, only="nothing")


@pytest.mark.parametrize("place", ["clips", "manifest.csv/report.json"])
def test_a_report_that_cannot_be_written_is_refused_before_the_work(house: Path, place: str) -> None:
    with pytest.raises(UsageError, match="--out"):
        run(house, place)


# Thresholds that are chosen by the other groups


def test_the_grid_is_of_thresholds_and_begins_with_the_shipped_ones() -> None:
    names = {field.name for field in fields(FallSettings)}
    assert set(GRID) <= names
    tried = variants()
    assert tried[0].settings == FallSettings()
    assert len({variant.settings for variant in tried}) == math.prod(1 + len(f) for f in GRID.values())
    changes = [len(variant.changed) for variant in tried]
    assert changes == sorted(changes)


def scores(group: str, label: Label, *right: bool) -> list[Scored]:
    """One clip with each of several variants."""
    clip = clip_of(Path(f"{group}.mp4"), label, group=group)
    made = []
    for is_right in right:
        found = is_right if label is Label.FALL else not is_right
        alarm: Any = object()
        made.append(Scored(clip, [], 0.0, 5.0, 50, 50, 0.5 if found else None, [alarm] if found else [], ""))
    return made


def test_a_group_has_no_say_in_its_own_thresholds() -> None:
    rehearsed = [
        scores("a", Label.FALL, False, True, True),
        scores("b", Label.FALL, True, True, False),
        scores("c", Label.ADL, True, True, True),
        scores("d", Label.ADL, True, False, True),
    ]
    # Right on all other groups: without a the first, without b the third, without d the second. Without c
    # the first and the third are right on two of three.
    assert choose(rehearsed) == {"a": 0, "b": 2, "c": 0, "d": 1}


def test_of_equals_the_shipped_thresholds_stay_and_also_where_there_is_nothing_to_choose_by() -> None:
    alike = [scores("a", Label.FALL, False, False), scores("b", Label.FALL, True, True)]
    alike.append(scores("c", Label.ADL, False, True))
    assert choose(alike) == {"a": 1, "b": 1, "c": 0}
    assert choose([scores("a", Label.FALL, False, True), scores("b", Label.ADL, False, True)]) == {
        "a": 0,
        "b": 0,
    }
    assert choose([]) == {}


def test_balanced_accuracy_weighs_both_labels_alike() -> None:
    falls = [*scores("a", Label.FALL, True), *scores("a", Label.FALL, False)]
    assert balanced_accuracy([*falls, *scores("b", Label.ADL, True)]) == 0.75
    assert balanced_accuracy(falls) == 0.0


def test_a_tuned_report_says_what_was_chosen(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(GRID)[1:]:
        monkeypatch.delitem(GRID, name)  # type: ignore[arg-type]
    (house / "clips" / "gone.mp4").write_bytes(b"")
    code, report, said = run(house, tune=True)
    assert code == 1
    assert [clip["file"] for clip in report["clips"]] == [
        "one.mp4",
        "two.mp4",
        "walk.mp4",
        "gone.mp4",
        "stand.mp4",
    ]
    assert report["tuning"]["chosen"] == {
        group: {} for group in ("person one", "person two", "room walk", "room stand")
    }
    assert set(report["tuning"]["grid"]) == set(GRID)
    assert report["tuning"]["shipped"]["sensitivity"] == report["metrics"]["sensitivity"] == 1.0
    assert "as shipped" in said
