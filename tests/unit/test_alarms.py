"""Text and ids from outside, before they become part of an alarm."""

from hypothesis import given
from hypothesis import strategies as st

from care_robot.care.alarms import MAX_ID, MAX_NAME, clean_id, clean_text

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=500)


@given(ANYTHING)
def test_clean_text_is_one_printable_line_of_limited_length(text: str) -> None:
    clean = clean_text(text)
    assert len(clean) <= MAX_NAME
    assert clean.isprintable()
    assert clean == clean.strip()
    clean.encode("utf-8")
    assert clean_text(clean) == clean


@given(st.text(st.characters(categories=("L", "N")), max_size=MAX_NAME))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert clean_text(text) == text


@given(ANYTHING, ANYTHING)
def test_different_ids_stay_different_and_can_be_stored(a: str, b: str) -> None:
    assert (clean_id(a) == clean_id(b)) is (a == b)
    assert len(clean_id(a)) <= MAX_ID
    clean_id(a).encode("utf-8")


def test_ids_that_differ_only_far_behind_stay_different() -> None:
    assert clean_id("x" * 10_000 + "1") != clean_id("x" * 10_000 + "2")


def test_plain_ids_stay_as_they_are() -> None:
    assert clean_id("fall-2026-03-01T12:00:00Z-body_k3f9x") == "fall-2026-03-01T12:00:00Z-body_k3f9x"
