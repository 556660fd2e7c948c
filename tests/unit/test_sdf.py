"""SDF files are read into worlds and models; what is not in the subset is refused in a sentence."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care_robot.description import (
    Box,
    Camera,
    Capsule,
    ContactSensor,
    Cylinder,
    DescriptionError,
    Imu,
    Joint,
    JointKind,
    Lidar,
    Mesh,
    Model,
    Plane,
    Sphere,
)
from care_robot.sdf_elements import read_sensor, read_xml
from care_robot.simulation.sdf import find_world, read_model, read_world
from care_robot.simulation.world import PlaceKind, World

LINK = '<link name="link">{}</link>'
INERTIAL = "<inertial><mass>2</mass><inertia><ixx>1</ixx><iyy>1</iyy><izz>1</izz></inertia></inertial>"
BOX = "<geometry><box><size>1 2 3</size></box></geometry>"
CAMERA = """<sensor name="eye" type="camera"><update_rate>10</update_rate><topic>eye/image_raw</topic><camera>
  <horizontal_fov>1.3</horizontal_fov><image><width>640</width><height>480</height><format>R8G8B8</format></image>
  <clip><near>0.05</near><far>15</far></clip></camera></sensor>"""
MODEL = f"""<static>true</static>
<pose>1 2 0 0 0 1.5</pose>
{LINK.format(f'<visual name="look">{BOX}</visual><collision name="hull">{BOX}</collision>{CAMERA}')}"""
WORLD = """<light name="sun" type="directional"><diffuse>0.8 0.7 0.6 1</diffuse>
<direction>0 0 -1</direction></light>
<include><uri>model://thing</uri><name>other</name><pose degrees="true">3 0 0 0 0 90</pose></include>
<care:rooms><care:room name="hall"><care:polygon>0 0  4 0  4 4  0 4</care:polygon></care:room></care:rooms>
<care:places><care:place name="seat" kind="seat"><care:pose>1 1 0.4 0 0 0</care:pose></care:place>
</care:places>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("worlds", "models/thing/meshes"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "models/thing/meshes/thing.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (tmp_path / "models/thing/look.png").write_bytes(b"")
    write_model(tmp_path, MODEL)
    return tmp_path


def write_model(folder: Path, body: str) -> Path:
    path = folder / "models/thing/model.sdf"
    path.write_text(
        f'<sdf version="1.9"><model name="thing">{body}</model></sdf>', encoding="utf-8", errors="replace"
    )
    return path


def write_world(folder: Path, body: str) -> Path:
    path = folder / "worlds/home.sdf"
    path.write_text(
        f'<sdf version="1.9" xmlns:care="urn:care"><world name="home">{body}</world></sdf>',
        encoding="utf-8",
        errors="replace",
    )
    return path


Reader = Callable[[str], Model]


@pytest.fixture
def model(folder: Path) -> Reader:
    return lambda body: read_model(write_model(folder, body))


@pytest.fixture
def world(folder: Path) -> Callable[[str], World]:
    return lambda body: read_world(write_world(folder, body))


def shape_of(model: Reader, geometry: str) -> object:
    link = LINK.format(f'<collision name="c"><geometry>{geometry}</geometry></collision>')
    return model(f"<static>1</static>{link}").links[0].collisions[0].shape


# Models ----------------------------------------------------------------------------------------------------


def test_shapes(model: Reader, folder: Path) -> None:
    mesh = folder / "models/thing/meshes/thing.obj"
    assert shape_of(model, "<box><size>1 2 3</size></box>") == Box((1.0, 2.0, 3.0))
    assert shape_of(model, "<sphere><radius>0.5</radius></sphere>") == Sphere(0.5)
    assert shape_of(model, "<cylinder><radius>1</radius><length>2</length></cylinder>") == Cylinder(1.0, 2.0)
    assert shape_of(model, "<capsule><radius>1</radius><length>2</length></capsule>") == Capsule(1.0, 2.0)
    assert shape_of(model, "<plane><normal>0 0 1</normal><size>4 5</size></plane>") == Plane((4.0, 5.0))
    uri = "<uri>model://thing/meshes/thing.obj</uri>"
    assert shape_of(model, f"<mesh>{uri}</mesh>") == Mesh(mesh)
    assert shape_of(model, f"<mesh>{uri}<scale>1 2 3</scale></mesh>") == Mesh(mesh, (1.0, 2.0, 3.0))


def test_looks_and_touch(model: Reader, folder: Path) -> None:
    link = model(
        "<static>true</static>"
        + LINK.format(
            f"""<visual name="plain">{BOX}<transparency>0.25</transparency>
              <material><ambient>1 0 0 1</ambient><diffuse>0.1 0.2 0.3 1</diffuse></material></visual>
            <visual name="picture">{BOX}
              <material><pbr><metal><albedo_map>model://thing/look.png</albedo_map></metal></pbr></material></visual>
            <collision name="hull">{BOX}
              <surface><friction><ode><mu>0.3</mu><mu2>0.3</mu2></ode></friction></surface></collision>"""
        )
    ).links[0]
    plain, picture = link.visuals
    assert plain.material.rgba == (0.1, 0.2, 0.3, 0.75)
    assert picture.material.texture == folder / "models/thing/look.png"
    assert picture.material.rgba == (1.0, 1.0, 1.0, 1.0)
    assert link.collisions[0].friction == 0.3


def door(model: Reader, joint: str) -> Joint:
    links = f'<link name="frame">{INERTIAL}</link><link name="leaf">{INERTIAL}</link>'
    return model(links + joint).joints[0]


def test_a_joint_has_its_axis_in_the_frame_of_the_child(model: Reader) -> None:
    joint = door(
        model,
        """<joint name="hinge" type="revolute"><pose degrees="true">0.1 0 0 0 90 0</pose>
        <parent>frame</parent><child>leaf</child><axis><xyz>0 0 2</xyz>
        <limit><lower>-1</lower><upper>2</upper><effort>5</effort></limit>
        <dynamics><damping>0.5</damping><friction>0.2</friction></dynamics></axis></joint>""",
    )
    assert (joint.kind, joint.parent, joint.child) == (JointKind.REVOLUTE, "frame", "leaf")
    assert np.allclose(joint.axis, (1.0, 0.0, 0.0))
    assert joint.anchor_m == (0.1, 0.0, 0.0)
    assert (joint.lower, joint.upper, joint.effort) == (-1.0, 2.0, 5.0)
    assert (joint.damping, joint.friction) == (0.5, 0.2)


def test_the_world_may_hold_a_joint(model: Reader) -> None:
    joint = door(model, '<joint name="j" type="fixed"><parent>world</parent><child>frame</child></joint>')
    assert (joint.kind, joint.parent) == (JointKind.FIXED, "world")


def test_a_body_has_its_inertia(model: Reader) -> None:
    inertia = (
        model(LINK.format(INERTIAL.replace("<mass>", "<pose>0 0 1 0 0 0</pose><mass>"))).links[0].inertia
    )
    assert inertia is not None
    assert (inertia.mass_kg, inertia.moments) == (2.0, (1.0, 1.0, 1.0, 0.0, 0.0, 0.0))
    assert inertia.pose.position[2] == 1.0


# Sensors ---------------------------------------------------------------------------------------------------

NOISE = "<noise><type>gaussian</type><mean>0</mean><stddev>{}</stddev></noise>"
AXES = "".join(f"<{axis}>{NOISE.format('0.01')}</{axis}>" for axis in "xyz")


def read(folder: Path, sensor: str) -> object:
    path = folder / "sensor.xml"
    path.write_text(sensor, encoding="utf-8")
    return read_sensor(read_xml(path, "sensor"))


def test_a_camera(folder: Path) -> None:
    camera = read(folder, CAMERA.replace("</camera>", NOISE.format("0.007") + "</camera>"))
    assert isinstance(camera, Camera)
    assert (camera.name, camera.rate_hz, camera.width_px, camera.height_px) == ("eye", 10.0, 640, 480)
    assert (camera.near_m, camera.far_m, camera.noise_std, camera.depth) == (0.05, 15.0, 0.007, False)
    depth = read(folder, CAMERA.replace('type="camera"', 'type="rgbd_camera"'))
    assert isinstance(depth, Camera)
    assert depth.depth


def test_a_lidar(folder: Path) -> None:
    lidar = read(
        folder,
        """<sensor name="scan" type="gpu_lidar"><update_rate>10</update_rate><lidar><scan><horizontal>
        <samples>360</samples><min_angle>-3.1</min_angle><max_angle>3.1</max_angle></horizontal></scan>
        <range><min>0.1</min><max>12</max></range>"""
        + NOISE.format("0.01")
        + "</lidar></sensor>",
    )
    assert isinstance(lidar, Lidar)
    assert (lidar.samples, lidar.min_angle_rad, lidar.max_angle_rad) == (360, -3.1, 3.1)
    assert (lidar.min_range_m, lidar.max_range_m, lidar.noise_std_m) == (0.1, 12.0, 0.01)


def test_an_imu_and_a_contact_sensor(folder: Path) -> None:
    imu = read(
        folder,
        f"""<sensor name="imu" type="imu"><update_rate>100</update_rate><imu>
        <angular_velocity>{AXES}</angular_velocity><linear_acceleration>{AXES}</linear_acceleration></imu></sensor>""",
    )
    assert isinstance(imu, Imu)
    assert (imu.rate_hz, imu.angular_velocity_std_rad_s, imu.linear_acceleration_std_m_s2) == (
        100,
        0.01,
        0.01,
    )
    contact = """<sensor name="bumper" type="contact"><update_rate>50</update_rate>
        <contact><collision>shell</collision></contact></sensor>"""
    assert read(folder, contact) == ContactSensor("bumper", 50.0, "shell")


# Worlds ----------------------------------------------------------------------------------------------------


def test_a_world_has_models_lights_rooms_and_places(world: Callable[[str], World]) -> None:
    home = world(WORLD + f'<model name="own">{MODEL.replace("eye", "eye_2")}</model>')
    assert [model.name for model in home.models] == ["other", "own"]
    assert home.model("other").pose.rpy()[2] == pytest.approx(math.pi / 2)
    (light,) = home.lights
    assert (light.name, light.directional, light.colour) == ("sun", True, (0.8, 0.7, 0.6))
    assert home.room_at(1.0, 1.0) == "hall"
    assert home.room_at(5.0, 1.0) == ""
    assert home.place("seat").kind is PlaceKind.SEAT
    assert home.nearest(PlaceKind.SEAT, 0.0, 0.0) == home.place("seat")
    assert home.nearest(PlaceKind.BED, 0.0, 0.0) is None


def test_an_outline_may_have_a_niche(world: Callable[[str], World]) -> None:
    home = world(
        '<care:rooms><care:room name="l">'
        "<care:polygon>0 0 4 0 4 4 3 4 3 1 0 1</care:polygon></care:room></care:rooms>"
    )
    assert home.room_at(0.5, 0.5) == home.room_at(3.5, 3.5) == "l"
    assert home.room_at(1.0, 3.0) == ""


def test_what_gazebo_alone_needs_is_skipped(world: Callable[[str], World]) -> None:
    home = world(
        """<physics name="p" type="dart"><max_step_size>0.001</max_step_size></physics>
        <plugin filename="f" name="n"><anything at="all">0</anything></plugin><gui/>
        <gravity>0 0 -9.8</gravity>"""
    )
    assert home.models == ()


# Bad input -------------------------------------------------------------------------------------------------


def collision(inside: str) -> str:
    found = LINK.format(f'<collision name="c">{inside}</collision>')
    return f"<static>true</static>{found}"


def joint(inside: str, kind: str = "revolute") -> str:
    links = "".join(f'<link name="{name}">{INERTIAL}</link>' for name in "ab")
    return f'{links}<joint name="j" type="{kind}">{inside}</joint>'


ENDS = "<parent>a</parent><child>b</child>"
LIMIT = "<limit><lower>0</lower><upper>1</upper></limit>"
MESH = "<geometry><mesh><uri>{}</uri></mesh></geometry>"
SHORT_INERTIA = INERTIAL.replace("<izz>1<", "<izz>9<")

BAD_MODELS = {
    "unknown element": (
        collision(BOX).replace("collision", "colision"),
        "colision",
        "do you mean 'collision'?",
    ),
    "unknown attribute": (
        MODEL.replace('name="link"', 'name="link" nmae="x"'),
        "'nmae'",
        "do you mean 'name'?",
    ),
    "unknown shape": (collision("<geometry><cone/></geometry>"), "cone", "known are box"),
    "text out of place": (f"hello {MODEL}", "'hello'", "out of place"),
    "no link": ("<static>true</static>", "model 'thing'", "needs at least one"),
    "no name": (MODEL.replace('link name="link"', "link"), "> link", "'name' is missing"),
    "bad name": (MODEL.replace('"link"', '"a/b"'), "'a/b' is no name", "underscores"),
    "same names": (MODEL.replace('"hull"', '"look"'), "collision 'look'", "rename"),
    "two links": (MODEL + LINK.format(""), "link 'link'", "already"),
    "two poses": (MODEL + "<pose>0 0 0 0 0 0</pose>", "> pose", "keep one"),
    "relative pose": (
        MODEL.replace("<pose>", '<pose relative_to="x">'),
        "'relative_to' is not supported",
        "give",
    ),
    "five numbers": (MODEL.replace("1.5</pose>", "</pose>"), "there are 5 numbers, but 6 are needed", ""),
    "not a number": (MODEL.replace("1.5<", "nan<"), "'nan' is not a finite number", ""),
    "infinite": (MODEL.replace("1.5<", "1e999<"), "'1e999' is not a finite number", ""),
    "huge": (MODEL.replace("1.5<", "1e12<"), "'1e12' is not a finite number", "below 1e+09"),
    "other digits": (MODEL.replace("1.5<", "١<"), "is not a finite number", ""),
    "underscore": (MODEL.replace("1.5<", "1_0<"), "'1_0' is not a finite number", ""),
    "negative size": (collision(BOX.replace("2", "-2")), "> size", "above zero"),
    "zero radius": (
        collision("<geometry><sphere><radius>0</radius></sphere></geometry>"),
        "> radius",
        "above 0",
    ),
    "two shapes": (collision(BOX.replace("<box>", "<sphere/><box>")), "2 shapes", "give one"),
    "empty element": (collision("<geometry><box><size/></box></geometry>"), "> size", "nothing"),
    "no geometry": (collision(""), "<geometry> is missing", "add it"),
    "tilted plane": (
        collision("<geometry><plane><normal>1 0 0</normal><size>1 1</size></plane></geometry>"),
        "> normal",
        "level planes",
    ),
    "missing mesh": (collision(MESH.format("model://thing/no.obj")), "there is no file", "add it"),
    "mesh of another kind": (collision(MESH.format("model://thing/look.png")), "'look.png'", ".obj or .stl"),
    "mesh outside": (
        collision(MESH.format("model://../secret.obj")),
        "does not name something in",
        "model://",
    ),
    "mesh at a root": (
        collision(MESH.format("model:///etc/x.obj")),
        "does not name something in",
        "model://",
    ),
    "mesh by another way": (
        collision(MESH.format("file:///etc/x.obj")),
        "does not name something in",
        "model://",
    ),
    "mesh with a long name": (
        collision(MESH.format(f"model://{'x' * 999}.obj")),
        "does not name",
        "model://",
    ),
    "negative friction": (
        collision(BOX + "<surface><friction><ode><mu>-1</mu></ode></friction></surface>"),
        "> mu",
        "0 or more",
    ),
    "transparency": (MODEL.replace(BOX, BOX + "<transparency>2</transparency>", 1), "between 0 and 1", ""),
    "colour": (
        MODEL.replace(BOX, BOX + "<material><diffuse>2 0 0 1</diffuse></material>", 1),
        "> diffuse",
        "between 0 and 1",
    ),
    "material script": (MODEL.replace(BOX, BOX + "<material><script/></material>", 1), "script", "known are"),
    "movable without mass": (LINK.format(""), "<inertial>", "needs one"),
    "negative mass": (LINK.format(INERTIAL.replace("<mass>2", "<mass>-2")), "> mass", "above 0"),
    "impossible inertia": (LINK.format(SHORT_INERTIA), "> inertia", "no body has these moments"),
    "joint of another type": (joint(ENDS, "screw"), "joint 'j'", "one of fixed"),
    "joint to nothing": (joint(ENDS.replace("b", "c")), "there is no link 'c'", "choose one of"),
    "joint to itself": (joint(ENDS.replace("b", "a")), "joint 'j'", "same link"),
    "joint without axis": (joint(ENDS), "<axis> is missing", "add it"),
    "axis of length zero": (joint(f"{ENDS}<axis><xyz>0 0 0</xyz>{LIMIT}</axis>"), "> xyz", "above zero"),
    "axis elsewhere": (
        joint(f'{ENDS}<axis><xyz expressed_in="a">0 0 1</xyz>{LIMIT}</axis>'),
        "'expressed_in' is not known",
        "",
    ),
    "no limits": (joint(f"{ENDS}<axis><xyz>0 0 1</xyz></axis>"), "<limit> is missing", "continuous"),
    "limits the wrong way": (
        joint(f"{ENDS}<axis><xyz>0 0 1</xyz>{LIMIT.replace('<lower>0', '<lower>2')}</axis>"),
        "> upper",
        "2 or more",
    ),
    "circle of joints": (
        joint(ENDS, "fixed") + '<joint name="k" type="fixed"><parent>b</parent><child>a</child></joint>',
        "circle",
        "tree",
    ),
    "two parents": (
        joint(ENDS, "fixed") + '<joint name="k" type="fixed"><parent>world</parent><child>b</child></joint>',
        "link 'b'",
        "already the child",
    ),
    "model in a model": (MODEL + "<include><uri>model://thing</uri></include>", "include", "not known here"),
    "sensor of another type": (MODEL.replace('type="camera"', 'type="radar"'), "'radar' is not known", ""),
    "camera of another kind": (MODEL.replace('type="camera"', 'type="imu"'), "camera", "not known"),
    "camera too wide": (MODEL.replace("1.3<", "3.2<"), "> horizontal_fov", "below pi"),
    "half a pixel": (MODEL.replace("640", "640.5"), "> width", "whole number"),
    "endless picture": (MODEL.replace("640", "1e8"), "> width", "whole number"),
    "far before near": (MODEL.replace("<far>15", "<far>0.01"), "> far", "above 0.05"),
    "no rate": (MODEL.replace("<update_rate>10</update_rate>", ""), "<update_rate> is missing", "add it"),
}


@pytest.mark.parametrize(("body", "what", "remedy"), BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_a_bad_model_is_refused_with_file_place_and_remedy(
    model: Reader, folder: Path, body: str, what: str, remedy: str
) -> None:
    with pytest.raises(DescriptionError) as caught:
        model(body)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'models/thing/model.sdf'}:")
    assert "model 'thing'" in message
    assert what in message
    assert remedy in message
    assert message.endswith((".", "?"))


BAD_WORLDS = {
    "unknown element": (WORLD.replace("care:rooms", "care:room"), "care:room", "do you mean"),
    "place in a room": (WORLD.replace("care:place", "care:room"), "care:rooms", "already"),
    "no such model": ("<include><uri>model://nothing</uri></include>", "no model 'nothing'", "add it"),
    "model outside": ("<include><uri>model://../x</uri></include>", "> uri", "write model://"),
    "model from the net": ("<include><uri>https://example.com/x</uri></include>", "> uri", "write model://"),
    "include of nothing": ("<include/>", "<uri> is missing", "add it"),
    "same names": (
        "<include><uri>model://thing</uri></include>" * 2,
        "already a model named 'thing'",
        "rename",
    ),
    "same cameras": (WORLD + "<include><uri>model://thing</uri></include>", "sensor named 'eye'", "rename"),
    "model named world": (f'<model name="world">{MODEL}</model>', "model 'world'", "choose another name"),
    "no static word": (
        f'<model name="own">{MODEL.replace("true", "maybe", 1)}</model>',
        "'maybe' is not one of true",
        "",
    ),
    "odd polygon": (WORLD.replace("0 4</care:poly", "0</care:poly"), "room 'hall'", "x and y"),
    "flat polygon": (WORLD.replace("4 4  0 4", "2 0"), "encloses nothing", "in order"),
    "kind of place": (WORLD.replace('"seat">', '"throne">'), "place 'seat'", "one of seat"),
    "place without pose": (
        '<care:places><care:place name="x" kind="spot"/></care:places>',
        "care:pose",
        "missing",
    ),
    "kind of light": (WORLD.replace("directional", "lava"), "light 'sun'", "directional, point"),
}


@pytest.mark.parametrize(("body", "what", "remedy"), BAD_WORLDS.values(), ids=BAD_WORLDS.keys())
def test_a_bad_world_is_refused_with_file_place_and_remedy(
    world: Callable[[str], World], folder: Path, body: str, what: str, remedy: str
) -> None:
    with pytest.raises(DescriptionError) as caught:
        world(body)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'worlds/home.sdf'}:")
    assert "world 'home'" in message
    assert what in message
    assert remedy in message


