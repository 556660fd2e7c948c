"""Power-on never starts motion: what went on before the machine was switched off is not taken up."""

from pathlib import Path

import pytest

from care_robot.planning.boot import same_boot


@pytest.fixture
def boot_id(tmp_path: Path) -> Path:
    path = tmp_path / "boot_id"
    path.write_text("one\n")
    return path


def test_a_process_that_is_started_again_is_of_the_same_boot(tmp_path: Path, boot_id: Path) -> None:
    assert not same_boot(tmp_path / "mark", boot_id)
    assert same_boot(tmp_path / "mark", boot_id)


def test_a_machine_that_was_switched_off_and_on_is_not(tmp_path: Path, boot_id: Path) -> None:
    same_boot(tmp_path / "mark", boot_id)
    boot_id.write_text("two\n")
    assert not same_boot(tmp_path / "mark", boot_id)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 100_000])
def test_a_mark_that_makes_no_sense_is_none(tmp_path: Path, boot_id: Path, content: bytes) -> None:
    (tmp_path / "mark").write_bytes(content)
    assert not same_boot(tmp_path / "mark", boot_id)


def test_where_nobody_knows_the_boot_nothing_goes_on(tmp_path: Path) -> None:
    assert not same_boot(tmp_path / "mark", tmp_path / "nothing")
