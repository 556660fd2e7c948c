"""What is written for Gazebo: the robot with its plugin, and the resident as an actor."""

import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import mujoco
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from care_robot.description import DescriptionError
from care_robot.simulation import gazebo_files
from care_robot.simulation.gazebo_collada import (
    MAX_BONES_A_VERTEX,
    ROOT,
    Bone,
    Clip,
    ColladaError,
    Surface,
    normals,
    strongest,
    write_collada,
)
from care_robot.simulation.gazebo_figure import FigureError, bones_of
from care_robot.simulation.gazebo_model import gazebo_urdf
from care_robot.simulation.gazebo_resident import DELAY_S, SAMPLE_S
from care_robot.simulation.resident import SEGMENTS, Resident, add_resident

PROJECT = Path(__file__).parents[2]
ROBOT = PROJECT / "config/robots/carebot.urdf"
CONTROLLERS = PROJECT / "config/controllers.yaml"
DAE = "{http://www.collada.org/2005/11/COLLADASchema}"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def tree(source: Path | str) -> Element:
    """Root of a file or a text of our own."""
    if isinstance(source, Path):
        return ElementTree.parse(source).getroot()  # noqa: S314
    return ElementTree.fromstring(source)  # noqa: S314


def output(*command: str) -> str:
    """Standard output of a checker that succeeds."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# The robot --------------------------------------------------------------------------------------------------


def test_the_robot_has_the_plugin_with_the_hardwares_controllers() -> None:
    root = tree(gazebo_urdf(ROBOT, CONTROLLERS))
    plugins = root.findall("gazebo/plugin")
    assert [plugin.get("name") for plugin in plugins] == ["gz_ros2_control::GazeboSimROS2ControlPlugin"]
    assert plugins[0].findtext("parameters") == str(CONTROLLERS)
    assert root.findtext("ros2_control/hardware/plugin") == "gz_ros2_control/GazeboSimSystem"


def test_nothing_of_the_robot_is_lost() -> None:
    before, after = (
        tree(ROBOT),
        tree(gazebo_urdf(ROBOT, CONTROLLERS)),
    )
    for tag in ("link", "joint", "sensor", "collision"):
        assert len(list(before.iter(tag))) == len(list(after.iter(tag))) > 0


def test_every_commanded_joint_has_a_controller() -> None:
    root = tree(ROBOT)
    joints = root.findall("ros2_control/joint")
    commanded = {joint.get("name") for joint in joints if joint.find("command_interface") is not None}
    parameters = yaml.safe_load(CONTROLLERS.read_text())
    used: set[str] = set()
    for name, node in parameters.items():
        own = node["ros__parameters"]
        if name != "controller_manager":
            lists = [own.get(key, []) for key in ("joints", "left_wheel_names", "right_wheel_names")]
            used |= {joint for joints in lists for joint in joints} | {own.get("joint", "")}
    assert used - {""} == commanded


@needs("check_urdf")
def test_liburdfdom_reads_the_robot(tmp_path: Path) -> None:
    path = tmp_path / "robot.urdf"
    path.write_text(gazebo_urdf(ROBOT, CONTROLLERS))
    assert "root Link: base_link" in output("check_urdf", str(path))


@needs("ign")
def test_gazebos_parser_keeps_sensors_and_what_they_refer_to(tmp_path: Path) -> None:
    path = tmp_path / "robot.urdf"
    path.write_text(gazebo_urdf(ROBOT, CONTROLLERS))
    model = tree(output("ign", "sdf", "-p", str(path)))
    original = {sensor.get("name") for sensor in tree(ROBOT).iter("sensor")}
    assert {sensor.get("name") for sensor in model.iter("sensor")} == original
    for link in model.iter("link"):
        shapes = {collision.get("name") for collision in link.findall("collision")}
        touched = {contact.text for contact in link.findall("sensor/contact/collision")}
        assert touched <= shapes
    assert model.find("model/plugin/parameters") is not None


def without_control(text: str) -> str:
    return text[: text.index("<ros2_control")] + "</robot>"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (without_control, "there is no <ros2_control>"),
        (lambda text: text.replace('<joint name="lift_joint">', '<joint name="lft_joint">'), "'lft_joint'"),
        (lambda text: text[:-20], "not well-formed XML"),
        (lambda text: text.replace('type="prismatic"', 'type="bendy"', 1), "lift_joint"),
        (lambda text: '<!DOCTYPE robot [<!ENTITY a "b">]>' + text.partition("?>")[2], "robot.urdf"),
    ],
)
def test_a_broken_robot_is_one_sentence_with_the_file(
    tmp_path: Path, change: Callable[[str], str], says: str
) -> None:
    path = tmp_path / "robot.urdf"
    path.write_text(change(ROBOT.read_text()))
    with pytest.raises(DescriptionError) as error:
        gazebo_urdf(path, CONTROLLERS)
    assert str(path) in str(error.value)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "a: b", "controller_manager: {ros__parameters: 3}", "a: [", "\x00"]
)
def test_broken_controllers_are_one_sentence_with_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "controllers.yaml"
    path.write_text(text)
    with pytest.raises(DescriptionError, match=r"controllers\.yaml: this is no list of controllers"):
        gazebo_urdf(ROBOT, path)
    with pytest.raises(DescriptionError, match="cannot be read"):
        gazebo_urdf(ROBOT, tmp_path / "none.yaml")


# Figures ----------------------------------------------------------------------------------------------------


def figure() -> tuple[list[Bone], list[Surface], Clip]:
    """An upright arm of two bones with one triangle; the upper bone turns."""
    above = np.eye(4)
    above[2, 3] = 1.0
    bones = [Bone("lower", ROOT, np.eye(4)), Bone("upper", "lower", above)]
    triangle = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    weights = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    surface = Surface("skin", (0.5, 0.4, 0.3), triangle, np.array([[0, 1, 2]]), weights)
    times_s = np.array([0.0, 0.5, 1.0])
    lower = np.tile(np.eye(4), (3, 1, 1))
    upper = np.tile(above, (3, 1, 1))
    for i, angle in enumerate((0.0, 0.3, 0.6)):
        upper[i, :2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    return bones, [surface], Clip(times_s, {"lower": lower, "upper": upper})


def numbers(root: Element, source: str) -> np.ndarray:  # type: ignore[type-arg]
    (array,) = [a for a in root.iter(f"{DAE}float_array") if a.get("id") == f"{source}-array"]
    values = np.array((array.text or "").split(), dtype=np.float64)
    assert array.get("count") == str(len(values))
    return values


def test_a_figure_holds_its_triangles_bones_and_motion(tmp_path: Path) -> None:
    bones, surfaces, clip = figure()
    path = tmp_path / "figure.dae"
    write_collada(path, bones, surfaces, clip)
    root = tree(path)
    np.testing.assert_allclose(numbers(root, "body-positions").reshape(-1, 3), surfaces[0].vertices)
    np.testing.assert_allclose(numbers(root, "upper-motion-input"), clip.times_s)
    np.testing.assert_allclose(
        numbers(root, "upper-motion-output").reshape(-1, 4, 4), clip.poses["upper"], atol=1e-6
    )  # the lower bone stands still at the origin
    binds = numbers(root, "body-skin-binds").reshape(-1, 4, 4)
    np.testing.assert_allclose(binds[2] @ bones[1].bind, np.eye(4), atol=1e-6)
    parents = {child.get("id"): parent.get("id") for parent in root.iter() for child in parent}
    assert (parents["upper"], parents["lower"]) == ("lower", ROOT)
    assert not list(tmp_path.glob("*.part"))


def test_the_root_has_keyframes_or_gazebo_would_squash_the_figure(tmp_path: Path) -> None:
    bones, surfaces, clip = figure()
    write_collada(tmp_path / "figure.dae", bones, surfaces, clip)
    root = tree(tmp_path / "figure.dae")
    np.testing.assert_allclose(
        numbers(root, f"{ROOT}-motion-output").reshape(-1, 4, 4), np.tile(np.eye(4), (3, 1, 1))
    )


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.dae", "b.dae"):
        write_collada(tmp_path / name, *figure())
    assert (tmp_path / "a.dae").read_bytes() == (tmp_path / "b.dae").read_bytes()


@pytest.mark.parametrize("times", [[0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.5], [0.0, math.nan, 1.0]])
def test_times_that_do_not_increase_are_refused(tmp_path: Path, times: list[float]) -> None:
    bones, surfaces, clip = figure()
    with pytest.raises(ColladaError, match="increasing times"):
        write_collada(tmp_path / "figure.dae", bones, surfaces, Clip(np.array(times), clip.poses))
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    bones, surfaces, clip = figure()
    path = tmp_path / "figure.dae"
    with pytest.raises(ColladaError, match="after its parent 'lower'"):
        write_collada(path, bones[::-1], surfaces, clip)
    with pytest.raises(ColladaError, match="place the bone 'upper'"):
        write_collada(path, bones, surfaces, Clip(clip.times_s, {"lower": clip.poses["lower"]}))
    broken = {**clip.poses, "upper": clip.poses["upper"] * math.nan}
    with pytest.raises(ColladaError, match="'upper' holds a number that is not finite"):
        write_collada(path, bones, surfaces, Clip(clip.times_s, broken))
    with pytest.raises(ColladaError, match="'skin' needs a weight"):
        write_collada(path, bones[:1], surfaces, clip)


@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_weights_are_of_four_bones_at_most_and_sum_to_one(bones: int, vertices: int, seed: int) -> None:
    weights = np.random.default_rng(seed).random((vertices, bones)) + 1e-3
    kept = strongest(weights / weights.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(kept.sum(axis=1), 1.0)
    assert (np.count_nonzero(kept, axis=1) <= MAX_BONES_A_VERTEX).all()
    assert (kept.argmax(axis=1) == weights.argmax(axis=1)).all()


def test_normals_point_out_of_a_closed_surface() -> None:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float64)
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))])
    out = normals(corners, faces)
    assert (np.einsum("ij,ij->i", out, corners - 0.5) > 0.0).all()
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1.0)


# The resident -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the launch file has written for a resident who falls in the apartment."""
    return gazebo_files.write_files(tmp_path_factory.mktemp("cache"), "apartment", "fall", 0)


