"""Pages by the services of Apprise: what arrives, what is refused, and what a self-test proves."""

import json
import logging
from pathlib import Path

import pytest
from apprise.plugins.kakaotalk import NotifyKakaoTalk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from receivers import PAGE, Receiver, certificate, deaf_server, running

from care_robot.care.channels import Apprise
from care_robot.gateways import apprise_channel, probes
from care_robot.gateways.apprise_channel import ApprisedChannel
from care_robot.gateways.channel import ChannelError, body_of, message_of, subject_of

MESSAGE = message_of(PAGE, repeat=False)


def apprise(url: str, folder: Path | None = None) -> ApprisedChannel:
    return ApprisedChannel(Apprise(type="apprise", url=SecretStr(url)), folder)


def test_a_service_gets_title_and_text() -> None:
    with running(Receiver()) as receiver:
        channel = apprise(f"json://localhost:{receiver.port}/page")
        channel.test()
        channel.send(MESSAGE)
    assert receiver.methods == ["HEAD", "POST"]
    sent = json.loads(receiver.raw[1])
    assert (sent["title"], sent["message"]) == (subject_of(MESSAGE), body_of(MESSAGE))


def test_pages_that_follow_each_other_do_not_wait() -> None:
    with running(Receiver()) as receiver:
        channel = apprise(f"json://localhost:{receiver.port}/page")
        waits = {channel._service().request_rate_per_sec for _ in range(3)}
        for _ in range(3):
            channel.send(MESSAGE)
    assert (waits, len(receiver.raw)) == ({0}, 3)


@pytest.mark.parametrize(
    "option", ["", "?optional=yes", "?retry=5&wait=9", "?redirect=yes", "?rto=900&cto=900"]
)
@pytest.mark.parametrize("status", [307, 401, 404, 500])
def test_what_is_not_taken_is_never_called_a_success(option: str, status: int) -> None:
    with running(Receiver()) as receiver:
        receiver.statuses = [status] * 9
        with pytest.raises(ChannelError, match=f"HTTP status {status}"):
            apprise(f"json://localhost:{receiver.port}/T0KEN{option}").send(MESSAGE)
    assert len(receiver.raw) == 1  # neither tried again behind our back, nor sent elsewhere


def test_a_service_that_is_not_there_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Receiver()) as receiver:
        pass
    channel = apprise(f"json://localhost:{receiver.port}/T0KEN")
    for what in (channel.test, lambda: channel.send(MESSAGE)):
        with pytest.raises(ChannelError, match="cannot be reached") as failure:
            what()
        assert "T0KEN" not in str(failure.value)
    monkeypatch.setattr(probes, "TIMEOUT_S", 0.05)
    monkeypatch.setattr(apprise_channel, "TIMEOUT_S", 0.05)
    with deaf_server() as port:
        channel = apprise(f"json://localhost:{port}/T0KEN")
        for what in (channel.test, lambda: channel.send(MESSAGE)):
            with pytest.raises(ChannelError, match="cannot be reached"):
                what()


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_without_its_service_is_dead(status: int) -> None:
    with running(Receiver()) as receiver:
        receiver.statuses = [status]
        with pytest.raises(ChannelError, match=str(status)):
            apprise(f"json://localhost:{receiver.port}/").test()


def test_a_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate(tmp_path)
    with running(Receiver(context)) as receiver:
        channel = apprise(f"jsons://localhost:{receiver.port}/")
        with pytest.raises(ChannelError, match="certificate"):
            channel.test()
        with pytest.raises(ChannelError, match="did not take"):
            channel.send(MESSAGE)
        assert receiver.raw == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
        channel.test()
        channel.send(MESSAGE)
    assert receiver.methods == ["HEAD", "POST"]


