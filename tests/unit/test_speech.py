"""Text to sound: what may be said, that it is said, and that espeak-ng is never more than a voice."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.actuation import speech
from care_robot.actuation.speech import (
    MAX_TEXT,
    Espeak,
    LanguageUnknownError,
    SpeechCancelledError,
    SpeechEngineMissingError,
    SpeechError,
    TextInvalidError,
    Wave,
    checked_text,
)

with_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def loudness(wave: Wave) -> float:
    """Root mean square, of full scale 32768."""
    return float(np.sqrt(np.mean(wave.samples.astype(float) ** 2)))


def program(folder: Path, script: str) -> str:
    """A stand-in for espeak-ng that behaves badly."""
    path = folder / "engine"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


@with_espeak
@pytest.mark.parametrize(
    ("text", "language", "shortest_s", "longest_s"),
    [
        ("괜찮으세요?", "ko", 0.5, 3.0),
        ("넘어지신 것 같아요. 괜찮으세요?", "ko", 1.5, 6.0),
        ("Are you all right?", "en", 0.5, 3.0),
        ("It looks as if you have fallen. Are you all right?", "en", 2.0, 8.0),
    ],
)
def test_korean_and_english_become_sound(
    text: str, language: str, shortest_s: float, longest_s: float
) -> None:
    wave = Espeak().synthesise(text, language)
    assert wave.samples.dtype == np.int16
    assert wave.samples.ndim == 1
    assert loudness(wave) > 300
    assert shortest_s < wave.duration_s < longest_s


@with_espeak
def test_different_texts_languages_and_speeds_sound_different() -> None:
    yes, no = Espeak().synthesise("네", "ko"), Espeak().synthesise("아니요, 아니요", "ko")
    assert no.duration_s > yes.duration_s
    number = "3 4 5"
    korean, english = Espeak().synthesise(number, "ko"), Espeak().synthesise(number, "en")
    assert not np.array_equal(korean.samples, english.samples)
    assert Espeak(100).synthesise(number, "ko").duration_s > Espeak(200).synthesise(number, "ko").duration_s


@with_espeak
@pytest.mark.parametrize(
    "text",
    [
        "--help",
        "-v de",
        "-w stolen.wav",
        "--stdout > stolen.wav",
        "$(touch stolen.wav) `touch stolen.wav` ; touch stolen.wav",
        "hello\x00world",
        "\x01100s fast \x1b[2J",
        "<speak>안녕</speak>",
        '<audio src="stolen.wav"/> hello',
        "a\ud800b",
        "\u202ehello\u200b 👩\u200d👩\u200d👧\u200d👦",
        pytest.param("가" * MAX_TEXT, id="longest"),
    ],
)
def test_hostile_text_is_only_ever_read_out(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for language in speech.LANGUAGES:
        wave = Espeak().synthesise(text, language)
        assert loudness(wave) > 100
    assert list(tmp_path.iterdir()) == []


@with_espeak
def test_brackets_are_read_not_taken_as_phonemes() -> None:
    in_brackets = Espeak().synthesise("a [[[h@l'oU]]] b", "en")
    assert np.array_equal(in_brackets.samples, Espeak().synthesise("a [ [ [h@l'oU]]] b", "en").samples)


@with_espeak
def test_markup_is_read_out() -> None:
    silent_if_interpreted = Espeak().synthesise("<speak><break/></speak>", "en")
    assert loudness(silent_if_interpreted) > 100


@with_espeak
@pytest.mark.parametrize("text", ["...", "—", "\u200b\u200b", "‰"])
def test_a_text_without_anything_to_say_is_refused(text: str) -> None:
    with pytest.raises(TextInvalidError, match="nothing that can be said"):
        Espeak().synthesise(text, "ko")


@with_espeak
def test_emojis_alone_are_named_in_english_and_refused_in_korean_whose_voice_has_no_names() -> None:
    assert loudness(Espeak().synthesise("😀👍", "en")) > 100
    with pytest.raises(TextInvalidError):
        Espeak().synthesise("😀👍", "ko")


@with_espeak
def test_a_text_that_would_be_read_for_many_minutes_is_refused() -> None:
    with pytest.raises(TextInvalidError, match="shorten it"):
        Espeak().synthesise("漢" * MAX_TEXT, "ko")  # each is spelled out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n\t ",
        "\x00\x01\x02",
        "\ud800",
        pytest.param("가" * (MAX_TEXT + 1), id="1001"),
        pytest.param("x" * 10_000, id="10000"),
    ],
)
def test_empty_and_endless_texts_are_refused_before_any_process_is_started(text: str) -> None:
    with pytest.raises(TextInvalidError, match=r"split it|at least one word"):
        Espeak(program="/nonexistent").synthesise(text, "ko")


@pytest.mark.parametrize(
    "language", ["", "fr", "KO", "ko-KR", "ko --help", "../ko", "en\x00", pytest.param("x" * 5000, id="5000")]
)
def test_an_unknown_language_is_refused_with_what_is_known(language: str) -> None:
    with pytest.raises(LanguageUnknownError, match="use ko or en") as error:
        Espeak(program="/nonexistent").synthesise("안녕하세요", language)
    assert len(str(error.value)) < 100


@given(st.text(max_size=1200))
def test_a_checked_text_is_one_clean_line_or_refused(text: str) -> None:
    try:
        line = checked_text(text)
    except TextInvalidError:
        assert len(text) > MAX_TEXT or not any(c.isprintable() and not c.isspace() for c in text)
        return
    assert 0 < len(line) <= MAX_TEXT
    assert checked_text(line) == line
    line.encode()
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in line)
    # Nothing that a person can read is lost.
    assert [c for c in line if c.isprintable() and c != " "] == [
        c for c in text if c.isprintable() and c != " "
    ]


def test_a_missing_engine_is_a_sentence_with_the_remedy() -> None:
    engine = Espeak(program="espeak-ng-that-is-not-there")
    with pytest.raises(SpeechEngineMissingError, match=r"not installed.*apt-get install espeak-ng"):
        engine.synthesise("안녕하세요", "ko")
    assert "apt-get install espeak-ng" in engine.missing()


@with_espeak
def test_an_installed_engine_is_not_reported_missing() -> None:
    assert Espeak().missing() == ""


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'the voice is broken' >&2; exit 3", "the voice is broken"),
        ("exit 3", "exit code 3"),
        ("kill -SEGV $$", "exit code -11"),
        ("exit 0", "no sound"),
        ("cat", "no sound"),
        ("head -c 100000 /dev/urandom", "no sound"),
        (
            r"printf 'RIFF\0\0\0\0WAVEfmt \20\0\0\0\1\0\2\0\42\126\0\0\0\0\0\0\4\0\20\0data\0\0\0\0'",
            "2-channel",
        ),
    ],
)
def test_an_engine_that_fails_is_a_sentence(tmp_path: Path, script: str, words: str) -> None:
    with pytest.raises(SpeechError, match=r"^The speech engine") as error:
        Espeak(program=program(tmp_path, script)).synthesise("안녕하세요", "ko")
    assert words in str(error.value)


def test_an_engine_that_may_not_be_run_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "engine").write_text("no program")
    with pytest.raises(SpeechError, match="cannot be started"):
        Espeak(program=str(tmp_path / "engine")).synthesise("안녕하세요", "ko")


@given(st.binary(max_size=200))
def test_any_bytes_from_the_engine_are_sound_or_a_sentence(tail: bytes) -> None:
    header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0"
    for sound in (
        tail,
        header + tail,
        header + b"\1\0\1\0\x22\x56\0\0\x44\xac\0\0\2\0\x10\0data\0\0\0\0" + tail,
    ):
        try:
            wave = speech._parse_wav(sound)
        except SpeechError:
            continue
        assert len(wave.samples) == (len(sound) - 44) // 2


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_cancelling_kills_the_process(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    engine = Espeak(program=program(tmp_path, f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 1000"))
    with pytest.raises(SpeechCancelledError):
        engine.synthesise("안녕하세요", "ko", pid.exists)
    assert gone(int(pid.read_text()))


def test_an_engine_that_hangs_is_killed_and_named(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    engine = Espeak(program=program(tmp_path, f"echo $$ > {pid}; exec sleep 1000"), timeout_s=0.5)
    with pytest.raises(SpeechError, match=r"did not finish within 0\.5 s"):
        engine.synthesise("안녕하세요", "ko")
    assert gone(int(pid.read_text()))


@with_espeak
def test_cancelling_kills_espeak_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    with pytest.raises(SpeechCancelledError):
        Espeak().synthesise("안녕하세요", "ko", lambda: True)
    assert [process.returncode for process in started] == [-9]