@pytest.fixture(scope="module")
def dae(files: Path) -> Element:
    return tree(files / "resident.dae")


def heights(dae: Element, bone: str) -> np.ndarray:  # type: ignore[type-arg]
    """Height of a bone in each frame: its matrix times those of the bones above it."""
    parents = {child.get("id"): parent.get("id") for parent in dae.iter(f"{DAE}node") for child in parent}
    poses = numbers(dae, f"{bone}-motion-output").reshape(-1, 4, 4)
    while (above := parents.get(bone)) is not None and above != ROOT:
        poses = numbers(dae, f"{above}-motion-output").reshape(-1, 4, 4) @ poses
        bone = above
    return poses[:, 2, 3]


def test_the_resident_has_all_segments_as_bones(dae: Element) -> None:
    (names,) = [a.text for a in dae.iter(f"{DAE}Name_array") if a.get("id") == "body-skin-joints-array"]
    assert (names or "").split() == [ROOT, *(segment.name for segment in SEGMENTS)]
    nodes = {node.get("id") for node in dae.iter(f"{DAE}node") if node.get("type") == "JOINT"}
    assert nodes == {ROOT, *(segment.name for segment in SEGMENTS)}


def test_every_vertex_of_the_resident_hangs_on_bones(dae: Element) -> None:
    vertices = len(numbers(dae, "body-positions")) // 3
    weights = numbers(dae, "body-skin-weights")
    (owners,) = [vcount.text for vcount in dae.iter(f"{DAE}vcount")]
    counts = np.array((owners or "").split(), dtype=np.int64)
    assert len(counts) == vertices > 10_000
    assert counts.min() >= 1
    assert counts.max() <= MAX_BONES_A_VERTEX
    sums = np.add.reduceat(weights, np.concatenate([[0], np.cumsum(counts)[:-1]]))
    np.testing.assert_allclose(sums, 1.0, atol=5e-5)


