"""The frames of a robot follow its joints, as robot_state_publisher has them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.actuation.robot_state import JointStateError, RobotState
from care_robot.description import Joint, JointKind, Link, Model
from care_robot.geometry import Pose

LIFT_HEIGHT_M = 0.4
ARM_M = 0.3
ANGLES = st.floats(-math.pi, math.pi)


def robot() -> Model:
    """A column that lifts an arm with one turning joint, two fingers, and a camera that is bolted on."""
    links = (
        Link("base_link", Pose.identity()),
        Link("lift", Pose.from_rpy(0.1, 0.0, LIFT_HEIGHT_M)),
        Link("arm", Pose.from_rpy(0.1, 0.0, LIFT_HEIGHT_M, yaw=math.pi / 2)),
        Link("finger_left", Pose.from_rpy(0.1, ARM_M, LIFT_HEIGHT_M, yaw=math.pi / 2)),
        Link("finger_right", Pose.from_rpy(0.1, ARM_M, LIFT_HEIGHT_M, yaw=math.pi / 2)),
        Link("camera", Pose.from_rpy(0.2, 0.0, 1.2)),
    )
    slide = {"axis": (0.0, 1.0, 0.0), "upper": 0.04}
    joints = (
        Joint("lift_joint", JointKind.PRISMATIC, "base_link", "lift", upper=0.5),
        Joint("arm_joint", JointKind.REVOLUTE, "lift", "arm", lower=-2.0, upper=2.0),
        Joint("left", JointKind.PRISMATIC, "arm", "finger_left", **slide),  # type: ignore[arg-type]
        Joint(
            "right", JointKind.PRISMATIC, "arm", "finger_right", mimic="left", mimic_multiplier=-1.0, **slide
        ),  # type: ignore[arg-type]
        Joint("camera_mount", JointKind.FIXED, "base_link", "camera"),
    )
    return Model("robot", Pose.identity(), links, joints)


def poses(state: RobotState, positions: dict[str, float]) -> dict[str, Pose]:
    """Pose of each link in base_link."""
    found = {"base_link": Pose.identity()}
    waiting = [*state.fixed, *state.transforms(positions)]
    while waiting:
        transform = waiting.pop(0)
        if transform.parent in found:
            found[transform.child] = found[transform.parent].compose(transform.pose)
        else:
            waiting.append(transform)
    return found


def test_with_all_joints_at_zero_every_link_is_where_the_description_has_it() -> None:
    model = robot()
    state = RobotState(model)
    found = poses(state, dict.fromkeys(state.joints, 0.0))
    for link in model.links:
        np.testing.assert_allclose(found[link.name].matrix(), link.pose.matrix(), atol=1e-12)


def test_what_is_bolted_on_is_fixed_and_the_rest_moves() -> None:
    state = RobotState(robot())
    assert [(t.parent, t.child) for t in state.fixed] == [("base_link", "camera")]
    assert state.joints == ("lift_joint", "arm_joint", "left")


@given(lift=st.floats(0.0, 0.5), arm=ANGLES, finger=st.floats(0.0, 0.04))
def test_the_hand_goes_where_lift_and_arm_take_it(lift: float, arm: float, finger: float) -> None:
    found = poses(RobotState(robot()), {"lift_joint": lift, "arm_joint": arm, "left": finger})
    # The arm points to the left at zero and turns counter-clockwise about z; the fingers slide across it.
    along = np.array([-math.sin(arm), math.cos(arm), 0.0])
    across = np.array([-math.cos(arm), -math.sin(arm), 0.0])
    wrist = np.array([0.1, 0.0, LIFT_HEIGHT_M + lift]) + ARM_M * along
    np.testing.assert_allclose(found["finger_left"].position, wrist + finger * across, atol=1e-9)
    np.testing.assert_allclose(found["finger_right"].position, wrist - finger * across, atol=1e-9)


@given(angle=ANGLES)
def test_a_joint_with_an_anchor_turns_about_it(angle: float) -> None:
    hinge = Joint("hinge", JointKind.CONTINUOUS, "frame", "door", anchor_m=(0.4, 0.0, 0.0))
    links = (Link("frame", Pose.identity()), Link("door", Pose.from_rpy(1.0, 0.0, 0.0)))
    (door,) = RobotState(Model("door", Pose.identity(), links, (hinge,))).transforms({"hinge": angle})
    np.testing.assert_allclose(door.pose.apply((0.4, 0.0, 0.0)), (1.4, 0.0, 0.0), atol=1e-9)
    assert math.remainder(door.pose.rpy()[2] - angle, math.tau) == pytest.approx(0.0, abs=1e-9)


def test_joints_that_are_not_known_yet_have_no_transform() -> None:
    assert [t.child for t in RobotState(robot()).transforms({"left": 0.01})] == [
        "finger_left",
        "finger_right",
    ]


@pytest.mark.parametrize("position", [math.nan, math.inf, -math.inf])
def test_a_position_that_is_no_number_is_refused(position: float) -> None:
    with pytest.raises(JointStateError, match=r"'arm_joint'.*must be finite"):
        RobotState(robot()).transforms({"lift_joint": 0.1, "arm_joint": position})


@pytest.mark.parametrize("name", ["elbow", "camera_mount", ""])
def test_a_joint_that_does_not_move_or_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(JointStateError, match=f"no joint '{name}' that moves; it has lift_joint"):
        RobotState(robot()).transforms({name: 0.0})
