"""The list of clips on which fall detection is measured: a CSV file, read with suspicion."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from care_robot.perception.video import FRAME_RATE_LIMITS_HZ

COLUMNS = ("file", "label", "fps", "frames", "fall_start_s", "fall_end_s", "group", "activity")
LONGEST_S = 1e6  # a time above is no time in a clip
SHOWN = 60  # characters of a wrong entry that are repeated to the reader

csv.field_size_limit(1_000_000)


class ManifestError(Exception):
    """A manifest that cannot be used; the message names the line, the column and the remedy."""


class Label(str, Enum):
    """What a clip shows."""

    FALL = "fall"
    ADL = "adl"


@dataclass(frozen=True)
class Clip:
    """One line of the manifest.

    Parameters
    ----------
    line : int
        Where it stands, 1 for the header.
    file : str
        As written there; `path` is the same under the root.
    fps : float
        Pictures a second.
    frames : int
        Number of pictures as stated; 0 where nothing is.
    fall_start_s, fall_end_s : float
        From the start of the clip; NaN for an activity.
    group : str
        What clips have in common that a threshold must not be tuned to: a person, a room.
    """

    line: int
    file: str
    path: Path
    label: Label
    fps: float
    frames: int
    fall_start_s: float
    fall_end_s: float
    group: str
    activity: str


def read_manifest(manifest: Path, root: Path) -> list[Clip]:
    """Read the clips of a manifest, in its order. Whether their files are there is not looked at.

    Parameters
    ----------
    manifest : Path
        CSV in UTF-8 with a header; columns in any order, more columns are ignored.
    root : Path
        Folder that the files are given from.

    Raises
    ------
    ManifestError
        Where a line cannot be understood.
    """
    if not root.is_dir():
        raise ManifestError(f"The folder {root} does not exist: give --root the folder that holds the clips.")
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            clips = list(_clips(file, manifest, root))
    except OSError as error:
        raise ManifestError(
            f"The manifest {manifest} cannot be read ({error.strerror}): give --manifest a CSV file."
        ) from None
    except UnicodeDecodeError:
        raise ManifestError(f"The manifest {manifest} is no text in UTF-8: save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise ManifestError(f"The manifest {manifest} is no CSV file ({error}): save it as CSV.") from None
    if not clips:
        raise ManifestError(f"The manifest {manifest} lists no clip: add a line for each.")
    return clips


def _clips(lines: Iterable[str], manifest: Path, root: Path) -> Iterator[Clip]:
    rows = csv.reader(lines)
    header = [name.strip().lower() for name in next(rows, [])]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ManifestError(
            f"Line 1 of {manifest} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}: "
            f"the header must name {','.join(COLUMNS)}."
        )
    twice = [name for name in COLUMNS if header.count(name) > 1]
    if twice:
        raise ManifestError(f"Line 1 of {manifest} names the column {twice[0]} twice: take one away.")
    places = {name: header.index(name) for name in COLUMNS}
    known: dict[str, int] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        number = rows.line_num
        if len(row) != len(header):
            raise ManifestError(
                f"Line {number} of {manifest} has {len(row)} entries, the header {len(header)}: "
                "quote entries that hold a comma."
            )
        entries = {name: _plain(row[place]) for name, place in places.items()}
        clip = _Line(manifest, number, entries).clip(root)
        if clip.file in known:
            raise ManifestError(
                f"Line {number} of {manifest}, column file: {clip.file} already stands in line "
                f"{known[clip.file]}; cut a video with several falls into a clip for each."
            )
        known[clip.file] = number
        yield clip


@dataclass(frozen=True)
class _Line:
    manifest: Path
    number: int
    entries: Mapping[str, str]

    def clip(self, root: Path) -> Clip:
        file = self._file()
        label = self._label()
        fps = self._number("fps", *FRAME_RATE_LIMITS_HZ)
        frames = self._number("frames", 1, LONGEST_S * fps) if self.entries["frames"] else 0.0
        if frames != int(frames):
            raise self._wrong("frames", "a whole number of pictures")
        start_s = end_s = math.nan
        if label is Label.FALL:
            start_s = self._number("fall_start_s", 0.0, LONGEST_S)
            end_s = self._number("fall_end_s", 0.0, LONGEST_S)
            if end_s < start_s:
                raise self._wrong("fall_end_s", f"a time that is not before fall_start_s ({start_s:g})")
        return Clip(
            self.number,
            file,
            root / file,
            label,
            fps,
            int(frames),
            start_s,
            end_s,
            group=self.entries["group"],
            activity=self.entries["activity"],
        )

    def _file(self) -> str:
        file = self.entries["file"]
        path = PurePosixPath(file)
        if not file or path.is_absolute() or ".." in path.parts:
            raise self._wrong("file", "a path of a video under --root, without '..'")
        return file

    def _label(self) -> Label:
        try:
            return Label(self.entries["label"].lower())
        except ValueError:
            raise self._wrong("label", "fall or adl") from None

    def _number(self, column: str, low: float, high: float) -> float:
        try:
            number = float(self.entries[column])
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise self._wrong(column, f"a number from {low:g} to {high:g}")
        return number

    def _wrong(self, column: str, wanted: str) -> ManifestError:
        entry = self.entries[column]
        shown = entry if len(entry) <= SHOWN else entry[:SHOWN] + "…"
        return ManifestError(
            f"Line {self.number} of {self.manifest}, column {column}: {shown!r} must be {wanted}."
        )


def _plain(entry: str) -> str:
    """An entry without characters that would move a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in entry).strip()
