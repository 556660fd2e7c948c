"""The log of a launch: what the nodes print, kept in a file."""

from pathlib import Path

from care_robot.bringup.supervisor import Event, Exited, OutputLine, Stopping, how_it_ended


class LaunchLog:
    """Takes the events of a launcher.

    Parameters
    ----------
    path
        The file.
    needed
        Label of a process without which nothing goes on.

    Attributes
    ----------
    stopped
        Why the launch is ending by itself, or cannot go on; empty while it runs.
    """

    def __init__(self, path: Path, needed: str = "") -> None:
        self.path = path
        self.stopped = ""
        self._needed = needed
        self._last_line = ""
        self._errors: list[str] = []
        path.write_text("", encoding="utf-8")

    def note(self, event: Event) -> None:
        """Keep a line, or the reason of the end."""
        match event:
            case OutputLine(label=label, text=text):
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(f"[{label}] {text}\n")
                if "[ERROR]" in text or "[FATAL]" in text:
                    self._errors.append(text.split("]: ", 1)[-1])
                if label == self._needed and text.strip():
                    self._last_line = text.strip()
            case Exited(label=label, code=code) if label == self._needed and not self.stopped:
                self.stopped = f"{label} {how_it_ended(code)} ({self._last_line or 'without a word'})"
            case Stopping(reason=reason) if not self.stopped:
                self.stopped = reason
            case _:
                pass

    @property
    def last_errors(self) -> list[str]:
        """The newest errors that the nodes printed, each once."""
        return list(dict.fromkeys(self._errors[-3:]))
