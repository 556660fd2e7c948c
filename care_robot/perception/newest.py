"""Work on a stream that comes faster than it can be worked on: only the newest counts."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """A place for one thing; putting a newer one there replaces it. For one reader in a thread of its own."""

    def __init__(self) -> None:
        self._item: T | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Offer an item in place of the one that waits."""
        with self._changed:
            self._item = item
            self._changed.notify()

    def take(self) -> T | None:
        """Wait for an item and take it; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Let the reader go."""
        with self._changed:
            self._closed = True
            self._changed.notify()


class Pace:
    """Thins a stream to a highest rate, evenly, by its own stamps.

    Parameters
    ----------
    rate_hz : float
        Highest rate, above 0.
    """

    def __init__(self, rate_hz: float) -> None:
        self._period_s = 1.0 / rate_hz
        self._due_s: float | None = None

    def lets_through(self, t_s: float) -> bool:
        """Whether something with this stamp is taken; a jump back or a gap starts the count anew."""
        if self._due_s is None or abs(t_s - self._due_s) > 2.0 * self._period_s:
            self._due_s = t_s
        if t_s < self._due_s - 0.25 * self._period_s:  # a little early is in time
            return False
        self._due_s += self._period_s
        return True
