"""Which channels work: what self-tests and pages have shown."""

from datetime import datetime, timedelta

from care_robot.care.config import CareConfig
from care_robot.care.effects import ProbeChannel
from care_robot.care.ledger import Ledger

Key = tuple[str, int]
"""A contact's id, and the place of the channel there."""
RESULT_WITHIN = timedelta(seconds=20)
"""A self-test that has not answered by then has failed."""
RETEST_DEAD = timedelta(seconds=60)
RETEST_SUSPECT = timedelta(seconds=10)
"""After one failed test, such as while a machine and its network are starting; the second one counts."""


class ChannelHealth:
    """Tests every channel from time to time, dead ones more often, and puts dead ones last.

    Nothing of it is stored: a restart begins with tests, and with what open alarms say is dead.

    Parameters
    ----------
    config
        Channels, and how often they are tested.
    ledger
        Takes the tests among its effects.
    """

    def __init__(self, config: CareConfig, ledger: Ledger) -> None:
        self._config = config
        self._ledger = ledger
        self._every = timedelta(seconds=config.self_test_every_s())
        self._test_at: dict[Key, datetime] = {}
        self._answer_by: dict[Key, datetime] = {}
        self._dead: set[Key] = set()
        self._suspect: set[Key] = set()
        self._moved_back = timedelta(0)

    def order(self, contact_id: str) -> list[int]:
        """Places of a contact's channels in the order to try them."""
        contact = self._config.contact(contact_id)
        places = range(len(contact.channels)) if contact else ()
        return sorted(places, key=lambda place: (contact_id, place) in self._dead)

    def works(self, key: Key) -> bool:
        """Note that a channel has worked; whether that is news."""
        news = key in self._dead
        self._dead.discard(key)
        self._suspect.discard(key)
        self._answer_by.pop(key, None)
        return news

    def was_dead(self, key: Key) -> None:
        """Note what was known before a restart; the test is due all the same."""
        self._dead.add(key)

    def fails(self, key: Key) -> None:
        """Note that a channel has failed."""
        self._dead.add(key)
        self._answer_by.pop(key, None)
        self._test_at[key] = self._ledger.now + self._wait(key)

    def doubt(self, key: Key) -> None:
        """Note that a channel lets somebody wait: it is tested at once."""
        self._suspect.add(key)
        self._test_at[key] = self._ledger.now

    def fails_test(self, key: Key) -> bool:
        """Note that a self-test has failed; whether the channel counts as dead now."""
        if key in self._dead or key in self._suspect:
            self.fails(key)
            return True
        self._suspect.add(key)
        self._answer_by.pop(key, None)
        self._test_at[key] = self._ledger.now + min(self._every, RETEST_SUSPECT)
        return False

    def tick(self) -> list[Key]:
        """Begin the tests that are due; the channels whose test has given no answer in time."""
        self._follow_clock()
        now = self._ledger.now
        silent = [key for key, by in self._answer_by.items() if by <= now]
        for key in self._config.all_channels():
            if self._test_at.get(key, now) <= now and key not in self._answer_by:
                self._test_at[key] = now + (
                    min(self._every, RETEST_DEAD) if key in self._dead else self._every
                )
                self._answer_by[key] = now + RESULT_WITHIN
                self._ledger.effects.append(ProbeChannel(*key))
        return silent

    def next_deadline(self) -> datetime | None:
        """When `tick` is due."""
        return min([*self._test_at.values(), *self._answer_by.values()], default=None)

    def _wait(self, key: Key) -> timedelta:
        return min(self._every, RETEST_DEAD) if key in self._dead else self._every

    def _follow_clock(self) -> None:
        back = self._ledger.moved_back - self._moved_back
        self._moved_back = self._ledger.moved_back
        self._test_at = {key: at - back for key, at in self._test_at.items()}
        self._answer_by = {key: at - back for key, at in self._answer_by.items()}
