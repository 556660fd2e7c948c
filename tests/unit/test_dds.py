"""The Fast DDS profiles: what they promise, what they cost, and what a broken one is called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.bringup.dds import Profile, ProfileError, read_profile, shared_memory_bytes

PROFILES = Path(__file__).parents[2] / "config" / "dds"
MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("name", ["small", "images"])
def test_the_profiles_in_use_keep_to_the_loopback_interface(name: str) -> None:
    assert read_profile(PROFILES / f"{name}.xml").loopback_only


@pytest.mark.parametrize("name", ["small", "images"])
def test_the_profiles_for_a_widened_range_differ_in_nothing_else(name: str) -> None:
    closed, wide = (read_profile(PROFILES / f"{name}{suffix}.xml") for suffix in ("", "_subnet"))
    assert not wide.loopback_only
    assert wide.segment_bytes == closed.segment_bytes


def test_a_process_with_images_holds_a_second_of_colour_video_at_640_by_480() -> None:
    assert read_profile(PROFILES / "images.xml").segment_bytes >= 30 * 640 * 480 * 3


def test_the_need_is_at_least_what_was_measured() -> None:
    assert shared_memory_bytes([read_profile(PROFILES / "images.xml")]) >= 35060 * 1024
    assert shared_memory_bytes([read_profile(PROFILES / "small.xml")]) >= 1292 * 1024


@given(st.lists(st.integers(0, 2**31)))
def test_the_need_covers_every_segment_and_grows_with_each_process(sizes: list[int]) -> None:
    need = shared_memory_bytes(Profile(size) for size in sizes)
    assert need >= sum(sizes)
    assert shared_memory_bytes([*(Profile(size) for size in sizes), Profile()]) > need


def test_processes_without_shared_memory_need_none() -> None:
    assert shared_memory_bytes([Profile(segment_bytes=0)]) == 0


def profile(path: Path, transports: str, rtps: str) -> Path:
    path.write_text(
        f"<dds><profiles><transport_descriptors>{transports}</transport_descriptors>"
        f"<participant profile_name='p' is_default_profile='true'><rtps>{rtps}</rtps></participant>"
        "</profiles></dds>",
        encoding="utf-8",
    )
    return path


UDP = "<transport_descriptor><transport_id>u</transport_id><type>UDPv4</type>{}</transport_descriptor>"
ONLY_UDP = (
    "<useBuiltinTransports>false</useBuiltinTransports>"
    "<userTransports><transport_id>u</transport_id></userTransports>"
)
ALLOW = "<interfaces><allowlist>{}</allowlist></interfaces>"


def test_a_network_card_beside_the_loopback_interface_is_not_loopback_only(tmp_path: Path) -> None:
    both = ALLOW.format("<interface name='127.0.0.1'/><interface name='wlan0'/>")
    assert not read_profile(profile(tmp_path / "p.xml", UDP.format(both), ONLY_UDP)).loopback_only


def test_builtin_transports_beside_a_loopback_transport_are_not_loopback_only(tmp_path: Path) -> None:
    loopback = UDP.format(ALLOW.format("<interface name='lo'/>"))
    builtin = ONLY_UDP.replace("false", "true")
    found = read_profile(profile(tmp_path / "p.xml", loopback, builtin))
    assert not found.loopback_only
    assert found.segment_bytes == Profile().segment_bytes


def test_no_shared_memory_transport_takes_no_shared_memory(tmp_path: Path) -> None:
    loopback = UDP.format(ALLOW.format("<interface name='lo'/>"))
    assert read_profile(profile(tmp_path / "p.xml", loopback, ONLY_UDP)) == Profile(0, loopback_only=True)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is not XML"),
        (b"<dds>", "is not XML"),
        (b"\x00\xff\xfe", "is not XML"),
        (b"<?xml version='1.0' encoding='nonsense'?><dds/>", "is not XML"),
        (b"<dds/>", "no participant with is_default_profile"),
        (b"<dds><participant profile_name='p'><rtps/></participant></dds>", "no participant with"),
    ],
)
def test_a_broken_profile_is_named_with_its_fault(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "broken.xml"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=fault) as raised:
        read_profile(path)
    assert str(path) in str(raised.value)


def test_a_transport_that_is_not_described_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="does not describe"):
        read_profile(profile(tmp_path / "p.xml", "", ONLY_UDP))


def test_a_segment_size_in_words_is_a_fault(tmp_path: Path) -> None:
    shm = (
        "<transport_descriptor><transport_id>u</transport_id><type>SHM</type>"
        "<segment_size>32 MiB</segment_size></transport_descriptor>"
    )
    with pytest.raises(ProfileError, match="not a number of bytes"):
        read_profile(profile(tmp_path / "p.xml", shm, ONLY_UDP))


def test_a_missing_profile_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.xml", tmp_path):
        with pytest.raises(ProfileError, match="cannot be read"):
            read_profile(path)


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("dds") / "p.xml"
    path.write_bytes(data)
    with pytest.raises(ProfileError):
        read_profile(path)
