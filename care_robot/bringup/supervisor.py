"""Runs the processes of a launch plan.

One thread starts them, prints what they say, starts them again, and stops them in reverse order. No process
outlives the launcher, not even one that was killed: the kernel then kills its children (PR_SET_PDEATHSIG).
"""

import contextlib
import heapq
import itertools
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from care_robot.bringup.launch_commands import command_line
from care_robot.bringup.launch_elements import LaunchFileError
from care_robot.bringup.launch_plan import LaunchPlan, ProcessSpec
from care_robot.bringup.shared_memory import remove_orphans

LINES_KEPT = 10_000
"""Lines that wait for a reader."""
LAST_LINES_S = 2.0

# Runs in the child before the program. A `preexec_fn` would do the same between fork and exec, where a
# process with threads may deadlock. The parent may have died before prctl, so that is checked after it.
# A launcher in the background of a shell ignores SIGINT; the program must not inherit that.
# What it writes, logs with names among it, is for this user alone.
_TIE_TO_PARENT = """
import ctypes, os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.umask(0o077)
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]} cannot be executed: {error.strerror}")
"""


@dataclass(frozen=True)
class Started:
    """A process was started."""

    label: str
    pid: int


@dataclass(frozen=True)
class OutputLine:
    """A process printed a line."""

    label: str
    text: str


@dataclass(frozen=True)
class Exited:
    """A process ended; a negative code is the signal that ended it."""

    label: str
    code: int


@dataclass(frozen=True)
class Stopping:
    """The launch is being stopped."""

    reason: str


Event = Started | OutputLine | Exited | Stopping


@dataclass(frozen=True)
class Patience:
    """How long the launcher waits while it stops.

    Attributes
    ----------
    turn_s
        For a process to end before the next one, in reverse start order, is interrupted.
    sigterm_s
        From SIGINT to SIGTERM.
    sigkill_s
        From SIGTERM to SIGKILL.
    """

    turn_s: float = 3.0
    sigterm_s: float = 5.0
    sigkill_s: float = 5.0


class _Child:
    """One process of the plan, over all its restarts."""

    def __init__(self, label: str, spec: ProcessSpec, command: list[str]) -> None:
        self.label = label
        self.spec = spec
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = False  # waits for its respawn delay
        self.interrupted = False