def test_the_story_runs_on_evenly_and_ends_on_the_floor(dae: Element) -> None:
    times_s = numbers(dae, "pelvis-motion-input")
    np.testing.assert_allclose(np.diff(times_s), SAMPLE_S, atol=1e-4)
    head, pelvis = heights(dae, "head"), heights(dae, "pelvis")
    assert head[0] > 1.2  # stands
    assert head[-1] < 0.4  # lies
    assert pelvis[-1] < 0.4
    down = int(np.flatnonzero(pelvis > 0.5)[-1])
    assert times_s[-1] - times_s[down] > 30.0  # long enough to be found
    fast = np.diff(head[: down + 30]) / SAMPLE_S
    assert fast.min() < -1.0  # fell, and did not lie down


def test_the_figure_goes_with_the_actor_and_bones_stay_near(files: Path, dae: Element) -> None:
    poses = numbers(dae, "pelvis-motion-output").reshape(-1, 4, 4)
    np.testing.assert_allclose(poses[:, :2, 3], 0.0, atol=1e-5)
    actor = tree(files / "resident.sdf")
    times_s = np.array([float(t.text or "") for t in actor.iter("time")])
    way = np.array([[float(n) for n in (p.text or "").split()] for p in actor.iter("pose")])
    np.testing.assert_allclose(times_s, numbers(dae, "pelvis-motion-input"), atol=0.011)
    assert np.abs(np.diff(way[:, :2], axis=0)).max() < 0.5  # no jump from frame to frame
    assert np.linalg.norm(np.ptp(way[:, :2], axis=0)) > 1.0
    assert not way[:, 2:].any()
    assert actor.findtext("actor/script/delay_start") == f"{DELAY_S:g}"