def test_a_renewed_token_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kakao replaces a token before it ends, and the old one is worth nothing afterwards."""
    with running(Receiver()) as receiver:
        url = f"http://localhost:{receiver.port}"
        monkeypatch.setattr(NotifyKakaoTalk, "token_url", f"{url}/token")
        monkeypatch.setattr(NotifyKakaoTalk, "notify_me_url", f"{url}/me")
        taken = {"result_code": 0}
        receiver.answers = [{"access_token": "a1", "refresh_token": "second", "expires_in": 0}, taken]
        # Plain HTTP is for this test's server alone, so the check of encryption has to be passed over.
        monkeypatch.setattr(apprise_channel, "_refuse_plain", lambda service, scheme: None)
        apprise("kakaotalk://client/first", tmp_path / "apprise").send(MESSAGE)
        again = apprise("kakaotalk://client/first", tmp_path / "apprise")
        again._service().store.clear("access_token")
        receiver.answers = [{"access_token": "a2"}, taken]
        again.send(MESSAGE)
    tokens = [
        raw.decode() for raw, path in zip(receiver.raw, receiver.paths, strict=True) if path == "/token"
    ]
    assert ["first" in tokens[0], "second" in tokens[-1]] == [True, True]
    assert (tmp_path / "apprise").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_keeps_no_page_back(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with running(Receiver()) as receiver:
        apprise(f"json://localhost:{receiver.port}/", tmp_path / "file" / "apprise").send(MESSAGE)
    assert len(receiver.raw) == 1


# Refused at the start -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("json://example.org/T0KEN", ["personal data", "jsons://"]),
        ("mailto://u:T0KEN@example.org", ["personal data", "mailtos://"]),
        ("mailtos://u:T0KEN@example.org?mode=insecure", ["personal data", "mode=insecure"]),
        ("ntfy://T0KEN", ["ntfys://"]),
        ("mmost://example.org/3ccdd113474722377935511fc85d3dd4", ["mmosts://"]),
        ("rsyslog://example.org", ["another service"]),
        ("aprs://u:12345@T0KEN", ["radio"]),
        ("jsons://example.org/?verify=no&T0KEN", ["verify"]),
        ("tgram://T0KEN", ["tgram", "not complete"]),
        ("pigeon://T0KEN", ["no service pigeon://"]),
        ("telegram://T0KEN", ["did you mean 'tgram'"]),
        ("https://example.org/T0KEN", ["type: webhook"]),
        ("http://example.org/T0KEN", ["type: webhook"]),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(url: str, words: list[str]) -> None:
    with pytest.raises(ChannelError) as refusal:
        apprise(url)
    for word in words:
        assert word in str(refusal.value)
    assert "T0KEN" not in str(refusal.value)
    assert "3ccdd" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "proof"),
    [
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "api.telegram.org answers"),
        ("ntfys://topic", "ntfy.sh answers"),
        ("jsons://example.org/T0KEN", "example.org answers"),
        ("mmosts://example.org/3ccdd113474722377935511fc85d3dd4", "example.org answers"),
        ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord.com answers"),
        ("mailtos://user:T0KEN@example.org", "the mail server"),
        ("mailto://user@localhost?to=a@example.org", "the mail server"),
        ("signals://localhost:8080/+821012345678/+821087654321", "localhost answers"),
        (
            "sns://AHIAJGNT76XIMXDBIJYA/bu1dHSdO22pfaaVy+wmNsdljF4C07D3bndi9PQJ9/us-east-2/+12223334444",
            "form",
        ),
    ],
)
def test_what_a_self_test_proves_is_said_and_no_token_is_taken_for_a_server(url: str, proof: str) -> None:
    assert proof in apprise(url).proof


def test_nothing_that_apprise_writes_down_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(Receiver()) as receiver:
        receiver.statuses = [500]
        with pytest.raises(ChannelError):
            apprise(f"json://localhost:{receiver.port}/T0KEN").send(MESSAGE)
    with pytest.raises(ChannelError):
        apprise("tgram://T0KEN")
    assert "T0KEN" not in caplog.text
    assert "김영희" not in caplog.text


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["tgram", "mailtos", "mailto", "jsons", "json", "slack", "x", "kakao"]),
    st.text(max_size=30),
)
def test_any_address_is_used_or_refused_with_a_sentence(scheme: str, rest: str) -> None:
    try:
        channel = apprise(f"{scheme}://{rest}")
    except (ChannelError, ValidationError):
        with pytest.raises((ChannelError, ValidationError), match=r"\w+ \w+"):
            apprise(f"{scheme}://{rest}")
    else:
        assert channel.proof
