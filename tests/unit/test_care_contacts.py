"""Contacts, channels, staff and room speakers in config/care.yaml."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care.channels import Apprise, Email
from care_robot.care.config import CareConfig, CareConfigError, parse_config
from care_robot.care.staff import PinError, Staff, hash_pin

CONSOLE = [{"type": "console"}]


def contact(contact_id: str, tier: int = 1, residents: tuple[str, ...] = (), **keys: Any) -> dict[str, Any]:
    return {"id": contact_id, "tier": tier, "residents": list(residents), "channels": CONSOLE, **keys}


def house(*contacts: dict[str, Any], residents: tuple[str, ...] = ("kim", "lee")) -> CareConfig:
    people = [{"id": resident} for resident in residents]
    return parse_config({"residents": people, "contacts": list(contacts)}, "care.yaml")


def refusal_of(document: dict[str, Any]) -> str:
    with pytest.raises(CareConfigError) as refusal:
        parse_config(document, "care.yaml")
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def ids(contacts: Any) -> list[str]:
    return [c.id for c in contacts]


# Who is called --------------------------------------------------------------------------------------------

WARD = house(
    contact("nurse"),
    contact("kims_son", 2, ("kim",)),
    contact("head_nurse", 3, ("kim",)),
    contact("technician", 0, technical=True),
)


def test_everybody_has_their_own_contacts_and_those_of_all() -> None:
    assert WARD.tiers_for("kim") == [1, 2, 3]
    assert WARD.tiers_for("lee") == [1]
    assert [ids(WARD.contacts_for("kim", tier)) for tier in (1, 2, 3)] == [
        ["nurse"],
        ["kims_son"],
        ["head_nurse"],
    ]
    assert [ids(WARD.contacts_for("lee", tier)) for tier in (1, 2)] == [["nurse"], []]


@pytest.mark.parametrize("nobody", ["", "somebody_else"])
def test_for_nobody_in_particular_the_contacts_of_all_are_called(nobody: str) -> None:
    assert WARD.tiers_for(nobody) == [1]
    assert ids(WARD.contacts_for(nobody, 1)) == ["nurse"]


@pytest.mark.parametrize("nobody", ["", "somebody_else"])
def test_where_nobody_is_there_for_all_everybody_is_called(nobody: str) -> None:
    alone = house(contact("a", 1, ("kim",)), contact("b", 1, ("lee",)), contact("c", 2))
    assert alone.tiers_for(nobody) == [1, 2]
    assert [ids(alone.contacts_for(nobody, tier)) for tier in (1, 2)] == [["a", "b"], ["c"]]


def test_technical_alarms_go_to_who_is_technical_and_to_the_carers_on_duty() -> None:
    assert ids(WARD.technical_contacts()) == ["technician", "nurse"]
    assert ids(house(contact("a"), contact("b", technical=True)).technical_contacts()) == ["b", "a"]
    assert ids(CareConfig().technical_contacts()) == ["carer"]


def test_every_channel_has_its_place() -> None:
    two = house(contact("a", channels=[*CONSOLE, *CONSOLE]), contact("b"))
    assert two.all_channels() == [("a", 0), ("a", 1), ("b", 0)]


@pytest.mark.parametrize(
    ("contacts", "words"),
    [
        ([contact("a", 1, ("kim",))], ["'lee'", "tier 1", "everybody"]),
        ([contact("a"), contact("b", 3)], ["'kim'", "[1, 3]", "tier 2"]),
        ([contact("a"), contact("b", 2, ("lee",)), contact("c", 3)], ["'kim'", "[1, 3]", "tier 2"]),
        ([contact("a", 0, technical=True)], ["'kim'", "tier 1"]),
        ([contact("a"), contact("b", 0)], ["contacts[1]", "technical: true"]),
        ([contact("a", residents=("kin",))], ["'a'", "'kin'", "did you mean 'kim'"]),
        ([contact("a", residents=("zzz",))], ["'a'", "'zzz'", "kim, lee"]),
        ([contact("a", tier=11)], ["contacts[0].tier", "10"]),
        ([contact("a", channels=[])], ["contacts[0].channels", "at least one"]),
        ([contact("a"), contact("a")], ["two contacts", "'a'"]),
    ],
)
def test_who_could_not_be_called_is_named(contacts: list[dict[str, Any]], words: list[str]) -> None:
    sentence = refusal_of({"residents": [{"id": "kim"}, {"id": "lee"}], "contacts": contacts})
    for word in ["care.yaml", *words]:
        assert word in sentence


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sets(st.sampled_from(["kim", "lee", "han"])), st.booleans()),
        min_size=1,
        max_size=6,
    )
)
def test_whoever_the_alarm_is_about_each_tier_up_to_the_last_has_somebody(
    people: list[tuple[int, set[str], bool]],
) -> None:
    contacts = [
        contact(f"c{i}", tier, tuple(residents), technical=technical)
        for i, (tier, residents, technical) in enumerate(people)
    ]
    try:
        config = house(*contacts, residents=("kim", "lee", "han"))
    except CareConfigError:
        return
    for resident in ("kim", "lee", "han", "", "nobody"):
        tiers = config.tiers_for(resident)
        assert tiers == list(range(1, len(tiers) + 1)) != []
        assert all(config.contacts_for(resident, tier) for tier in tiers)
    assert config.technical_contacts()


# Channels -------------------------------------------------------------------------------------------------

SMTP = {"host": "smtp.example.org", "user": "robot@example.org", "password": "T0KEN"}


def with_channel(**channel: Any) -> dict[str, Any]:
    return {"contacts": [{"id": "a", "channels": [channel]}]}


def email(smtp: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return with_channel(type="email", to="son@example.com", smtp=smtp, **keys)


def only_channel(document: dict[str, Any]) -> Any:
    (channel,) = parse_config(document, "x").contacts[0].channels
    return channel


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465)])
def test_a_mail_server_has_the_usual_port_and_the_user_as_the_sender(security: str, port: int) -> None:
    channel = only_channel(email({**SMTP, "security": security}))
    assert isinstance(channel, Email)
    assert (channel.smtp.server_port, channel.from_address) == (port, "robot@example.org")
    assert channel.smtp.login_password() == "T0KEN"


def test_a_mail_server_on_this_machine_needs_neither_encryption_nor_login() -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        channel = only_channel(email({"host": host, "security": "none"}, sender="robot@example.org"))
        assert channel.smtp.server_port == 25


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (email({**SMTP, "security": "none"}), ["personal data", "starttls", "tls"]),
        (email({**SMTP, "security": "ssl"}), ["smtp.security", "starttls"]),
        (email({**SMTP, "host": "smtp.example.org T0KEN"}), ["smtp.host", "server"]),
        (email({**SMTP, "host": ""}), ["smtp.host", "server"]),
        (email({**SMTP, "port": 0}), ["smtp.port", "1"]),
        (email({**SMTP, "port": "587"}), ["smtp.port", "integer"]),
        (email({**SMTP, "password_file": "/x"}), ["either", "password_file"]),
        (email({"host": "h.example.org", "user": "robot@example.org"}), ["user", "password_file"]),
        (email({"host": "h.example.org", "password": "T0KEN"}), ["user", "password"]),
        (email({"host": "h.example.org"}), ["sender"]),
        (email({**SMTP, "user": "robot"}), ["sender"]),
        (email({**SMTP, "user": "two@at@example.org"}), ["sender"]),
        (email({**SMTP, "password": 1234}), ["smtp.password", "string"]),
        (email(SMTP, sender="robot@example.org, T0KEN@example.com"), [".sender", "one e-mail address"]),
        (with_channel(type="email", to="a@b.c, d@e.f", smtp=SMTP), [".to", "one e-mail address"]),
        (with_channel(type="email", to="a@b.c\nBcc: x", smtp=SMTP), [".to", "one e-mail address"]),
        (with_channel(type="apprise", url="T0KEN"), ["url", "scheme://"]),
        (with_channel(type="apprise", url="tgram://a b T0KEN"), ["url", "scheme://"]),
        (with_channel(type="apprise", url="tgram://T0KEN\r\nx"), ["url", "scheme://"]),
        (with_channel(type="apprise", url="tgram://김T0KEN"), ["url", "%XX"]),
        (with_channel(type="apprise", url="tgram://" + "T0KEN" * 1000), ["url", "scheme://"]),
        (with_channel(type="apprise", url=["T0KEN"]), ["url", "string"]),
        (with_channel(type="apprise", uri="tgram://T0KEN"), ["channels[0].uri", "did you mean 'url'"]),
    ],
)
def test_a_channel_that_cannot_be_used_is_refused_without_showing_secrets(
    document: dict[str, Any], words: list[str]
) -> None:
    sentence = refusal_of(document)
    for word in ["contacts[0].channels[0]", *words]:
        assert word in sentence
    assert "T0KEN" not in sentence


def test_no_secret_is_ever_shown() -> None:
    apprise = with_channel(type="apprise", url="tgram://T0KEN/1")
    for document in (email(SMTP), apprise):
        config = parse_config(document, "x")
        (channel,) = config.contacts[0].channels
        for shown in (repr(config), str(config), config.model_dump_json(), channel.label):
            assert "T0KEN" not in shown
    assert isinstance(channel, Apprise)
    assert channel.label == "apprise tgram"


def test_a_password_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "password"
    smtp = {"host": "smtp.example.org", "user": "robot@example.org", "password_file": str(file)}
    assert str(file) in refusal_of(email(smtp))
    for bad in (b"", b"\n", b"two\nlines\n", b"x" * 501, b"\xff\xfe", b"a\x00b"):
        file.write_bytes(bad)
        assert "password_file" in refusal_of(email(smtp))
    file.write_text("p w\n", encoding="utf-8")
    assert only_channel(email(smtp)).smtp.login_password() == "p w"


# Staff and rooms ------------------------------------------------------------------------------------------


def test_a_pin_proves_who_somebody_is() -> None:
    config = parse_config({"staff": [{"name": "김간호사", "pin": hash_pin("4711")}]}, "x")
    nurse = config.staff_named("김간호사")
    assert nurse is not None
    assert nurse.check("4711")
    for wrong in ("4712", "", "04711", "471", "٤٧١١", "4711\n", "9" * 10_000, "\ud800", "scrypt$"):
        assert not nurse.check(wrong)
    assert config.staff_named("박간호사") is None


def test_a_name_is_the_same_in_both_spellings_of_hangul() -> None:
    config = parse_config({"staff": [{"name": "김 간호사", "pin": hash_pin("4711")}]}, "x")
    assert config.staff_named(" 김  간호사 ") is not None


def test_the_same_pin_looks_different_each_time_and_never_like_itself() -> None:
    one, other = hash_pin("4711"), hash_pin("4711")
    assert one != other
    assert "4711" not in repr(Staff.model_validate({"name": "a", "pin": one}))


@pytest.mark.parametrize("pin", ["", "1", "123", "abcd", "12 34", "1" * 13, "１２３４", "-1234"])
def test_a_pin_that_is_no_number_of_four_digits_is_refused(pin: str) -> None:
    with pytest.raises(PinError, match="4 to 12 digits"):
        hash_pin(pin)


@pytest.mark.parametrize(
    ("staff", "words"),
    [
        ([{"name": "a", "pin": "4711"}], ["staff[0].pin", "./care contacts pin"]),
        ([{"name": "a", "pin": "scrypt$00$00"}], ["staff[0].pin", "./care contacts pin"]),
        ([{"name": "a", "pin": 4711}], ["staff[0].pin", "string"]),
        ([{"name": "a"}], ["staff[0].pin", "given"]),
        ([{"name": "", "pin": hash_pin("4711")}], ["staff[0].name"]),
        (
            [{"name": "a", "pin": hash_pin("4711")}, {"name": " a", "pin": hash_pin("4712")}],
            ["two staff", "different"],
        ),
    ],
)
def test_bad_staff_are_refused_without_showing_a_pin(staff: list[dict[str, Any]], words: list[str]) -> None:
    sentence = refusal_of({"staff": staff})
    for word in words:
        assert word in sentence
    assert "4711" not in sentence


def test_a_room_may_have_a_speaker_of_its_own() -> None:
    config = parse_config({"rooms": {"bedroom": {"speaker": "bedroom_speaker"}}}, "x")
    assert [config.speaker_in(room) for room in ("bedroom", "kitchen", "")] == ["bedroom_speaker", "", ""]


@pytest.mark.parametrize("speaker", ["", "/bedroom", "bed room", "bed//room", "bed/", "1st", "침실", 5])
def test_a_speaker_that_is_no_namespace_is_refused(speaker: object) -> None:
    assert "rooms.bedroom.speaker" in refusal_of({"rooms": {"bedroom": {"speaker": speaker}}})
