"""The doctor finds each part that is broken and says what to do."""

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from care_robot.bringup import checks, doctor
from care_robot.bringup.checks import Check, Probe, ProbeError, Status
from care_robot.bringup.dds import Profile

ROOT = Path(__file__).parents[2]
DDS = ROOT / "config" / "dds"
IMAGES = Profile(segment_bytes=32 * 1024 * 1024)


def works(output: str = "", errors: str = "") -> Probe:
    return lambda _code: (output, errors)


def breaks(message: str) -> Probe:
    def probe(_code: str) -> tuple[str, str]:
        raise ProbeError(message)

    return probe


def finds(*programs: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in programs else None


def only(found: list[Check], name: str = "") -> Check:
    """The one check, or the one with this name."""
    (check,) = [check for check in found if name in ("", check.name)]
    return check


def assert_bad(check: Check, status: Status, detail: str, remedy: str) -> None:
    assert check.status is status, check
    assert detail in check.detail
    assert remedy in check.remedy


def test_a_set_up_that_is_due() -> None:
    assert only(checks.check_set_up(due=False)).status is Status.OK
    assert_bad(only(checks.check_set_up(due=True)), Status.FAIL, "not done", "./care setup")


@pytest.mark.parametrize("minor", [10, 11, 12])
def test_python_that_is_supported(minor: int) -> None:
    assert only(checks.check_python((3, minor))).status is Status.OK


@pytest.mark.parametrize("version", [(3, 9), (3, 13), (4, 0)])
def test_python_that_is_not(version: tuple[int, int]) -> None:
    assert_bad(only(checks.check_python(version)), Status.FAIL, "not supported", "CARE_PYTHON=")


def test_no_compiler() -> None:
    assert only(checks.check_compiler(finds("clang++"))).status is Status.OK
    assert_bad(only(checks.check_compiler(finds("cc"))), Status.WARN, "none", "apt-get install g++")


def test_a_library_that_opencv_needs_is_missing() -> None:
    missing = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    assert only(checks.check_vision(works())).status is Status.OK
    assert_bad(only(checks.check_vision(breaks(missing))), Status.FAIL, "libGL.so.1", "libgl1")


def test_mediapipe_is_missing() -> None:
    missing = "ModuleNotFoundError: No module named 'mediapipe'"
    assert_bad(only(checks.check_vision(breaks(missing))), Status.FAIL, "mediapipe", "./care setup")


def test_no_rendering() -> None:
    assert only(checks.check_rendering(works("egl"))).detail == "egl"
    no_egl = "RenderingError: Pictures cannot be rendered because libEGL.so.1 cannot be loaded."
    assert_bad(only(checks.check_rendering(breaks(no_egl))), Status.WARN, "libEGL.so.1", "libegl1")
    no_mujoco = "ModuleNotFoundError: No module named 'mujoco'"
    assert_bad(only(checks.check_rendering(breaks(no_mujoco))), Status.WARN, "mujoco", "./care setup")


def test_no_speech_engine_and_no_loudspeaker() -> None:
    found = checks.check_speech(finds(), breaks("ValueError: No output device matching"))
    assert_bad(only(found, "speech engine"), Status.WARN, "only shown", "apt-get install espeak-ng")
    assert_bad(only(found, "audio device"), Status.WARN, "No output device", "Connect a loudspeaker")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("OSError: PortAudio library not found", "apt-get install libportaudio2"),
        ("ModuleNotFoundError: No module named 'sounddevice'", "./care setup"),
    ],
)
def test_no_sound_library(error: str, remedy: str) -> None:
    found = checks.check_speech(finds("espeak-ng"), breaks(error))
    assert only(found, "speech engine").status is Status.OK
    assert_bad(only(found, "audio device"), Status.WARN, "", remedy)


LOCAL = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
FAST_DDS = works("rmw_fastrtps_cpp")


def test_ros_as_it_should_be() -> None:
    found = checks.check_ros(FAST_DDS, LOCAL)
    assert [check.status for check in found] == [Status.OK] * 3
    assert "wheels" in only(found, "ROS 2").detail
    assert "wheels" not in only(checks.check_ros(FAST_DDS, {**LOCAL, "ROS_DISTRO": "jazzy"}), "ROS 2").detail


