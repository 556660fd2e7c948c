"""The embedded simulator keeps the contract of a robot's body, as it runs."""

from pathlib import Path
from typing import Any

import pytest
from rclpy.action import get_action_server_names_and_types_by_node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from care_robot.actuation.state_publisher_node import StatePublisherNode
from care_robot.bringup.contract import Body, Contract, Seen, cameras_rooms, compare, load_contract
from care_robot.ros import qos
from care_robot.ros.conversions import to_seconds
from care_robot.simulation.sim_cameras_node import SimCamerasNode
from care_robot.simulation.simulator_node import SimulatorNode
from care_robot.urdf import read_urdf

ROOT = Path(__file__).parents[2]
SPAN_S = 4.0  # simulated
DEADLINE_S = 120.0
EVERYTHING = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=200,
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
)


def of_the_body_alone() -> Contract:
    """The contract without pictures: those are rendered by `sim_cameras`."""
    contract = load_contract(ROOT / "config/contract.yaml").at([])
    published = {name: topic for name, topic in contract.published.items() if "camera" not in name}
    return contract.model_copy(update={"published": published})


def listed(pairs: list[tuple[str, list[str]]]) -> dict[str, str]:
    return {name.lstrip("/"): types[0] for name, types in pairs}


def look_at(ros: Any, contract: Contract, *names: str) -> Body:
    """What the nodes publish, listen to and serve, and how often, over some simulated seconds."""
    published: dict[str, str] = {}
    subscribed: dict[str, str] = {}
    actions: dict[str, str] = {}
    for name in names:
        published |= listed(ros.tester.get_publisher_names_and_types_by_node(name, "/"))
        subscribed |= listed(ros.tester.get_subscriber_names_and_types_by_node(name, "/"))
        actions |= listed(get_action_server_names_and_types_by_node(ros.tester, name, "/"))
    kinds = {topic: of_the_body_class(published[topic]) for topic in contract.published if topic in published}
    inboxes = {topic: ros.inbox(kind, topic, EVERYTHING) for topic, kind in kinds.items()}
    clock = ros.inbox(Clock, "/clock", qos.STATE)
    start_s = to_seconds(clock.wait(timeout_s=DEADLINE_S).clock)
    for topic, inbox in inboxes.items():
        if topic != "robot_description":
            inbox.wait(timeout_s=DEADLINE_S)
    counts = {topic: len(inbox.messages) for topic, inbox in inboxes.items()}
    start_s = to_seconds(clock.messages[-1].clock)
    clock.wait(lambda m: to_seconds(m.clock) >= start_s + SPAN_S, timeout_s=DEADLINE_S)
    span_s = to_seconds(clock.messages[-1].clock) - start_s
    seen = {}
    for topic, inbox in inboxes.items():
        (info, *others) = ros.tester.get_publishers_info_by_topic(topic)
        assert not others, f"{topic} has several publishers"
        header = getattr(inbox.messages[-1], "header", None) if inbox.messages else None
        wanted_hz = contract.published[topic].rate_hz
        seen[topic] = Seen(
            type=published[topic],
            frame=header.frame_id if header is not None else None,
            rate_hz=(len(inbox.messages) - counts[topic]) / span_s if wanted_hz else None,
            reliable=info.qos_profile.reliability is ReliabilityPolicy.RELIABLE,
            latched=info.qos_profile.durability is DurabilityPolicy.TRANSIENT_LOCAL,
        )
    links = [link.name for link in read_urdf(ROOT / "config/robots/carebot.urdf").links]
    others_seen = {name: Seen(kind) for name, kind in subscribed.items()}
    return Body(seen, others_seen, {name: Seen(kind) for name, kind in actions.items()}, links)


def of_the_body_class(name: str) -> type:
    """The class of a message by its name, such as sensor_msgs/msg/Imu."""
    package, _, message = name.split("/")
    return getattr(__import__(f"{package}.msg", fromlist=[message]), message)  # type: ignore[no-any-return]


@pytest.fixture
def contract() -> Contract:
    return of_the_body_alone()


def test_the_simulator_keeps_the_contract(ros: Any, contract: Contract) -> None:
    ros.node(StatePublisherNode)
    ros.node(SimulatorNode)
    body = look_at(ros, contract, "simulator", "state_publisher")
    assert compare(contract, body) == []


@pytest.mark.parametrize("world", ["apartment", "ward"])
def test_the_cameras_of_the_simulated_home_have_the_contracts_names(ros: Any, world: str) -> None:
    node = ros.node(SimCamerasNode, start=False, world=world)  # whether pictures can be rendered or not
    assert node.trigger_configure().name == "SUCCESS", node.trouble
    contract = load_contract(ROOT / "config/contract.yaml")
    ros.wait_until(lambda: "sim_cameras" in ros.tester.get_node_names(), "the node")
    published = listed(ros.tester.get_publisher_names_and_types_by_node("sim_cameras", "/"))
    rooms = cameras_rooms({name.partition("/")[0] for name in published} - {"overview_camera"})
    assert rooms
    wanted = contract.at(rooms)
    pictures = {name: topic for name, topic in wanted.published.items() if "camera" in name}
    wanted = wanted.model_copy(update={"published": pictures, "subscribed": {}, "actions": {}})
    seen = {name: Seen(kind) for name, kind in published.items()}
    assert compare(wanted, Body(seen, {}, {})) == []
