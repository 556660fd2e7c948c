"""The way from pictures to fall events in one process: what the nodes run, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from care_robot.care.places import Places
from care_robot.perception.bodies import LEVEL_CAMERA_UP, Array, Body
from care_robot.perception.body_finder import BodyFinder
from care_robot.perception.fall_events import FallEvent
from care_robot.perception.falls import FallDetector, FallSettings
from care_robot.perception.ground import Lens
from care_robot.perception.people import PeopleTracker, Person, View


@dataclass(frozen=True, eq=False)
class Look:
    """What came of one picture.

    Parameters
    ----------
    bodies : list of Body
        As the pose model saw them.
    people : list of Person
        Who was tracked in this picture.
    events : list of FallEvent
        Every event that is open or recovered a short time ago, oldest first.
    """

    t_s: float
    bodies: list[Body] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    events: list[FallEvent] = field(default_factory=list)


class FallWatch:
    """One camera, watched for falls: pose, tracking and fall rule with nothing between them.

    Parameters
    ----------
    camera : str
        Its name; ``<room>_camera`` for a fixed one.
    seed : int
        Makes the identities of people repeatable.
    settings : FallSettings, optional
        Thresholds of the rule; the shipped ones unless given.
    up : (3,) array
        Unit vector that points up in the room, in the camera's optical axes.
    lens : Lens, optional
        How the camera sees the room, where its place is known.
    places : Places, optional
        Rooms and furniture, where they are known.

    Raises
    ------
    PoseModelError
        At the first picture, where the pose model cannot be made.
    """

    def __init__(
        self,
        camera: str = "camera",
        seed: int = 0,
        settings: FallSettings | None = None,
        up: Array = LEVEL_CAMERA_UP,
        *,
        lens: Lens | None = None,
        places: Places | None = None,
    ) -> None:
        self._camera = camera
        self._up = up
        self._lens = lens
        self._tracker = PeopleTracker(seed, places)
        self._detector = FallDetector(settings)
        self._finder: BodyFinder | None = None
        self._last: list[Body] = []
        self._aspect = 4.0 / 3.0

    def look(self, rgb: npt.NDArray[np.uint8], t_s: float) -> Look:
        """Take in a picture (h, w, 3), uint8, red first, of time `t_s`."""
        if self._finder is None:  # late: who replays bodies needs no pose model
            self._finder = BodyFinder()
        return self.see(self._finder.find(rgb, t_s), rgb.shape[1] / rgb.shape[0], t_s)

    def see(self, bodies: list[Body], aspect: float, t_s: float) -> Look:
        """Take in the bodies found in a picture before; `aspect` is its width over its height."""
        self._last, self._aspect = bodies, aspect
        people = self._tracker.update(View(self._camera, t_s, aspect, self._up, self._lens), bodies)
        return Look(t_s, bodies, people, self._detector.update(t_s, self._tracker.people(t_s)))

    def hold(self, t_s: float) -> Look:
        """Let time pass as if the bodies of the last picture stayed as they were."""
        return self.see(self._last, self._aspect, t_s)

    def close(self) -> None:
        """Free the pose model."""
        if self._finder is not None:
            self._finder.close()
