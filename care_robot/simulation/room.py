"""A small living room for the demo: floor, two walls, sofa, rug, table, lamp, picture."""

from __future__ import annotations

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

CAMERA = "living_room_camera"
CAMERA_FOVY_DEG = 60.0
CAMERA_PITCH_DEG = 21.0  # below the horizon
CAMERA_YAW_DEG = 6.0
CAMERA_PLACE_M = (-2.15, -0.10, 1.65)
_BACK_WALL_X_M, _SIDE_WALL_Y_M = 1.75, 2.3


def _planks(width: int = 256, height: int = 256) -> NDArray[np.uint8]:
    """Return a picture of floor boards, light oak, the same on every run."""
    draw = np.random.default_rng(7)
    rows = 8
    board = height // rows
    image = np.empty((height, width, 3))
    grain = np.cumsum(draw.normal(0, 1, (height, width)), axis=1)
    grain -= np.linspace(0, 1, width) * grain[:, -1:]  # the picture repeats without a seam
    for row in range(rows):
        tone = np.array((0.70, 0.57, 0.43)) * (0.94 + 0.12 * draw.random())
        image[row * board : (row + 1) * board] = tone
        image[row * board] *= 0.82
        image[row * board : (row + 1) * board, int(draw.integers(width))] *= 0.82
    image *= 1 + 0.0025 * grain[:, :, None]
    clipped: NDArray[np.uint8] = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    return clipped


def add_room(spec: mujoco.MjSpec) -> None:
    """Add the room, its light and its camera; the free floor is around the origin, which the camera sees."""
    spec.visual.headlight.ambient = [0.47, 0.46, 0.45]
    spec.visual.headlight.diffuse = [0.16, 0.16, 0.16]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]
    spec.visual.map.znear = 0.02
    world = spec.worldbody
    for direction, strength in (((0.45, -0.35, -1.0), 0.36), ((0.55, 0.8, -0.45), 0.26)):
        world.add_light(
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            dir=direction,
            diffuse=[strength, strength * 0.97, strength * 0.92],
            specular=[0.0, 0.0, 0.0],
            castshadow=False,
        )
    pixels = _planks()
    texture = spec.add_texture(name="planks", type=mujoco.mjtTexture.mjTEXTURE_2D, nchannel=3)
    texture.height, texture.width = pixels.shape[:2]
    texture.data = pixels.tobytes()
    floor = spec.add_material(name="floor", texuniform=True, texrepeat=[0.8, 0.8], specular=0.05)
    floor.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "planks"
    world.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[6, 6, 0.1],
        material="floor",
        friction=[0.8, 0.02, 0.002],
    )
    _add_furniture(world)
    _add_camera(world)


def _box(
    body: mujoco.MjsBody,
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    *rgb: float,
    solid: bool = True,
) -> None:
    """Add a box between two corners, in m."""
    a, b = np.array(low), np.array(high)
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=(a + b) / 2,
        size=(b - a) / 2,
        rgba=[*rgb, 1.0],
        contype=int(solid),
        conaffinity=int(solid),
    )


def _add_furniture(world: mujoco.MjsBody) -> None:
    back, side = _BACK_WALL_X_M, _SIDE_WALL_Y_M
    _box(world, (back, -5.0, 0), (back + 0.1, side, 2.7), 0.83, 0.81, 0.76)
    _box(world, (-4.0, side, 0), (back + 0.1, side + 0.1, 2.7), 0.86, 0.84, 0.79)
    _box(world, (back - 0.015, -5.0, 0), (back, side, 0.09), 0.93, 0.92, 0.90)
    _box(world, (-4.0, side - 0.015, 0), (back, side, 0.09), 0.93, 0.92, 0.90)
    # Rug: thin, so that a foot on it does not visibly sink.
    _box(world, (-0.75, -1.15, 0), (0.65, 1.15, 0.004), 0.80, 0.76, 0.67, solid=False)
    # Sofa along the back wall.
    fabric = (0.55, 0.60, 0.58)
    _box(world, (back - 0.90, -1.05, 0.06), (back - 0.05, 1.05, 0.40), *fabric)
    _box(world, (back - 0.28, -1.05, 0.40), (back - 0.05, 1.05, 0.82), *fabric)
    for y in (-1.20, 1.05):
        _box(world, (back - 0.92, y, 0.06), (back - 0.05, y + 0.15, 0.58), 0.50, 0.55, 0.53)
    for y in (-1.03, 0.01):
        _box(world, (back - 0.88, y, 0.40), (back - 0.27, y + 1.02, 0.48), 0.60, 0.65, 0.63)
    # Side table with a lamp.
    wood = (0.45, 0.33, 0.23)
    _box(world, (back - 0.55, 1.45, 0.46), (back - 0.10, 1.95, 0.50), *wood)
    for x in (back - 0.54, back - 0.15):
        for y in (1.46, 1.90):
            _box(world, (x, y, 0), (x + 0.04, y + 0.04, 0.46), *wood)
    lamp = (back - 0.32, 1.70)
    for radius, low, high, rgb in (
        (0.02, 0.50, 0.80, (0.4, 0.38, 0.35)),
        (0.14, 0.78, 1.02, (0.93, 0.88, 0.74)),
    ):
        world.add_geom(
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            fromto=[*lamp, low, *lamp, high],
            size=[radius, 0, 0],
            rgba=[*rgb, 1.0],
        )
    # Picture on the wall.
    _box(world, (back - 0.03, -0.55, 1.45), (back, 0.45, 2.10), 0.36, 0.29, 0.22, solid=False)
    _box(world, (back - 0.035, -0.50, 1.50), (back, 0.40, 2.05), 0.70, 0.77, 0.80, solid=False)
    _box(world, (back - 0.038, -0.50, 1.50), (back, 0.40, 1.70), 0.52, 0.62, 0.50, solid=False)


def _add_camera(world: mujoco.MjsBody) -> None:
    yaw, pitch = math.radians(CAMERA_YAW_DEG), math.radians(CAMERA_PITCH_DEG)
    right = (math.sin(yaw), -math.cos(yaw), 0.0)
    up = (math.sin(pitch) * math.cos(yaw), math.sin(pitch) * math.sin(yaw), math.cos(pitch))
    world.add_camera(name=CAMERA, pos=CAMERA_PLACE_M, xyaxes=[*right, *up], fovy=CAMERA_FOVY_DEG)
