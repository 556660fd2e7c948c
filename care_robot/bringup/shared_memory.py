"""Shared memory that a killed process left behind: it may hold a camera's last pictures."""

import contextlib
import fcntl
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (where Fast DDS makes its segments)


def remove_orphans(folder: Path = SHARED_MEMORY) -> int:
    """Remove the Fast DDS segments whose process is gone; how many there were.

    Fast DDS keeps a lock on ``<segment>_el`` while the segment is in use, as ``fastdds shm clean`` knows.
    """
    removed = 0
    for path in folder.glob("fastrtps_*_el"):
        # Another user's are not ours to look at, and one may go while we look.
        with contextlib.suppress(OSError), path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.with_name(path.name.removesuffix("_el")).unlink(missing_ok=True)
            path.unlink()
            removed += 1
    return removed
