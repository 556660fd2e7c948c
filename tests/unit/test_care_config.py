"""config/care.yaml: what is read, and what is refused with the key and the remedy."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care.alarms import Priority
from care_robot.care.channels import Webhook
from care_robot.care.config import CareConfig, CareConfigError, load_config, parse_config

SHIPPED = Path(__file__).parents[2] / "config" / "care.yaml"
ADDRESS = "https://example.org/T0KEN"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "care.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_shipped_file_says_what_the_defaults_are() -> None:
    assert load_config(SHIPPED) == CareConfig()


def test_the_defaults_page_one_carer_in_the_log() -> None:
    config = CareConfig()
    assert [(c.id, c.tier, c.channels[0].type) for c in config.contacts] == [("carer", 1, "console")]
    assert config.resident_in("anywhere").id == "resident"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("residants: []", ["residants", "unknown", "residents"]),
        ("contacts: [{id: a, chanels: []}]", ["contacts[0].chanels", "unknown", "channels"]),
        ("timeouts: {answer_ms: 15000}", ["timeouts.answer_ms", "unknown", "answer_s"]),
        ("timeouts: {answer_s: 15 s}", ["timeouts.answer_s", "seconds"]),
        ("timeouts: {answer_s: 15000}", ["timeouts.answer_s", "60", "seconds"]),
        ("timeouts: {answer_s: 0}", ["timeouts.answer_s", "1"]),
        ("timeouts: {answer_s: .nan}", ["timeouts.answer_s"]),
        ("timeouts: {first_page_s: 80}", ["timeouts.first_page_s", "70"]),
        ("timeouts: {recover_s: 301}", ["timeouts.recover_s", "300"]),
        ("timeouts: {presence_page_s: 61}", ["timeouts.presence_page_s", "60"]),
        ("timeouts: {self_test_s: 1}", ["timeouts.self_test_s", "10"]),
        ("timeouts: {audio_repeat_s: 0}", ["timeouts.audio_repeat_s", "5"]),
        ("timeouts: {answer_s: 40, first_page_s: 30}", ["first_page_s", "answer_s"]),
        ("setting: castle", ["setting", "home", "facility"]),
        ("language: fr", ["language", "ko", "en"]),
        ("residents: []", ["residents", "at least one"]),
        ("contacts: []", ["contacts", "at least one"]),
        ("contacts: [{id: a, channels: []}]", ["contacts[0].channels", "at least one"]),
        (
            "contacts: [{id: a, channels: [{type: pigeon}]}]",
            ["contacts[0].channels[0]", "console", "webhook"],
        ),
        ("contacts: [{id: a, channels: [{}]}]", ["contacts[0].channels[0]", "console", "email"]),
        ("contacts: [{id: a, channels: [{type: webhook}]}]", ["contacts[0].channels[0].url", "given"]),
        (
            "contacts: [{id: a, channels: [{type: webhook, adress: x}]}]",
            ["contacts[0].channels[0].adress", "unknown", "url"],
        ),
        (
            "contacts: [{id: a, channels: [{type: email, to: a@b.c, smtp: {hots: x}}]}]",
            ["contacts[0].channels[0].smtp.hots", "unknown", "'host'"],
        ),
        ("contacts: [{id: a b, channels: [{type: console}]}]", ["contacts[0].id", "letters"]),
        ("contacts: [{id: a, tier: 2, channels: [{type: console}]}]", ["tiers", "[2]", "gap"]),
        ("residents: [{id: a}, {id: a}]", ["residents", "'a'"]),
        ("residents: [{id: a, rooms: [x]}, {id: b, rooms: [x]}]", ["room", "'x'"]),
        ("contacts: &a [*a]", ["contacts"]),
        ("- 1", ["list"]),
        ("contacts: []\ncontacts: []", ["line 2", "'contacts' stands twice"]),
        ("setting: [", ["line 1", "not valid YAML"]),
        ("setting: !!python/object/apply:os.system [id]", ["not valid YAML"]),
        (b"setting: \xff\xfe", ["UTF-8"]),
        (b"x" * 1_000_001, ["over 1 MB"]),
        ("{1: 2}", ["1"]),
    ],
)
def test_a_fault_is_named_in_one_sentence(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    with pytest.raises(CareConfigError) as refusal:
        load_config(write(tmp_path, text))
    for word in ["care.yaml", *words]:
        assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "secret", ["*T0KEN", "!T0KEN", "&T0KEN", "{T0KEN", "@T0KEN", "'T0KEN", "%T0KEN", "`T0KEN"]
)
def test_a_secret_that_yaml_reads_as_something_else_is_not_shown(tmp_path: Path, secret: str) -> None:
    smtp = f"{{host: h.example.org, user: a@example.org, password: {secret}}}"
    with pytest.raises(CareConfigError) as refusal:
        load_config(
            write(tmp_path, f"contacts: [{{id: a, channels: [{{type: email, to: a@b.c, smtp: {smtp}}}]}}]")
        )
    assert "T0KEN" not in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(CareConfigError, match="cannot be read"):
            load_config(path)


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "# nothing yet\n")) == CareConfig()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/T0KEN",
        "ftp://example.org/T0KEN",
        "https://user:T0KEN@example.org/",
        "file:///T0KEN",
        "https:///T0KEN",
        "https://example.org:99999/T0KEN",
        "https://[T0KEN",
        "https://example.org/T0KEN\r\nX: y",
        "T0KEN",
    ],
)
def test_a_bad_webhook_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    config = {"contacts": [{"id": "a", "channels": [{"type": "webhook", "url": url}]}]}
    for attempt in (lambda: parse_config(config, "care.yaml"), lambda: CareConfig().with_webhook(url)):
        with pytest.raises(CareConfigError) as refusal:
            attempt()
        assert "T0KEN" not in str(refusal.value)


def test_an_address_is_never_shown() -> None:
    config = CareConfig().with_webhook(ADDRESS)
    assert "T0KEN" not in repr(config)
    assert "T0KEN" not in str(config)


def test_plain_http_is_for_this_machine_only() -> None:
    for url in ("http://127.0.0.1:8080/page", "http://localhost/page", "http://[::1]:1/page"):
        assert CareConfig().with_webhook(url)


def test_the_webhook_parameter_comes_first_and_the_log_stays() -> None:
    (carer,) = CareConfig().with_webhook("https://one.example/a").with_webhook(ADDRESS).contacts
    assert [c.type for c in carer.channels] == ["webhook", "console"]
    webhook = carer.channels[0]
    assert isinstance(webhook, Webhook)
    assert webhook.url.get_secret_value() == ADDRESS


def test_tiers_wait_as_the_setting_says() -> None:
    for text, high_s, medium_s, test_s in (({}, 120, 300, 3600), ({"setting": "facility"}, 60, 300, 60)):
        config = parse_config(text, "x")
        assert config.self_test_every_s() == test_s
        assert config.next_tier_after_s(Priority.HIGH) == high_s
        assert config.next_tier_after_s(Priority.MEDIUM) == medium_s
    slow = parse_config({"timeouts": {"next_tier_s": 90, "self_test_s": 600}}, "x")
    assert slow.next_tier_after_s(Priority.HIGH) == 90
    assert slow.self_test_every_s() == 600


def test_rooms_tell_whose_fall_it_is() -> None:
    residents = [{"id": "kim", "rooms": ["bedroom"]}, {"id": "lee"}, {"id": "han", "rooms": ["거실"]}]
    config = parse_config({"residents": residents}, "x")
    assert config.resident_in("bedroom").id == "kim"
    assert config.resident_in("거실").id == "han"
    assert config.resident_in("garden").id == "lee"
    assert config.resident_in("").id == "lee"


def test_language_is_the_residents_own_or_the_common_one() -> None:
    config = parse_config({"residents": [{"id": "a", "language": "en"}, {"id": "b"}]}, "x")
    assert [config.language_of(r) for r in ("a", "b", "nobody")] == ["en", "ko", "ko"]
    assert [config.speaking("en").language_of(r) for r in ("a", "b", "nobody")] == ["en"] * 3


YAML = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*CareConfig.model_fields, "id", "tier", "channels", "x"]) | st.integers(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(YAML)
def test_any_document_is_read_or_refused_with_a_sentence(document: object) -> None:
    try:
        config = parse_config(document, "care.yaml")
    except CareConfigError:
        with pytest.raises(CareConfigError, match=r"^care\.yaml"):
            parse_config(document, "care.yaml")
    else:
        assert config.contacts_of(1)
