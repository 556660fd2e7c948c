"""What counts as OK, as a call for help, and as neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care import dialogue, phrases
from care_robot.care.dialogue import Meaning, calls_for_help, classify

OK_KO = [
    "괜찮아요",
    "괜찮습니다.",
    "네, 괜찮아요!",
    "응 괜찮아",
    "저는 괜찮아요",
    "난 괜찮다",
    "나 멀쩡해",
    "별일 아니에요",
    "문제없습니다",
]
OK_EN = [
    "I'm fine",
    "I’m OK.",
    "Yes, I am all right, thank you",
    "I'm okay",
    "Thanks, I'm fine",
    "Everything is fine",
]
HELP = [
    *(
        "도와주세요",
        "도와줘",
        "도움이 필요해",
        "살려주세요",
        "아파요",
        "못 일어나겠어",
        "다리를 다쳤어",
        "구급차 불러줘",
    ),
    *(
        "help",
        "Help me!",
        "please help",
        "I can't get up",
        "it hurts",
        "call an ambulance",
        "I'm not OK",
        "not fine",
    ),
    *(
        "괜찮아요… 아니 아파요",
        "I'm fine... no, help me",
        "안 괜찮아요",
        "괜찮지 않아요",
        "괜찮은데 허리가 아파",
        "괜찮아 도와줘",
    ),
]
UNCLEAR = [
    *(
        "",
        " ",
        "?",
        "네",
        "예",
        "응",
        "아니",
        "yes",
        "no",
        "ok",
        "음...",
        "글쎄",
        "몰라",
        "나중에",
        "뭐라고?",
        "what?",
    ),
    *(
        "괜찮아?",
        "괜찮아요?",
        "괜찮아 안",
        "괜찮을 거야",
        "괜찮은 것 같기도 하고",
        "아마 괜찮아",
        "I'm fine I think",
        "fine?",
    ),
    *(
        "I was fine",
        "I'm fine but",
        "are you fine",
        "괜찮아요 아니요",
        "I'm fine no",
        "누가 괜찮아",
        "괜찮아괜찮아요괜찮",
    ),
]


@pytest.mark.parametrize("text", OK_KO)
def test_korean_ok(text: str) -> None:
    assert classify(text, "ko") is Meaning.OK


@pytest.mark.parametrize("text", OK_EN)
def test_english_ok(text: str) -> None:
    assert classify(text, "en") is Meaning.OK


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("text", HELP)
def test_help_in_either_language(text: str, language: str) -> None:
    assert classify(text, language) is Meaning.HELP


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("text", UNCLEAR)
def test_everything_else_is_unclear(text: str, language: str) -> None:
    assert classify(text, language) is Meaning.UNCLEAR


@pytest.mark.parametrize("language", ["", "fr", "KO"])
def test_in_an_unknown_language_nothing_is_ok(language: str) -> None:
    assert classify("괜찮아요", language) is Meaning.UNCLEAR


@pytest.mark.parametrize("confidence", [0.0, 0.59, -1.0, float("nan"), float("inf"), float("-inf")])
def test_ok_needs_a_sure_ear_and_help_does_not(confidence: float) -> None:
    assert classify("괜찮아요", "ko", confidence) is Meaning.UNCLEAR
    assert classify("도와주세요", "ko", confidence) is Meaning.HELP


@pytest.mark.parametrize("text", ["괜찮아요", "도와주세요"])
def test_the_way_it_is_written_does_not_matter(text: str) -> None:
    import unicodedata

    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKD")]
    forms += [f"  {text}!! ", text.replace("요", " 요"), "\u200b".join(text), f"“{text}”", f"{text}\n"]
    assert {classify(form, "ko") for form in forms} == {classify(text, "ko")}


DISTRESS = st.sampled_from(
    [w for words in (dialogue._KO_CALLS, dialogue._KO_DISTRESS) for w in words]
    + [f" {w} " for words in (dialogue._EN_CALLS, dialogue._EN_DISTRESS) for w in words]
)
FINE = st.sampled_from([*OK_KO, *OK_EN])
TALK = st.one_of(st.text(max_size=30), FINE)


@given(TALK, DISTRESS, TALK, st.sampled_from(["ko", "en"]))
def test_no_utterance_with_a_word_of_distress_is_ok(
    before: str, word: str, after: str, language: str
) -> None:
    assert classify(before + word + after, language) is not Meaning.OK


@given(
    FINE,
    st.sampled_from(["아니", "안", "no", "not", "never", "but", "몰라", "글쎄", "아닌가"]),
    st.booleans(),
)
def test_no_contradicted_ok_is_ok(fine: str, doubt: str, behind: bool) -> None:
    text = f"{fine} {doubt}" if behind else f"{doubt} {fine}"
    for language in ("ko", "en"):
        assert classify(text, language) is not Meaning.OK


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_has_a_meaning(text: str) -> None:
    assert classify(text, "ko") in Meaning
    assert calls_for_help(text) in (True, False)


def test_a_thousand_characters_of_an_utterance_are_judged_and_one_that_was_cut_is_never_ok() -> None:
    assert classify("아 " * 490 + "도와주세요", "ko") is Meaning.HELP
    assert classify("도와주세요 " * 500_000, "ko") is Meaning.HELP
    assert classify("괜찮아요" + " " * 996, "ko") is Meaning.OK
    assert classify("괜찮아요" + " " * 997, "ko") is Meaning.UNCLEAR
    assert classify("가" * 1_000 + "도와주세요", "ko") is Meaning.UNCLEAR
    assert not calls_for_help("가" * 1_000 + "도와주세요")


@pytest.mark.parametrize(
    "text", ["머리가 좀 아프네", "오늘 커피가 맛있다", "helpful", "whelp", "괜찮아요", ""]
)
def test_ordinary_talk_calls_nobody(text: str) -> None:
    assert not calls_for_help(text)


@pytest.mark.parametrize(("place", "language"), [(0, "ko"), (1, "en")])
def test_the_buttons_mean_what_they_say(place: int, language: str) -> None:
    meanings = [classify(choice[place], language) for choice in phrases.CHOICES]
    assert meanings == [Meaning.OK, Meaning.HELP]


def test_the_robots_own_questions_are_never_taken_for_an_answer() -> None:
    """A microphone that hears the robot, or a part of what it says, must not end an alarm or raise one."""
    questions = [text for pair in phrases.QUESTIONS.values() for text in pair]
    for text in (*questions, phrases.TOLD_PAGED, phrases.TOLD_WATCHING):
        for said in text:
            assert not calls_for_help(said)
            for language in ("ko", "en"):
                words = said.split()
                heard = [
                    " ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)
                ]
                assert Meaning.OK not in {classify(part, language) for part in heard}
