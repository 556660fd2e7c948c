"""Meshes the resident's looks and binds them to the body as MuJoCo skins.

The distance field of a layer is the smooth minimum of its lumps (exponential form); marching cubes turn
its zero level into triangles; every vertex follows the segments whose lumps are nearest (linear blend
skinning), so that elbows, knees and hips bend without gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from care_robot.simulation.resident import SEGMENTS, Colour, Resident, add_resident
from care_robot.simulation.resident_shape import FEATURES, Layer, Lump, layers

Array = NDArray[np.float64]

# Limbs are held away from each other while the surfaces are made, so that they do not melt together.
BIND_POSE_DEG = {"shoulder_abduction": 40.0, "elbow_flexion": 12.0, "hip_adduction": -7.0}
SKIN_SPREAD_M = 0.012  # how far from a joint both segments still move a vertex
_NEIGHBOURS = {
    s.name: {s.name, s.parent, *(c.name for c in SEGMENTS if c.parent == s.name)} for s in SEGMENTS
}


@dataclass(frozen=True)
class Mesh:
    """A layer as triangles in the bind pose, with the share of each body in the motion of each vertex."""

    vertices: Array  # (n, 3), m
    faces: NDArray[np.int64]  # (m, 3)
    bodies: tuple[str, ...]
    weights: Array  # (n, len(bodies)), rows sum to 1


@dataclass(frozen=True)
class BindPose:
    """Where every segment is while the surfaces are made: positions (3,) in m and rotations (3, 3)."""

    position: dict[str, Array]
    rotation: dict[str, Array]
    quaternion: dict[str, Array]


def bind_pose(resident: Resident) -> BindPose:
    """Return the pose in which the surfaces of `resident` are made."""
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    add_resident(spec, resident)
    model = spec.compile()
    data = mujoco.MjData(model)
    for name, angle_deg in BIND_POSE_DEG.items():
        for side in ("l", "r"):
            data.joint(f"resident/{name}_{side}").qpos[0] = np.radians(angle_deg)
    mujoco.mj_kinematics(model, data)
    bodies = {segment.name: data.body(f"resident/{segment.name}") for segment in SEGMENTS}
    return BindPose(
        {name: body.xpos.copy() for name, body in bodies.items()},
        {name: body.xmat.reshape(3, 3).copy() for name, body in bodies.items()},
        {name: body.xquat.copy() for name, body in bodies.items()},
    )


def _place(pose: BindPose, body: str, point: tuple[float, float, float], stature: float) -> Array:
    placed: Array = pose.position[body] + pose.rotation[body] @ np.multiply(point, stature)
    return placed


def lump_distance(lump: Lump, pose: BindPose, stature: float, points: Array) -> Array:
    """Return the signed distance in m of `points` (n, 3) from the surface of `lump`, negative inside."""
    start = np.multiply(lump.start, stature)
    squash = np.asarray(lump.squash)
    local = ((points - pose.position[lump.body]) @ pose.rotation[lump.body] - start) / squash
    axis = (np.multiply(lump.end, stature) - start) / squash
    length2 = float(axis @ axis)
    along = np.clip(local @ axis / length2, 0.0, 1.0) if length2 > 0 else np.zeros(len(points))
    radius = stature * (lump.start_radius + (lump.end_radius - lump.start_radius) * along)
    distance: Array = (np.linalg.norm(local - along[:, None] * axis, axis=1) - radius) * float(squash.min())
    return distance


def _smooth_minimum(distances: Array, blend: float) -> Array:
    nearest = distances.min(axis=0)
    smooth: Array = nearest - blend * np.log(np.exp((nearest - distances) / blend).sum(axis=0))
    return smooth


def mesh_layer(layer: Layer, pose: BindPose, stature: float) -> Mesh:
    """Return the surface of `layer` for a person of height `stature` in m."""
    blend = (
        layer.blend * stature / 3.0
    )  # the exponential form rounds about three times as far as its constant
    ends = np.array(
        [_place(pose, lump.body, end, stature) for lump in layer.lumps for end in (lump.start, lump.end)]
    )
    reach = max(max(lump.start_radius, lump.end_radius) for lump in layer.lumps) * stature + 3 * layer.grid_m
    low, high = ends.min(axis=0) - reach, ends.max(axis=0) + reach
    axes = [np.arange(a, b + layer.grid_m, layer.grid_m) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    points = grid.reshape(-1, 3)
    distances = np.array([lump_distance(lump, pose, stature, points) for lump in layer.lumps])
    field = _smooth_minimum(distances, blend)
    field -= layer.thickness * stature
    for hollow in layer.hollows:
        field = -_smooth_minimum(np.array([-field, lump_distance(hollow, pose, stature, points)]), blend)
    for cut in layer.cuts:
        side = (points - _place(pose, cut.body, cut.point, stature)) @ (pose.rotation[cut.body] @ cut.normal)
        field = np.maximum(field, side)
    vertices, faces, _, _ = marching_cubes(
        field.reshape(grid.shape[:3]), 0.0, spacing=(layer.grid_m,) * 3, gradient_direction="descent"
    )
    vertices = vertices.astype(np.float64) + low
    bodies, weights = _weights(layer, pose, stature, vertices)
    return Mesh(vertices, faces.astype(np.int64), bodies, weights)


def _weights(layer: Layer, pose: BindPose, stature: float, vertices: Array) -> tuple[tuple[str, ...], Array]:
    bodies = tuple(dict.fromkeys(lump.body for lump in layer.lumps))
    near = np.array(
        [
            np.min([lump_distance(u, pose, stature, vertices) for u in layer.lumps if u.body == body], axis=0)
            for body in bodies
        ]
    )
    weights = np.exp((near.min(axis=0) - near) / SKIN_SPREAD_M)
    adjacent = np.array([[other in _NEIGHBOURS[body] for other in bodies] for body in bodies])
    weights *= adjacent[near.argmin(axis=0)].T
    return bodies, (weights / weights.sum(axis=0)).T


def _shade(colour: Colour, by: Colour) -> Colour:
    return (colour[0] * by[0], colour[1] * by[1], colour[2] * by[2])


def dress(spec: mujoco.MjSpec, resident: Resident, person_id: str = "resident") -> None:
    """Give the body that `add_resident` put into `spec` its skin, clothes, hair and face."""
    pose = bind_pose(resident)
    colours: dict[str, Colour] = {
        "skin": resident.skin,
        "hair": resident.hair,
        "shirt": resident.shirt,
        "trousers": resident.trousers,
        "shoes": resident.shoes,
        "eye_white": (0.93, 0.92, 0.90),
        "iris": (0.10, 0.07, 0.05),
        "brow": _shade(resident.hair, (0.55, 0.55, 0.55)),
        "lips": _shade(resident.skin, (0.82, 0.58, 0.58)),
    }
    spec.add_material(name=f"{person_id}/matte", specular=0.05, shininess=0.1)
    for layer in layers(resident):
        mesh = mesh_layer(layer, pose, resident.height_m)
        skin = spec.add_skin(name=f"{person_id}/{layer.name}")
        skin.material = f"{person_id}/matte"
        skin.rgba = [*colours[layer.colour], 1.0]
        skin.vert = mesh.vertices.astype(np.float32).ravel()
        skin.face = mesh.faces.astype(np.int32).ravel()
        skin.bodyname = [f"{person_id}/{body}" for body in mesh.bodies]
        skin.bindpos = np.concatenate([pose.position[body] for body in mesh.bodies]).astype(np.float32)
        skin.bindquat = np.concatenate([pose.quaternion[body] for body in mesh.bodies]).astype(np.float32)
        moved = [np.flatnonzero(mesh.weights[:, i] > 1e-3) for i in range(len(mesh.bodies))]
        skin.vertid = [ids.tolist() for ids in moved]
        skin.vertweight = [mesh.weights[ids, i].tolist() for i, ids in enumerate(moved)]
    head = spec.body(f"{person_id}/head")
    for feature in FEATURES:
        head.add_geom(
            name=f"{person_id}/head/{feature.name}",
            type=mujoco.mjtGeom.mjGEOM_ELLIPSOID,
            pos=np.multiply(feature.centre, resident.height_m),
            size=np.multiply(feature.radii, resident.height_m),
            rgba=[*colours[feature.colour], 1.0],
            contype=0,
            conaffinity=0,
            mass=0,
        )
