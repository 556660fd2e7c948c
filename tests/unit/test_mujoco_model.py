"""Descriptions become MuJoCo bodies with the names, joints and collisions that everything else relies on."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.description import (
    Box,
    Camera,
    Capsule,
    Collision,
    Cylinder,
    DescriptionError,
    Inertia,
    Joint,
    JointKind,
    Lidar,
    Link,
    Material,
    Mesh,
    Model,
    Plane,
    Shape,
    Sphere,
    Visual,
)
from care_robot.geometry import Pose
from care_robot.simulation.mujoco_model import (
    COLLISION_GROUP,
    OBJECT,
    OBJECT_MEETS,
    ROBOT,
    ROBOT_MEETS,
    STATIC,
    TIMESTEP_S,
    add_look,
    add_model,
    compile_spec,
    new_spec,
)
from care_robot.simulation.sdf import find_world, read_world

HERE = Pose.identity()
KILO = Inertia(1.0, HERE, (0.01, 0.01, 0.01, 0.0, 0.0, 0.0))
BLOCK = Box((0.2, 0.2, 0.2))


def link(
    name: str, shape: Shape = BLOCK, pose: Pose = HERE, inertia: Inertia | None = KILO, **more: object
) -> Link:
    return Link(
        name, pose, inertia, (Visual("look", HERE, shape),), (Collision("touch", HERE, shape),), **more
    )  # type: ignore[arg-type]


def one(name: str, shape: Shape = BLOCK, at: Pose = HERE, *, static: bool = False, **more: object) -> Model:
    return Model(name, at, (link("link", shape, **more),), static=static)  # type: ignore[arg-type]


FLOOR = one("floor", Plane((10.0, 10.0)), static=True)
HINGE = Joint("hinge", JointKind.REVOLUTE, "frame", "leaf", upper=1.5, effort=1.0, velocity=1.0, damping=0.5)
DOOR = Model(
    "door_hall",
    HERE,
    (link("frame", Box((0.1, 0.1, 2.0))), link("leaf", Box((0.8, 0.04, 2.0)), Pose.from_rpy(0.5, 0, 1.0))),
    (Joint("fix", JointKind.FIXED, "world", "frame"), replace(HINGE, anchor_m=(-0.4, 0.0, 0.0))),
)


def simulate(*models: Model, steps: int = 0, dressed: bool = True) -> tuple[mujoco.MjModel, mujoco.MjData]:
    spec = new_spec()
    for model in models:
        add_model(spec, model, dressed=dressed)
    compiled = compile_spec(spec)
    data = mujoco.MjData(compiled)
    mujoco.mj_step(compiled, data, steps)
    mujoco.mj_forward(compiled, data)
    return compiled, data


def test_a_thing_falls_and_comes_to_rest_on_the_floor() -> None:
    model, data = simulate(FLOOR, one("cup", at=Pose.from_rpy(0, 0, 0.5)), steps=round(2.0 / TIMESTEP_S))
    assert data.body("cup/link").xpos[2] == pytest.approx(0.1, abs=0.002)
    assert np.abs(data.qvel).max() < 1e-3
    assert model.joint("cup/free").type[0] == mujoco.mjtJoint.mjJNT_FREE


def test_something_round_rolls_to_a_rest() -> None:
    light = Inertia(1.0, HERE, (0.001, 0.001, 0.001, 0.0, 0.0, 0.0))
    model, data = simulate(FLOOR, one("ball", Sphere(0.05), Pose.from_rpy(0, 0, 0.05), inertia=light))
    data.qvel[:6] = [0.3, 0, 0, 0, 6.0, 0]
    mujoco.mj_step(model, data, round(10.0 / TIMESTEP_S))
    assert np.abs(data.qvel).max() < 0.01


def test_names_groups_and_collision_bits() -> None:
    spec = new_spec()
    for model in (FLOOR, one("cup", at=Pose.from_rpy(0, 0, 0.5))):
        add_model(spec, model)
    add_model(spec, one("carebot", at=Pose.from_rpy(2, 0, 0.5)), kind=ROBOT)
    model = compile_spec(spec)
    for name, kind, meets in (
        ("floor", STATIC, 0),
        ("cup", OBJECT, OBJECT_MEETS),
        ("carebot", ROBOT, ROBOT_MEETS),
    ):
        touch, look = model.geom(f"{name}/link/touch"), model.geom(f"{name}/link/look")
        assert (touch.contype[0], touch.conaffinity[0], touch.group[0]) == (kind, meets, COLLISION_GROUP)
        assert (look.contype[0], look.conaffinity[0], look.group[0]) == (0, 0, 0)


def test_what_is_seen_changes_neither_weight_nor_joints() -> None:
    models = (FLOOR, one("cup", at=Pose.from_rpy(0, 0, 0.5)), DOOR)
    dressed, _ = simulate(*models)
    bare, _ = simulate(*models, dressed=False)
    assert np.array_equal(dressed.body_mass, bare.body_mass)
    assert np.array_equal(dressed.qpos0, bare.qpos0)
    assert [dressed.joint(i).name for i in range(dressed.njnt)] == [
        bare.joint(i).name for i in range(bare.njnt)
    ]
    assert bare.ngeom < dressed.ngeom


def test_a_door_hangs_on_the_world_and_stops_at_its_limits_in_rad() -> None:
    model, data = simulate(DOOR, dressed=False)
    assert [model.joint(i).name for i in range(model.njnt)] == ["door_hall/hinge"]
    assert model.geom("door_hall/leaf/touch").contype[0] == STATIC
    data.qfrc_applied[0] = 2.0
    mujoco.mj_step(model, data, round(4.0 / TIMESTEP_S))
    assert data.qpos[0] == pytest.approx(1.5, abs=0.05)
    edge = data.body("door_hall/leaf").xpos
    assert np.linalg.norm(edge[:2] - [0.1, 0.0]) == pytest.approx(0.4, abs=1e-6)  # about its hinge


def test_a_static_model_does_not_move_whatever_its_joints_say() -> None:
    model, _ = simulate(replace(DOOR, static=True))
    assert (model.nq, model.body("door_hall/leaf").weldid[0]) == (0, 0)
    assert model.body("door_hall/leaf").pos == pytest.approx([0.5, 0, 1.0])


def test_links_lie_where_their_poses_say() -> None:
    arm = Model(
        "arm",
        Pose.from_rpy(1, 0, 1, yaw=math.pi / 2),
        (link("base"), link("hand", pose=Pose.from_rpy(0.5, 0, 0, roll=0.3))),
        (Joint("wrist", JointKind.PRISMATIC, "base", "hand", axis=(0, 1, 0), lower=-1, upper=1),),
    )
    _, data = simulate(arm)
    expected = arm.pose.compose(arm.links[1].pose)
    assert data.body("arm/hand").xpos == pytest.approx(expected.position)
    assert data.body("arm/hand").xmat.reshape(3, 3) == pytest.approx(expected.rotation(), abs=1e-6)


def test_a_joint_that_mimics_follows() -> None:
    fingers = Model(
        "grip",
        HERE,
        (link("palm"), link("left"), link("right")),
        (
            Joint("fix", JointKind.FIXED, "world", "palm"),
            Joint("a", JointKind.PRISMATIC, "palm", "left", axis=(0, 1, 0), upper=0.1),
            Joint(
                "b",
                JointKind.PRISMATIC,
                "palm",
                "right",
                axis=(0, -1, 0),
                upper=0.1,
                mimic="a",
                mimic_multiplier=0.5,
            ),
        ),
    )
    model, data = simulate(fingers, dressed=False)
    data.qfrc_applied[0] = 1.0
    mujoco.mj_step(model, data, 100)
    assert data.joint("grip/a").qpos[0] > 0.01
    assert data.joint("grip/b").qpos[0] == pytest.approx(0.5 * data.joint("grip/a").qpos[0], abs=2e-3)


def test_a_turned_inertia_is_the_same_body() -> None:
    turned = Inertia(2.0, Pose.from_rpy(0.1, 0, 0, yaw=math.pi / 2), (0.02, 0.03, 0.04, 0.0, 0.0, 0.0))
    model, data = simulate(one("cup", inertia=turned))
    assert data.body("cup/link").xipos == pytest.approx([0.1, 0, 0])
    axes = data.body("cup/link").ximat.reshape(3, 3)
    moments = axes @ np.diag(model.body("cup/link").inertia) @ axes.T
    assert moments == pytest.approx(np.diag([0.03, 0.02, 0.04]), abs=1e-9)


def test_a_camera_looks_along_x_with_the_horizontal_field_of_view() -> None:
    eye = Camera("eye", Pose.from_rpy(0, 0, 1, yaw=0.5), 10.0, 640, 480, 1.31, 0.1, 10.0)
    model, data = simulate(one("wall", static=True, sensors=(eye,)))
    axes = data.camera("eye").xmat.reshape(3, 3)
    assert -axes[:, 2] == pytest.approx([math.cos(0.5), math.sin(0.5), 0])
    assert axes[:, 1] == pytest.approx([0, 0, 1], abs=1e-9)
    height = 2 * math.tan(math.radians(model.camera("eye").fovy[0]) / 2)
    assert height * 640 / 480 == pytest.approx(2 * math.tan(1.31 / 2))


def test_a_lidar_has_a_site() -> None:
    lidar = Lidar("scan", Pose.from_rpy(0, 0, 0.2), 10.0, 10, -1.0, 1.0, 0.1, 5.0, 0.0)
    _, data = simulate(one("post", static=True, sensors=(lidar,)))
    assert data.site("post/scan").xpos == pytest.approx([0, 0, 0.2])


def test_a_slippery_thing_slides_on_a_rough_floor() -> None:
    ice = replace(
        one("ice", at=Pose.from_rpy(0, 0, 0.1)),
        links=(replace(link("link"), collisions=(Collision("c", HERE, BLOCK, 0.0),)),),
    )
    model, data = simulate(FLOOR, ice)
    data.qvel[0] = 1.0
    mujoco.mj_step(model, data, round(1.0 / TIMESTEP_S))
    assert data.qvel[0] == pytest.approx(1.0, abs=0.05)


def test_shapes_have_their_sizes() -> None:
    shapes = {
        "box": Box((0.2, 0.4, 0.6)),
        "tube": Cylinder(0.1, 0.5),
        "pill": Capsule(0.1, 0.5),
        "ball": Sphere(0.3),
    }
    model, _ = simulate(*(one(name, shape, static=True) for name, shape in shapes.items()))
    assert model.geom("box/link/touch").size == pytest.approx([0.1, 0.2, 0.3])
    assert model.geom("tube/link/touch").size[:2] == pytest.approx([0.1, 0.25])
    assert model.geom("pill/link/touch").size[:2] == pytest.approx([0.1, 0.25])
    assert model.geom("ball/link/touch").size[0] == pytest.approx(0.3)


TETRAHEDRON = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n"


def test_a_mesh_is_scaled_and_shared(tmp_path: Path) -> None:
    path = tmp_path / "wedge.obj"
    path.write_text(TETRAHEDRON)
    model, _ = simulate(
        one("a", Mesh(path, (0.1, 0.1, 0.1)), static=True),
        one("b", Mesh(path, (0.1, 0.1, 0.1)), static=True),
        one("c", Mesh(path, (0.2, 0.1, 0.1)), static=True),
    )
    assert model.nmesh == 2
    assert model.geom_rbound[model.geom("c/link/touch").id] > model.geom_rbound[model.geom("a/link/touch").id]


def test_a_picture_is_on_a_box_and_missing_ones_are_named(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "wood.png"
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    wood = Visual("look", HERE, BLOCK, Material(texture=path))
    model, _ = simulate(Model("box", HERE, (Link("link", HERE, KILO, (wood,)),), static=True))
    assert (model.ntex, model.geom("box/link/look").matid[0]) == (1, 0)
    lost = Visual("look", HERE, BLOCK, Material(texture=tmp_path / "lost.png"))
    with pytest.raises(DescriptionError, match=r"Model box.*lost\.png"):
        simulate(Model("box", HERE, (Link("link", HERE, KILO, (lost,)),), static=True))


def joined(*pairs: tuple[str, str], links: str = "abc") -> Model:
    joints = (Joint(f"j{i}", JointKind.FIXED, up, down) for i, (up, down) in enumerate(pairs))
    return Model("thing", HERE, tuple(link(name) for name in links), tuple(joints))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (joined(("a", "b")), "a, c are loose"),
        (joined(("a", "b"), ("a", "x"), ("b", "c")), "unknown link x"),
        (joined(("x", "b"), ("b", "c")), "unknown link x"),
        (joined(("a", "b"), ("c", "b")), "child of two joints"),
        (joined(("a", "b"), ("b", "c"), ("c", "a")), "loop"),
        (joined(("b", "c"), ("c", "b")), "loop"),
        (joined(links="aa"), "name of its own"),
        (joined(links=""), "needs links"),
        (one("thing", Mesh(Path("/nowhere.obj"))), "/nowhere.obj"),
    ],
)
def test_a_model_that_cannot_be_is_refused_by_name(model: Model, said: str) -> None:
    with pytest.raises(DescriptionError, match=said) as refused:
        add_model(new_spec(), model)
    assert "Model thing" in str(refused.value)


@pytest.mark.parametrize(
    "model",
    [
        one("thing", Box((0.0, 1.0, 1.0))),
        one("thing", inertia=None),
        one("thing", inertia=Inertia(1.0, HERE, (1.0, 0.01, 0.01, 0.0, 0.0, 0.0))),
        one("thing", inertia=Inertia(-1.0, HERE, (1.0, 1.0, 1.0, 0.0, 0.0, 0.0))),
    ],
)
def test_what_mujoco_refuses_is_a_sentence_that_names_the_model(model: Model) -> None:
    with pytest.raises(DescriptionError, match=r"thing.*\.$"):
        simulate(model)


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(DescriptionError, match="thing"):
        simulate(one("thing"), one("thing"))


def test_a_worlds_light_has_no_shadows() -> None:
    spec, world = new_spec(), read_world(find_world("apartment"))
    add_look(spec, world)
    model = compile_spec(spec)
    assert model.nlight == len(world.lights) > 0
    assert not model.light_castshadow.any()
    assert model.vis.headlight.ambient == pytest.approx(world.ambient[:3])


@given(
    x=st.floats(-5, 5),
    yaw=st.floats(-3, 3),
    pitch=st.floats(-1.4, 1.4),
    lift=st.floats(-1, 1),
    turn=st.floats(-3, 3),
)
def test_any_pose_is_kept(x: float, yaw: float, pitch: float, lift: float, turn: float) -> None:
    place, own = Pose.from_rpy(x, 1, 2, yaw=yaw, pitch=pitch), Pose.from_rpy(0, lift, 0, roll=turn)
    spec = new_spec()
    add_model(spec, Model("cup", HERE, (link("link", pose=own),)), at=place, dressed=False)
    model = compile_spec(spec)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    expected = place.compose(own)
    assert data.body("cup/link").xpos == pytest.approx(expected.position, abs=1e-9)
    assert data.body("cup/link").xmat.reshape(3, 3) == pytest.approx(expected.rotation(), abs=1e-9)
