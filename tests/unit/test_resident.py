"""The simulated resident: a plausible body that stands, walks and falls on the floor, not through it."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care_robot.simulation import resident as body
from care_robot.simulation.demo_story import build_world
from care_robot.simulation.resident import (
    JOINTS,
    SEGMENTS,
    WALKING_AIDS,
    Resident,
    ResidentError,
    add_resident,
)
from care_robot.simulation.resident_fall import Fall, Stumble, state_hash
from care_robot.simulation.resident_gait import Walk
from care_robot.simulation.resident_shape import Layer, layers
from care_robot.simulation.resident_skin import Mesh, bind_pose, mesh_layer
from care_robot.simulation.resident_steps import Place, plan_walk

HEIGHTS = st.floats(1.3, 2.0)


def build(resident: Resident) -> tuple[mujoco.MjModel, mujoco.MjData]:
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    add_resident(spec, resident)
    model = spec.compile()
    return model, mujoco.MjData(model)


def lowest(model: mujoco.MjModel, data: mujoco.MjData, prefix: str = "") -> float:
    """Return how high the lowest point of the body's solids is, m."""
    heights = []
    for i in range(model.ngeom):
        name = model.geom(i).name
        if model.geom_group[i] == 3 and name.startswith(f"resident/{prefix}"):
            radius, half = model.geom_size[i][:2]
            heights.append(data.geom_xpos[i][2] - abs(data.geom_xmat[i].reshape(3, 3)[2, 2]) * half - radius)
    return float(min(heights))


@settings(max_examples=20, deadline=None)
@given(HEIGHTS, st.floats(35, 130))
def test_body_has_the_requested_mass_and_proportions(height_m: float, mass_kg: float) -> None:
    model, data = build(Resident(height_m=height_m, mass_kg=mass_kg))
    mujoco.mj_forward(model, data)
    assert model.body_mass.sum() == pytest.approx(mass_kg)
    for segment in SEGMENTS:
        assert model.body(f"resident/{segment.name}").mass[0] == pytest.approx(
            mass_kg * segment.mass_share, rel=1e-3
        )
    knee_m = data.body("resident/shank_l").xpos[2]
    assert knee_m == pytest.approx(body.KNEE_HEIGHT * height_m)
    assert data.body("resident/foot_r").xpos[2] == pytest.approx(body.ANKLE_HEIGHT * height_m)


@pytest.mark.parametrize(
    ("height_m", "mass_kg", "word"),
    [(0.5, 60, "height_m"), (1.7, 500, "mass_kg"), (math.nan, 60, "height_m"), (1.7, math.inf, "mass_kg")],
)
def test_impossible_body_is_refused_with_the_name_of_the_figure(
    height_m: float, mass_kg: float, word: str
) -> None:
    with pytest.raises(ResidentError, match=word):
        Resident(height_m=height_m, mass_kg=mass_kg)


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        ({"gait_speed_m_s": 5.0}, "gait_speed_m_s"),
        ({"gait_speed_m_s": math.nan}, "gait_speed_m_s"),
        ({"stride": 0.0}, "stride"),
        ({"walking_aid": "skateboard"}, "skateboard"),
    ],
)
def test_impossible_gait_is_refused_with_the_name_of_the_figure(figures: dict[str, Any], word: str) -> None:
    with pytest.raises(ResidentError, match=word):
        Resident(**figures)


def test_people_of_different_seeds_differ_in_build_gait_and_walking_aid() -> None:
    people = [Resident.from_seed(seed) for seed in range(40)]
    assert {person.walking_aid for person in people} == set(WALKING_AIDS)
    assert len({person.height_m for person in people}) > 30
    with_aid, without = (
        [p.gait_speed_m_s for p in people if bool(p.walking_aid) is aid] for aid in (True, False)
    )
    assert max(with_aid) <= 0.7 < max(without) <= 1.2


def test_every_joint_has_limits_around_zero_and_both_sides_are_alike() -> None:
    model, _ = build(Resident())
    for joint in JOINTS:
        built = model.joint(f"resident/{joint.name}")
        assert model.jnt_limited[built.id] == 1
        assert np.degrees(built.range) == pytest.approx([joint.low, joint.high])
        assert joint.low <= 0 <= joint.high
        assert joint.damping > 0
    limits = {joint.name: (joint.low, joint.high, joint.tone) for joint in JOINTS}
    for name, figures in limits.items():
        if name.endswith("_l"):
            assert limits[name[:-2] + "_r"] == figures


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_person_of_a_seed_is_always_the_same_and_stands_out_against_a_light_room(seed: int) -> None:
    person = Resident.from_seed(seed)
    assert person == Resident.from_seed(seed)
    light_wall = 0.8
    for colour in (person.shirt, person.trousers, person.shoes):
        luminance = float(np.dot(colour, (0.2126, 0.7152, 0.0722)))  # ITU-R BT.709
        assert luminance < light_wall - 0.35


@settings(max_examples=8, deadline=None)
@given(HEIGHTS, st.floats(-math.pi, math.pi))
def test_standing_feet_touch_the_floor(height_m: float, yaw_rad: float) -> None:
    resident = Resident(height_m=height_m)
    model, data = build(resident)
    Walk(resident, Place(1.0, -2.0, yaw_rad), []).posture(0.0).apply(data)
    mujoco.mj_kinematics(model, data)
    for foot in ("foot_l", "foot_r"):
        assert lowest(model, data, foot) == pytest.approx(0.0, abs=2e-3)
    assert data.body("resident/pelvis").xpos[:2] == pytest.approx([1.0, -2.0], abs=0.03)


