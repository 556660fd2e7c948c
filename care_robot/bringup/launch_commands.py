"""Command lines of the processes of a launch, as `ros2 launch` makes them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import yaml

from care_robot.bringup.launch_elements import LaunchFileError, near
from care_robot.bringup.launch_plan import ProcessSpec
from care_robot.bringup.substitutions import SubstitutionError, package_prefix


def command_line(spec: ProcessSpec, parameter_files: Iterator[Path]) -> list[str]:
    """Program of a process with all its arguments.

    Parameters
    ----------
    spec
        The process.
    parameter_files
        Gives paths of new files to which values of parameters are written.

    Raises
    ------
    LaunchFileError
        When the program is not there.
    """
    environment = {**os.environ, **spec.env}
    if spec.shell:
        return ["/bin/sh", "-c", " ".join(spec.cmd)]
    if spec.package is None:
        if shutil.which(spec.cmd[0], path=environment.get("PATH")) is None:
            raise LaunchFileError(f"{spec.label}: there is no program '{spec.cmd[0]}'; install it.")
        return list(spec.cmd)
    command = [_executable(spec.package, spec.cmd[0], environment), *spec.cmd[1:], "--ros-args"]
    if spec.node_name is not None:
        command += ["-r", f"__node:={spec.node_name}"]
    if spec.namespace is not None:
        command += ["-r", f"__ns:={spec.namespace}"]
    known = spec.node_name is not None and spec.namespace is not None
    key = f"{(spec.namespace or '').rstrip('/')}/{spec.node_name}" if known else "/**"
    for parameters in spec.parameters:
        path = parameters
        if not isinstance(path, Path):
            path = next(parameter_files)
            path.write_text(yaml.safe_dump({key: {"ros__parameters": parameters}}), encoding="utf-8")
        command += ["--params-file", str(path)]
    for name, other in spec.remappings:
        command += ["-r", f"{name}:={other}"]
    return command


def _executable(package: str, name: str, environment: dict[str, str]) -> str:
    try:
        folder = package_prefix(package, environment) / "lib" / package
    except SubstitutionError as error:
        raise LaunchFileError(f"{name}: {error}.") from None
    path = folder / name
    if not (path.is_file() and os.access(path, os.X_OK)):
        hint = near(name, [p.name for p in folder.glob("*")])
        raise LaunchFileError(f"There is no executable '{name}' in {folder}{hint}; build the workspace.")
    return str(path)
