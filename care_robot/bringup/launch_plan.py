"""What a launch file comes to: the processes to start, with everything substituted."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from care_robot.bringup.parameter_values import ParameterValue


@dataclass(frozen=True)
class ProcessSpec:
    """One process of a launch; for a node, with what becomes its ROS arguments.

    Attributes
    ----------
    label
        What its output is marked with.
    cmd
        Program and arguments; the program of a node is an executable's name, found in `package`.
    parameters
        In order, later ones win: a parameter file, or values by name.
    env
        Variables that differ from the launcher's own environment.
    ends_launch
        The launch ends when this process does (``on_exit="shutdown"``).
    """

    label: str
    cmd: tuple[str, ...]
    package: str | None = None
    node_name: str | None = None
    namespace: str | None = None
    parameters: tuple[Path | dict[str, ParameterValue], ...] = ()
    remappings: tuple[tuple[str, str], ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    shell: bool = False
    ends_launch: bool = False
    respawn: bool = False
    respawn_delay_s: float = 0.0


@dataclass(frozen=True)
class LaunchPlan:
    """What a launch file comes to with given arguments: messages to print, processes to start in order."""

    processes: tuple[ProcessSpec, ...]
    messages: tuple[str, ...] = ()

    def labels(self) -> list[str]:
        """A mark for each process: its name; where two have the same, with the namespace, or a number."""
        names = Counter(spec.label for spec in self.processes)
        labels: list[str] = []
        for spec in self.processes:
            label = (
                f"{spec.namespace or ''}/{spec.label}".lstrip("/") if names[spec.label] > 1 else spec.label
            )
            numbered = (label, *(f"{label}-{n}" for n in range(2, len(self.processes) + 1)))
            labels.append(next(name for name in numbered if name not in labels))
        return labels


@dataclass(frozen=True)
class LaunchArgument:
    """A declared argument, for help."""

    name: str
    default: str | None
    description: str
    choices: tuple[str, ...]
