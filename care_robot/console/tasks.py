"""``./care task``: what the robot is asked to do, in which order, and how it goes."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from math import radians
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.markup import escape

from care_robot.console.errors import UsageError
from care_robot.console.task_view import TaskSeen, TreeSeen, drawn, history, now_words, plain, table, words
from care_robot.console.verbs import AsJson, By, Namespace, console, errors, fail
from care_robot.planning.tasks import Goal, Priority, Task, TaskKind, TaskState

if TYPE_CHECKING:
    from care_robot.console.task_client_node import TaskClient

# ROS and the database are imported inside the verbs that need them.

task_app = typer.Typer(help="Tasks of the robot: what it does now, and next.", no_args_is_help=True)

MIN_ID = 4
"""Of a task's id: an empty variable in a script must not cancel a task."""
EXIT_FAILED, EXIT_CANCELED = 1, 3


class Kind(str, Enum):
    """What can be asked for; a response to a fall comes from its alarm alone."""

    FETCH = "fetch"
    DELIVER = "deliver"
    GO_TO = "go_to"
    COME_HERE = "come_here"
    PATROL = "patrol"
    CHECK_ON = "check_on"
    REMIND = "remind"
    LOOK_AGAIN = "look_again"
    SAY = "say"
    DOCK = "dock"
    TELEOP = "teleop"


class Rank(str, Enum):
    """Priorities that can be asked for."""

    ROUTINE = "routine"
    OPERATOR = "operator"
    MEDICATION = "medication"


class Language(str, Enum):
    """Languages that the robot speaks."""

    KO = "ko"
    EN = "en"


TaskId = Annotated[str, typer.Argument(help=f"The task's id, or its first characters ({MIN_ID} or more).")]


@task_app.command("list")
def list_tasks(as_json: AsJson = False, namespace: Namespace = "") -> None:
    """List the open tasks in the order of execution, then those that ended in the last hour."""
    with _client(namespace) as client:
        tasks = client.tasks()
    if as_json:
        print(json.dumps(plain(tasks), ensure_ascii=False, indent=2))
    elif not tasks:
        console.print("No tasks.")
    else:
        console.print(table(tasks))


@task_app.command()
def add(
    kind: Annotated[Kind, typer.Argument(help="What to do.")],
    by: By,
    *,
    place: Annotated[
        list[str] | None,
        typer.Option(
            help="Room or place; go_to and deliver: one, patrol: each in this order, fetch: where first."
        ),
    ] = None,
    pose: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="go_to: x and y in m on the map and the heading in degrees, instead of a place."),
    ] = None,
    person: Annotated[str, typer.Option(help="come_here, look_again: id of a person in `people`.")] = "",
    resident: Annotated[str, typer.Option(help="check_on, fetch, deliver, say: id of a resident.")] = "",
    thing: Annotated[str, typer.Option("--object", help="fetch: what, such as cup.")] = "",
    occurrence: Annotated[str, typer.Option(help="remind: id of the reminder's occurrence.")] = "",
    text: Annotated[str, typer.Option(help="say: what.")] = "",
    language: Annotated[Language, typer.Option(help="say: language of the text.")] = Language.KO,
    priority: Annotated[
        Rank, typer.Option(help="A higher one interrupts a lower one; a fall comes before them all.")
    ] = Rank.OPERATOR,
    time_limit: Annotated[
        float, typer.Option(help="Seconds that it may run; waiting is not counted.")
    ] = 600.0,
    task_id: Annotated[
        str, typer.Option("--id", help="An id of your own: with the same id twice, it is done once.")
    ] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Show how it goes, until it has ended.")] = False,
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """Ask for a task, such as `go_to --place kitchen` or `say --text 안녕하세요`.

    Exit codes: 0 taken, or with --wait done; 1 it failed; 2 it was refused; 3 it was canceled.
    """
    task = Task(
        kind=TaskKind[kind.name],
        priority=Priority[priority.name],
        by=by,
        time_limit_s=time_limit,
        id=task_id,
        object=thing,
        places=tuple(place or ()),
        pose=Goal("map", pose[0], pose[1], radians(pose[2])) if pose else None,
        resident_id=resident,
        person_id=person,
        occurrence_id=occurrence,
        text=text,
        language=language.value if kind is Kind.SAY else "",
    )
    with _client(namespace) as client:
        task_id = client.submit(task)
        if not wait:
            _tell({"id": task_id}, f"Taken: {task_id}. `./care task list` shows how it stands.", as_json)
            return
        try:
            end = client.follow(task_id, lambda seen: _progress(seen, as_json))
        except KeyboardInterrupt:
            errors.print(
                f"The task goes on; `./care task cancel {escape(task_id)}` ends it.", highlight=False
            )
            sys.exit(130)
    if end.state is not TaskState.SUCCEEDED:
        sys.exit(EXIT_CANCELED if end.state is TaskState.CANCELED else EXIT_FAILED)


