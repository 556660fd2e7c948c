"""What a microphone hears becomes words: whole ones, at once for a stop, and never the robot's own."""

import json
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.actuation import recognition, vosk_model
from care_robot.actuation.recognition import BLOCK, HELP_HELD, Ear, Ears, Recognised, open_microphone
from care_robot.actuation.vosk_model import RATE_HZ, RecognitionError, check_model, load_recogniser

PATIENCE_S = 10.0
SILENCE = bytes(2 * BLOCK)
BLOCK_S = BLOCK / RATE_HZ


def partial(text: str) -> tuple[int, str]:
    return 0, json.dumps({"partial": text})


def final(text: str, confidence: float = 0.9, start_s: float = 0.0) -> tuple[int, str]:
    words = [{"word": w, "conf": confidence, "start": start_s, "end": start_s + 1} for w in text.split()]
    return 1, json.dumps({"text": text, "result": words})


class Script:
    """A recogniser that hears what the test says, one answer for each block."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers = list(answers)
        self.resets = 0

    def AcceptWaveform(self, data: bytes) -> int:  # noqa: N802
        self.done, self.answer = self.answers.pop(0) if self.answers else partial("")
        return self.done

    def Result(self) -> str:  # noqa: N802
        return self.answer

    PartialResult = Result

    def Reset(self) -> None:  # noqa: N802
        self.resets += 1


def hear(*answers: tuple[int, str], language: str = "ko") -> list[Recognised]:
    ear = Ear(language, Script(*answers))
    given_on = [ear.feed(SILENCE, 100.0 + n * BLOCK_S) for n in range(1, len(answers) + 1)]
    return [each for each in given_on if each is not None]


def test_words_are_given_on_when_they_have_ended_with_the_mean_confidence_and_their_beginning() -> None:
    words = [
        {"word": "저는", "conf": 0.5, "start": 0.1, "end": 0.2},
        {"word": "[unk]", "conf": 0.1, "start": 0.0, "end": 0.1},
        {"word": "괜찮아요", "conf": 1.0, "start": 0.2, "end": 0.3},
    ]
    said = json.dumps({"text": "저는 [unk] 괜찮아요", "result": words})
    heard = hear(partial(""), partial(""), (0, '{"partial": ""}'), (1, said))
    assert [h.text for h in heard] == ["저는 괜찮아요"]
    assert heard[0].confidence == pytest.approx(0.75)
    assert heard[0].began_s == pytest.approx(100.1)


def test_a_beginning_is_never_later_than_the_first_word_that_showed() -> None:
    heard = hear(partial("괜찮"), *[partial("괜찮아요")] * 8, final("괜찮아요", start_s=0.9))
    assert heard[0].began_s <= 100.1


def test_silence_and_noise_are_no_words() -> None:
    assert hear(partial(""), (1, '{"text": ""}'), (1, '{"text": "[unk]", "result": []}')) == []


def test_a_spoken_stop_does_not_wait_for_the_pause() -> None:
    heard = hear(partial("멈춰"), partial("멈춰"), final("멈춰"))
    assert [h.text for h in heard] == ["멈춰"]
    assert [h.text for h in hear(partial("stop"), partial("stop now"), language="en")] == ["stop"]


def test_a_call_for_help_does_not_wait_for_the_pause_once_it_has_stood_for_half_a_second() -> None:
    assert [h.text for h in hear(*[partial("도와줘")] * HELP_HELD)] == ["도와줘"]
    assert (
        hear(*[partial("도와줘")] * (HELP_HELD - 1), partial("도와줘서 고마워"), partial("도와줘서 고마워"))
        == []
    )


def test_more_words_after_an_early_stop_are_given_on_too() -> None:
    assert [h.text for h in hear(partial("멈춰"), final("멈춰 아파"))] == ["멈춰", "멈춰 아파"]


def test_after_an_utterance_the_next_stop_counts_again() -> None:
    assert len(hear(partial("멈춰"), final("멈춰"), partial("멈춰"), final("멈춰"))) == 2


@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.none() | st.floats() | st.text(),
            lambda x: (
                st.lists(x)
                | st.dictionaries(st.sampled_from(["text", "partial", "result", "word", "conf", "start"]), x)
            ),
        ).map(json.dumps),
    ),
    st.booleans(),
)
def test_whatever_a_recogniser_answers_never_ends_the_listening(answer: str, done: bool) -> None:
    for each in hear((int(done), answer)):
        assert each.text
        assert each.confidence == each.confidence


class Microphone:
    """Gives the blocks that the test puts in, and counts how often it is open."""

    def __init__(self, *, failures: int = 0) -> None:
        self.failures = failures
        self.opened = threading.Event()
        self.is_open = False
        self.take: Callable[[bytes], None] = lambda _: None

    def open(self, device: str, take: Callable[[bytes], None]) -> Any:
        if self.failures:
            self.failures -= 1
            raise RecognitionError("There is no microphone.")
        self.take, self.is_open = take, True
        self.opened.set()
        return SimpleNamespace(close=self._close)

    def _close(self) -> None:
        self.is_open = False

    def give(self, blocks: int = 1) -> None:
        assert self.opened.wait(PATIENCE_S)
        for _ in range(blocks):
            self.take(SILENCE)


class Room:
    """Ears with a microphone, and what they gave on."""

    def __init__(self, *, own: str = "", tongue: str = "ko", failures: int = 0, **scripts: Script) -> None:
        self.microphone = Microphone(failures=failures)
        self.heard: queue.Queue[Recognised] = queue.Queue()
        scripts_of = {Path(f"/{language}"): script for language, script in scripts.items()}
        self.ears = Ears(
            {language: Path(f"/{language}") for language in scripts},
            "",
            heard=self.heard.put,
            own_words=lambda _: own,
            tongue=lambda: tongue,
            now_s=lambda: 100.0,
            load=lambda folder: scripts_of[folder],
            open_stream=self.microphone.open,
        )

    def __enter__(self) -> "Room":
        self.ears.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ears.stop(PATIENCE_S)


def scripted(*answers: tuple[int, str]) -> Script:
    """Ends with words that every test waits for, and that pass every filter."""
    return Script(*answers, final("멈춰"))


def texts_heard(room: Room, blocks: int) -> list[str]:
    with room:
        room.microphone.give(blocks)
        found = [room.heard.get(timeout=PATIENCE_S).text]
        while found[-1] != "멈춰":
            found.append(room.heard.get(timeout=PATIENCE_S).text)
        return found[:-1]


def test_what_is_said_in_the_language_of_the_question_is_given_on() -> None:
    assert texts_heard(Room(ko=scripted(final("저는 괜찮아요"))), 2) == ["저는 괜찮아요"]


def test_a_recogniser_of_another_language_makes_words_of_anything_so_only_its_stop_and_help_count() -> None:
    room = Room(ko=scripted(final("이 엠 파인"), final("도와줘")), en=Script(), tongue="en")
    assert texts_heard(room, 3) == ["도와줘"]


@pytest.mark.parametrize(
    "own",
    ["괜찮으세요? 지금 어떠신지 말씀해 주세요.", "멈추려면 멈춰 라고 말씀하세요. 도와줘 라고 하셔도 돼요."],
)
def test_while_the_robot_speaks_nothing_is_heard_but_a_stop_and_help_in_others_words(own: str) -> None:
    echo = own.replace("?", "").replace(".", "")
    room = Room(own=own, ko=Script(final(echo), final("괜찮아요"), final(f"{echo} 살려줘"), final("정지")))
    with room:
        room.microphone.give(4)
        assert room.heard.get(timeout=PATIENCE_S).text == "살려줘"
        assert room.heard.get(timeout=PATIENCE_S).text == "정지"
    assert room.heard.empty()


def test_the_microphone_is_open_between_start_and_stop_alone() -> None:
    room = Room(ko=Script())
    assert not room.ears.open
    with room:
        assert room.microphone.opened.wait(PATIENCE_S)
    assert not room.ears.open
    assert not room.microphone.is_open


def test_without_a_model_the_microphone_stays_closed() -> None:
    with Room() as room:
        pass
    assert not room.microphone.opened.is_set()
    assert room.ears.trouble == ""


def test_a_microphone_that_is_missing_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "RETRY_S", 0.0)
    assert texts_heard(Room(failures=2, ko=scripted()), 1) == []


def test_a_bad_model_is_told_and_the_other_language_goes_on(tmp_path: Path) -> None:
    microphone, heard = Microphone(), queue.Queue[Recognised]()

    def load(folder: Path) -> Script:
        if folder == tmp_path:
            check_model(folder)
        return scripted()

    ears = Ears(
        {"en": tmp_path, "ko": Path("/ko")},
        "",
        heard=heard.put,
        own_words=lambda _: "",
        tongue=lambda: "ko",
        now_s=lambda: 0.0,
        load=load,
        open_stream=microphone.open,
    )
    ears.start()
    microphone.give()
    assert heard.get(timeout=PATIENCE_S).text == "멈춰"
    assert str(tmp_path) in ears.trouble
    ears.stop(PATIENCE_S)


def test_a_recogniser_that_is_too_slow_loses_sound_and_says_so() -> None:
    room = Room(ko=Script())
    for _ in range(recognition.BACKLOG + 1):
        room.ears._take(SILENCE)
    assert "too slow" in room.ears.trouble


# Models of speech ---------------------------------------------------------------------------------


def model(folder: Path) -> Path:
    """A folder that looks like a model, with rubbish in it."""
    for name in ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/HCLG.fst"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("--sample-frequency=16000\n" if name.startswith("conf") else "rubbish")
    return folder


def test_a_folder_that_looks_like_a_model_passes_the_first_look(tmp_path: Path) -> None:
    check_model(model(tmp_path))


@pytest.mark.parametrize("part", ["am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/HCLG.fst"])
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    (model(tmp_path) / part).unlink()
    with pytest.raises(RecognitionError, match=part):
        load_recogniser(tmp_path)


def test_what_is_no_folder_is_told_with_the_remedy(tmp_path: Path) -> None:
    archive = tmp_path / "model.zip"
    archive.write_bytes(b"PK")
    for path in (tmp_path / "nowhere", archive, tmp_path):
        with pytest.raises(RecognitionError, match="unpack it"):
            load_recogniser(path)


def test_a_model_one_folder_deeper_is_named(tmp_path: Path) -> None:
    inner = model(tmp_path / "vosk-model-small-ko-0.22")
    with pytest.raises(RecognitionError, match=str(inner)):
        load_recogniser(tmp_path)


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"rubbish", b"\0B<TransitionModel> \xff\xff\xff\x7f", bytes(100_000)],
    ids=["empty", "text", "truncated", "zeros"],
)
def test_a_damaged_model_is_a_sentence_and_not_the_end_of_the_process(tmp_path: Path, rubbish: bytes) -> None:
    """The real library, in the process that tries a model first."""
    pytest.importorskip("vosk")
    (model(tmp_path) / "am" / "final.mdl").write_bytes(rubbish)
    with pytest.raises(RecognitionError, match="damaged"):
        load_recogniser(tmp_path)


def test_a_trial_that_dies_or_hangs_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("vosk")
    folder = model(tmp_path)
    monkeypatch.setattr(vosk_model, "_TRIAL", "import os; os.abort()")
    with pytest.raises(RecognitionError, match="damaged"):
        load_recogniser(folder)
    monkeypatch.setattr(vosk_model, "_TRIAL", "import threading; threading.Event().wait()")
    monkeypatch.setattr(vosk_model, "TRIAL_S", 0.5)
    with pytest.raises(RecognitionError, match="did not load"):
        load_recogniser(folder)


# The microphone -----------------------------------------------------------------------------------


class PortAudioError(Exception):
    pass


def sound_library(stream: Callable[..., Any]) -> Any:
    return SimpleNamespace(PortAudioError=PortAudioError, RawInputStream=stream)


def test_the_microphone_gives_copies_of_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def stream(**options: Any) -> Any:
        asked.update(options)
        return SimpleNamespace(start=lambda: None, close=lambda: None)

    monkeypatch.setitem(sys.modules, "sounddevice", sound_library(stream))
    blocks: list[bytes] = []
    open_microphone("", blocks.append)
    assert (asked["samplerate"], asked["channels"], asked["dtype"], asked["device"]) == (
        16000,
        1,
        "int16",
        None,
    )
    buffer = bytearray(b"ab")
    asked["callback"](buffer, 1, None, None)
    buffer[:] = b"xx"
    assert blocks == [b"ab"]


def test_a_microphone_that_cannot_be_opened_is_named_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = threading.Event()

    def fail() -> None:
        raise PortAudioError("device busy")

    monkeypatch.setitem(
        sys.modules, "sounddevice", sound_library(lambda **_: SimpleNamespace(start=fail, close=closed.set))
    )
    with pytest.raises(RecognitionError, match=r"usb mic.*device busy"):
        open_microphone("usb mic", lambda _: None)
    assert closed.is_set()