@settings(max_examples=12, deadline=None)
@given(HEIGHTS, st.floats(0.3, 3.0), st.floats(-math.pi, math.pi))
def test_walking_feet_neither_sink_nor_slide_and_joints_stay_within_limits(
    height_m: float, distance_m: float, turn_rad: float
) -> None:
    resident = Resident(height_m=height_m)
    model, data = build(resident)
    start = Place(0.0, 0.0, 0.0)
    steps, end = plan_walk(resident, start, distance_m, turn_rad)
    walk = Walk(resident, start, steps)
    limits = {joint.name: np.radians((joint.low, joint.high)) for joint in JOINTS}
    for t_s in np.arange(0.0, walk.end_s, 0.05):
        posture = walk.posture(float(t_s))
        posture.apply(data)
        mujoco.mj_kinematics(model, data)
        assert lowest(model, data) == pytest.approx(0.0, abs=6e-3), t_s  # one foot always stands
        for name, angle in posture.joints.items():
            assert limits[name][0] <= angle <= limits[name][1], (name, t_s)
        for step in steps:
            lifts = [
                other.lift_s for other in steps if other.side == step.side and other.lift_s > step.lift_s
            ]
            if step.land_s + 0.15 <= t_s <= min(lifts, default=math.inf) - 0.3:  # flat on the floor
                foot = data.body(f"resident/foot_{step.side}").xpos
                assert foot[:2] == pytest.approx([step.place.x_m, step.place.y_m], abs=0.01)
    arrived = walk.posture(walk.end_s + 1.0)
    assert arrived.pelvis_m[:2] == pytest.approx([distance_m, 0.0], abs=0.03)
    assert math.remainder(arrived.yaw_rad - end.yaw_rad, math.tau) == pytest.approx(0.0, abs=0.02)
    assert math.remainder(end.yaw_rad - turn_rad, math.tau) == pytest.approx(0.0, abs=1e-9)


def test_arms_swing_and_knees_bend_while_walking() -> None:
    resident = Resident()
    steps, _ = plan_walk(resident, Place(0, 0, 0), 3.0)
    walk = Walk(resident, Place(0, 0, 0), steps)
    angles: dict[str, list[float]] = {
        name: [] for name in ("shoulder_flexion_l", "shoulder_flexion_r", "knee_flexion_l", "hip_flexion_l")
    }
    for t_s in np.arange(1.2, 3.0, 0.02):
        joints = walk.posture(float(t_s)).joints
        for name, values in angles.items():
            values.append(math.degrees(joints[name]))
    assert np.ptp(angles["knee_flexion_l"]) > 35
    assert np.ptp(angles["shoulder_flexion_l"]) > 25
    assert np.corrcoef(angles["shoulder_flexion_l"], angles["shoulder_flexion_r"])[0, 1] < -0.9
    assert np.corrcoef(angles["shoulder_flexion_l"], angles["hip_flexion_l"])[0, 1] < -0.5  # against the leg


def fall(direction_deg: float, seconds: float = 5.0) -> tuple[mujoco.MjModel, mujoco.MjData, Fall]:
    resident = Resident()
    model = build_world(resident, dressed=False)
    data = mujoco.MjData(model)
    Walk(resident, Place(0, 0, math.pi), []).posture(0.0).apply(data)
    mujoco.mj_forward(model, data)
    falling = Fall(model, data, resident, Stumble(math.radians(direction_deg)))
    while data.time < seconds:
        falling.step()
    return model, data, falling


@pytest.mark.parametrize("direction_deg", [0, 90, -90, 130])
def test_a_fall_ends_lying_still_on_the_floor(direction_deg: float) -> None:
    model, data, falling = fall(direction_deg)
    assert falling.lies_still()
    assert data.body("resident/pelvis").xpos[2] < 0.35
    assert data.body("resident/thorax").xpos[2] < 0.35
    assert -0.01 < lowest(model, data) < 0.01
    for joint in JOINTS:
        angle_deg = math.degrees(data.joint(f"resident/{joint.name}").qpos[0])
        assert joint.low - 8 < angle_deg < joint.high + 8, joint.name  # limits give a little, as joints do


def test_nobody_is_down_while_standing() -> None:
    _, _, falling = fall(90, seconds=0.1)
    assert not falling.is_down()
    assert not falling.lies_still()


def test_the_same_fall_ends_in_the_same_state_and_another_does_not() -> None:
    first, again, other = (state_hash(fall(angle, 2.0)[1]) for angle in (90, 90, 91))
    assert first == again
    assert first != other


@pytest.fixture(scope="module")
def meshes() -> dict[str, tuple[Layer, Mesh]]:
    resident = Resident(height_m=1.7)
    pose = bind_pose(resident)
    return {layer.name: (layer, mesh_layer(layer, pose, resident.height_m)) for layer in layers(resident)}


def test_surfaces_are_closed_and_every_vertex_follows_the_body_in_full(
    meshes: dict[str, tuple[Layer, Mesh]],
) -> None:
    for name, (_, mesh) in meshes.items():
        edges = np.sort(
            np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1
        )
        _, uses = np.unique(edges, axis=0, return_counts=True)
        assert (uses == 2).all(), name
        a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
        assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() > 0, f"{name} is inside out"
        assert mesh.weights.sum(axis=1) == pytest.approx(1.0)


def test_the_person_is_as_tall_as_asked_for_and_the_soles_are_on_the_floor(
    meshes: dict[str, tuple[Layer, Mesh]],
) -> None:
    assert meshes["head"][1].vertices[:, 2].max() == pytest.approx(1.7, abs=0.02)
    for shoe in ("shoe_l", "shoe_r"):
        assert meshes[shoe][1].vertices[:, 2].min() == pytest.approx(0.0, abs=0.01)
