"""The map of the building from the files that nav2_map_server reads: a YAML file and a PGM picture."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from care_robot.care.strict_yaml import Strict, YamlError, read_yaml
from care_robot.planning.approach import OCCUPIED, Floor

MAX_BYTES = 25_000_000
_FREE, _WALL, _UNKNOWN = 0, 100, -1
assert _FREE < OCCUPIED <= _WALL  # noqa: S101

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class _MapFile(Strict):
    image: str
    mode: Literal["trinary"] = "trinary"
    resolution: Annotated[float, Field(ge=0.01, le=0.5, allow_inf_nan=False)]
    origin: Annotated[tuple[float, float, float], Field(strict=False)]
    negate: Literal[0] = 0
    occupied_thresh: Share
    free_thresh: Share


def read_floor(path: Path) -> Floor:
    """The map of a YAML file and its picture; YamlError with one sentence where it cannot be used."""
    entry = read_yaml(path, _MapFile)
    x_m, y_m, turn_rad = entry.origin
    if turn_rad != 0.0 or not np.isfinite([x_m, y_m]).all():
        raise YamlError(f"{path}: origin: must be finite, and its third number 0: a turned map is not read.")
    picture = path.parent / entry.image
    try:
        if picture.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        shades = _pixels(picture.read_bytes())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise YamlError(f"{picture} cannot be read ({why}); make the map again as PGM (P5).") from None
    filled = 1.0 - np.flipud(shades) / 255.0  # the first row of a picture is the highest y
    cells = np.full(shades.shape, _UNKNOWN, np.int8)
    cells[filled > entry.occupied_thresh] = _WALL
    cells[filled < entry.free_thresh] = _FREE
    return Floor(entry.resolution, (x_m, y_m), cells)


def _pixels(data: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Pixels (h, w) of a binary PGM of 8 bits; ValueError for anything else."""
    fields: list[bytes] = []
    at = 0
    while len(fields) < 4 and at < min(len(data), 10_000):
        end = at
        if data[at : at + 1] == b"#":
            end = data.find(b"\n", at) % (len(data) + 1)
        elif not data[at : at + 1].isspace():
            while end < len(data) and not data[end : end + 1].isspace():
                end += 1
            fields.append(data[at:end])
        at = end + 1
    if len(fields) < 4 or fields[0] != b"P5" or fields[3] != b"255":
        raise ValueError("it is not a PGM of 8 bits")
    width, height = int(fields[1]), int(fields[2])
    if width <= 0 or height <= 0 or len(data) - at != width * height:
        raise ValueError("its size is not what its head says")
    return np.frombuffer(data, np.uint8, offset=at).reshape(height, width)