@pytest.mark.parametrize(
    ("probe", "environment", "status", "detail", "remedy"),
    [
        (breaks("No module named 'rclpy'"), {}, Status.FAIL, "rclpy", "./care setup"),
        (
            breaks("No module named 'rclpy'"),
            {"ROS_DISTRO": "jazzy"},
            Status.FAIL,
            "rclpy",
            "Source /opt/ros/jazzy",
        ),
        (FAST_DDS, {"ROS_DISTRO": "humble"}, Status.FAIL, "care_robot is for jazzy", "without ROS 2"),
        (works("rmw_cyclonedds_cpp"), {}, Status.WARN, "cyclonedds", "Unset RMW_IMPLEMENTATION"),
        (
            works("rmw_fastrtps_cpp", "[RTPS Error] SHM Transport is not supported"),
            {},
            Status.WARN,
            "SHM",
            "shared",
        ),
    ],
)
def test_ros_that_is_not(
    probe: Probe, environment: dict[str, str], status: Status, detail: str, remedy: str
) -> None:
    assert_bad(only(checks.check_ros(probe, {**LOCAL, **environment}), "ROS 2"), status, detail, remedy)


@pytest.mark.parametrize(
    ("domain", "status"),
    [
        ("", Status.OK), ("0", Status.OK), ("101", Status.OK), ("102", Status.WARN), ("232", Status.WARN),
        ("233", Status.FAIL), ("-1", Status.FAIL), ("seven", Status.FAIL), ("\u0667", Status.FAIL),
    ],
)  # fmt: skip
def test_the_domain(domain: str, status: Status) -> None:
    assert only(checks.check_ros(FAST_DDS, {**LOCAL, "ROS_DOMAIN_ID": domain}), "ROS domain").status is status


@pytest.mark.parametrize("environment", [{}, {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}])
def test_a_discovery_range_that_lets_the_network_in(environment: dict[str, str]) -> None:
    check = only(checks.check_ros(FAST_DDS, environment), "discovery range")
    assert_bad(check, Status.WARN, "everybody on the network", "LOCALHOST")


def test_the_message_packages_are_the_ones_in_the_project() -> None:
    in_project = {path.parent.name for path in ROOT.glob("interfaces/*/package.xml")} | {"care_robot_msgs"}
    assert set(checks.MESSAGE_PACKAGES) == in_project


def test_messages_that_cannot_be_loaded_are_named() -> None:
    def probe(code: str) -> tuple[str, str]:
        if "tf2_msgs" in code:
            raise ProbeError("libtf2_msgs.so: cannot open shared object file")
        return "", ""

    assert_bad(only(checks.check_messages(probe)), Status.FAIL, "tf2_msgs", "./care setup --force")
    assert only(checks.check_messages(works())).status is Status.OK


def test_definitions_that_were_never_built_are_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "care_robot_msgs" / "msg").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert_bad(
        only(checks.check_messages(doctor.probe, ["care_robot_msgs"])),
        Status.FAIL,
        "not built",
        "./care setup",
    )


def profile_check(path: object, **more: str) -> Check:
    return only(checks.check_profile({**LOCAL, "FASTRTPS_DEFAULT_PROFILES_FILE": str(path), **more}))


def test_the_dds_profile(tmp_path: Path) -> None:
    assert profile_check(DDS / "small.xml").status is Status.OK
    assert_bad(profile_check(tmp_path / "none.xml"), Status.FAIL, "cannot be read", "small.xml")
    assert_bad(profile_check(DDS / "small_subnet.xml"), Status.WARN, "lets the network in", "small.xml")
    assert_bad(only(checks.check_profile(LOCAL)), Status.WARN, "none is set", "small.xml")


def test_a_profile_under_the_name_that_jazzy_ignores() -> None:
    found = checks.check_profile({"FASTDDS_DEFAULT_PROFILES_FILE": str(DDS / "small.xml")})
    assert_bad(only(found), Status.WARN, "FASTDDS_DEFAULT_PROFILES_FILE is ignored", "FASTRTPS_DEFAULT")


def test_shared_memory_of_a_container() -> None:
    """Docker gives 64 MB: enough for one camera, not for two."""
    docker = 64 * 1024 * 1024
    assert only(checks.check_shared_memory([IMAGES, Profile()], docker, docker)).status is Status.OK
    check = only(checks.check_shared_memory([IMAGES, IMAGES, Profile()], docker, docker))
    assert_bad(check, Status.FAIL, "3 processes need", "--shm-size=")


def test_shared_memory_that_others_have_filled() -> None:
    check = only(checks.check_shared_memory([IMAGES], 1_000_000_000, 1_000_000))
    assert_bad(check, Status.WARN, "1 MB free", "/dev/shm")


