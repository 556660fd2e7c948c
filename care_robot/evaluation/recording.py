"""Records the pictures of a simulated camera to a video file, because the user asked for it."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
LONGEST_GAP_S = 10.0


class RecordingError(Exception):
    """The video cannot be written; the message says why."""


class Recording:
    """An MPEG-4 file in which each picture stands as long as it did on the clock of its stamps.

    Parameters
    ----------
    path
        The file; it appears there when the recording is closed.
    rate_hz
        Pictures a second in the file.

    Raises
    ------
    RecordingError
        When the file cannot be written.
    """

    def __init__(self, path: Path, rate_hz: float = 10.0) -> None:
        self.path = path
        self.pictures = 0
        self._rate_hz = rate_hz
        self._part = path.with_name(f".{path.stem}.part{path.suffix or '.mp4'}")
        self._writer: cv2.VideoWriter | None = None
        self._begin_s = 0.0
        if path.suffix.lower() != ".mp4":
            raise RecordingError(f"The video {path} must end in .mp4; give --video another name.")
        try:
            self._part.write_bytes(b"")
        except OSError as error:
            raise RecordingError(
                f"The video {path} cannot be written ({error.strerror}); give --video another place."
            ) from None
        if path.is_dir():
            self._part.unlink()
            raise RecordingError(f"The video {path} is a folder; give --video a file.")

    def add(self, picture: Picture, t_s: float) -> None:
        """Take a picture, RGB (h, w, 3), of time `t_s`; one that is not newer than the last is left out."""
        if self._writer is None:
            height_px, width_px = picture.shape[:2]
            codec = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._part), codec, self._rate_hz, (width_px, height_px))
            self._begin_s = t_s
        wanted = (
            round((min(t_s - self._begin_s, self.pictures / self._rate_hz + LONGEST_GAP_S)) * self._rate_hz)
            + 1
        )
        for _ in range(self.pictures, wanted):
            self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            self.pictures += 1

    def close(self) -> None:
        """End the file; RecordingError where it has nothing in it, or not everything."""
        if self._writer is not None:
            self._writer.release()
        written = int(cv2.VideoCapture(str(self._part)).get(cv2.CAP_PROP_FRAME_COUNT)) if self.pictures else 0
        if not self.pictures or written != self.pictures:
            self._part.unlink(missing_ok=True)
            why = "no picture came from the camera" if not self.pictures else "make room on the disk"
            raise RecordingError(f"The video {self.path} could not be recorded: {why}.")
        self._part.replace(self.path)
