"""What counts as OK, as a call for help, and as neither."""

import sys
import unicodedata
from collections import Counter
from enum import Enum
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from care_robot.care import phrases
from care_robot.care.dialogue import Intent, Question, calls_for_help, stops, understand


class Meaning(Enum):
    """What an answer to "Are you all right?" says about the resident."""

    OK = "ok"
    HELP = "help"
    UNCLEAR = "unclear"


def classify(text: str, language: str, confidence: float = 1.0) -> Meaning:
    """Meaning of an answer to "Are you all right?", where somebody who wants a person called needs help."""
    match understand(text, language, confidence, Question.FALL).intent:
        case Intent.OK:
            return Meaning.OK
        case Intent.HELP | Intent.CALL:
            return Meaning.HELP
        case _:
            return Meaning.UNCLEAR


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


@pytest.mark.parametrize("text", ["괜찮아요", "도와주세요"])
def test_the_way_it_is_written_does_not_matter(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKD")]
    forms += [f"  {text}!! ", text.replace("요", " 요"), "\u200b".join(text), f"“{text}”", f"{text}\n"]
    assert {classify(form, "ko") for form in forms} == {classify(text, "ko")}


HELP_CLAUSES = [
    *(
        "아파요",
        "다리를 못 움직이겠어",
        "도와주세요",
        "살려줘",
        "피가 나요",
        "어지러워요",
        "못 일어나겠어요",
        "안 괜찮아요",
    ),
    *(
        "it hurts",
        "help me",
        "I can't get up",
        "I'm bleeding",
        "I feel dizzy",
        "I'm not okay",
        "call an ambulance",
    ),
]
DOUBT_CLAUSES = [
    *(
        "아니",
        "안",
        "아니요",
        "못",
        "몰라",
        "글쎄",
        "아닌가",
        "아마",
        "근데",
        "인 것 같아",
        "그런가",
        "하지만",
    ),
    *("no", "not", "never", "but", "maybe", "I think", "if", "I don't know", "however", "was"),
]
FILE = Path(__file__).parents[1] / "data"
UTTERANCES = yaml.safe_load((FILE / "utterances.yaml").read_text(encoding="utf-8"))
DENIALS = ("아니", "아니요", "no")
"""Before "I am fine" they deny the fall; behind it they take it back."""
FINE = [
    (u["text"], u["language"])
    for u in UTTERANCES
    if u["intent"] == "ok" and u["question"] == "fall" and not u["text"].startswith(DENIALS)
]


def read_as(utterance: dict[str, str]) -> Intent:
    question = Question(utterance["question"])
    return understand(utterance["text"], utterance["language"], question=question).intent


@pytest.mark.parametrize(
    ("name", "least", "right_share"),
    [
        ("utterances.yaml", 500, 0.95),
        # Two sets that were written without sight of the rules, and that the rules were mended by afterwards.
        ("utterances_seen.yaml", 300, 0.95),
        # Written without sight of the rules and never read since: 94.7 % is what was measured.
        ("utterances_unseen.yaml", 150, 0.94),
    ],
)
def test_a_test_set_is_understood_and_no_help_or_doubt_is_ok(
    name: str, least: int, right_share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the last set only figures are ever shown."""
    utterances = yaml.safe_load((FILE / name).read_text(encoding="utf-8"))
    assert len(utterances) >= least
    of_each, right = Counter(u["intent"] for u in utterances), Counter[str]()
    fatal = 0
    for utterance in utterances:
        intent = read_as(utterance)
        right[utterance["intent"]] += intent.value == utterance["intent"]
        fatal += intent is Intent.OK and utterance["intent"] in ("help", "unclear")
    accuracy = right.total() / len(utterances)
    figures = ", ".join(f"{intent} {right[intent]}/{count}" for intent, count in of_each.items())
    with capsys.disabled():
        figures = f"{accuracy:.1%} of {len(utterances)} ({figures})"
        sys.stdout.write(f"\n{name}: {figures}, help or unclear read as OK: {fatal}\n")
    assert fatal == 0, "a call for help or an unclear answer is read as OK"
    assert accuracy >= right_share, "too few are understood"


def test_every_intent_and_question_is_in_the_test_set() -> None:
    assert {u["intent"] for u in UTTERANCES} == {intent.value for intent in Intent}
    assert {u["question"] for u in UTTERANCES} == {question.value for question in Question}
    assert len({(u["text"], u["language"], u["question"]) for u in UTTERANCES}) == len(UTTERANCES)


@pytest.mark.parametrize("clause", HELP_CLAUSES)
@pytest.mark.parametrize("between", [" ", ", ", "... "])
def test_no_ok_survives_a_cry_before_or_behind_it(clause: str, between: str) -> None:
    for fine, language in FINE:
        for text in (fine + between + clause, clause + between + fine):
            assert understand(text, language).intent is Intent.HELP, text


@given(st.sampled_from(FINE), st.sampled_from(DOUBT_CLAUSES), st.booleans())
def test_no_doubted_ok_is_ok(fine: tuple[str, str], doubt: str, behind: bool) -> None:
    text, language = fine
    said = f"{text} {doubt}" if behind or doubt in DENIALS else f"{doubt} {text}"
    assert understand(said, language).intent is not Intent.OK


@pytest.mark.parametrize(
    ("text", "language"), [("아니요 괜찮아요", "ko"), ("No, I'm fine", "en"), ("음… 괜찮아요", "ko")]
)
def test_who_denies_the_fall_or_thinks_before_saying_fine_is_fine(text: str, language: str) -> None:
    assert understand(text, language).intent is Intent.OK


@pytest.mark.parametrize("text", ["괜찮아요 아니", "괜찮아요 음", "아니 안 괜찮아요", "아니 괜찮지 않아"])
def test_a_denial_behind_or_within_it_takes_it_back(text: str) -> None:
    assert understand(text, "ko").intent is not Intent.OK


@given(
    st.sampled_from(FINE),
    st.one_of(st.text("bcdfgjkqvwxz", min_size=4), st.text("뷁쀍쬸퉯햏", min_size=1)),
    st.booleans(),
)
def test_an_ok_with_unknown_words_is_not_ok(fine: tuple[str, str], noise: str, behind: bool) -> None:
    text, language = fine
    said = f"{text} {noise}" if behind else f"{noise} {text}"
    assert understand(said, language).intent is not Intent.OK


@given(st.sampled_from(FINE), st.sampled_from(FINE))
def test_two_oks_are_as_good_as_one_except_in_another_language(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    text, language = f"{one[0]}. {other[0]}", one[1]
    assert understand(text, language).intent in (Intent.OK, Intent.UNCLEAR)
    assert understand(one[0], "ko" if language == "en" else "en").intent is not Intent.OK


HANGUL = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)


@given(
    st.one_of(st.text(), st.text(HANGUL), st.text("abcdefghijklmnopqrstuvwxyz ")),
    st.sampled_from(["ko", "en"]),
)
def test_random_text_is_never_ok(text: str, language: str) -> None:
    understood = understand(text, language)
    assert understood.intent is not Intent.OK
    assert 0.0 <= understood.confidence <= 1.0


@given(st.text(st.characters(exclude_categories=())), st.floats(), st.sampled_from(Question))
def test_any_text_has_a_meaning(text: str, confidence: float, question: Question) -> None:
    assert understand(text, "ko", confidence, question).intent in Intent
    assert classify(text, "ko", confidence) in Meaning
    assert calls_for_help(text) in (True, False)
    assert stops(text) in (True, False)


@pytest.mark.parametrize("confidence", [0.0, 0.59, -1.0, 1.01, float("nan"), float("inf")])
def test_what_was_heard_badly_is_unclear_but_never_help_a_stop_or_a_call(confidence: float) -> None:
    asked = {
        "괜찮아요": Question.FALL,
        "네": Question.FALL,
        "먹었어요": Question.MEDICATION,
        "나중에": Question.CHECK,
    }
    for text, question in asked.items():
        assert understand(text, "ko", 1.0, question).intent is not Intent.UNCLEAR
        assert understand(text, "ko", confidence, question).intent is Intent.UNCLEAR
    for text, intent in {"도와줘": Intent.HELP, "멈춰": Intent.STOP, "딸 불러줘": Intent.CALL}.items():
        assert understand(text, "ko", confidence).intent is intent


@pytest.mark.parametrize(
    "word", ["지금 ", "좀", "약은 ", "다시 ", "아까 아침에 다 ", "i just ", "please ", "not so "]
)
def test_repeated_words_take_no_exponential_time(word: str) -> None:
    """It would not end within a lifetime."""
    for question in Question:
        assert understand(word * 3000, "ko", question=question).intent is not Intent.OK


def test_the_evidence_is_what_it_rests_on() -> None:
    assert understand("괜찮아요… 아니 다리가 아파요", "ko").evidence == "아파"
    assert understand("네 괜찮아요", "ko").evidence == "괜찮아요"


def test_a_long_talk_is_judged_at_both_ends_fast_and_never_ok() -> None:
    assert classify("아 " * 490 + "도와주세요", "ko") is Meaning.HELP
    assert classify("도와주세요 " * 500_000, "ko") is Meaning.HELP
    assert classify("가" * 10_000 + " 도와주세요", "ko") is Meaning.HELP
    assert calls_for_help("가" * 10_000 + " help me")
    assert classify("괜찮아요" + " " * 996, "ko") is Meaning.OK
    assert classify("괜찮아요" + " " * 997, "ko") is Meaning.UNCLEAR
    assert classify("괜찮아요 " * 2_000, "ko") is Meaning.UNCLEAR


@pytest.mark.parametrize(
    "text",
    [
        "멈춰",
        "멈춰!",
        "로봇아 멈춰",
        "당장 멈춰",
        "정지",
        "그만",
        "거기 서",
        "멈춰 아파",
        "stop",
        "Stop!",
        "please stop",
        "help stop",
    ],
)
def test_a_stop_said_by_itself_stops(text: str) -> None:
    assert stops(text)


@pytest.mark.parametrize(
    "text",
    [
        "버스가 멈춰 섰어",
        "시계가 멈췄어",
        "안 멈춰",
        "멈추지 마",
        "멈춰 있는 버스",
        "아파서",
        "서울",
        "그만큼",
        "정지선을 지켜야지",
        "the bus stop",
        "don't stop",
        "stop by later",
        "nonstop",
        "it never stops",
        "움직이지 말고 기다려 주세요",
        "",
        "?",
    ],
)
def test_a_stop_within_a_sentence_does_not(text: str) -> None:
    assert not stops(text)


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
            parts = said.split()
            assert not any(
                stops(" ".join(parts[:n])) or calls_for_help(" ".join(parts[:n]))
                for n in range(1, len(parts) + 1)
            )
            for language in ("ko", "en"):
                words = said.split()
                heard = [
                    " ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)
                ]
                assert Meaning.OK not in {classify(part, language) for part in heard}
