"""Writes what Gazebo needs besides the project's own files, for ``launch/sim_gazebo.launch.xml``.

``gazebo_files --world apartment --resident day`` prints the folder in the cache into which it has written the
robot's description with Gazebo's plugin, where the robot stands, the posed resident, and an empty folder for
the records of the coming run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml  # type: ignore[import-untyped, unused-ignore]

from care_robot.description import DescriptionError
from care_robot.simulation.building import CONTROLLERS, ROBOT_URDF, dock
from care_robot.simulation.gazebo_collada import ColladaError
from care_robot.simulation.gazebo_figure import FigureError
from care_robot.simulation.gazebo_model import gazebo_urdf
from care_robot.simulation.gazebo_resident import RESIDENT, STORIES, StoryError, write_resident
from care_robot.simulation.recipe import PersonRecipe, RecipeError
from care_robot.simulation.sdf import find_world, read_world

NO_RESIDENT = "none"
ERRORS = (ColladaError, DescriptionError, FigureError, OSError, RecipeError, StoryError)


def write_files(cache: Path, world: str, resident: str, seed: int) -> Path:
    """Write the files below `cache`, and return their folder; a resident that is there already is kept.

    Raises
    ------
    DescriptionError, RecipeError, StoryError, OSError
        The message is for the user.
    """
    if resident not in (NO_RESIDENT, *STORIES):
        choices = ", ".join((NO_RESIDENT, *STORIES))
        raise StoryError(f"There is no story {resident!r} of a resident; choose one of {choices}.")
    PersonRecipe(RESIDENT, seed=seed)  # refuses what is no seed, before it becomes a folder's name
    path = find_world(world)
    home = read_world(path)
    sources = [path, *(source for model in home.models for source in model.sources)]
    sources += sorted(Path(__file__).parent.glob("*.py"))
    stem = f"{home.name}_{resident}_{seed}"
    folder = cache / f"{stem}_{_fingerprint(sources)}"
    for old in cache.glob(f"{stem}_*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "records", ignore_errors=True)  # of the last run, whose time was the same
    (folder / "records").mkdir()
    _write(folder / "robot.urdf", gazebo_urdf(ROBOT_URDF, CONTROLLERS))
    start = dock(home)
    x, y, z = (float(part) for part in start.position)
    place = {"x": x, "y": y, "z": z, "Y": start.rpy()[2]}
    spawn = {"world": home.name, "topic": "robot_description", "name": "carebot", **place}
    _write(folder / "spawn_robot.yaml", _parameters(spawn))
    if resident != NO_RESIDENT:
        actor = folder / "resident.sdf"
        if not actor.is_file():
            write_resident(folder, world, resident, seed)
        _write(
            folder / "spawn_resident.yaml",
            _parameters({"world": home.name, "file": str(actor), "name": RESIDENT}),
        )
    return folder


def _fingerprint(paths: Iterable[Path]) -> str:
    """Stands for what the files hold now: another world or another resident is another folder."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _parameters(values: dict[str, object]) -> str:
    return str(yaml.safe_dump({"/**": {"ros__parameters": values}}))


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its errors are one sentence."""
    parser = argparse.ArgumentParser(prog="gazebo_files", description=__doc__)
    parser.add_argument("--world", default="apartment", help="name of a world in sim/worlds")
    parser.add_argument("--resident", default="day", help=f"{NO_RESIDENT} or {', '.join(STORIES)}")
    parser.add_argument("--seed", type=int, default=0, help="which resident")
    parser.add_argument("--cache", type=Path, help="folder instead of ~/.cache/care_robot/gazebo")
    given = parser.parse_args(arguments)
    cache = (
        given.cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "care_robot/gazebo"
    )
    try:
        folder = write_files(cache, given.world, given.resident, given.seed)
    except ERRORS as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(str(folder))  # without an end of line: the launch file takes it as it is
    return 0


if __name__ == "__main__":
    sys.exit(main())