@task_app.command()
def cancel(
    task_id: TaskId,
    by: By,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """End a task that waits or runs; the robot comes to rest and keeps what it holds."""
    with _client(namespace) as client:
        found = _find([seen.task.id for seen in client.tasks()], task_id)
        client.cancel(found, by, reason)
    _tell({"id": found, "by": by}, f"Canceled by {by}: {found}.", as_json)


@task_app.command()
def show(
    task_id: TaskId,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of the task database; those of `./care up` by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one task with its history and reasons, from the database on this machine."""
    from care_robot.care.store import default_folder  # noqa: PLC0415
    from care_robot.planning.task_store import TaskDatabaseError, read_task  # noqa: PLC0415

    home = default_folder(os.environ)
    folders = [data_dir] if data_dir else [home, home.with_name(f"{home.name}_sim")]
    problem = f"No task, or more than one, has an id that begins with '{task_id}'; see `./care task list`."
    found = None
    if len(task_id) < MIN_ID:
        fail(f"Give at least {MIN_ID} characters of the task's id; see `./care task list`.")
    for folder in folders:
        try:
            found = found or read_task(folder, task_id)
        except TaskDatabaseError as error:
            problem = str(error) if data_dir else problem
    if found is None:
        fail(problem)
    record, events = found
    if as_json:
        print(json.dumps(plain({"record": record, "history": events}), ensure_ascii=False, indent=2))
        return
    console.print(f"{escape(record.task.id)}: {escape(words(record.task))}", highlight=False, soft_wrap=True)
    console.print(history(events))


@task_app.command()
def tree(
    follow: Annotated[bool, typer.Option("--follow", help="Go on showing it, until Ctrl-C.")] = False,
    as_json: AsJson = False,
    namespace: Namespace = "",
) -> None:
    """Print the behaviour tree of the task that runs: what the robot is doing, and why."""
    with _client(namespace) as client:
        if not follow:
            _print_tree(client.tree(), as_json)
            return
        try:
            if as_json or not console.is_terminal:
                client.follow_tree(lambda seen: _print_tree(seen, as_json))
            else:
                with Live(console=console, auto_refresh=False) as live:
                    client.follow_tree(lambda seen: live.update(drawn(seen), refresh=True))
        except KeyboardInterrupt:
            sys.exit(130)


@contextmanager
def _client(namespace: str) -> "Iterator[TaskClient]":
    from care_robot.bringup.domain import DomainError  # noqa: PLC0415
    from care_robot.console.task_client_node import TaskClient  # noqa: PLC0415

    try:
        with TaskClient(namespace) as client:
            yield client
    except (DomainError, UsageError) as error:
        fail(str(error))


def _tell(content: dict[str, str], sentence: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(content, ensure_ascii=False))
    else:
        console.print(escape(sentence), highlight=False, soft_wrap=True)


def _find(ids: list[str], begins: str) -> str:
    """The id itself, or the only one that begins so; UsageError otherwise."""
    if begins in ids:
        return begins
    if len(begins) < MIN_ID:
        raise UsageError(f"Give at least {MIN_ID} characters of the task's id; see `./care task list`.")
    found = [task_id for task_id in ids if task_id.startswith(begins)]
    if len(found) != 1:
        what = "No task has" if not found else f"{len(found)} tasks have"
        raise UsageError(f"{what} an id that begins with '{begins}'; see `./care task list`.")
    return found[0]


def _progress(seen: TaskSeen, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plain(seen), ensure_ascii=False), flush=True)
    else:
        line = f"{seen.state.name.lower():<12}{escape(now_words(seen))}"
        console.print(line, highlight=False, soft_wrap=True)


def _print_tree(seen: TreeSeen, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plain(seen), ensure_ascii=False), flush=True)
    else:
        console.print(drawn(seen))
