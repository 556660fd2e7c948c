"""The posed resident of Gazebo: a day recorded in the embedded simulator and written as an actor.

Gazebo's physics knows nothing of it; cameras and the lidar see it. Walking, sitting and lying are those of
the embedded resident, and the fall is a recording of its physics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

from care_robot.simulation.building import build
from care_robot.simulation.gazebo_collada import Array, Clip, write_collada
from care_robot.simulation.gazebo_figure import bones_of, surfaces_of
from care_robot.simulation.mujoco_model import CONTROL_S, TIMESTEP_S
from care_robot.simulation.person import Act, ActError, ActKind, Person
from care_robot.simulation.recipe import PersonRecipe, Recipe
from care_robot.simulation.world import Place, PlaceKind, World

RESIDENT = "resident"
STORIES = ("day", "walk", "sit", "lie", "fall")
SAMPLE_S = 0.08
MAX_STORY_S = 600.0
DELAY_S = 10.0
"""When the story begins, on Gazebo's clock: the system is up by then."""
STEPS = round(CONTROL_S / TIMESTEP_S)


class StoryError(Exception):
    """A story that the resident cannot play here; the message says why."""


@dataclass(frozen=True)
class Scene:
    """One act, and how long the resident then stays so."""

    act: Act
    stay_s: float


@dataclass(frozen=True)
class Recording:
    """What a story looks like: the way of the figure over the floor, and its bones on the way."""

    path_m: Array  # (frames, 2), under the pelvis
    clip: Clip


def story(name: str, world: World) -> tuple[Place, tuple[Scene, ...]]:
    """Where a story begins, and what happens.

    Parameters
    ----------
    name
        `walk`, `sit`, `lie` and `day` (all three) end where they begin; `fall` ends on the floor.

    Raises
    ------
    StoryError
        The world has not the places for it.
    """
    spots = [place for place in world.places if place.kind is PlaceKind.SPOT]
    if len(spots) < 2:
        raise StoryError(f"{world.path}: a resident needs two places of kind spot; add care:place elements.")
    start = spots[0]
    x, y, _ = (float(part) for part in start.pose.position)
    ways = {place.name: place.pose.position[:2] - (x, y) for place in spots[1:]}
    room = world.room_at(x, y)
    near = {name: way for name, way in ways.items() if world.room_at(x + way[0], y + way[1]) == room}
    other = max(near or ways, key=lambda name: float(np.linalg.norm(ways[name])))
    go, home = Scene(Act(ActKind.WALK, place=other), 2.0), Scene(Act(ActKind.WALK, place=start.name), 2.0)
    back_rad = math.atan2(-ways[other][1], -ways[other][0])  # where one came from there is room to fall
    seat, bed = (world.nearest(kind, x, y) for kind in (PlaceKind.SEAT, PlaceKind.BED))
    scenes: dict[str, tuple[Scene, ...]] = {
        "walk": (go, home),
        "fall": (go, Scene(Act(ActKind.FALL, heading_rad=back_rad), 60.0)),
    }
    if seat is not None:
        scenes["sit"] = (Scene(Act(ActKind.SIT, place=seat.name), 20.0), home)
    if bed is not None:
        scenes["lie"] = (Scene(Act(ActKind.LIE_ON_FURNITURE, place=bed.name), 30.0), home)
    if seat is not None and bed is not None:
        scenes["day"] = (*scenes["walk"], *scenes["sit"], *scenes["lie"])
    if name not in scenes:
        raise StoryError(f"{world.path}: nobody can play {name!r} here; there are {', '.join(scenes)}.")
    return start, scenes[name]


