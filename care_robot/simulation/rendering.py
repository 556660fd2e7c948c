"""Pictures of a MuJoCo world without a screen."""

from __future__ import annotations

import importlib
from types import TracebackType

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.graphics import REMEDY, RenderingError, select_backend


class Renderer:
    """Renders one camera of a model; a context manager that frees the graphics context.

    It makes its own graphics context, because MuJoCo's renderer is tied to what MUJOCO_GL was when `mujoco`
    was first imported in the process.
    """

    def __init__(self, model: mujoco.MjModel, camera: str, width_px: int, height_px: int) -> None:
        backend = select_backend()
        try:
            self._context = importlib.import_module(f"mujoco.{backend}").GLContext(width_px, height_px)
            self._context.make_current()
        except Exception as error:  # PyOpenGL fails in many ways, some with plain AttributeError
            raise RenderingError(f"Pictures cannot be rendered with {backend} ({error}). {REMEDY}") from error
        model.vis.global_.offwidth = max(width_px, model.vis.global_.offwidth)
        model.vis.global_.offheight = max(height_px, model.vis.global_.offheight)
        self._model = model
        self._resources = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._resources)
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW.value] = False  # twice the time, no better poses
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SKYBOX.value] = False
        self._options = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = model.camera(camera).id
        self._rectangle = mujoco.MjrRect(0, 0, width_px, height_px)
        self._image = np.empty((height_px, width_px, 3), dtype=np.uint8)

    def render(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """Return the picture, (height, width, 3) RGB, of the world in state `data`."""
        mujoco.mjv_updateScene(
            self._model,
            data,
            self._options,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL.value,
            self._scene,
        )
        mujoco.mjr_render(self._rectangle, self._scene, self._resources)
        mujoco.mjr_readPixels(self._image, None, self._rectangle, self._resources)
        return np.flipud(self._image).copy()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.free()
        self._context.free()
