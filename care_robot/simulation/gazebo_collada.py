"""Writes a person who moves as a COLLADA 1.4.1 file: skin, skeleton and one recorded animation.

Gazebo's actors are made of such files. What its loader needs is kept to: one controller with all surfaces,
one matrix per bone, bones named alike in `id`, `name` and `sid`, at most four bones to a vertex.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_BONES_A_VERTEX = 4
ROOT = "root"
"""The bone that carries the others: an actor's path moves it, the animation does not."""
_NAMESPACE = "http://www.collada.org/2005/11/COLLADASchema"


@dataclass(frozen=True)
class Surface:
    """Triangles of one colour, in the bind pose, with the share of each bone in each vertex."""

    name: str
    rgb: tuple[float, float, float]
    vertices: Array  # (n, 3), m
    faces: NDArray[np.int64]  # (m, 3)
    weights: Array  # (n, bones), rows sum to 1


@dataclass(frozen=True)
class Bone:
    """A bone with its parent's name and its place in the bind pose, (4, 4) in the skin's frame."""

    name: str
    parent: str
    bind: Array


@dataclass(frozen=True)
class Clip:
    """An animation: the place of each bone at each time, (frames, 4, 4) in the frame of the root bone."""

    times_s: Array  # (frames,), increasing
    poses: Mapping[str, Array]


class ColladaError(ValueError):
    """A figure that cannot be written; the message says what is wrong with it."""


def strongest(weights: Array) -> Array:
    """Keep the `MAX_BONES_A_VERTEX` greatest weights of each row (n, bones), so that rows sum to 1."""
    kept = weights.copy()
    if weights.shape[1] > MAX_BONES_A_VERTEX:
        weakest = np.argsort(weights, axis=1)[:, :-MAX_BONES_A_VERTEX]
        np.put_along_axis(kept, weakest, 0.0, axis=1)
    kept[kept < 1e-3] = 0.0
    kept /= kept.sum(axis=1, keepdims=True)
    return kept


