"""Models of speech: folders on this machine that vosk can load, and recognisers made of them."""

import subprocess
import sys
from pathlib import Path
from typing import Protocol

RATE_HZ = 16000
"""What vosk's models are made for."""
TRIAL_S = 120.0
"""Time for a trial load; the largest models need about 20 s."""
_TRIAL = (
    "import sys, vosk; vosk.SetLogLevel(-1); "
    f"vosk.KaldiRecognizer(vosk.Model(sys.argv[1]), {RATE_HZ}).AcceptWaveform(bytes(3200))"
)
_REMEDY = (
    "download a model from https://alphacephei.com/vosk/models, unpack it, and"
    " name the folder in which 'am' and 'conf' lie."
)


class RecognitionError(Exception):
    """Nothing can be heard; the message is a sentence for the user."""


class Recogniser(Protocol):
    """The part of vosk.KaldiRecognizer that is used; results are JSON."""

    def AcceptWaveform(self, data: bytes) -> int:  # noqa: N802  vosk's names
        """Take sound; true at the end of an utterance."""

    def Result(self) -> str:  # noqa: N802
        """The utterance that has ended."""

    def PartialResult(self) -> str:  # noqa: N802
        """What is heard so far."""

    def Reset(self) -> object:  # noqa: N802
        """Forget what is heard so far."""


def check_model(folder: Path) -> None:
    """RecognitionError unless `folder` looks like an unpacked vosk model."""
    try:
        if folder.is_file():
            raise RecognitionError(f"The speech model {folder} is a file, not a folder; {_REMEDY}")
        if not folder.is_dir():
            raise RecognitionError(f"The speech model {folder} does not exist; {_REMEDY}")
        wanted = ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph")
        missing = [name for name in wanted if not (folder / name).exists()]
        graphs = ("HCLG.fst", "HCLr.fst")
        if not missing and not any((folder / "graph" / name).is_file() for name in graphs):
            missing = ["graph/HCLG.fst"]
        inner = [each for each in folder.iterdir() if (each / "am" / "final.mdl").is_file()]
    except OSError as error:
        raise RecognitionError(f"The speech model {folder} cannot be read: {error.strerror}.") from None
    if missing and inner:
        raise RecognitionError(f"The speech model lies one folder deeper; name {inner[0]}.")
    if missing:
        raise RecognitionError(f"The speech model {folder} has no {missing[0]}; {_REMEDY}")


def load_recogniser(folder: Path) -> Recogniser:
    """A recogniser from a folder of this machine; nothing is ever downloaded.

    A damaged model can end the process that loads it, so another process tries it first.

    Raises
    ------
    RecognitionError
        The folder holds no model, the model is damaged, or vosk is not installed.
    """
    check_model(folder)
    try:
        import vosk  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415  slow, and not for all
    except (ImportError, OSError) as error:
        raise RecognitionError(f"vosk cannot be loaded ({error}); run: pip install vosk") from None
    path = str(folder.resolve())
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _TRIAL, path], capture_output=True, timeout=TRIAL_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise RecognitionError(f"The speech model {folder} did not load within {TRIAL_S:g} s.") from None
    if trial.returncode != 0:
        raise RecognitionError(f"The speech model {folder} is damaged or too new for vosk; {_REMEDY}")
    vosk.SetLogLevel(-1)
    recogniser = vosk.KaldiRecognizer(vosk.Model(path), RATE_HZ)
    recogniser.SetWords(True)
    result: Recogniser = recogniser
    return result
