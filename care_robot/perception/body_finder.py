"""The bodies in the images of one camera: a first look at the whole, a second one at whoever may have fallen.

Two ways to look, because each loses bodies that the other keeps. The first look follows bodies from image to
image; it is smooth, finds newcomers, and loses many who go down or lie. The second look (`second_look`) is at
a square around somebody followed, only on suspicion: the first look has lost them inside the picture, they
came down quickly, lean, lie, are found with doubt, or have jumped. It costs as much again, so it is rationed.

Who is believed (`followed`):

1. Where the first look finds a body that has just lain upright, and the second still finds it lying, the
   second: nobody stands up between two images, but 3 to 10 % of lying skeletons read as upright.
2. Where the first look does not find the body: the second; and if that has not found it either, but nothing
   has changed in the picture under it, it is still there as it was. That holds for a while, and only for a
   sure body that was seen to move: a phantom in the furniture never does.
3. Where the first look puts it elsewhere though nothing has changed in the picture under it: likewise, unless
   the second agrees with the first, or the first insists.
4. In every other case the first look.

In a second look a chair or a bag often reads as a sure body. So what it finds is a body only if it stands out
from the background that was seen while nobody was there (or, where that is not known, it is where the body
just was, or where the picture has changed since), has about the size of the body, and is nobody else's.

The work is adaptive. While nothing changes in the picture, only every half second is looked at; in between
the last bodies stand, since the picture that they were seen in stands too. The image in which something
changes (`motion`, which compares with the last image looked at, so that slow motion adds up) is looked at
at once. Nothing of an image is kept but 64x48 grey cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from care_robot.perception.bodies import Body
from care_robot.perception.followed import LOST_S, Followed, Frame
from care_robot.perception.motion import Background, Grey, has_changed
from care_robot.perception.pose import PictureEstimator, PoseEstimator, check_image, without_doubles
from care_robot.perception.second_look import Cut

# When to look.
QUIET_S: Final = 1.0  # nothing has moved for so long: look less often
QUIET_PERIOD_S: Final = 0.5
EARLY_S: Final = 0.02  # that an image of a camera may come before its time
GAP_S: Final = 5.0  # time that jumps back, or further than this, begins anew

# How much to look twice: so long in a row, then one second in five.
DOUBT_S: Final = 1.0  # a suspicion stays for so long
ALLOWANCE_S: Final = LOST_S
REFILL: Final = 0.2
ENOUGH_S: Final = 0.2
TRIES: Final = 2  # cuts in one image for a body that the first look has not found, else one
# Padding and quarter turns of the cuts, in turn until one finds the body; each finds some that no other does.
CUTS: Final = ((1.6, 0), (1.6, 3), (1.6, 1), (1.3, 0), (2.0, 3), (2.0, 1))


class FirstLook(Protocol):
    """Finds bodies in a stream of images (`pose.PoseEstimator`)."""

    def detect(self, rgb: npt.NDArray[np.generic], t_s: float) -> list[Body]:
        """Bodies in an image, surest first."""

    def forget(self) -> None:
        """Start as new."""

    def close(self) -> None:
        """Free the model."""


class SecondLook(Protocol):
    """Finds the body in one picture (`pose.PictureEstimator`)."""

    def detect(self, rgb: npt.NDArray[np.generic]) -> Body | None:
        """The surest body."""

    def close(self) -> None:
        """Free the model."""


@dataclass(eq=False)
class _Doubt:
    """Whether somebody followed is looked at twice, and with what."""

    until_s: float = -math.inf
    allowance_s: float = ALLOWANCE_S
    looked_s: float = -math.inf
    cut: int = 0

    def wants(self, t_s: float) -> bool:
        return t_s < self.until_s and self.allowance_s >= ENOUGH_S


class BodyFinder:
    """Finds the bodies in the images of one camera.

    Parameters
    ----------
    max_bodies : int
        Most bodies found in one image. With 1, a second person is not noticed while the first is followed.
    min_score : float
        Confidence below which a body is not one, 0 to 1.
    first, second : optional
        What looks; the pose model by default.

    Attributes
    ----------
    first_looks, second_looks : int
        How often each has looked.

    Raises
    ------
    PoseModelError
        The model cannot be made.
    """

    def __init__(
        self,
        max_bodies: int = 3,
        min_score: float = 0.5,
        *,
        first: FirstLook | None = None,
        second: SecondLook | None = None,
    ) -> None:
        self._max_bodies = max_bodies
        self._first = first or PoseEstimator(max_bodies, min_score)
        self._second = second or PictureEstimator(min_score)
        self.first_looks = self.second_looks = 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._followed: dict[Followed, _Doubt] = {}
        self._bodies: list[Body] = []
        self._grey: Grey | None = None
        self._shape: tuple[int, ...] = ()
        self._background = Background()
        self._looked_s = self._moved_s = self._last_s = -math.inf

    def find(self, rgb: npt.NDArray[np.generic], t_s: float) -> list[Body]:
        """Bodies in an image.

        Parameters
        ----------
        rgb : (h, w, 3) uint8 array
            The image, red first.
        t_s : float
            Time of the image, s. May jump: clips loop, and simulations start again.

        Returns
        -------
        list of Body
            Surest first. Empty when nobody is seen. Where nothing has changed, the same objects as before.

        Raises
        ------
        ValueError
            The array is not an image.
        """
        check_image(rgb)
        if not (self._last_s <= t_s <= self._last_s + GAP_S and rgb.shape == self._shape):
            self._begin_anew()
        self._last_s, self._shape = t_s, rgb.shape
        frame = Frame(rgb.astype(np.uint8, copy=False), t_s, min(t_s - self._looked_s, GAP_S))
        if self._is_due(frame):
            self._bodies = self._look(frame)
            self._looked_s, self._grey = t_s, frame.grey  # only now: a look that failed has seen nothing
        return list(self._bodies)

    def forget(self) -> None:
        """Start as new: nothing that was seen before matters to what is found from now on."""
        self._first.forget()
        self._begin_anew()

    def close(self) -> None:
        """Free the models."""
        self._first.close()
        self._second.close()

    def _is_due(self, frame: Frame) -> bool:
        t_s = frame.t_s
        if self._grey is None or has_changed(frame.grey, self._grey):
            self._moved_s = t_s
        return (
            t_s - self._moved_s < QUIET_S
            or t_s - self._looked_s > QUIET_PERIOD_S - EARLY_S
            or any(doubt.wants(t_s) for doubt in self._followed.values())
        )

    def _look(self, frame: Frame) -> list[Body]:
        self.first_looks += 1
        found = [body for body in self._first.detect(frame.rgb, frame.t_s) if body.usable()]
        matches = _assign(list(self._followed), found, frame.t_s)
        for one, doubt in self._followed.items():
            doubt.allowance_s = min(doubt.allowance_s + REFILL * frame.step_s, ALLOWANCE_S)
            if one.is_suspicious(matches.get(one)):
                doubt.until_s = frame.t_s + DOUBT_S
        looked_at = self._who_is_looked_at(frame.t_s)
        for one in self._followed:
            first, second = matches.get(one), None
            if one is looked_at:
                others = [body for body in found if body is not first]
                others += [other.body for other in self._followed if other.found_s == frame.t_s]
                second = self._look_again(one, frame, TRIES if first is None else 1, others)
            body = one.believed(first, second, frame)
            if body is not None:
                one.take(body, frame)
        self._followed = {one: doubt for one, doubt in self._followed.items() if not one.is_gone(frame)}
        for body in found:
            if not any(body is match for match in matches.values()):
                self._followed[Followed.begin(body, frame)] = _Doubt()
        if all(one.found_s == frame.t_s for one in self._followed):  # who is lost is no background
            self._background.learn(frame.grey, frame.step_s, [one.box() for one in self._followed])
        shown = [one for one in self._followed if one.found_s == frame.t_s or one.stays(frame.grey)]
        return without_doubles([one.body for one in shown], frame.aspect)[: self._max_bodies]

    def _who_is_looked_at(self, t_s: float) -> Followed | None:
        """Of those under suspicion, whose turn it is: one in an image."""
        doubtful = [one for one, doubt in self._followed.items() if doubt.wants(t_s)]
        return min(doubtful, key=lambda one: self._followed[one].looked_s, default=None)

    def _look_again(self, one: Followed, frame: Frame, tries: int, others: list[Body]) -> Body | None:
        doubt = self._followed[one]
        doubt.looked_s = frame.t_s
        doubt.allowance_s -= frame.step_s
        for _ in range(tries):
            cut = Cut.around(one.body, frame.rgb.shape, *CUTS[doubt.cut])
            self.second_looks += 1
            seen = self._second.detect(cut.of(frame.rgb))
            if seen is not None:
                body = cut.back(seen, frame.rgb.shape)
                if one.may_be(body, frame, self._background) and not any(
                    len(without_doubles([body, other], frame.aspect)) == 1 for other in others
                ):
                    return body
            doubt.cut = (doubt.cut + 1) % len(CUTS)
        return None


def _assign(followed: list[Followed], bodies: list[Body], t_s: float) -> dict[Followed, Body]:
    """The bodies that go on from those followed, such that the distances are smallest in total."""
    if not followed or not bodies:
        return {}
    far = 1e6
    cost = np.array(
        [[one.distance(body) if one.reaches(body, t_s) else far for body in bodies] for one in followed]
    )
    pairs = zip(*linear_sum_assignment(cost), strict=True)
    return {followed[row]: bodies[column] for row, column in pairs if cost[row, column] < far}
