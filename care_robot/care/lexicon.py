"""Words cut out of what a person said, each with a mark of what it says: the tables' machinery.

A table gives regular expressions for each mark. At every place the longest expression that fits is taken, so
that "안 아픈 데가 없어요" (not a place without pain) is not taken for "안 아파요" (no pain). What no
expression fits is marked UNKNOWN, and is never thrown away: whoever wants to be sure looks for it.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto


class Mark(Enum):
    """What some words say, each on its own. The order decides between expressions of the same length."""

    RESCUE = auto()
    """A call for help, asked or not."""
    DISTRESS = auto()
    """Pain, injury, cannot get up, not well."""
    FELL = auto()
    """A fall, or a bump, that is told: harmless only in one breath with being well."""
    HURT_THEN = auto()
    """An injury in the past tense, which may be long ago."""
    THEN = auto()
    """Long ago."""
    MEDIA = auto()
    """Television and the like as the source of words."""
    HEARSAY = auto()
    """Somebody is said to be hurt."""
    STOP = auto()
    QUIET = auto()
    """The robot is to be silent: no reason to latch its wheels."""
    CALL = auto()
    """A person is to be fetched or telephoned."""
    CARER = auto()
    """A carer's title, which calls when it stands alone."""
    REPEAT = auto()
    WHAT = auto()
    """A question word, which asks to repeat when it stands alone."""
    NOT_SURE = auto()
    DOUBT = auto()
    """Perhaps, I think, it seems, if."""
    TAKEN = auto()
    """Medicine was taken, with the medicine named."""
    TOOK = auto()
    """Something was taken or eaten: the medicine, where that was asked."""
    LATER = auto()
    NOW = auto()
    WILL_TAKE = auto()
    NOT_TAKEN = auto()
    DECLINED = auto()
    """Nobody is to be called, nothing is needed: no by itself, and harmless beside being well."""
    NO = auto()
    YES = auto()
    FINE = auto()
    """I am all right."""
    WELL = auto()
    """All right where it was asked how one is, and polite elsewhere."""
    HARMLESS = auto()
    """Says nothing against being all right, and nothing for it."""
    HESITATION = auto()
    ADDRESS = auto()
    """Speaks to the robot, or of it."""
    ASIDE = auto()
    """Known talk of something else, which hides a word of distress in it."""
    QUESTION = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Word:
    """Some words of an utterance with what they say, and whether a Korean table knew them."""

    mark: Mark
    text: str
    korean: bool = False


MOST = 5
"""Repetitions of a part of one expression; an expression that is longer is cut in two."""
Table = tuple[tuple[Mark, re.Pattern[str]], ...]


_HANTE = re.compile("헌티|한티|헌테|헌틔")
"""Dialect forms of the particle "to"."""


