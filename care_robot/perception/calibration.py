"""Calibration files of cameras, in the form that ROS's camera_calibration writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from care_robot.geometry import CameraModel, GeometryError


class CalibrationError(ValueError):
    """A calibration file that cannot be used: the message says which and why."""


def load_calibration(path: str) -> CameraModel:
    """Camera model of a calibration file (YAML).

    Raises
    ------
    CalibrationError
        The file cannot be read, or is not a calibration.
    """
    try:
        content: Any = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        return CameraModel.from_camera_info(
            int(content["image_width"]),
            int(content["image_height"]),
            [float(n) for n in content["camera_matrix"]["data"]],
            [float(n) for n in content["distortion_coefficients"]["data"]],
            str(content["distortion_model"]),
        )
    except GeometryError as error:
        raise CalibrationError(f"Calibration {path} cannot be used: {error}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise CalibrationError(f"Calibration {path!r} cannot be read: {reason}.") from None
    except KeyError as error:
        raise CalibrationError(
            f"Calibration {path} has no {error}: write it with camera_calibration."
        ) from None
    except (TypeError, ValueError):
        raise CalibrationError(
            f"Calibration {path} is not in the form that camera_calibration writes: calibrate again."
        ) from None


def fitted(model: CameraModel, width: int, height: int) -> CameraModel:
    """The same camera at another resolution.

    Raises
    ------
    CalibrationError
        The images have another shape: they are cut, not scaled.
    """
    scale = width / model.width
    if abs(model.height * scale - height) > 1.0:
        raise CalibrationError(
            f"The calibration is for {model.width}x{model.height} and does not fit "
            f"images of {width}x{height}."
        )
    return CameraModel(
        width,
        height,
        model.fx * scale,
        model.fy * scale,
        model.cx * scale,
        model.cy * scale,
        model.distortion,
    )