BROKEN_FILES = {
    "empty": (b"", "well-formed"),
    "no XML": (b"not XML", "well-formed"),
    "other bytes": (b"\xff\xfe\x00", "well-formed"),
    "encoding": (b'<?xml version="1.0" encoding="nonsense"?><sdf/>', "well-formed"),
    "cut off": (b'<sdf version="1.9"><world name="w">', "well-formed"),
    "entity": (b'<!DOCTYPE s [<!ENTITY a "b">]><sdf version="1.9"><world name="&a;"/></sdf>', "DOCTYPE"),
    "external DOCTYPE": (b'<!DOCTYPE sdf SYSTEM "/etc/passwd"><sdf version="1.9"/>', "DOCTYPE"),
    "other root": (b"<urdf/>", "<sdf>"),
    "no world": (b'<sdf version="1.9"/>', "<world> is missing"),
    "newer version": (b'<sdf version="1.10"><world name="w"/></sdf>', "1.9"),
    "no version": (b'<sdf><world name="w"/></sdf>', "'version' is missing"),
    "model file": (b'<sdf version="1.9"><model name="m"/></sdf>', "not known here"),
    "two worlds": (b'<sdf version="1.9"><world name="w"/><world name="v"/></sdf>', "keep one"),
    "nested": (b"<sdf>" * 100_000, "nested"),
    "large": (b" " * 6_000_000, "bytes"),
}


