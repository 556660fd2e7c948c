"""The pose model: put together from the files inside the mediapipe package, so that nothing is downloaded.

MediaPipe's pose task wants one ``.task`` bundle with a detector and a landmark model that both carry their
normalisation; the package ships the two models bare, for its older interface.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

# Name in the bundle, file in the package, mean and standard deviation that its input is normalised with
# (the graphs of the older interface scale pixels to [-1, 1] for the detector and [0, 1] for the landmarks).
_MODELS = (
    ("pose_detector.tflite", "modules/pose_detection/pose_detection.tflite", 127.5, 127.5),
    ("pose_landmarks_detector.tflite", "modules/pose_landmark/pose_landmark_full.tflite", 0.0, 255.0),
)


class PoseModelError(RuntimeError):
    """The pose model cannot be made: the message says what is missing and what to do."""


def cache_directory() -> Path:
    """Where this project keeps what it can make again (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "care_robot"


def build_bundle(package: Path | None = None) -> bytes:
    """Make the bundle; the same package gives the same bytes. Takes about 0.2 s.

    Parameters
    ----------
    package : Path, optional
        Directory of the mediapipe package; the installed one by default.

    Raises
    ------
    PoseModelError
        mediapipe or one of its models is missing or damaged.
    """
    package = package or _installed_package()
    from mediapipe.tasks.python.metadata.metadata_writers import metadata_writer  # noqa: PLC0415 (heavy)

    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as archive:
        for name, file, mean, deviation in _MODELS:
            try:
                writer = metadata_writer.MetadataWriter.create(bytearray((package / file).read_bytes()))
                writer.add_general_info(name)
                writer.add_image_input([mean], [deviation])
                model, _ = writer.populate()
            except OSError as error:
                raise PoseModelError(
                    f"Pose model {package / file} cannot be read ({error.strerror}): "
                    "install mediapipe 0.10.21, the last one that carries its models."
                ) from None
            except Exception as error:  # the reader of damaged models raises whatever it stumbles on
                raise PoseModelError(
                    f"Pose model {package / file} is damaged ({type(error).__name__}): "
                    "install mediapipe again."
                ) from error
            archive.writestr(zipfile.ZipInfo(name), bytes(model))
    return bundle.getvalue()


def cached_bundle(directory: Path | None = None) -> Path:
    """Path of the bundle in the cache; written there first if missing or not what it must be.

    A file is worth having because MediaPipe then maps it instead of copying it (50 MB a process).

    Raises
    ------
    PoseModelError
        The bundle cannot be made.
    OSError
        The cache cannot be written: use :func:`build_bundle` from memory.
    """
    content = build_bundle()
    directory = directory or cache_directory()
    path = directory / "pose.task"
    try:
        if path.read_bytes() == content:
            return path
    except OSError:
        pass  # missing or unreadable: written anew
    directory.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=directory, prefix=".pose-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)  # atomic: others see the old file or the new one
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _installed_package() -> Path:
    spec = find_spec("mediapipe")
    if spec is None or spec.origin is None:
        raise PoseModelError("mediapipe is not installed: run ./care setup.")
    return Path(spec.origin).parent