def database(folder: Path, version: str) -> None:
    with sqlite3.connect(folder / "care.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (version,))
    connection.close()


def data_check(folder: Path) -> Check:
    return only(checks.check_data_folder(folder, "care.db", {"0001", "0002"}))


def test_a_data_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert data_check(folder).status is Status.OK
    assert not folder.exists()


def test_a_database_that_is_known_and_one_of_a_newer_version(tmp_path: Path) -> None:
    for name, version in (("known", "0001"), ("newer", "0099")):
        (tmp_path / name).mkdir()
        database(tmp_path / name, version)
    assert data_check(tmp_path / "known").status is Status.OK
    assert_bad(data_check(tmp_path / "newer"), Status.FAIL, "version 0099", "Install the newer care_robot")


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\x00" + b"\xff" * 200])
def test_a_damaged_database_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "care.db").write_bytes(content)
    assert_bad(data_check(tmp_path), Status.FAIL, "cannot be read", "Restore")
    assert (tmp_path / "care.db").read_bytes() == content


def test_a_data_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", refuse)
    assert_bad(data_check(tmp_path), Status.FAIL, "Permission denied", "data_dir:=")


@pytest.mark.parametrize(
    ("free", "status"), [(0, Status.FAIL), (600_000_000, Status.WARN), (5_000_000_000, Status.OK)]
)
def test_the_disk(free: int, status: Status) -> None:
    check = only(checks.check_disk(Path("/data"), free))
    assert check.status is status
    assert "Make room" in check.remedy


NOON = datetime(2026, 12, 1, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("now", "synchronised", "drift_s", "status", "detail"),
    [
        (NOON, True, 0.0, Status.OK, "time server"),
        (NOON, None, 0.0, Status.OK, "no time service"),
        (NOON, False, 0.0, Status.WARN, "not set by a time server"),
        (NOON, True, -3600.0, Status.WARN, "jumped by -3600.0 s"),
        (NOON.replace(year=1970), True, 0.0, Status.FAIL, "cannot be right"),
        (NOON.replace(year=2200), None, 0.0, Status.FAIL, "cannot be right"),
    ],
)
def test_the_clock(
    now: datetime, synchronised: bool | None, drift_s: float, status: Status, detail: str
) -> None:
    check = only(checks.check_clock(now, synchronised, drift_s))
    assert check.status is status
    assert detail in check.detail


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Asia/Seoul", Status.OK), ("Europe/Berlin", Status.OK), ("Etc/UTC", Status.WARN),
        ("UTC", Status.WARN), ("Moon/Tranquility", Status.WARN), ("../../etc/passwd", Status.WARN),
        ("", Status.WARN),
    ],
)  # fmt: skip
def test_the_time_zone(name: str, status: Status) -> None:
    check = only(checks.check_time_zone(name))
    assert check.status is status
    assert status is Status.OK or "set-timezone" in check.remedy


def test_a_remedy_is_shown_where_something_is_wrong_and_only_there() -> None:
    text = doctor.as_text(
        [Check("good", Status.OK, "fine", "unneeded"), Check("bad", Status.FAIL, "broken", "mend it")]
    )
    assert text.splitlines() == ["OK    good  fine", "FAIL  bad   broken", "            -> mend it"]


@pytest.mark.parametrize(("worst", "code"), [(Status.OK, 0), (Status.WARN, 0), (Status.FAIL, 1)])
def test_the_exit_code_tells_whether_a_check_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], worst: Status, code: int
) -> None:
    monkeypatch.setattr(doctor, "run_checks", lambda _: [Check("사람", worst, "found", "do")])
    assert doctor.main(json=True) == code
    assert json.loads(capsys.readouterr().out) == [
        {"name": "사람", "status": worst.value, "detail": "found", "remedy": "do"}
    ]


def test_a_missing_library_of_ours_does_not_end_the_other_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> list[Check]:
        raise ModuleNotFoundError("No module named 'sqlalchemy'")

    monkeypatch.setattr(doctor, "_check_data", missing)
    monkeypatch.setattr(doctor, "probe", breaks("not tried here"))
    found = doctor.run_checks({"CARE_SETUP_IS_DUE": "1"})
    assert_bad(only(found, "data folder"), Status.FAIL, "sqlalchemy", "./care setup")
    assert only(found, "clock").detail
    assert only(found, "set-up").status is Status.FAIL


def test_code_that_is_tried_gives_its_output_or_its_last_line() -> None:
    assert doctor.probe("print('fine')") == ("fine", "")
    with pytest.raises(ProbeError, match="No module named 'nothing_like_it'"):
        doctor.probe("import nothing_like_it")
    with pytest.raises(ProbeError, match="ended with code -6"):
        doctor.probe("import os; os.abort()")


def test_the_checks_need_only_the_standard_library() -> None:
    """They run where the set-up is broken."""
    names = ("yaml", "sqlalchemy", "rich", "typer", "numpy", "rclpy")
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({names!r}))\n"
        "import care_robot.bringup.doctor as d\n"
        "d.probe = lambda code: ('', '')\n"
        "print(len(d.run_checks({})))"
    )
    assert int(doctor.probe(code)[0]) >= 12
