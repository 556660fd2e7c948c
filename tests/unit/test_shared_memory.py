"""What a killed process leaves in shared memory is removed; what is in use is not touched."""

import fcntl
from pathlib import Path

from care_robot.bringup.shared_memory import remove_orphans


def test_only_segments_that_nobody_holds_are_removed(tmp_path: Path) -> None:
    for name in ("fastrtps_dead", "fastrtps_alive", "other"):
        (tmp_path / name).write_bytes(b"picture")
        (tmp_path / f"{name}_el").touch()
    with (tmp_path / "fastrtps_alive_el").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert remove_orphans(tmp_path) == 1
        assert {p.name for p in tmp_path.iterdir()} == {
            "fastrtps_alive",
            "fastrtps_alive_el",
            "other",
            "other_el",
        }
    assert remove_orphans(tmp_path) == 1
    assert remove_orphans(tmp_path / "missing") == 0
