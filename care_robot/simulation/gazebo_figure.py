"""A simulated person as Gazebo can show it: bones and coloured surfaces out of a compiled MuJoCo model."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from care_robot.simulation.gazebo_collada import ROOT, Array, Bone, Surface
from care_robot.simulation.resident import SEGMENTS

_ROUND, _RINGS = 12, 7  # triangles of an eye or a lip need not be many


class FigureError(Exception):
    """The model does not hold the person's looks; the message names what is missing."""


def bones_of(model: mujoco.MjModel, person_id: str) -> tuple[Bone, ...]:
    """Bones of a dressed person, as they were when the skin was made."""
    binds: dict[str, Array] = {}
    for bone in range(model.nskinbone):
        name = model.body(int(model.skin_bonebodyid[bone])).name
        if name.startswith(f"{person_id}/"):
            rotation = np.empty(9)
            mujoco.mju_quat2Mat(rotation, model.skin_bonebindquat[bone].astype(np.float64))
            binds[name] = np.eye(4)
            binds[name][:3, :3] = rotation.reshape(3, 3)
            binds[name][:3, 3] = model.skin_bonebindpos[bone]
    for segment in SEGMENTS:
        if f"{person_id}/{segment.name}" not in binds:
            raise FigureError(f"No skin covers {person_id}/{segment.name}; build the person dressed.")
    return tuple(
        Bone(segment.name, segment.parent or ROOT, binds[f"{person_id}/{segment.name}"])
        for segment in SEGMENTS
    )


def surfaces_of(model: mujoco.MjModel, person_id: str, bones: tuple[Bone, ...]) -> tuple[Surface, ...]:
    """Skins of a person, and what is set on the head (eyes, brows, lips)."""
    return (*_skins(model, person_id, bones), *_features(model, person_id, bones))


def _skins(model: mujoco.MjModel, person_id: str, bones: tuple[Bone, ...]) -> list[Surface]:
    column = {f"{person_id}/{bone.name}": i for i, bone in enumerate(bones)}
    found = []
    for skin in range(model.nskin):
        name = model.skin(skin).name
        if not name.startswith(f"{person_id}/"):
            continue
        first, count = int(model.skin_vertadr[skin]), int(model.skin_vertnum[skin])
        face, faces = int(model.skin_faceadr[skin]), int(model.skin_facenum[skin])
        weights = np.zeros((count, len(bones)))
        for bone in range(
            int(model.skin_boneadr[skin]), int(model.skin_boneadr[skin] + model.skin_bonenum[skin])
        ):
            at, number = int(model.skin_bonevertadr[bone]), int(model.skin_bonevertnum[bone])
            vertices = model.skin_bonevertid[at : at + number]
            body = model.body(int(model.skin_bonebodyid[bone])).name
            weights[vertices, column[body]] = model.skin_bonevertweight[at : at + number]
        found.append(
            Surface(
                name=name.rpartition("/")[2],
                rgb=_rgb(model.skin_rgba[skin]),
                vertices=model.skin_vert[first : first + count].astype(np.float64),
                faces=model.skin_face[face : face + faces].astype(np.int64),
                weights=weights / weights.sum(axis=1, keepdims=True),
            )
        )
    return found


def _features(model: mujoco.MjModel, person_id: str, bones: tuple[Bone, ...]) -> list[Surface]:
    found = []
    for column, bone in enumerate(bones):
        body = model.body(f"{person_id}/{bone.name}")
        for geom in range(int(body.geomadr[0]), int(body.geomadr[0] + body.geomnum[0])):
            if model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_ELLIPSOID:
                continue
            points, faces = _ball()
            rotation = np.empty(9)
            mujoco.mju_quat2Mat(rotation, model.geom_quat[geom])
            placed = (points * model.geom_size[geom]) @ rotation.reshape(3, 3).T + model.geom_pos[geom]
            weights = np.zeros((len(points), len(bones)))
            weights[:, column] = 1.0
            found.append(
                Surface(
                    name=model.geom(geom).name.rpartition("/")[2],
                    rgb=_rgb(model.geom_rgba[geom]),
                    vertices=placed @ bone.bind[:3, :3].T + bone.bind[:3, 3],
                    faces=faces,
                    weights=weights,
                )
            )
    return found


def _rgb(rgba: NDArray[np.float32]) -> tuple[float, float, float]:
    r, g, b = (float(part) for part in rgba[:3])
    return r, g, b


def _ball() -> tuple[Array, NDArray[np.int64]]:
    """Vertices (n, 3) and triangles of a ball of radius 1."""
    turns = np.linspace(0.0, 2.0 * np.pi, _ROUND, endpoint=False)
    heights = np.linspace(0.0, np.pi, _RINGS + 2)[1:-1]
    rings = [(np.sin(h) * np.cos(t), np.sin(h) * np.sin(t), np.cos(h)) for h in heights for t in turns]
    points = np.array([(0.0, 0.0, 1.0), *rings, (0.0, 0.0, -1.0)])
    faces = []
    for i in range(_ROUND):
        j = (i + 1) % _ROUND
        faces.append((0, 1 + i, 1 + j))
        for ring in range(_RINGS - 1):
            a, b = 1 + ring * _ROUND, 1 + (ring + 1) * _ROUND
            faces += [(a + i, b + i, b + j), (a + i, b + j, a + j)]
        last = 1 + (_RINGS - 1) * _ROUND
        faces.append((last + i, len(points) - 1, last + j))
    return points, np.array(faces, dtype=np.int64)
