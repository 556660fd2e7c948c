"""When each entry of a scenario's timeline begins. Times are s of simulated time from the start."""

from collections.abc import Sequence

from care_robot.evaluation.expectations import Happened, holds
from care_robot.evaluation.scenario import Entry


class Script:
    """Knows which entries have begun, and which are due.

    Attributes
    ----------
    labels
        When each labelled entry began.
    """

    def __init__(self, timeline: Sequence[Entry]) -> None:
        self._timeline = timeline
        self._begun_s: dict[int, float] = {}
        self.labels: dict[str, float] = {}

    def due(self, now_s: float, log: Sequence[Happened]) -> list[int]:
        """Numbers of the entries whose time has come, by their times."""
        times = {n: self._due_s(n, log) for n in range(len(self._timeline)) if n not in self._begun_s}
        ready = {n: due_s for n, due_s in times.items() if due_s is not None and due_s <= now_s}
        return sorted(ready, key=lambda n: (ready[n], n))

    def begin(self, n: int, now_s: float) -> None:
        """Note that an entry begins now."""
        self._begun_s[n] = now_s
        label = self._timeline[n].label
        if label is not None:
            self.labels[label] = now_s

    def _due_s(self, n: int, log: Sequence[Happened]) -> float | None:
        entry = self._timeline[n]
        if entry.after is None:
            return entry.at
        if entry.after.step is not None:
            since_s = self.labels.get(entry.after.step)
        else:
            from_s = self._begun_s.get(n - 1) if n else 0.0
            if from_s is None:
                return None
            since_s = min((w.t_s for w in log if w.t_s >= from_s and holds(entry.after, w)), default=None)
        return None if since_s is None else since_s + entry.after.delay