def test_skin_clothes_hair_and_face_have_colours_of_their_own(dae: Element) -> None:
    names = [material.get("name") for material in dae.iter(f"{DAE}material")]
    assert len(names) == len(set(names))
    assert {"head", "shirt", "trousers", "hair", "eye_l", "upper_lip"} <= set(names)
    triangles = [t.get("material") for t in dae.iter(f"{DAE}triangles")]
    assert triangles == [f"{name}-material" for name in names]
    colours = {tuple((c.text or "").split()) for c in dae.iterfind(f".//{DAE}diffuse/{DAE}color")}
    assert len(colours) >= 5


def test_a_person_without_a_skin_cannot_be_shown() -> None:
    spec = mujoco.MjSpec()
    add_resident(spec, Resident(), "resident")
    with pytest.raises(FigureError, match="No skin covers resident/pelvis; build the person dressed"):
        bones_of(spec.compile(), "resident")


@needs("ign")
def test_libsdformat_reads_the_actor(files: Path) -> None:
    assert "Valid" in output("ign", "sdf", "--check", str(files / "resident.sdf"))


@needs("assimp")
def test_an_independent_reader_finds_the_skin_and_its_motion(files: Path) -> None:
    told = output("assimp", "info", str(files / "resident.dae"))
    found = dict(line.split(":", 1) for line in told.splitlines() if line.count(":") == 1)
    assert int(found["Animations"]) == 1
    assert int(found["Animation Channels"]) == len(SEGMENTS) + 1
    assert int(found["Vertices"].split()[0]) > 10_000


def test_the_robot_stands_on_its_dock_in_the_same_world(files: Path) -> None:
    parameters = yaml.safe_load((files / "spawn_robot.yaml").read_text())["/**"]["ros__parameters"]
    assert parameters["world"] == "apartment"
    assert parameters["topic"] == "robot_description"
    assert all(type(parameters[key]) is float for key in ("x", "y", "z", "Y"))  # `create` declares them so
    resident = yaml.safe_load((files / "spawn_resident.yaml").read_text())["/**"]["ros__parameters"]
    assert Path(resident["file"]).is_file()


def test_what_is_recorded_is_kept(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gazebo_files, "write_resident", lambda *_: pytest.fail("recorded again"))
    assert gazebo_files.write_files(files.parent, "apartment", "fall", 0) == files


# The command ------------------------------------------------------------------------------------------------


def test_the_command_prints_the_folder_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gazebo_files.main(["--resident", "none", "--cache", str(tmp_path)]) == 0
    folder = Path(capsys.readouterr().out)
    assert sorted(path.name for path in folder.iterdir()) == ["records", "robot.urdf", "spawn_robot.yaml"]


def test_each_run_begins_with_empty_records(files: Path) -> None:
    (files / "records/care.db").touch()
    gazebo_files.write_files(files.parent, "apartment", "fall", 0)
    assert list((files / "records").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--world", "moon"], "There is no world 'moon' in "),
        (["--world", "/etc/passwd"], "passwd"),
        (["--world", "no/such.sdf"], "no/such.sdf"),
        (
            ["--resident", "dance"],
            "There is no story 'dance' of a resident; choose one of none, day, walk, sit, lie, fall",
        ),
        (["--resident", "../.."], "There is no story"),
        (["--seed", "-1"], "The seed"),
        (["--cache", "/dev/null"], "Not a directory"),
    ],
)
def test_the_command_says_what_is_wrong_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert gazebo_files.main(["--cache", str(tmp_path / "cache"), *arguments]) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""
    assert said.err.count("\n") == 1
