"""Whether the machine was switched on since: power-on never starts motion (ISO 13850)."""

import contextlib
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Linux makes a new one each time the machine starts."""


def same_boot(mark: Path, boot_id: Path = BOOT_ID) -> bool:
    """Whether `mark` was left since the machine was switched on; leaves it anew. Unknown is no."""
    try:
        now = boot_id.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return False
    before = ""
    with contextlib.suppress(OSError, ValueError):
        before = mark.read_text(encoding="ascii").strip()
    with contextlib.suppress(OSError):
        mark.write_text(f"{now}\n", encoding="ascii")
    return before == now
