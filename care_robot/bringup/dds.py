"""The Fast DDS profiles in ``config/dds``: their shared memory, and whether they stay on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PROFILES_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
"""Names the profile to Fast DDS on Jazzy; ``FASTDDS_DEFAULT_PROFILES_FILE`` is ignored there."""
DEFAULT_SEGMENT_BYTES = 512 * 1024
LOOPBACK = {"lo", "127.0.0.1", "localhost"}


class ProfileError(ValueError):
    """A profile that Fast DDS would pass over; the message names the file and the fault."""


@dataclass(frozen=True)
class Profile:
    """What a profile says of its process.

    Attributes
    ----------
    segment_bytes
        Size of the shared-memory segment; 0 where shared memory is not used.
    loopback_only
        Whether it listens on the loopback interface alone. Without that, a participant on the network that
        knows this machine's address reads and writes every topic, even with the discovery range LOCALHOST.
    """

    segment_bytes: int = DEFAULT_SEGMENT_BYTES
    loopback_only: bool = False


def read_profile(path: Path) -> Profile:
    """Read the default participant's transports from a profile.

    Raises
    ------
    ProfileError
        When the file cannot be read or has no default participant; Fast DDS then uses its own defaults.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())  # noqa: S314 (the user's own file)
    except OSError as error:
        raise ProfileError(f"the DDS profile {path} cannot be read: {error.strerror}") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ProfileError(f"the DDS profile {path} is not XML: {error}") from None
    participant = root.find(".//{*}participant[@is_default_profile='true']/{*}rtps")
    if participant is None:
        raise ProfileError(f"the DDS profile {path} has no participant with is_default_profile='true'")
    used = {_text(name) for name in participant.findall("{*}userTransports/{*}transport_id")}
    transports = [
        transport
        for transport in root.iterfind(".//{*}transport_descriptor")
        if _text(transport.find("{*}transport_id")) in used
    ]
    if len(transports) < len(used):
        raise ProfileError(f"the DDS profile {path} uses a transport that it does not describe")
    builtin = _text(participant.find("{*}useBuiltinTransports")) != "false"
    memory = [t for t in transports if _text(t.find("{*}type")) == "SHM"]
    network = [t for t in transports if _text(t.find("{*}type")) != "SHM"]
    try:
        segments = [int(_text(t.find("{*}segment_size")) or DEFAULT_SEGMENT_BYTES) for t in memory]
    except ValueError:
        raise ProfileError(
            f"the DDS profile {path} has a segment_size that is not a number of bytes"
        ) from None
    return Profile(
        segment_bytes=sum(segments) + (DEFAULT_SEGMENT_BYTES if builtin else 0),
        loopback_only=not builtin and all(_interfaces(t) and _interfaces(t) <= LOOPBACK for t in network),
    )


def shared_memory_bytes(profiles: Iterable[Profile]) -> int:
    """Shared memory that processes with these profiles take together, a profile for each process.

    Measured with Fast DDS 2.14.5: a segment of 512 KiB takes 1.29 MiB of /dev/shm, one of 32 MiB takes
    34.2 MiB; the rest is the allocator's bookkeeping and the process's ports.
    """
    return sum(round(1.05 * p.segment_bytes) + 768 * 1024 for p in profiles if p.segment_bytes)


def _interfaces(transport: ElementTree.Element) -> set[str]:
    return {
        interface.get("name", "")
        for interface in transport.findall("{*}interfaces/{*}allowlist/{*}interface")
    }


def _text(element: ElementTree.Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""
