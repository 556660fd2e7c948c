"""Words in both languages."""

from typing import NamedTuple


class Text(NamedTuple):
    """One sentence in both languages."""

    ko: str
    en: str


NO_TEXT = Text("", "")


def both(text: Text) -> str:
    """Both languages in one line, Korean first."""
    return f"{text.ko} · {text.en}"
