"""Remembers that a camera was switched off, so that a restart does not open it again."""

from __future__ import annotations

import os
from pathlib import Path


def state_directory() -> Path:
    """Where this project keeps what must outlive a restart but is no data (XDG base directories)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "care_robot"


class Switch:
    """The switch of one camera: off while its marker file is there.

    Parameters
    ----------
    camera : str
        Name of the camera, which becomes part of a file's name.
    directory : Path, optional
        Where to keep the marker.
    """

    def __init__(self, camera: str, directory: Path | None = None) -> None:
        self._marker = (directory or state_directory()) / f"{camera}.off"

    def is_off(self) -> bool:
        """Whether it was switched off."""
        return self._marker.exists()

    def set(self, on: bool) -> None:
        """Remember; OSError where that cannot be done."""
        if on:
            self._marker.unlink(missing_ok=True)
        else:
            self._marker.parent.mkdir(parents=True, exist_ok=True)
            self._marker.touch()
