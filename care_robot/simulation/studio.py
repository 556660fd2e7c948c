"""Takes the pictures of a simulated home: its fixed cameras, the robot's, and one from above."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.description import Camera
from care_robot.simulation.building import build
from care_robot.simulation.recipe import Recipe
from care_robot.simulation.rendering import Renderer

NOISE_TILES = 8
"""Patterns of noise that pictures take turns with: drawing each anew would take longer than the scene."""

# A structured-light camera's depth error grows with the square of the distance: 2 % at 4 m, as data sheets
# of such cameras have it ("RMS error" of Intel's D400 family, 848 x 480).
DEPTH_ERROR_PER_M = 0.005


class Studio:
    """Renders a world that is described by a recipe; a context manager, for one thread.

    Parameters
    ----------
    recipe : Recipe
        What the world is made of.

    Raises
    ------
    DescriptionError, RecipeError
        The world cannot be built.
    RenderingError
        This machine cannot render.
    """

    def __init__(self, recipe: Recipe) -> None:
        built = build(recipe, dressed=True)
        self.cameras = built.cameras
        self._model = built.model
        self._data = mujoco.MjData(self._model)
        self._root = int(self._model.joint(f"{built.robot.name}/free").qposadr[0])
        self._draw = np.random.default_rng((recipe.seed, 20))
        self._pictures = 0
        sizes = [(camera.width_px, camera.height_px) for camera in self.cameras.values()]
        self._renderer = Renderer(self._model, max(w for w, _ in sizes), max(h for _, h in sizes))
        self._noise = {
            name: self._draw.normal(
                0.0, camera.noise_std * 255.0, (NOISE_TILES, camera.height_px, camera.width_px)
            ).astype(np.int16)
            for name, camera in self.cameras.items()
            if camera.noise_std > 0.0
        }

    def pose(self, positions: Sequence[float]) -> None:
        """Put everything where it is: MuJoCo's qpos of this world."""
        self._data.qpos[:] = positions
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)

    def fits(self, positions: Sequence[float]) -> bool:
        """Whether these positions are of this world."""
        return len(positions) == int(self._model.nq)

    def robot_m(self, positions: Sequence[float]) -> tuple[float, float]:
        """Where the robot stands, x and y in the map, when everything is at these positions."""
        return float(positions[self._root]), float(positions[self._root + 1])

    def colours(self, camera: str) -> NDArray[np.uint8]:
        """The picture of a camera, (height, width, 3) RGB, with its noise."""
        about = self.cameras[camera]
        image = self._renderer.render(self._data, camera, about.width_px, about.height_px)
        if camera not in self._noise:
            return image
        self._pictures += 1  # no two pictures in a row are the same, as a frozen camera's are
        grain = self._noise[camera][self._pictures % NOISE_TILES]
        noisy = cv2.add(image, cv2.merge((grain, grain, grain)), dtype=cv2.CV_8U)
        return np.asarray(noisy, dtype=np.uint8)

    def distances(self, camera: str) -> NDArray[np.float32]:
        """Distances along the axis of a depth camera in m; too near -inf, too far inf (REP-118, REP-117).

        (height, width) of `depth_part`, which is coarser than its colours, as those of depth cameras are.
        """
        about = depth_part(self.cameras[camera])
        depth = self._renderer.render_depth(self._data, camera, about.width_px, about.height_px)
        noise = self._draw.standard_normal(depth.shape, dtype=np.float32)
        noisy = depth + noise * (DEPTH_ERROR_PER_M * depth * depth).astype(np.float32)
        noisy[depth < about.near_m], noisy[depth > about.far_m] = -math.inf, math.inf
        return noisy

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renderer.__exit__(kind, error, trace)


def depth_part(camera: Camera) -> Camera:
    """What measures the distances of a depth camera: half as many pixels each way, half as often."""
    return replace(
        camera,
        width_px=camera.width_px // 2,
        height_px=camera.height_px // 2,
        rate_hz=camera.rate_hz / 2,
    )