def write_resident(folder: Path, world: str, name: str, seed: int) -> Path:
    """Record a story, write ``resident.dae`` and ``resident.sdf`` into a folder, and return the latter.

    Raises
    ------
    StoryError, DescriptionError, RecipeError
        The story cannot be played.
    """
    recipe = Recipe(world=world, seed=seed, people=(PersonRecipe(RESIDENT, seed=seed, walking_aid=False),))
    built = build(recipe, dressed=True, robot=False)
    start, scenes = story(name, built.world)
    data = mujoco.MjData(built.model)
    person = Person(built.model, data, RESIDENT, built.residents[RESIDENT], built.world, start, seed)
    bones = bones_of(built.model, RESIDENT)
    recording = record(built.model, data, person, scenes, [bone.name for bone in bones])
    mesh, sdf = folder / "resident.dae", folder / "resident.sdf"
    write_collada(mesh, bones, surfaces_of(built.model, RESIDENT, bones), recording.clip)
    partial = sdf.with_suffix(".part")  # it comes last, and whole: where it is, the rest is there too
    partial.write_text(actor_sdf(mesh, name, recording), encoding="utf-8")
    partial.replace(sdf)
    return sdf


def record(
    model: mujoco.MjModel, data: mujoco.MjData, person: Person, scenes: tuple[Scene, ...], bones: list[str]
) -> Recording:
    """Let a person play scenes, and keep what is seen of it."""
    bodies = [model.body(f"{person.id}/{bone}").id for bone in bones]
    frames: list[Array] = []
    mujoco.mj_forward(model, data)
    step, now_s = 0, 0.0
    every = round(SAMPLE_S / CONTROL_S)
    for scene in scenes:
        try:
            person.act(scene.act, now_s)
        except ActError as error:
            raise StoryError(f"The resident cannot {scene.act.kind.name.lower()}: {error}") from None
        until_s: float | None = None
        while until_s is None or now_s < until_s:
            if until_s is None and not person.busy and now_s > 0.0:
                until_s = now_s + scene.stay_s
            if now_s > MAX_STORY_S:
                raise StoryError(f"The resident is not done after {MAX_STORY_S:g} s; the story is too long.")
            if step % every == 0:
                frames.append(_frame(data, bodies))
            person.before_step(now_s, CONTROL_S)
            mujoco.mj_step(model, data, STEPS)
            step += 1
            now_s = step * CONTROL_S
    poses = np.array(frames)  # (frames, bones, 4, 4), in the map
    path_m = poses[:, 0, :2, 3].copy()
    poses[:, :, :2, 3] -= path_m[:, None, :]
    times_s = np.arange(len(frames)) * SAMPLE_S
    return Recording(path_m, Clip(times_s, {bone: poses[:, i] for i, bone in enumerate(bones)}))


def _frame(data: mujoco.MjData, bodies: list[int]) -> Array:
    frame = np.tile(np.eye(4), (len(bodies), 1, 1))
    frame[:, :3, :3] = data.xmat[bodies].reshape(-1, 3, 3)
    frame[:, :3, 3] = data.xpos[bodies]
    return frame


def actor_sdf(mesh: Path, name: str, recording: Recording) -> str:
    """SDF of the actor: skin and story from one file, and the way over the floor.

    Gazebo hides what is far from where the figure was at first, so the actor itself goes along the path.
    """
    sdf = ElementTree.Element("sdf", version="1.9")
    actor = ElementTree.SubElement(sdf, "actor", name=RESIDENT)
    skin = ElementTree.SubElement(actor, "skin")
    ElementTree.SubElement(skin, "filename").text = str(mesh)
    animation = ElementTree.SubElement(actor, "animation", name=name)
    ElementTree.SubElement(animation, "filename").text = str(mesh)
    script = ElementTree.SubElement(actor, "script")
    for tag, text in (("loop", "true"), ("delay_start", f"{DELAY_S:g}"), ("auto_start", "true")):
        ElementTree.SubElement(script, tag).text = text
    trajectory = ElementTree.SubElement(script, "trajectory", id="0", type=name)
    for t_s, (x, y) in zip(recording.clip.times_s, recording.path_m, strict=True):
        waypoint = ElementTree.SubElement(trajectory, "waypoint")
        ElementTree.SubElement(waypoint, "time").text = f"{t_s:.2f}"
        ElementTree.SubElement(waypoint, "pose").text = f"{x:.4f} {y:.4f} 0 0 0 0"
    ElementTree.indent(sdf)
    return ElementTree.tostring(sdf, encoding="unicode", xml_declaration=True)