@pytest.mark.parametrize(("contents", "what"), BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_a_broken_file_is_refused(folder: Path, contents: bytes, what: str) -> None:
    path = folder / "worlds/home.sdf"
    path.write_bytes(contents)
    with pytest.raises(DescriptionError, match=what) as caught:
        read_world(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "worlds/none.sdf", tmp_path, Path("a\0b.sdf"), Path("x" * 5000)):
        with pytest.raises(DescriptionError, match="cannot be read"):
            read_world(path)


def test_an_unknown_world_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(DescriptionError, match="apartment or ward"):
        find_world("palace")
    assert find_world("/tmp/own.sdf") == Path("/tmp/own.sdf")


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    part=st.sampled_from(["model", "world"]),
    cut=st.tuples(st.floats(0.0, 1.0), st.integers(0, 30)),
    paste=st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [
                "<pose/>",
                "<link name='x'/>",
                "<",
                "&a;",
                "-1",
                "1e400",
                "nan",
                "model://thing",
                "</link>",
                "true",
            ]
        ),
    ),
)
def test_a_changed_file_is_read_or_refused_in_a_sentence(
    folder: Path, part: str, cut: tuple[float, int], paste: str
) -> None:
    text = {"model": MODEL, "world": WORLD}[part]
    at = int(cut[0] * len(text))
    text = text[:at] + paste + text[at + cut[1] :]
    try:
        read_model(write_model(folder, text)) if part == "model" else read_world(write_world(folder, text))
    except DescriptionError as error:
        assert str(error).endswith((".", "?"))  # noqa: PT017
