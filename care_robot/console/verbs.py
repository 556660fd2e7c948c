"""What every verb of the command line shares: options, the connection, and how it ends."""

import getpass
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from care_robot.console.errors import UsageError

if TYPE_CHECKING:
    from care_robot.console.operator_node import Operator

# ROS is imported inside the verbs that need it: `./care --help` is quick, and works where it is broken.

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Namespace = Annotated[str, typer.Option(help="The robot's namespace; empty for none.")]
By = Annotated[str, typer.Option("--by", prompt="Your name", help="Your name: a human answers for it.")]

# Piped, a table is as wide as it needs to be: the reader is a program, or another terminal.
console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)
errors = Console(stderr=True)


@contextmanager
def operator(namespace: str) -> "Iterator[Operator]":
    """A connection to the running system; an error of ours ends the program with its sentence."""
    from care_robot.bringup.domain import DomainError  # noqa: PLC0415
    from care_robot.console.operator_node import Operator  # noqa: PLC0415

    try:
        with Operator(namespace) as connected:
            yield connected
    except (DomainError, UsageError) as error:
        fail(str(error))


def note_view(resident_ids: Iterable[str], category: str) -> None:
    """Have a look at personal data kept in the audit log, where the system runs that keeps it."""
    from care_robot.bringup.domain import DomainError  # noqa: PLC0415
    from care_robot.console.operator_node import Operator  # noqa: PLC0415

    try:
        with Operator(timeout_s=2.0) as connected:
            kept = connected.note_view(login_name(), resident_ids, category)
    except (DomainError, UsageError):
        kept = False
    if not kept:
        errors.print("This look is not in the audit log: no running care_manager takes it.", style="yellow")


def exit_with(run: Callable[[], int]) -> NoReturn:
    """End with the exit code that `run` gives; an error of ours becomes a sentence and exit code 2."""
    from care_robot.bringup.domain import DomainError  # noqa: PLC0415
    from care_robot.bringup.launch_elements import LaunchFileError  # noqa: PLC0415

    try:
        code = run()
    except (LaunchFileError, DomainError, UsageError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def fail(sentence: str) -> NoReturn:
    """End with exit code 2 and a sentence."""
    errors.print(f"[red]error:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    sys.exit(2)


def login_name() -> str:
    """Who sits at this terminal, for the audit log."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
