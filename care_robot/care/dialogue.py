"""What a resident's words mean for an alarm, judged with care: only words that leave no doubt count as OK.

OK is given only by a whole utterance that stands in a list. A word of distress anywhere means help. All the
rest, such as a contradiction, a question or a bare "yes", is unclear, and unclear never ends an alarm.
"""

import math
import unicodedata
from enum import Enum
from itertools import product

MIN_CONFIDENCE = 0.6
"""Below it a recognised "OK" may be another word; words of help count at any confidence."""
MAX_LENGTH = 1000
"""Characters of an utterance that are judged: nobody says more in one breath."""


class Meaning(Enum):
    """What an answer says about the resident."""

    OK = "ok"
    HELP = "help"
    UNCLEAR = "unclear"


def _listed(phrases: str) -> tuple[str, ...]:
    return tuple(phrases.split("|"))


# Korean is compared without spaces, English as whole words.
_KO_SELF = _listed("|저|전|저는|나|난|나는|네|예|응|어|네저는|예저는|응나는")
_KO_FINE = _listed(
    "괜찮아|괜찮아요|괜찮습니다|괜찮네|괜찮네요|괜찮다|괜찮소|괜찮구만|괜찮여|멀쩡해|멀쩡해요|멀쩡합니다|"
    "문제없어|문제없어요|문제없습니다|아무렇지않아|아무렇지않아요|아무렇지도않아|아무렇지도않아요|"
    "아무렇지도않습니다|별일아니야|별일아니에요|별일아닙니다|아무일없어|아무일없어요|아무일도없어요"
)
_EN_SELF = _listed("|yes |yeah |oh |no worries |thank you |thanks ")
_EN_FINE = _listed(
    "im ok|im okay|im fine|im alright|im all right|im good|im well|im quite all right|im perfectly fine|"
    "i am ok|i am okay|i am fine|i am alright|i am all right|i am good|i am well|i feel fine|"
    "everything is fine|everything is ok|all is well|all good"
)
_EN_END = _listed("| thank you| thanks| dear")

_OK = {
    "ko": frozenset(a + b for a, b in product(_KO_SELF, _KO_FINE)),
    "en": frozenset(a + b + c for a, b, c in product(_EN_SELF, _EN_FINE, _EN_END)),
}

# Words that call somebody, asked or not.
_KO_CALLS = _listed("도와|도움|살려|구해줘|구해주|119|일일구|구급차|사람불러|사람좀불러|응급")
_EN_CALLS = _listed("help|ambulance|emergency|save me|911|119|999|112|call somebody|call someone")
# Words of distress, which mean help in an answer but not in every talk.
_KO_DISTRESS = _listed(
    "아파|아프|아픈|아퍼|못일어|일어날수없|일어나지못|못움직|움직일수없|움직이지못|다쳤|다친|다쳐|부러|"
    "피가|피나|숨이|숨을|어지러|어지럽|쓰러|죽겠|죽을|안괜찮|괜찮지않|괜찮지못|못참|힘들|큰일|병원|의사|"
    "간호사|골절|마비"
)
_EN_DISTRESS = _listed(
    "hurt|hurts|hurting|pain|painful|injured|bleeding|blood|broken|broke|stuck|cannot|cant|unable|dizzy|"
    "breathe|breath|doctor|nurse|hospital|dying|faint|ache|aches|not ok|not okay|not fine|not all right|"
    "not alright|not good|not well"
)


def normalise(text: str) -> str:
    """`text` in composed, lower-case letters and digits with single spaces; a question keeps its mark."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    composed = composed.replace("'", "").replace("’", "").replace("`", "")
    kept = "".join(c if c.isalnum() or c == "?" else "" if _invisible(c) else " " for c in composed)
    return " ".join(kept.split())


def calls_for_help(text: str) -> bool:
    """Whether words call somebody even when nothing was asked."""
    return _contains(normalise(text[:MAX_LENGTH]), _KO_CALLS, _EN_CALLS)


def classify(text: str, language: str, confidence: float = 1.0) -> Meaning:
    """Meaning of an answer to "Are you all right?".

    Parameters
    ----------
    text
        The whole answer; one that is longer than `MAX_LENGTH` is never OK.
    language
        Language of the question, ``ko`` or ``en``: OK counts only in it, help counts in any.
    confidence
        Of speech recognition, 0 to 1.
    """
    words = normalise(text[:MAX_LENGTH])
    if _contains(words, _KO_CALLS + _KO_DISTRESS, _EN_CALLS + _EN_DISTRESS):
        return Meaning.HELP
    whole = words.replace(" ", "") if language == "ko" else words
    sure = math.isfinite(confidence) and confidence >= MIN_CONFIDENCE and len(text) <= MAX_LENGTH
    return Meaning.OK if sure and whole in _OK.get(language, frozenset()) else Meaning.UNCLEAR


def _contains(words: str, korean: tuple[str, ...], english: tuple[str, ...]) -> bool:
    letters = words.replace("?", "")
    joined, spaced = letters.replace(" ", ""), f" {' '.join(words.replace('?', ' ').split())} "
    return any(word in joined for word in korean) or any(f" {word} " in spaced for word in english)


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Mn", "Cc") and not character.isspace()