def normals(vertices: Array, faces: NDArray[np.int64]) -> Array:
    """Normals (n, 3) of the vertices, the mean of their triangles' weighted by area."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(total, faces[:, i], across)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    up = np.array([0.0, 0.0, 1.0])
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), up)


def write_collada(path: Path, bones: Sequence[Bone], surfaces: Sequence[Surface], clip: Clip) -> None:
    """Write a figure.

    Parameters
    ----------
    path
        The file; its folder must exist.
    bones
        Parents before children; the first one's parent is `ROOT`, which is added here at the origin.
    surfaces
        Their weights have one column for each of `bones`.

    Raises
    ------
    ColladaError
        Bones, weights and animation do not fit together.
    """
    _check(bones, surfaces, clip)
    root = Element("COLLADA", {"xmlns": _NAMESPACE, "version": "1.4.1"})
    asset = SubElement(root, "asset")
    for tag in ("created", "modified"):
        SubElement(asset, tag).text = "2000-01-01T00:00:00"  # the same figure is the same file
    SubElement(asset, "unit", name="meter", meter="1")
    SubElement(asset, "up_axis").text = "Z_UP"
    _materials(root, surfaces)
    _geometry(root, surfaces)
    _controller(root, bones, surfaces)
    _animations(root, bones, clip)
    _scene(root, bones, surfaces)
    tree = ElementTree.ElementTree(root)
    partial = path.with_suffix(".part")  # nobody finds half a file
    tree.write(partial, encoding="utf-8", xml_declaration=True)
    partial.replace(path)


def _check(bones: Sequence[Bone], surfaces: Sequence[Surface], clip: Clip) -> None:
    known = {ROOT}
    for bone in bones:
        if bone.parent not in known or bone.name in known:
            raise ColladaError(
                f"The bone '{bone.name}' must come once, and after its parent '{bone.parent}'."
            )
        known.add(bone.name)
    if len(clip.times_s) < 2 or not np.all(np.diff(clip.times_s) > 0.0):
        raise ColladaError("An animation needs two frames or more, at increasing times.")
    for bone in bones:
        if bone.name not in clip.poses or clip.poses[bone.name].shape != (len(clip.times_s), 4, 4):
            raise ColladaError(f"The animation must place the bone '{bone.name}' at each of its times.")
        if not np.isfinite(clip.poses[bone.name]).all():
            raise ColladaError(f"The animation of the bone '{bone.name}' holds a number that is not finite.")
    for surface in surfaces:
        if surface.weights.shape != (len(surface.vertices), len(bones)):
            raise ColladaError(f"The surface '{surface.name}' needs a weight for each vertex and bone.")


def _numbers(values: Array, digits: int) -> str:
    return " ".join(np.char.mod(f"%.{digits}f", np.asarray(values, dtype=np.float64).ravel()))


def _source(
    parent: Element, name: str, values: Array, params: Sequence[tuple[str, str]], digits: int
) -> None:
    stride = 16 if params[0][1] == "float4x4" else len(params)
    source = SubElement(parent, "source", id=name)
    array = SubElement(source, "float_array", id=f"{name}-array", count=str(values.size))
    array.text = _numbers(values, digits)
    _accessor(source, f"{name}-array", values.size // stride, stride, params)


def _accessor(
    source: Element, array: str, count: int, stride: int, params: Sequence[tuple[str, str]]
) -> None:
    common = SubElement(source, "technique_common")
    accessor = SubElement(common, "accessor", source=f"#{array}", count=str(count), stride=str(stride))
    for name, kind in params:
        SubElement(accessor, "param", name=name, type=kind)


def _names(parent: Element, name: str, values: Sequence[str], param: str) -> None:
    source = SubElement(parent, "source", id=name)
    array = SubElement(source, "Name_array", id=f"{name}-array", count=str(len(values)))
    array.text = " ".join(values)
    _accessor(source, f"{name}-array", len(values), 1, [(param, "name")])


def _materials(root: Element, surfaces: Sequence[Surface]) -> None:
    effects = SubElement(root, "library_effects")
    materials = SubElement(root, "library_materials")
    for surface in surfaces:
        effect = SubElement(effects, "effect", id=f"{surface.name}-effect")
        technique = SubElement(SubElement(effect, "profile_COMMON"), "technique", sid="common")
        phong = SubElement(technique, "phong")
        for tag, rgb in (
            ("ambient", surface.rgb),
            ("diffuse", surface.rgb),
            ("specular", (0.05, 0.05, 0.05)),
        ):
            SubElement(SubElement(phong, tag), "color").text = _numbers(np.array([*rgb, 1.0]), 4)
        material = SubElement(materials, "material", id=f"{surface.name}-material", name=surface.name)
        SubElement(material, "instance_effect", url=f"#{surface.name}-effect")


_XYZ = [("X", "float"), ("Y", "float"), ("Z", "float")]


def _geometry(root: Element, surfaces: Sequence[Surface]) -> None:
    geometry = SubElement(SubElement(root, "library_geometries"), "geometry", id="body", name="body")
    mesh = SubElement(geometry, "mesh")
    _source(mesh, "body-positions", np.concatenate([s.vertices for s in surfaces]), _XYZ, 5)
    _source(mesh, "body-normals", np.concatenate([normals(s.vertices, s.faces) for s in surfaces]), _XYZ, 4)
    vertices = SubElement(mesh, "vertices", id="body-vertices")
    SubElement(vertices, "input", semantic="POSITION", source="#body-positions")
    first = 0
    for surface in surfaces:
        material = f"{surface.name}-material"
        triangles = SubElement(mesh, "triangles", material=material, count=str(len(surface.faces)))
        SubElement(triangles, "input", semantic="VERTEX", source="#body-vertices", offset="0")
        SubElement(triangles, "input", semantic="NORMAL", source="#body-normals", offset="1")
        corners = np.repeat(surface.faces.ravel() + first, 2)
        SubElement(triangles, "p").text = " ".join(map(str, corners.tolist()))
        first += len(surface.vertices)


def _controller(root: Element, bones: Sequence[Bone], surfaces: Sequence[Surface]) -> None:
    names = [ROOT, *(bone.name for bone in bones)]
    inverses = np.array([np.eye(4), *(np.linalg.inv(bone.bind) for bone in bones)])
    controller = SubElement(SubElement(root, "library_controllers"), "controller", id="body-skin")
    skin = SubElement(controller, "skin", source="#body")
    SubElement(skin, "bind_shape_matrix").text = _numbers(np.eye(4), 0)
    _names(skin, "body-skin-joints", names, "JOINT")
    _source(skin, "body-skin-binds", inverses, [("TRANSFORM", "float4x4")], 7)
    weights = strongest(np.concatenate([surface.weights for surface in surfaces]))
    vertex, bone = np.nonzero(weights)
    _source(skin, "body-skin-weights", weights[vertex, bone], [("WEIGHT", "float")], 5)
    joints = SubElement(skin, "joints")
    SubElement(joints, "input", semantic="JOINT", source="#body-skin-joints")
    SubElement(joints, "input", semantic="INV_BIND_MATRIX", source="#body-skin-binds")
    vertex_weights = SubElement(skin, "vertex_weights", count=str(len(weights)))
    SubElement(vertex_weights, "input", semantic="JOINT", source="#body-skin-joints", offset="0")
    SubElement(vertex_weights, "input", semantic="WEIGHT", source="#body-skin-weights", offset="1")
    counts = np.bincount(vertex, minlength=len(weights))
    SubElement(vertex_weights, "vcount").text = " ".join(map(str, counts.tolist()))
    pairs = np.column_stack([bone + 1, np.arange(len(bone))])  # 0 is the root
    SubElement(vertex_weights, "v").text = " ".join(map(str, pairs.ravel().tolist()))


def _animations(root: Element, bones: Sequence[Bone], clip: Clip) -> None:
    library = SubElement(root, "library_animations")
    # The root needs keyframes as well: without them Gazebo gives it a transform of zeros.
    local = {ROOT: np.broadcast_to(np.eye(4), (len(clip.times_s), 4, 4))}
    for bone in bones:
        poses = clip.poses[bone.name]
        local[bone.name] = poses if bone.parent == ROOT else np.linalg.inv(clip.poses[bone.parent]) @ poses
    for bone_name, poses in local.items():
        name = f"{bone_name}-motion"
        animation = SubElement(library, "animation", id=name)
        _source(animation, f"{name}-input", clip.times_s, [("TIME", "float")], 4)
        _source(animation, f"{name}-output", poses, [("TRANSFORM", "float4x4")], 6)
        _names(animation, f"{name}-interpolation", ["LINEAR"] * len(clip.times_s), "INTERPOLATION")
        sampler = SubElement(animation, "sampler", id=f"{name}-sampler")
        for semantic in ("input", "output", "interpolation"):
            SubElement(sampler, "input", semantic=semantic.upper(), source=f"#{name}-{semantic}")
        SubElement(animation, "channel", source=f"#{name}-sampler", target=f"{bone_name}/transform")


def _scene(root: Element, bones: Sequence[Bone], surfaces: Sequence[Surface]) -> None:
    scene = SubElement(SubElement(root, "library_visual_scenes"), "visual_scene", id="scene", name="scene")
    nodes = {ROOT: _node(scene, ROOT, np.eye(4))}
    binds = {ROOT: np.eye(4)} | {bone.name: bone.bind for bone in bones}
    for bone in bones:
        local = np.linalg.inv(binds[bone.parent]) @ bone.bind
        nodes[bone.name] = _node(nodes[bone.parent], bone.name, local)
    figure = SubElement(scene, "node", id="figure", name="figure", type="NODE")
    instance = SubElement(figure, "instance_controller", url="#body-skin")
    SubElement(instance, "skeleton").text = f"#{ROOT}"
    common = SubElement(SubElement(instance, "bind_material"), "technique_common")
    for surface in surfaces:
        material = f"{surface.name}-material"
        SubElement(common, "instance_material", symbol=material, target=f"#{material}")
    SubElement(SubElement(root, "scene"), "instance_visual_scene", url="#scene")


def _node(parent: Element, name: str, local: Array) -> Element:
    node = SubElement(parent, "node", id=name, name=name, sid=name, type="JOINT")
    SubElement(node, "matrix", sid="transform").text = _numbers(local, 7)
    return node
