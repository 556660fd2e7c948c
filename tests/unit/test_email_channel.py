"""Pages by e-mail, to a real mail server: what arrives, what is refused, and what a self-test does."""

from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from receivers import PAGE, MailServer, certificate, deaf_server, running

from care_robot.care.channels import Email
from care_robot.care.text import Text
from care_robot.gateways import apprise_channel, probes
from care_robot.gateways.apprise_channel import ApprisedChannel
from care_robot.gateways.channel import ChannelError, body_of, message_of, subject_of

MESSAGE = message_of(PAGE, repeat=False)
LOGIN = {"user": "robot@example.org", "password": "p%40 s/:w0rd"}


def email(
    server: MailServer, security: str = "none", host: str = "localhost", **smtp: Any
) -> ApprisedChannel:
    settings = {"host": host, "port": server.port, "security": security, **smtp}
    document = {"type": "email", "to": "son@example.com", "sender": "robot@example.org", "smtp": settings}
    return ApprisedChannel(Email.model_validate(document))


def test_a_mail_carries_the_page_in_both_languages() -> None:
    with running(MailServer()) as server:
        email(server).send(MESSAGE)
    assert server.subjects == [subject_of(MESSAGE)]
    assert [text.splitlines() for text in server.texts] == [body_of(MESSAGE).splitlines()]
    assert b"To: son@example.com" in server.mails[0]
    assert b"From: care_robot <robot@example.org>" in server.mails[0]


def test_no_name_can_add_a_header_or_a_mail() -> None:
    page = replace(PAGE, text=Text("x\n.\nBcc: everybody@example.com\n\n<b>&amp;", "y\r\n.\r\nQUIT"))
    message = message_of(page, repeat=True)
    with running(MailServer()) as server:
        email(server).send(message)
    assert len(server.mails) == 1
    assert "<b>&amp;" in server.texts[0]
    assert message_from_bytes(server.mails[0])["Bcc"] is None
    assert server.commands.count("RCPT") == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_goes_over_tls_with_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    context, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    login = f"{LOGIN['user']}:{LOGIN['password']}"
    with running(MailServer(context, implicit=security == "tls", login=login)) as server:
        channel = email(server, security, **LOGIN)
        channel.test()
        assert server.mails == []
        channel.send(MESSAGE)
    assert server.logins == [(LOGIN["user"], LOGIN["password"])] * 2
    assert len(server.mails) == 1


def test_a_self_test_does_all_but_the_mail() -> None:
    with running(MailServer()) as server:
        email(server).test()
    assert server.commands == ["EHLO", "NOOP", "QUIT"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_server_whose_certificate_nobody_vouches_for_is_dead(tmp_path: Path, security: str) -> None:
    context, _ = certificate(tmp_path)
    with running(MailServer(context, implicit=security == "tls")) as server:
        channel = email(server, security)
        with pytest.raises(ChannelError, match="certificate"):
            channel.test()
        with pytest.raises(ChannelError, match="did not take"):
            channel.send(MESSAGE)
    assert server.mails == []


def test_a_mail_server_without_starttls_gets_neither_password_nor_mail() -> None:
    with running(MailServer(login="x:y")) as server:
        channel = email(server, "starttls", **LOGIN)
        with pytest.raises(ChannelError, match="no STARTTLS"):
            channel.test()
        with pytest.raises(ChannelError, match="did not take"):
            channel.send(MESSAGE)
    assert (server.logins, server.mails) == ([], [])


def test_a_wrong_password_is_named_as_such_and_not_shown() -> None:
    with running(MailServer(login="somebody:else")) as server:
        channel = email(server, **LOGIN)
        with pytest.raises(ChannelError, match=r"refuses the user name or password \(SMTP 535\)") as failure:
            channel.test()
        with pytest.raises(ChannelError, match="did not take") as not_sent:
            channel.send(MESSAGE)
    for error in (failure, not_sent):
        assert not any(secret in str(error.value) for secret in (*LOGIN.values(), "T0KEN"))


@pytest.mark.parametrize("command", ["EHLO", "NOOP"])
def test_a_mail_server_that_is_in_trouble_is_dead(command: str) -> None:
    with running(MailServer()) as server:
        server.replies = {command: "421 closing, T0KEN", "HELO": "421 closing"}
        with pytest.raises(ChannelError, match="SMTP 421") as failure:
            email(server).test()
    assert "T0KEN" not in str(failure.value)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_mail_that_is_refused_was_not_taken(command: str) -> None:
    with running(MailServer()) as server:
        server.replies = {command: "550 no such user"}
        with pytest.raises(ChannelError, match="did not take"):
            email(server).send(MESSAGE)


def test_a_mail_server_that_is_not_there_or_deaf_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    server = MailServer()
    server.close()
    with pytest.raises(ChannelError, match="cannot be reached"):
        email(server).test()
    monkeypatch.setattr(probes, "TIMEOUT_S", 0.05)
    monkeypatch.setattr(apprise_channel, "TIMEOUT_S", 0.05)
    with deaf_server() as port:
        server.port = port
        with pytest.raises(ChannelError, match="cannot be reached"):
            email(server).test()
        with pytest.raises(ChannelError, match="did not take"):
            email(server).send(MESSAGE)


def test_a_password_may_stand_in_a_file_and_change_there(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    with running(MailServer(login="u:new")) as server:
        channel = email(server, user="u", password_file=str(file))
        with pytest.raises(ChannelError, match="password"):
            channel.test()
        file.write_text("new\n")
        channel.test()
        channel.send(MESSAGE)
        file.unlink()
        with pytest.raises(ChannelError, match=r"password_file.*cannot be read"):
            channel.send(MESSAGE)
    assert len(server.mails) == 1
