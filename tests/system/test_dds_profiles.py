"""The DDS profiles do in real processes what they are for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from care_robot.bringup.dds import read_profile, shared_memory_bytes
from care_robot.bringup.domain import own_domain

PROFILES = Path(__file__).parents[2] / "config" / "dds"
DEADLINE_S = 60.0
IMAGES = 30
pytestmark = pytest.mark.system

# Prints the local addresses of the sockets on this domain's ports, and the shared memory in use but for
# segments of others, which are mapped as soon as they are discovered.
SAYS_WHAT_IT_HOLDS = """
import os
import rclpy
before = {f"/dev/shm/{name}" for name in os.listdir("/dev/shm") if "port" not in name}
rclpy.init()
node = rclpy.create_node("participant")
first = 7400 + 250 * int(os.environ["ROS_DOMAIN_ID"])
rows = [line.split() for line in open("/proc/net/udp").readlines()[1:]]
local = {row[9]: row[1].split(":") for row in rows}
held = []
for name in os.listdir("/proc/self/fd"):
    try:
        held.append(os.readlink(f"/proc/self/fd/{name}"))
    except OSError:
        pass
sockets = [local[link[8:-1]] for link in held if link[8:-1] in local]
print(*{address for address, port in sockets if first <= int(port, 16) < first + 250})
files = {line.split()[-1] for line in open("/proc/self/maps") if "/dev/shm/" in line} - before
print(sum(os.stat(file).st_blocks * 512 for file in files))
"""

SENDS_IMAGES = """
import array, os, threading
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import UInt32
rclpy.init()
node = rclpy.create_node("sender")
lossy = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
images = node.create_publisher(Image, "images", lossy)
answers = set()
node.create_subscription(UInt32, "answers", lambda m: answers.add(m.data), 10)
while not (images.get_subscription_count() and node.count_publishers("answers")):
    rclpy.spin_once(node, timeout_sec=0.1)
image = Image(height=480, width=640, encoding="rgb8", step=1920)
image.data = array.array("B", bytes(640 * 480 * 3))
def arrives(number):
    image.height = 480 + number
    images.publish(image)
    for _ in range(20):
        if image.height in answers:
            return True
        rclpy.spin_once(node, timeout_sec=0.1)
    return False
# Until the first one has arrived, the other side may not have found this one yet.
while not arrives(0):
    pass
print(sum(arrives(number) for number in range(1, 1 + int(os.environ["IMAGES"]))))
"""

ANSWERS_IMAGES = """
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import UInt32
rclpy.init()
node = rclpy.create_node("receiver")
answers = node.create_publisher(UInt32, "answers", 10)
lossy = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
node.create_subscription(Image, "images", lambda m: answers.publish(UInt32(data=m.height)), lossy)
rclpy.spin(node)
"""

FINDS_ALL = """
import threading
import rclpy
from rclpy.context import Context
names = [f"node_{n}" for n in range(8)]
nodes = []
for name in names:
    context = Context()
    rclpy.init(context=context)
    nodes.append(rclpy.create_node(name, context=context))
while not all(set(names) <= set(node.get_node_names()) for node in nodes):
    threading.Event().wait(0.05)  # the graph of another context gives no event
print("all found")
"""


@pytest.fixture
def domain() -> Iterator[str]:
    with own_domain({}) as number:
        yield str(number)


def start(
    code: str, profile: str, domain: str, discovery_range: str = "LOCALHOST"
) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(PROFILES / f"{profile}.xml"),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": discovery_range,
        "ROS_DOMAIN_ID": domain,
        "IMAGES": str(IMAGES),
    }
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)


def finish(process: "subprocess.Popen[str]") -> list[str]:
    try:
        out, _ = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert process.returncode == 0
    return out.splitlines()


@pytest.mark.parametrize("profile", ["small", "images"])
def test_only_the_loopback_interface_is_listened_to(profile: str, domain: str) -> None:
    addresses, _ = finish(start(SAYS_WHAT_IT_HOLDS, profile, domain))
    assert addresses.split() == ["0100007F"]  # 127.0.0.1 as the kernel writes it


def test_a_widened_range_listens_to_the_network(domain: str) -> None:
    addresses, _ = finish(start(SAYS_WHAT_IT_HOLDS, "small_subnet", domain, "SUBNET"))
    assert "00000000" in addresses.split()


@pytest.mark.parametrize("profile", ["small", "images"])
def test_a_process_takes_no_more_shared_memory_than_is_reckoned(profile: str, domain: str) -> None:
    _, taken = finish(start(SAYS_WHAT_IT_HOLDS, profile, domain))
    read = read_profile(PROFILES / f"{profile}.xml")
    assert read.segment_bytes <= int(taken) <= shared_memory_bytes([read])


def test_every_colour_image_arrives_although_nothing_is_sent_twice(domain: str) -> None:
    receiver = start(ANSWERS_IMAGES, "small", domain)
    try:
        assert finish(start(SENDS_IMAGES, "images", domain)) == [str(IMAGES)]
    finally:
        receiver.kill()
        receiver.wait()


def test_many_participants_find_each_other(domain: str) -> None:
    assert finish(start(FINDS_ALL, "small", domain)) == ["all found"]
