"""The log of a launch: what the nodes print, kept in a file."""

from pathlib import Path

from care_robot.bringup.supervisor import Event, OutputLine, Stopping


class LaunchLog:
    """Takes the events of a launcher.

    Attributes
    ----------
    stopped
        Why the launch is ending by itself; empty while it runs.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stopped = ""
        self._errors: list[str] = []
        path.write_text("", encoding="utf-8")

    def note(self, event: Event) -> None:
        """Keep a line, or the reason of the end."""
        if isinstance(event, OutputLine):
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"[{event.label}] {event.text}\n")
            if "[ERROR]" in event.text or "[FATAL]" in event.text:
                self._errors.append(event.text.split("]: ", 1)[-1])
        elif isinstance(event, Stopping):
            self.stopped = event.reason

    @property
    def last_errors(self) -> list[str]:
        """The newest errors that the nodes printed, each once."""
        return list(dict.fromkeys(self._errors[-3:]))
