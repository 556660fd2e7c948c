"""Calibration files, whole and broken."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from care_robot.geometry import CameraModel
from care_robot.perception.calibration import CalibrationError, fitted, load_calibration

GOOD = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "head",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [500.0, 0, 320, 0, 501.0, 240, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, -0.2, 0.001, 0.002, 0.0]},
}


def written(tmp_path: Path, content: object) -> str:
    path = tmp_path / "head.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def test_a_calibration_is_read(tmp_path: Path) -> None:
    expected = CameraModel(640, 480, 500.0, 501.0, 320.0, 240.0, (0.1, -0.2, 0.001, 0.002, 0.0))
    assert load_calibration(written(tmp_path, GOOD)) == expected


@pytest.mark.parametrize(
    "content",
    [
        "",
        "- a\n- list\n",
        "{unclosed",
        "\x00\x01",
        {},
        {**GOOD, "image_width": 0},
        {**GOOD, "image_width": "wide"},
        {**GOOD, "camera_matrix": None},
        {**GOOD, "camera_matrix": {"data": [0.0] * 9}},
        {**GOOD, "camera_matrix": {"data": [500.0] * 8}},
        {**GOOD, "camera_matrix": {"data": [float("nan")] * 9}},
        {**GOOD, "distortion_model": "equidistant"},
        {**GOOD, "distortion_coefficients": {"data": [0.1] * 14}},
    ],
)
def test_a_broken_calibration_is_named(tmp_path: Path, content: object) -> None:
    with pytest.raises(CalibrationError, match=r"head\.yaml"):
        load_calibration(written(tmp_path, content))


@pytest.mark.parametrize("path", ["/no/such/file.yaml", "/", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(path: str) -> None:
    with pytest.raises(CalibrationError, match="Calibration"):
        load_calibration(path)


def test_a_calibration_fits_smaller_images_of_the_same_shape() -> None:
    model = CameraModel(640, 480, 500.0, 501.0, 320.0, 240.0)
    assert fitted(model, 320, 240) == CameraModel(320, 240, 250.0, 250.5, 160.0, 120.0)
    with pytest.raises(CalibrationError, match="640x480 and does not fit images of 640x360"):
        fitted(model, 640, 360)
