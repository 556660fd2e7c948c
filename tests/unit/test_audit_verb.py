"""`./care audit`: records can be listed, shown and checked by whoever may read the database."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from care_house import House
from rich.console import Console
from typer.testing import CliRunner

from care_robot.care.inputs import Acknowledge
from care_robot.console.audit import audit_app

Audit = Callable[..., Any]


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    monkeypatch.setattr("care_robot.console.audit.note_view", lambda residents, _: list(residents))
    monkeypatch.setattr("care_robot.console.audit.console", Console(width=250))
    house = House(tmp_path)
    house.fall()
    house.wait(100)
    house.do(Acknowledge(house.alarm.id, "박 [bold]간호사"))
    house.store.close()

    def run(*arguments: str, code: int = 0) -> Any:
        result = CliRunner().invoke(audit_app, [*arguments, "--data-dir", str(tmp_path)])
        assert result.exit_code == code, result.output
        return result

    return run


def test_a_whole_log_exits_0_with_its_head(audit: Audit, tmp_path: Path) -> None:
    found = json.loads(audit("verify", "--json").stdout)
    assert found["ok"]
    assert found["head"] in audit("verify").output
    audit("verify", "--head", found["head"])
    audit("verify", "--head", "0" * 63 + "1", code=1)


def test_an_edit_exits_1_and_is_named(audit: Audit, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "care.db")) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 2")
        connection.commit()
    output = audit("verify", code=1).output
    assert "Record 2" in output
    assert "Traceback" not in output


def test_records_are_listed_by_whom_about_whom_and_since_when(audit: Audit) -> None:
    every = json.loads(audit("list", "--json").stdout)
    assert [record["seq"] for record in every] == list(range(1, len(every) + 1))
    assert len(json.loads(audit("list", "--json", "--limit", "1").stdout)) == 1
    (taken,) = json.loads(audit("list", "--json", "--actor", "박 [bold]간호사").stdout)
    assert taken["resident_id"] == "kim"
    assert json.loads(audit("list", "--json", "--resident", "nobody").stdout) == []
    assert json.loads(audit("list", "--json", "--since", "2026-03-02").stdout) == []
    since = json.loads(audit("list", "--json", "--since", taken["at"]).stdout)
    assert since[-1] == every[-1]
    assert 0 < len(since) < len(every)
    assert "박 [bold]간호사" in audit("list").output


def test_a_record_is_shown_by_its_number_or_its_subject(audit: Audit) -> None:
    (first,) = json.loads(audit("show", "1", "--json").stdout)
    assert first["reason_ko"]
    assert json.loads(audit("show", first["subject"], "--json").stdout) == [first]
    assert first["hash"] in audit("show", "1").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "9999"), "No record has"),
        (("show", "' OR 1=1 --"), "No record has"),
        (("list", "--since", "yesterday"), "--since is 'yesterday'"),
        (("list", "--since", "0001-01-01T00:00+14:00"), "--since"),
    ],
)
def test_what_cannot_be_found_is_said(audit: Audit, arguments: tuple[str, ...], words: str) -> None:
    result = audit(*arguments, code=2)
    assert words in result.output


@pytest.mark.parametrize("content", [None, b"shopping list" * 100])
def test_a_database_that_is_none_is_said(tmp_path: Path, content: bytes | None) -> None:
    if content:
        (tmp_path / "care.db").write_bytes(content)
    for verb, code in (("list", 2), ("verify", 1)):
        result = CliRunner().invoke(audit_app, [verb, "--data-dir", str(tmp_path)])
        assert result.exit_code == code
        assert "care.db" in result.output
        assert "Traceback" not in result.output
