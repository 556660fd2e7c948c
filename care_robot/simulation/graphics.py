"""Chooses how MuJoCo renders without a screen, before MuJoCo is imported."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

# What PyOpenGL loads for each backend.
_LIBRARIES = {"egl": ("libEGL.so.1", "libOpenGL.so.0"), "osmesa": ("libOSMesa.so.8",)}
REMEDY = "Install EGL with: sudo apt-get install libegl1 libopengl0 libgl1-mesa-dri (or OSMesa: libosmesa6)."


class RenderingError(Exception):
    """Pictures cannot be rendered on this machine."""


def choose_backend(requested: str, has_library: Callable[[str], bool]) -> str:
    """Choose how to render without a screen.

    Parameters
    ----------
    requested
        Value of the environment variable MUJOCO_GL, empty when it is not set.
    has_library
        Tells whether a shared library of that name can be loaded.

    Returns
    -------
    str
        `egl` or `osmesa`.

    Raises
    ------
    RenderingError
        When neither is there, or the requested one is not.
    """
    name = requested.strip().lower()
    if name and name not in _LIBRARIES:
        raise RenderingError(f"MUJOCO_GL is {requested!r}: set it to egl or osmesa, or leave it unset.")
    backends = (name,) if name else tuple(_LIBRARIES)
    for backend in backends:
        if all(has_library(library) for library in _LIBRARIES[backend]):
            return backend
    needed = " or ".join(" with ".join(_LIBRARIES[backend]) for backend in backends)
    raise RenderingError(f"Pictures cannot be rendered because {needed} cannot be loaded. {REMEDY}")


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def select_backend() -> str:
    """Choose the backend for this process and tell MuJoCo, which reads MUJOCO_GL when it is imported.

    Raises
    ------
    RenderingError
        When this machine cannot render; MuJoCo itself would fail at import, without a remedy.
    """
    backend = choose_backend(os.environ.get("MUJOCO_GL", ""), _can_load)
    os.environ["MUJOCO_GL"] = backend
    return backend
