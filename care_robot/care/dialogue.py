"""What a person's words mean, judged with care: only words that leave no doubt count as OK or as "taken".

Words are cut into known expressions (`lexicon`, `intents_ko`, `intents_en`) and judged in the safe order:
help first, OK last. Help and a call for somebody are found among other words, and a stop in a clause of its
own. OK, "taken", yes and no need an utterance in which every word is known and none speaks against them: a
contradiction ("no, I am fine"), a question, a condition, words from the television or a word that stands in
no table make it unclear, and unclear never ends an alarm.
"""

import math
import re
from dataclasses import dataclass
from enum import Enum

from care_robot.care.intents_en import EN
from care_robot.care.intents_ko import KO
from care_robot.care.lexicon import Mark, Word, normalise, words

__all__ = [
    "Intent",
    "Question",
    "Understood",
    "calls_for_help",
    "normalise",
    "stops",
    "understand",
]

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
_BESIDE_STOP = frozenset(
    {Mark.STOP, Mark.HARMLESS, Mark.YES, Mark.NO, Mark.DECLINED, Mark.ADDRESS, Mark.RESCUE, Mark.DISTRESS}
)
_BESIDE_WHAT = frozenset({Mark.WHAT, Mark.QUESTION, Mark.HARMLESS, Mark.YES, Mark.ADDRESS, Mark.HESITATION})
_BESIDE_QUIET = frozenset({Mark.QUIET, Mark.HARMLESS, Mark.ADDRESS, Mark.STOP, Mark.HESITATION})
_PLAIN = frozenset({Mark.HARMLESS, Mark.WELL, Mark.ADDRESS, Mark.HESITATION})


def understand(
    text: str, language: str, confidence: float = 1.0, question: Question = Question.FALL
) -> Understood:
    """What `text` means.

    Parameters
    ----------
    text
        The whole utterance; of one longer than `MAX_LENGTH` both ends are judged, for help and the like.
    language
        Language of the question, ``ko`` or ``en``: OK and "taken" count only in it, the rest in either.
    confidence
        Of speech recognition, 0 to 1.
    question
        What was asked.
    """
    said = _words(text)
    intent, rests_on = _intent(said, language, question, stopped=stops(text))
    if (intent is Intent.OK and _trails_off(text)) or (intent is Intent.YES and _PAUSE.search(text)):
        intent = Intent.UNCLEAR
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
    """Whether the robot is told to stop, alone or with a cry, not in a sentence on something else."""
    return any(_is_stop(_words(part)) for part in {text, *_BREAK.split(text[:MAX_LENGTH])})


def _words(text: str) -> list[Word]:
    if len(text) <= MAX_LENGTH:
        return words(normalise(text), KO, EN)
    head, tail = normalise(text[:MAX_LENGTH]), normalise(text[-MAX_LENGTH:])
    return [*words(head, KO, EN), *words(tail, KO, EN)]


Rule = tuple[object, Intent, tuple[Mark, ...]]
"""Whether it holds, what it means, and the words it rests on."""


def _intent(
    said: list[Word], language: str, question: Question, *, stopped: bool
) -> tuple[Intent, list[str]]:
    """The intent and the words it rests on: the first rule that holds, dangers before comforts."""
    marks = {word.mark for word in said}
    own = {w.mark for w in said if w.korean is (language == "ko")} if language in ("ko", "en") else set()
    fine_marks = (Mark.FINE, Mark.WELL) if question is Question.CHECK else (Mark.FINE,)
    alone = [w.text for w in said if w.mark in fine_marks] == ["well"]  # which only hesitates
    fine = own.intersection(fine_marks) and not alone and _without_first_no(said) <= _BESIDE_FINE
    story = _tells_a_story(said)
    doubted = any(word.mark is Mark.DOUBT and word.text.startswith(_DOUBTED) for word in said)
    if {Mark.TOOK, Mark.LATER} <= marks and _ate_before(said):
        marks.discard(Mark.LATER)
    rules: list[Rule] = [
        (marks & {Mark.RESCUE, Mark.DISTRESS} and not story, Intent.HELP, (Mark.RESCUE, Mark.DISTRESS)),
        (Mark.FELL in marks and not story and not fine, Intent.HELP, (Mark.FELL,)),
        (stopped, Intent.STOP, (Mark.STOP,)),
        (Mark.QUIET in marks and marks <= _BESIDE_QUIET, Intent.STOP, (Mark.QUIET,)),
        (Mark.CALL in marks, Intent.CALL, (Mark.CALL,)),
        (Mark.CARER in marks and marks <= {Mark.CARER, Mark.YES, *_PLAIN}, Intent.CALL, (Mark.CARER,)),
        (Mark.REPEAT in marks and Mark.LATER in marks, Intent.LATER, (Mark.LATER,)),
        (Mark.REPEAT in marks, Intent.REPEAT, (Mark.REPEAT, Mark.WHAT)),
        (Mark.WHAT in marks and marks <= _BESIDE_WHAT, Intent.REPEAT, (Mark.WHAT,)),
        (story or Mark.HURT_THEN in marks, Intent.UNCLEAR, (Mark.HEARSAY, Mark.MEDIA, Mark.HURT_THEN)),
        (Mark.NOT_SURE in marks, Intent.NOT_SURE, (Mark.NOT_SURE,)),
    ]
    if question is Question.MEDICATION:
        rules += _about_medicine(marks, own)
    else:
        rules += [
            (doubted, Intent.UNCLEAR, (Mark.DOUBT,)),
            (marks & {Mark.LATER, Mark.WILL_TAKE}, Intent.LATER, (Mark.LATER, Mark.WILL_TAKE)),
            (Mark.TAKEN in own and marks <= _BESIDE_TAKEN, Intent.TAKEN, (Mark.TAKEN,)),
            (fine and not _fell_after(said), Intent.OK, fine_marks),
        ]
    refused = {Mark.NO, Mark.DECLINED}
    rules += [
        (Mark.YES in marks and marks <= {Mark.YES, Mark.NOW, *_PLAIN}, Intent.YES, (Mark.YES,)),
        (marks & refused and marks <= {Mark.NOT_TAKEN, *refused, *_PLAIN}, Intent.NO, tuple(refused)),
        (True, Intent.UNCLEAR, (Mark.DOUBT, Mark.QUESTION)),
    ]
    _, intent, rests_on = next(rule for rule in rules if rule[0])
    return intent, [word.text for word in said if word.mark in rests_on]


