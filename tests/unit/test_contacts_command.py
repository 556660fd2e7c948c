"""./care contacts: what is shown, what is tested, what is sent; and the examples in docs/contacts.md."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from receivers import MailServer, Receiver
from typer.testing import CliRunner, Result

from care_robot.care.config import load_config, parse_config
from care_robot.console.contacts import contacts_app
from care_robot.gateways.notifications import channels_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "contacts.md"


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(contacts_app, list(arguments), input=stdin)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    receiver, mail = Receiver(), MailServer()
    smtp = {"host": "localhost", "port": mail.port, "security": "none"}
    contacts = [
        {"id": "nurse", "name": "간호사", "channels": [{"type": "webhook", "url": receiver.url}]},
        {
            "id": "son",
            "tier": 2,
            "residents": ["kim"],
            "channels": [{"type": "email", "to": "son@example.com", "sender": "r@example.org", "smtp": smtp}],
        },
        {"id": "tech", "tier": 0, "technical": True, "channels": [{"type": "console"}]},
    ]
    residents = [{"id": "kim", "name": "김영희"}, {"id": "lee"}]
    path = tmp_path / "care.yaml"
    path.write_text(yaml.safe_dump({"residents": residents, "contacts": contacts}), encoding="utf-8")
    yield path, receiver, mail
    receiver.close()
    mail.close()


def test_the_list_says_who_is_called_for_whom_and_shows_no_address(config: Any) -> None:
    path, receiver, _ = config
    result = run("list", "--config", str(path))
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines()[1:]]
    assert lines[0] == ["김영희", "(kim)", "1", "간호사", "(nurse)", "webhook"]
    assert lines[1] == ["2", "son", "email"]
    assert lines[2] == ["lee", "1", "간호사", "(nurse)", "webhook"]
    assert lines[3] == ["technical", "alarms", "tech", "console"]
    for secret in ("T0KEN", "localhost", str(receiver.port), "example"):
        assert secret not in result.output


def test_the_list_as_json(config: Any) -> None:
    shown = json.loads(run("list", "--json", "--config", str(config[0])).output)
    assert [
        (row["resident"], row["tier"], [c["id"] for c in row["contacts"]]) for row in shown["residents"]
    ] == [
        ("kim", 1, ["nurse"]),
        ("kim", 2, ["son"]),
        ("lee", 1, ["nurse"]),
    ]
    assert [c["id"] for c in shown["technical"]] == ["tech", "nurse"]


def test_every_channel_is_tested_and_nothing_is_sent(config: Any) -> None:
    path, receiver, mail = config
    result = run("test", "--json", "--config", str(path))
    assert result.exit_code == 0, result.output
    assert [(row["contact"], row["works"]) for row in json.loads(result.output)] == [
        ("nurse", True),
        ("son", True),
        ("tech", True),
    ]
    assert (receiver.methods, mail.mails) == (["OPTIONS"], [])


def test_a_dead_channel_is_named_with_a_remedy(config: Any) -> None:
    path, receiver, mail = config
    receiver.statuses = [404]
    result = run("test", "nurse", "--config", str(path))
    assert result.exit_code == 1
    assert "no" in result.output
    assert "check its address" in " ".join(result.output.split())
    assert "T0KEN" not in result.output
    assert mail.commands == []


def test_a_message_is_sent_only_after_a_yes_and_is_marked_as_a_test(config: Any) -> None:
    path, receiver, mail = config
    assert run("test", "--send", "--config", str(path), stdin="n\n").exit_code == 1
    assert (receiver.raw, mail.mails) == ([], [])
    result = run("test", "--send", "--config", str(path), stdin="y\n")
    assert result.exit_code == 0, result.output
    (page,) = receiver.bodies
    assert (page["test"], page["text_ko"][:5], page["text_en"][:7]) == (True, "[시험] ", "[TEST] ")
    assert all("[시험]" in shown and "[TEST]" in shown for shown in (*mail.subjects, *mail.texts))
    assert len(mail.mails) == 1
    assert mail.texts[0].rstrip().endswith("-son-1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "--config", "/none.yaml"], ["/none.yaml", "cannot be read"]),
        (["test", "sun", "--config", "CONFIG"], ["'sun'", "nurse, son, tech"]),
    ],
)
def test_what_cannot_be_done_is_one_sentence(config: Any, arguments: list[str], words: list[str]) -> None:
    result = run(*[str(config[0]) if a == "CONFIG" else a for a in arguments])
    assert result.exit_code == 2
    for word in words:
        assert word in " ".join(result.output.split())


def test_the_line_for_a_pin_can_be_put_into_the_file(tmp_path: Path) -> None:
    result = run("pin", '김 "간호사": {', stdin="471100\n471100\n")
    assert result.exit_code == 0
    assert "471100" not in result.output
    line = next(line for line in result.output.splitlines() if line.startswith("  - {"))
    path = tmp_path / "care.yaml"
    path.write_text(f"staff:\n{line}\n", encoding="utf-8")
    member = load_config(path).staff_named('김 "간호사": {')
    assert member is not None
    assert member.check("471100")


@pytest.mark.parametrize(
    ("name", "stdin"),
    [("kim", "123\n123\n"), ("", "4711\n4711\n"), ("x" * 101, "4711\n4711\n"), ("a\x1b[2J", "4711\n4711\n")],
)
def test_a_bad_pin_or_name_is_refused(name: str, stdin: str) -> None:
    result = run("pin", name, stdin=stdin)
    assert result.exit_code == 2
    assert "scrypt" not in result.output


def test_pins_that_differ_are_asked_for_again() -> None:
    assert "scrypt" not in run("pin", "kim", stdin="4711\n4712\n").output


def test_the_examples_of_the_document_can_be_used() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.S)
    assert len(examples) == 4
    for example in examples:
        config = parse_config(yaml.safe_load(example), str(DOCUMENT))
        assert len(channels_of(config, print)) == len(config.all_channels())
