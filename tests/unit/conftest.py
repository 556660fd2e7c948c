"""Fixtures that more than one file of tests uses."""

import tempfile
from pathlib import Path

import pytest

from care_robot.care import swap


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where databases stand in, for this test alone."""
    for name in ("tmp", "memory"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(swap, "MEMORY", tmp_path / "memory")
    return tmp_path / "tmp"