def normalise(text: str) -> str:
    """`text` in composed, lower-case letters and digits with single spaces; a question keeps its mark."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    composed = composed.replace("'", "").replace("’", "").replace("`", "")
    composed = _HANTE.sub("한테", composed)
    kept = "".join(
        c if c.isalnum() else " ? " if c == "?" else "" if _invisible(c) else " " for c in composed
    )
    return " ".join(kept.split())


def one_of(alternatives: str) -> str:
    """An expression for any of these, separated by ``|``; white space is only layout."""
    return f"(?:{''.join(alternatives.split())})"


def korean(expressions: Mapping[Mark, Sequence[str]]) -> Table:
    """A table in which spaces between syllables do not matter, as nobody and no recogniser agrees on them."""
    return tuple(
        (mark, re.compile(_spaced(_longest_first(each, glue=r"\s?"))))
        for mark in expressions
        for each in expressions[mark]
    )


def english(expressions: Mapping[Mark, Sequence[str]]) -> Table:
    """A table of whole words."""
    return tuple(
        (mark, re.compile(rf"(?:{_longest_first(each)})(?!\S)"))
        for mark in expressions
        for each in expressions[mark]
    )


def words(text: str, ko: Table, en: Table) -> list[Word]:
    """All of a normalised text, cut into the longest expressions that are known."""
    found: list[Word] = []
    place = 0
    while place < len(text):
        if text[place] == " ":
            place += 1
            continue
        word = _longest(text, place, ko, korean=True)
        if (place == 0 or text[place - 1] == " ") and not "가" <= text[place] <= "힣":
            word = max(word, _longest(text, place, en, korean=False), key=lambda each: len(each.text))
        if (
            not word.text
            and found
            and found[-1].korean
            and _TAIL.match(text, place)
            and text[place - 1] != " "
        ):
            word = Word(Mark.HARMLESS, text[place], korean=True)
        if not word.text:
            unknown = _unknown(text, place)
            word = Word(Mark.QUESTION if unknown == "?" else Mark.UNKNOWN, unknown)
        if word.mark is Mark.HARMLESS or (word.korean and word.mark in _OPEN_ENDED):
            found.extend(_distress_within(word, ko if word.korean else en))
        found.append(word)
        place += len(word.text)
    return found


_TAIL = re.compile(r"[야여잉유예요마제라](?= |$)(?! \?)")
"""A syllable with which dialects end a sentence that is complete without it."""
_WHOLE = frozenset({Mark.YES, Mark.HARMLESS, Mark.HESITATION, Mark.ADDRESS, Mark.STOP})
"""Short Korean expressions, which also stand within words that mean something else."""
_OPEN_ENDED = frozenset(
    {Mark.REPEAT, Mark.NOT_SURE, Mark.LATER, Mark.WILL_TAKE, Mark.NOT_TAKEN, Mark.NO, Mark.YES}
)
"""Expressions with open ends, which could swallow a word of distress."""


def _distress_within(word: Word, table: Table) -> list[Word]:
    first = 0 if word.mark is Mark.HARMLESS else 1
    hidden = []
    for mark, pattern in table:
        if mark in (Mark.RESCUE, Mark.DISTRESS):
            starts = (match for match in pattern.finditer(word.text, first) if _whole_start(word.text, match))
            hidden += [Word(mark, match.group(), word.korean) for match in starts]
    return hidden


def _whole_start(text: str, match: re.Match[str]) -> bool:
    return match.start() == 0 or text[match.start() - 1] == " "


def _longest(text: str, place: int, table: Table, *, korean: bool) -> Word:
    best, length = Mark.UNKNOWN, 0
    for mark, pattern in table:
        match = pattern.match(text, place)
        if match and korean and mark in _WHOLE and not _whole(text, match):
            continue
        fits = len(match.group().rstrip()) if match else 0
        if fits > length or (fits == length > 0 and mark.value < best.value):
            best, length = mark, fits
    return Word(best, text[place : place + length], korean)


def _whole(text: str, match: re.Match[str]) -> bool:
    end = match.start() + len(match.group().rstrip())
    return text[match.start() - 1 : match.start()] in ("", " ") and text[end : end + 1] in ("", " ")


def _unknown(text: str, place: int) -> str:
    """One syllable of Korean, or a whole word of another script."""
    end = place + 1
    if not "가" <= text[place] <= "힣":
        while end < len(text) and text[end] != " " and not "가" <= text[end] <= "힣":
            end += 1
    return text[place:end]


def _longest_first(expression: str, glue: str = "") -> str:
    """Order alternatives by length in every group, since `re` takes the first; `glue` joins repetitions."""
    depth, alternatives = 0, [""]
    for piece in re.split(r"(\(|\)|\|)", expression):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and depth == 0:
            alternatives.append("")
        else:
            alternatives[-1] += piece
    ordered = []
    for alternative in alternatives:
        done, place = "", 0
        while (opening := alternative.find("(", place)) >= 0:
            closing = _closing(alternative, opening)
            head = re.match(r"\(\?(?::|=|!|<=|<!)", alternative[opening:])
            inner = opening + (len(head.group()) if head else 1)
            group = alternative[opening:inner] + _longest_first(alternative[inner:closing], glue) + ")"
            place_after = closing + 1
            least = {"*": 0, "+": 1}.get(alternative[place_after : place_after + 1])
            done += alternative[place:opening]
            if least is None:
                done += group
            else:  # bounded, so that no hostile text takes exponential time
                done += f"(?:{glue}{group}){{{least},{MOST}}}"
                place_after += 1
            place = place_after
        ordered.append(done + alternative[place:])
    return "|".join(sorted(ordered, key=len, reverse=True))


def _closing(expression: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(expression)):
        depth += (expression[place] == "(") - (expression[place] == ")")
        if depth == 0:
            return place
    raise ValueError(f"A bracket is not closed in {expression}.")


def _spaced(expression: str) -> str:
    flat = "".join(expression.split()).replace(r"\S*", r"(?<!\s)\S*")  # the end of a word, not the next one
    return re.sub(r"(?<=[가-힣)?*+}])(?=[가-힣]|\(\?:)", " ?", flat)


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Mn", "Cc") and not character.isspace()