class Launcher:
    """Runs a plan in a thread of its own.

    Parameters
    ----------
    plan
        What to run.
    on_event
        Called in the launcher's thread for each event; must return soon.
    show
        Print the output of the processes, each line with the name of its node.
    patience
        Time-outs of stopping.

    Raises
    ------
    LaunchFileError
        When a program of the plan is not installed.
    """

    def __init__(
        self,
        plan: LaunchPlan,
        on_event: Callable[[Event], object] | None = None,
        *,
        show: bool = True,
        patience: Patience = Patience(),
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="care_robot_launch_")
        files = (Path(self._folder.name) / f"parameters_{n}.yaml" for n in itertools.count())
        try:
            commands = [command_line(spec, files) for spec in plan.processes]
        except LaunchFileError:
            self._folder.cleanup()
            raise
        self._children = list(map(_Child, plan.labels(), plan.processes, commands))
        self._messages = plan.messages
        self._on_event = on_event
        self._printer = _Printer([child.label for child in self._children]) if show else None
        self._patience = patience
        # SimpleQueue may be used in signal handlers.
        self._inbox: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._turn: _Child | None = None
        self._stopping = False
        self._exit_code = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="launcher", daemon=True)

    def start(self) -> None:
        """Start every process, in order; returns at once."""
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait until every process has ended.

        Returns
        -------
        int | None
            0, or 1 where a process that the launch depends on died; None after the time-out.
        """
        return self._exit_code if self._done.wait(timeout_s) else None

    def stop(self, reason: str = "asked to stop") -> None:
        """Begin an ordered stop; returns at once, from any thread or signal handler."""
        self._inbox.put(lambda: self._begin_stop(reason))

    def kill(self) -> None:
        """Kill what still runs; returns at once."""
        self._inbox.put(self._kill_all)

    def __enter__(self) -> "Launcher":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.wait()

    # In the launcher's thread ------------------------------------------------------------------------------

    def _supervise(self) -> None:
        try:
            remove_orphans()
            for message in self._messages:
                self._say(message)
            for child in self._children:
                self._spawn(child)
            while any(child.process or child.restarts for child in self._children):
                self._step()
        finally:
            self._kill_all()
            self._folder.cleanup()
            if self._printer:
                self._printer.close()
            self._done.set()

    def _step(self) -> None:
        """Do what is next in the inbox, or due."""
        timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
        with contextlib.suppress(queue.Empty):
            self._inbox.get(timeout=timeout)()
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _later(self, delay_s: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._order), action))

    def _spawn(self, child: _Child) -> None:
        child.restarts = False
        if self._stopping:
            return
        shim = [sys.executable, "-I", "-S", "-c", _TIE_TO_PARENT, str(os.getpid())]
        try:
            child.process = process = subprocess.Popen(
                [*shim, *child.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **child.spec.env},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._exit_code = 1
            self._begin_stop(f"{child.label} cannot be started: {error}")
            return
        self._emit(Started(child.label, process.pid))
        threading.Thread(target=self._follow, args=(child, process), daemon=True).start()

    def _follow(self, child: _Child, process: "subprocess.Popen[bytes]") -> None:
        """In a thread per process: hand its output and its end to the supervisor."""
        reader = threading.Thread(target=self._read, args=(child.label, process), daemon=True)
        reader.start()
        # Not reaped here: as long as it is a zombie, its number and its group cannot become somebody else's.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        reader.join(timeout=1.0)  # a grandchild in a session of its own may hold the pipe open
        self._inbox.put(partial(self._ended, child, process))

    def _read(self, label: str, process: "subprocess.Popen[bytes]") -> None:
        with cast("IO[bytes]", process.stdout) as stream:
            for data in iter(lambda: stream.readline(65536), b""):
                line = OutputLine(label, data.decode(errors="replace").rstrip("\r\n"))
                self._inbox.put(partial(self._emit, line))

    def _ended(self, child: _Child, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        child.process = None
        self._emit(Exited(child.label, code))
        if code < 0:
            remove_orphans()
        if self._stopping:
            if child is self._turn:
                self._next_turn()
        elif child.spec.ends_launch:
            self._exit_code = int(code != 0)
            self._begin_stop(f"{child.label} {how_it_ended(code)} and the launch does not go on without it")
        elif child.spec.respawn:
            self._say(f"{child.label} {how_it_ended(code)}; it is started again")
            child.restarts = True
            self._later(child.spec.respawn_delay_s, lambda: self._spawn(child))
        else:
            self._say(f"{child.label} {how_it_ended(code)}")

    def _begin_stop(self, reason: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._say(f"stopping: {reason}")
        self._emit(Stopping(reason))
        for child in self._children:
            child.restarts = False
        self._next_turn()

    def _next_turn(self) -> None:
        """Interrupt the last started process that runs and was not interrupted yet."""
        left = [child for child in self._children if child.process and not child.interrupted]
        self._turn = child = left[-1] if left else None
        if child is None:
            return
        child.interrupted = True
        patience = self._patience
        self._signal(child, signal.SIGINT)
        self._later(patience.turn_s, lambda: self._next_turn() if self._turn is child else None)
        self._later(patience.sigterm_s, lambda: self._signal(child, signal.SIGTERM))
        self._later(patience.sigterm_s + patience.sigkill_s, lambda: self._signal(child, signal.SIGKILL))

    def _kill_all(self) -> None:
        for child in self._children:
            self._signal(child, signal.SIGKILL)

    def _signal(self, child: _Child, number: signal.Signals) -> None:
        if child.process is None:
            return
        if number is not signal.SIGINT:
            self._say(f"{child.label} is still running; it gets {number.name}")
        # The whole group, for a program that started others.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, number)

    def _emit(self, event: Event) -> None:
        if self._printer and isinstance(event, OutputLine):
            self._printer.line(event.label, event.text)
        if self._on_event:
            try:
                self._on_event(event)
            except Exception as error:
                self._say(f"the observer of the launch failed: {error!r}")

    def _say(self, text: str) -> None:
        if self._printer:
            self._printer.line("launch", text)


class _Printer:
    """Lines on standard output, each with a mark; coloured on a terminal (see no-color.org)."""

    def __init__(self, labels: list[str]) -> None:
        colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._marks = {
            label: f"\x1b[{31 + n % 6}m[{label}]\x1b[0m" if colours else f"[{label}]"
            for n, label in enumerate(labels)
        }
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=LINES_KEPT)
        self._thread = threading.Thread(target=self._print, daemon=True)
        self._thread.start()

    def line(self, label: str, text: str) -> None:
        # Who does not read (Ctrl-S, a pager) must not hold up the supervision: what does not fit is dropped.
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(f"{self._marks.get(label, f'[{label}]')} {text}\n")

    def close(self) -> None:
        """Print what is left, if somebody reads it."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(timeout=LAST_LINES_S)

    def _print(self) -> None:
        for line in iter(self._lines.get, None):
            # The nodes go on when nobody reads any more (terminal closed, end of a pipe). Past sys.stdout: a
            # write that never ends would keep its lock from the interpreter's own last flush.
            with contextlib.suppress(OSError, ValueError):
                left = line.encode(sys.stdout.encoding, errors="replace")
                while left:
                    left = left[os.write(sys.stdout.fileno(), left) :]


def how_it_ended(code: int) -> str:
    """Words for an exit code; negative where a signal ended the process."""
    if code >= 0:
        return "ended" if code == 0 else f"died with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
