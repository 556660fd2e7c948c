"""Pictures of a MuJoCo world without a screen."""

from __future__ import annotations

import importlib
from types import TracebackType

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.graphics import REMEDY, RenderingError, select_backend


class Renderer:
    """Renders the cameras of a model; a context manager that frees the graphics context.

    It makes its own graphics context, because MuJoCo's renderer is tied to what MUJOCO_GL was when `mujoco`
    was first imported in the process. One thread makes it and renders with it.

    Parameters
    ----------
    model : mujoco.MjModel
        The world.
    width_px, height_px : int
        Size of the largest picture.
    """

    def __init__(self, model: mujoco.MjModel, width_px: int, height_px: int) -> None:
        backend = select_backend()
        try:
            self._context = importlib.import_module(f"mujoco.{backend}").GLContext(width_px, height_px)
            self._context.make_current()
        except Exception as error:  # PyOpenGL fails in many ways, some with plain AttributeError
            raise RenderingError(f"Pictures cannot be rendered with {backend} ({error}). {REMEDY}") from error
        model.vis.global_.offwidth, model.vis.global_.offheight = width_px, height_px
        self._model = model
        self._resources = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        self._resources.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZERONEAR.value
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._resources)
        self._scene = mujoco.MjvScene(model, maxgeom=2000)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW.value] = False  # twice the time, no better poses
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SKYBOX.value] = False
        self._options = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED

    def render(
        self, data: mujoco.MjData, camera: str, width_px: int = 640, height_px: int = 480
    ) -> NDArray[np.uint8]:
        """Return the picture, (height, width, 3) RGB, that a camera takes of the world in state `data`."""
        view = self._draw(data, camera, width_px, height_px)
        image = np.empty((height_px, width_px, 3), dtype=np.uint8)
        mujoco.mjr_readPixels(image, None, view, self._resources)
        return np.flipud(image)

    def render_depth(
        self, data: mujoco.MjData, camera: str, width_px: int = 320, height_px: int = 240
    ) -> NDArray[np.float32]:
        """Return the distances along the camera's axis in m, (height, width)."""
        view = self._draw(data, camera, width_px, height_px)
        depth = np.empty((height_px, width_px), dtype=np.float32)
        mujoco.mjr_readPixels(None, depth, view, self._resources)
        extent, planes = self._model.stat.extent, self._model.vis.map
        near, far = planes.znear * extent, planes.zfar * extent
        # The inverse of OpenGL's perspective projection, for depths from 0 (near) to 1 (far).
        return np.flipud(near / (1.0 - depth * (1.0 - near / far)))

    def _draw(self, data: mujoco.MjData, camera: str, width_px: int, height_px: int) -> mujoco.MjrRect:
        self._camera.fixedcamid = self._model.camera(camera).id
        mujoco.mjv_updateScene(
            self._model,
            data,
            self._options,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL.value,
            self._scene,
        )
        view = mujoco.MjrRect(0, 0, width_px, height_px)
        mujoco.mjr_render(view, self._scene, self._resources)
        return view

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.free()
        self._context.free()
