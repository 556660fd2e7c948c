"""What a person's words mean, judged with care: only words that leave no doubt count as OK or as "taken".

Words are cut into known expressions (`lexicon`, `intents_ko`, `intents_en`) and judged in the safe order: help
first, OK last. Help, a stop and a call for somebody are found among other words. OK, "taken", yes and no need an
utterance in which every word is known and none speaks against them: a contradiction, a question, a condition,
a word from the television or a word that nobody wrote down makes it unclear, and unclear never ends an alarm.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from care_robot.care.intents_en import EN
from care_robot.care.intents_ko import KO
from care_robot.care.lexicon import Mark, Word, normalise, words

__all__ = ["Intent", "Meaning", "Question", "Understood", "calls_for_help", "classify", "normalise", "stops", "understand"]

MIN_CONFIDENCE = 0.6
"""Below it a recognised "OK" may be another word; help, a stop and a call count at any confidence."""
MAX_LENGTH = 1000
"""Characters of an utterance that are judged, at each end: nobody says more in one breath."""


class Intent(Enum):
    """What somebody means."""

    OK = "ok"
    YES = "yes"
    NO = "no"
    HELP = "help"
    NOT_SURE = "not_sure"
    LATER = "later"
    TAKEN = "taken"
    REPEAT = "repeat"
    STOP = "stop"
    CALL = "call"
    UNCLEAR = "unclear"


class Question(Enum):
    """What was asked before: the same words can mean different things."""

    FALL = "fall"
    CHECK = "check"
    MEDICATION = "medication"
    NONE = "none"


class Meaning(Enum):
    """What an answer to "Are you all right?" says about the resident."""

    OK = "ok"
    HELP = "help"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Understood:
    """An intent, how sure it is (0 to 1), and the words that it rests on."""

    intent: Intent
    confidence: float
    evidence: str


_ALWAYS = frozenset({Intent.HELP, Intent.STOP, Intent.CALL})
"""Count however badly they were heard."""
_BESIDE_FINE = frozenset({Mark.FINE, Mark.WELL, Mark.HARMLESS, Mark.YES, Mark.FELL, Mark.DECLINED})
_BESIDE_TAKEN = frozenset({Mark.TAKEN, Mark.TOOK, Mark.HARMLESS, Mark.YES, Mark.FINE, Mark.WELL})
_BESIDE_STOP = frozenset({Mark.STOP, Mark.HARMLESS, Mark.YES, Mark.NO, Mark.ADDRESS, Mark.RESCUE, Mark.DISTRESS})
_BESIDE_WHAT = frozenset({Mark.WHAT, Mark.QUESTION, Mark.HARMLESS, Mark.YES, Mark.ADDRESS})
_PLAIN = frozenset({Mark.HARMLESS, Mark.WELL, Mark.ADDRESS})


def understand(
    text: str, language: str, confidence: float = 1.0, question: Question = Question.FALL
) -> Understood:
    """What `text` means.

    Parameters
    ----------
    text
        The whole utterance; one that is longer than `MAX_LENGTH` is judged at both ends, for help and the like.
    language
        Language of the question, ``ko`` or ``en``: OK and "taken" count only in it, the rest in either.
    confidence
        Of speech recognition, 0 to 1.
    question
        What was asked.
    """
    said = _words(text)
    intent, rests_on = _intent(said, language, question)
    heard = min(max(confidence, 0.0), 1.0) if math.isfinite(confidence) else 0.0
    if intent not in _ALWAYS and (heard < MIN_CONFIDENCE or confidence > 1.0 or len(text) > MAX_LENGTH):
        intent = Intent.UNCLEAR
    length = sum(len(word.text) for word in said)
    known = sum(len(word.text) for word in said if word.mark is not Mark.UNKNOWN)
    return Understood(intent, heard * known / length if length else 0.0, " ".join(rests_on))


def calls_for_help(text: str) -> bool:
    """Whether words call for rescue, even when nothing was asked."""
    said = _words(text)
    return any(word.mark is Mark.RESCUE for word in said) and not _tells_a_story(said)


def stops(text: str) -> bool:
    """Whether the robot is told to stop, by itself or with a cry, and not within a sentence on something else."""
    said = _words(text)
    return any(w.mark is Mark.STOP for w in said) and all(w.mark in _BESIDE_STOP for w in said)


def classify(text: str, language: str, confidence: float = 1.0) -> Meaning:
    """Meaning of an answer to "Are you all right?", where somebody who wants a person called needs help."""
    match understand(text, language, confidence, Question.FALL).intent:
        case Intent.OK:
            return Meaning.OK
        case Intent.HELP | Intent.CALL:
            return Meaning.HELP
        case _:
            return Meaning.UNCLEAR


def _words(text: str) -> list[Word]:
    if len(text) <= MAX_LENGTH:
        return words(normalise(text), KO, EN)
    head, tail = normalise(text[:MAX_LENGTH]), normalise(text[-MAX_LENGTH:])
    return [*words(head, KO, EN), *words(tail, KO, EN)]


def _intent(said: list[Word], language: str, question: Question) -> tuple[Intent, list[str]]:
    """The intent and the words it rests on: dangers before comforts."""
    marks = {word.mark for word in said}

    def of(*wanted: Mark) -> list[str]:
        return [word.text for word in said if word.mark in wanted]

    own = {word.mark for word in said if word.korean is (language == "ko")} if language in ("ko", "en") else set()
    fine_marks = (Mark.FINE, Mark.WELL) if question is Question.CHECK else (Mark.FINE,)
    fine = own.intersection(fine_marks) and marks <= _BESIDE_FINE
    if not _tells_a_story(said):
        if distress := of(Mark.RESCUE, Mark.DISTRESS):
            return Intent.HELP, distress
        if not fine and (fell := of(Mark.FELL)):
            return Intent.HELP, fell
    if Mark.STOP in marks and marks <= _BESIDE_STOP:
        return Intent.STOP, of(Mark.STOP)
    if call := of(Mark.CALL):
        return Intent.CALL, call
    if Mark.CARER in marks and marks <= {Mark.CARER, *_PLAIN, Mark.YES}:
        return Intent.CALL, of(Mark.CARER)
    if Mark.REPEAT in marks or (Mark.WHAT in marks and marks <= _BESIDE_WHAT):
        return Intent.REPEAT, of(Mark.REPEAT, Mark.WHAT)
    if marks & {Mark.HEARSAY, Mark.MEDIA, Mark.HURT_THEN}:
        return Intent.UNCLEAR, of(Mark.HEARSAY, Mark.MEDIA, Mark.HURT_THEN)
    if unsure := of(Mark.NOT_SURE):
        return Intent.NOT_SURE, unsure
    if question is Question.MEDICATION:
        return _about_medicine(said, marks, own, of)
    if doubt := [each for each in of(Mark.DOUBT) if each.startswith(_DOUBTED)]:
        return Intent.UNCLEAR, doubt
    if later := of(Mark.LATER, Mark.WILL_TAKE):
        return Intent.LATER, later
    if Mark.TAKEN in own and marks <= _BESIDE_TAKEN:
        return Intent.TAKEN, of(Mark.TAKEN)
    if fine and not _fell_after(said):
        return Intent.OK, of(*fine_marks)
    return _yes_or_no(marks, of)


def _about_medicine(
    said: list[Word], marks: set[Mark], own: set[Mark], of: Callable[..., list[str]]
) -> tuple[Intent, list[str]]:
    """The intent of an answer to "Have you taken your medicine?"."""
    took = of(Mark.TAKEN, Mark.TOOK)
    if took and marks & {Mark.NOT_TAKEN, Mark.LATER, Mark.WILL_TAKE, Mark.NO, Mark.QUESTION, Mark.UNKNOWN}:
        return Intent.UNCLEAR, took
    if took and Mark.DOUBT in marks:
        return Intent.NOT_SURE, of(Mark.DOUBT)
    if own & {Mark.TAKEN, Mark.TOOK} and marks <= _BESIDE_TAKEN:
        return Intent.TAKEN, took
    if later := of(Mark.LATER):
        return Intent.LATER, later
    if will := of(Mark.WILL_TAKE):
        return (Intent.YES if Mark.NOW in marks else Intent.LATER), will
    if not_taken := of(Mark.NOT_TAKEN):
        return (Intent.UNCLEAR if Mark.QUESTION in marks else Intent.NO), not_taken
    if Mark.FINE in own and marks <= _BESIDE_FINE:
        return Intent.OK, of(Mark.FINE)
    return _yes_or_no(marks, of)


def _yes_or_no(marks: set[Mark], of: Callable[..., list[str]]) -> tuple[Intent, list[str]]:
    if Mark.YES in marks and marks <= {Mark.YES, Mark.NOW, *_PLAIN}:
        return Intent.YES, of(Mark.YES)
    if marks & {Mark.NO, Mark.DECLINED} and marks <= {Mark.NO, Mark.DECLINED, Mark.NOT_TAKEN, *_PLAIN}:
        return Intent.NO, of(Mark.NO, Mark.DECLINED)
    return Intent.UNCLEAR, of(Mark.DOUBT, Mark.QUESTION)


def _tells_a_story(said: list[Word]) -> bool:
    """Whether distress is somebody else's, or long ago: from the television, from hearsay, from last year."""
    marks = {word.mark for word in said}
    if marks & {Mark.MEDIA, Mark.HEARSAY}:
        return True
    distress = [word.text for word in said if word.mark in (Mark.DISTRESS, Mark.RESCUE)]
    return Mark.THEN in marks and all(text.startswith(_PAST) for text in distress)


_DOUBTED = ("괜찮", "멀쩡", "나아", "좋아")
_PAST = ("다쳤", "다친", "다쳐", "부러", "삐", "골절", "쓰러", "병원", "broke", "hurt", "injured", "hospital", "sick", "ill")


def _fell_after(said: list[Word]) -> bool:
    """Whether a fall is told after the last "I am fine", which then spoke of something before it."""
    places = {mark: [i for i, word in enumerate(said) if word.mark is mark] for mark in (Mark.FELL, Mark.FINE)}
    return bool(places[Mark.FELL]) and places[Mark.FELL][-1] > max(places[Mark.FINE], default=-1)