def _without_first_no(said: list[Word]) -> set[Mark]:
    """What is said, without a "no" or an "um" before "I am fine": it denies the fall, not being fine."""
    first = next((i for i, word in enumerate(said) if word.mark is Mark.FINE), 0)
    before = {word.mark for word in said[:first] if not (word.mark is Mark.HESITATION or _denies(word))}
    return before | {word.mark for word in said[first:]}


def _denies(word: Word) -> bool:
    """Whether a "no" denies what was asked: "아닌가" asks, and "not" negates what follows."""
    if word.korean:
        return word.mark is Mark.NO and "닌" not in word.text
    return word.mark is Mark.NO and word.text.split()[0] in ("no", "nope", "nah")


def _ate_before(said: list[Word]) -> bool:
    """Whether "after dinner" only says when it was taken: "I took it, after dinner"."""
    took = next(i for i, word in enumerate(said) if word.mark is Mark.TOOK)
    later = [(i, word.text) for i, word in enumerate(said) if word.mark is Mark.LATER]
    return all(i > took and text.endswith("먹고") for i, text in later)


def _is_stop(said: list[Word]) -> bool:
    return any(word.mark is Mark.STOP for word in said) and all(word.mark in _BESIDE_STOP for word in said)


def _about_medicine(marks: set[Mark], own: set[Mark]) -> list[Rule]:
    """What an answer to "Have you taken your medicine?" means; "I am fine" is no "taken"."""
    took = {Mark.TAKEN, Mark.TOOK}
    against = {
        Mark.NOT_TAKEN,
        Mark.LATER,
        Mark.WILL_TAKE,
        Mark.NO,
        Mark.DECLINED,
        Mark.QUESTION,
        Mark.UNKNOWN,
    }
    return [
        (marks & took and marks & against, Intent.UNCLEAR, tuple(took)),
        (marks & took and Mark.DOUBT in marks, Intent.NOT_SURE, (Mark.DOUBT,)),
        (own & took and marks <= _BESIDE_TAKEN, Intent.TAKEN, tuple(took)),
        (Mark.LATER in marks, Intent.LATER, (Mark.LATER,)),
        (Mark.WILL_TAKE in marks and Mark.NOW in marks, Intent.YES, (Mark.WILL_TAKE,)),
        (Mark.WILL_TAKE in marks, Intent.LATER, (Mark.WILL_TAKE,)),
        (Mark.NOT_TAKEN in marks and Mark.QUESTION not in marks, Intent.NO, (Mark.NOT_TAKEN,)),
        (Mark.FINE in own and marks <= _BESIDE_FINE - {Mark.FELL}, Intent.OK, (Mark.FINE,)),
    ]


def _tells_a_story(said: list[Word]) -> bool:
    """Whether distress is somebody else's, or long ago: from the television, from hearsay, from last year."""
    marks = {word.mark for word in said}
    if marks & {Mark.MEDIA, Mark.HEARSAY}:
        return True
    distress = [word.text for word in said if word.mark in (Mark.DISTRESS, Mark.RESCUE)]
    return Mark.THEN in marks and all(text.startswith(_PAST) for text in distress)


_DOUBTED = ("괜찮", "멀쩡", "나아", "좋아")
_PAST = (
    "다쳤",
    "다친",
    "다쳐",
    "부러",
    "삐",
    "골절",
    "쓰러",
    "병원",
    "broke",
    "hurt",
    "injured",
    "hospital",
    "sick",
    "ill",
)


_PAUSE = re.compile(r"\.\.+|…")
_BREAK = re.compile(r"[.,!;…\n]+")


def _trails_off(text: str) -> bool:
    """Whether a written pause follows "I am fine", as when something else was to come."""
    return any(word.mark is Mark.FINE for part in _PAUSE.split(text)[:-1] for word in _words(part))


def _fell_after(said: list[Word]) -> bool:
    """Whether a fall is told after the last "I am fine", which then spoke of something before it."""
    last_fine = max((i for i, word in enumerate(said) if word.mark is Mark.FINE), default=-1)
    return any(w.mark is Mark.FELL and not w.text.startswith(_ONLY) for w in said[last_fine + 1 :])


_ONLY = ("그냥", "살짝", "잠깐", "조금", "좀", "쪼매", "쪼께", "just", "only", "i just", "i only")
"""Makes little of a fall."""
